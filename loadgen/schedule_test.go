package loadgen

import (
	"math"
	"math/big"
	"slices"
	"testing"
	"time"
)

func schedule(t testing.TB, p Phase, users int) *Schedule {
	t.Helper()
	s, err := NewSchedule(p, users)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func collect(s *Schedule) (all []Arrival) {
	for a, ok := s.Next(); ok; a, ok = s.Next() {
		all = append(all, a)
	}
	return all
}

func TestScheduleIsDeterministic(t *testing.T) {
	for _, shape := range []Arrivals{Poisson, Constant} {
		for _, users := range []Popularity{Uniform, Zipf} {
			p := Phase{Rate: 1234.5, Duration: 2 * time.Second, Arrivals: shape, Popularity: users, Seed: 7}
			a, b := collect(schedule(t, p, 50)), collect(schedule(t, p, 50))
			if !slices.Equal(a, b) {
				t.Errorf("%s/%s: two schedules of one seed differ", shape, users)
			}
			p.Seed = 8
			if slices.Equal(a, collect(schedule(t, p, 50))) {
				t.Errorf("%s/%s: the seed has no effect", shape, users)
			}
			for i := 1; i < len(a); i++ {
				if a[i].At < a[i-1].At || a[i].Index != a[i-1].Index+1 {
					t.Fatalf("%s: out of order at %d: %v after %v", shape, i, a[i], a[i-1])
				}
			}
		}
	}
}

// The values are pinned: a schedule is part of what makes a run repeatable, on
// every architecture, so that a change of them has to be noticed.
func TestScheduleIsPinned(t *testing.T) {
	s := schedule(t, Phase{Rate: 1000, Duration: time.Second, Seed: 1}, 1000)
	got := collect(s)[:4]
	want := []Arrival{{0, 723632, 531}, {1, 1783471, 15}, {2, 1910806, 665}, {3, 2711744, 999}}
	if !slices.Equal(got, want) {
		t.Errorf("first arrivals %v, want %v", got, want)
	}
}

func TestConstantIsExactForever(t *testing.T) {
	for _, rate := range []float64{3, 2000, 1999.999999, 1e6, 0.25} {
		micro := uint64(math.Round(rate * 1e6))
		for _, k := range []uint64{0, 1, 2, 3, 99_999_999, 100_000_001, 1<<31 - 1} {
			want := new(big.Int).Mul(new(big.Int).SetUint64(k), big.NewInt(1e15))
			want.Quo(want, new(big.Int).SetUint64(micro))
			if got := scale(k<<32, micro); big.NewInt(got).Cmp(want) != 0 {
				t.Errorf("rate %v, k=%d: at %d, want %v", rate, k, got, want)
			}
		}
	}
	// A third of a second cannot be represented; after 3 * 10^8 arrivals the
	// schedule is still exact.
	if got := scale(300_000_000<<32, 3_000_000); got != 100_000_000*int64(time.Second) {
		t.Errorf("arrival 3*10^8 at 3/s falls at %d", got)
	}
}

func TestPoissonPrefixSumIsExact(t *testing.T) {
	p := Phase{Rate: 777.77, Duration: 3 * time.Second, Seed: 42}
	sum, micro := new(big.Int), big.NewInt(777_770_000)
	for _, a := range collect(schedule(t, p, 1)) {
		sum.Add(sum, new(big.Int).SetUint64(exponential(draw(42, streamGaps, a.Index))))
		want := new(big.Int).Mul(sum, big.NewInt(1e15))
		want.Rsh(want, 32).Quo(want, micro)
		if want.Int64() != a.At {
			t.Fatalf("k=%d at %d, want %v", a.Index, a.At, want)
		}
	}
}

func TestWorkersUniteToTheWhole(t *testing.T) {
	for _, shape := range []Arrivals{Poisson, Constant} {
		p := Phase{Rate: 5000, Duration: time.Second, Arrivals: shape, Popularity: Zipf, Seed: 3}
		whole := collect(schedule(t, p, 99))
		var union []Arrival
		for i := range 7 {
			s := schedule(t, p, 99)
			if err := s.Part(i, 7); err != nil {
				t.Fatal(err)
			}
			union = append(union, collect(s)...)
		}
		slices.SortFunc(union, func(a, b Arrival) int { return int(a.Index) - int(b.Index) })
		if !slices.Equal(whole, union) {
			t.Errorf("%s: the union of 7 workers is not the schedule", shape)
		}
	}
}

func TestRatesShareOneRealisation(t *testing.T) {
	slow := collect(schedule(t, Phase{Rate: 1000, Duration: 2 * time.Second, Seed: 5}, 10))
	fast := collect(schedule(t, Phase{Rate: 2000, Duration: time.Second, Seed: 5}, 10))
	if len(slow) != len(fast) {
		t.Fatalf("%d and %d arrivals", len(slow), len(fast))
	}
	for i := range slow {
		if d := slow[i].At - 2*fast[i].At; d < 0 || d > 1 {
			t.Fatalf("k=%d: %d is not twice %d", i, slow[i].At, fast[i].At)
		}
	}
}

func TestExponentialMatchesLog(t *testing.T) {
	for k := range uint64(100_000) {
		x := draw(9, streamGaps, k)
		want := -math.Log((float64(x)+1)/(1<<64)) * (1 << 32)
		// Near u = 1 the float64 conversion of x is the coarser of the two.
		if got := float64(exponential(x)); math.Abs(got-want) > 2 {
			t.Fatalf("exponential(%#x) = %v, want %v", x, got, want)
		}
	}
	if got := exponential(math.MaxUint64); got != 0 {
		t.Errorf("exponential of u=1 is %d", got)
	}
	if got, want := float64(exponential(0)), 64*math.Ln2*(1<<32); math.Abs(got-want) > 1 {
		t.Errorf("exponential of u=2^-64 is %v, want %v", got, want)
	}
}

func TestPoissonMean(t *testing.T) {
	const n = 1_000_000
	var sum, squares float64
	for k := range uint64(n) {
		e := float64(exponential(draw(11, streamGaps, k))) / (1 << 32)
		sum += e
		squares += e * e
	}
	mean := sum / n
	// Standard error of the mean is 1/sqrt(n) = 0.001, of the second moment
	// sqrt(20/n) = 0.0045; five of each.
	if math.Abs(mean-1) > 0.005 {
		t.Errorf("mean gap is %v of the nominal", mean)
	}
	if m2 := squares / n; math.Abs(m2-2) > 0.0225 {
		t.Errorf("second moment of the gap is %v, want 2", m2)
	}
}

func TestUsers(t *testing.T) {
	const n, draws = 20, 200_000
	for _, p := range []Popularity{Uniform, Zipf} {
		u, err := NewUsers(p, 1, n)
		if err != nil {
			t.Fatal(err)
		}
		var counts [n]float64
		for k := range uint64(draws) {
			counts[u.At(k)]++
		}
		var harmonic, chi2 float64
		for i := range n {
			harmonic += 1 / float64(i+1)
		}
		for i := range n {
			want := draws / float64(n)
			if p == Zipf {
				want = draws / float64(i+1) / harmonic
			}
			chi2 += (counts[i] - want) * (counts[i] - want) / want
		}
		if chi2 > 43.8 { // 19 degrees of freedom, 0.1 %
			t.Errorf("%s: chi-squared %.1f, counts %v", p, chi2, counts)
		}
	}
}

func TestScheduleRefuses(t *testing.T) {
	good := Phase{Rate: 1, Duration: time.Second}
	for name, change := range map[string]func(*Phase){
		"no rate":            func(p *Phase) { p.Rate = 0 },
		"not a number":       func(p *Phase) { p.Rate = math.NaN() },
		"no duration":        func(p *Phase) { p.Duration = 0 },
		"too many":           func(p *Phase) { p.Rate, p.Duration = 1e6, time.Hour },
		"unknown arrivals":   func(p *Phase) { p.Arrivals = "burst" },
		"unknown popularity": func(p *Phase) { p.Popularity = "normal" },
	} {
		p := good
		change(&p)
		if _, err := NewSchedule(p, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NewSchedule(good, 0); err == nil {
		t.Error("no users: no error")
	}
	if err := schedule(t, good, 1).Part(2, 2); err == nil {
		t.Error("worker 2 of 2: no error")
	}
}

func BenchmarkSchedule(b *testing.B) {
	s := schedule(b, Phase{Rate: 1e6, Duration: 2000 * time.Second, Popularity: Zipf}, 10_000)
	b.ReportAllocs()
	for range b.N {
		s.Next()
	}
}
