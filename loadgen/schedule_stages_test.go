package loadgen

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// positions of a schedule without users.
func positions(t *testing.T, p Phase) (at []int64) {
	t.Helper()
	for _, a := range collect(schedule(t, p, 1)) {
		at = append(at, a.At)
	}
	return at
}

func staged(shape Arrivals, stages ...Stage) Phase {
	p := Phase{Stages: stages, Arrivals: shape, Seed: 4}
	for _, s := range stages {
		p.Duration += s.Duration
	}
	return p
}

// From 0 to 8/s in 4 s: L(t) = t^2, so that arrival k is at sqrt(k). Down again:
// L(t) = 16 - (4-t)^2, arrival k at 4 - sqrt(16-k).
func TestRampPositions(t *testing.T) {
	up := positions(t, staged(Constant, Stage{4 * time.Second, 0, 8}))
	if len(up) != 16 {
		t.Fatalf("%d arrivals, want 16", len(up))
	}
	for k, at := range up {
		if want := int64(math.Sqrt(float64(k)) * 1e9); at < want-1 || at > want {
			t.Errorf("up: k=%d at %d, want %d", k, at, want)
		}
	}
	// 10^-6 per second is the 0 that a ramp ends at: it moves the arrivals of this
	// ramp by less than a microsecond.
	down := positions(t, staged(Constant, Stage{4 * time.Second, 8, 1e-6}))
	for k, at := range down {
		want := int64((4 - math.Sqrt(float64(16-k))) * 1e9)
		if k < 16 && (at < want-1000 || at > want) {
			t.Errorf("down: k=%d at %d, want %d", k, at, want)
		}
	}
	if len(down) < 16 || len(down) > 17 {
		t.Errorf("%d arrivals on the way down", len(down))
	}
}

// 2/s for 1 s, nothing for 1 s, 2/s to 6/s within 2 s (8 arrivals, L(s) = 2s +
// s^2, s = sqrt(1+y) - 1), then 10/s.
func TestStagePositions(t *testing.T) {
	got := positions(t, staged(Constant,
		Stage{Duration: time.Second, Rate: 2}, Stage{Duration: time.Second},
		Stage{Duration: 2 * time.Second, Rate: 2, To: 6}, Stage{Duration: 300 * time.Millisecond, Rate: 10}))
	want := []int64{0, 5e8}
	for y := range 8 {
		want = append(want, int64((1+math.Sqrt(float64(1+y)))*1e9))
	}
	want = append(want, 4e9, 41e8, 42e8)
	if !slices.EqualFunc(got, want, func(a, b int64) bool { return a-b <= 1 && b-a <= 1 }) {
		t.Errorf("arrivals at\n%v, want\n%v", got, want)
	}
}

// One stage is the plain schedule, and a rate that does not change is the same
// whether it is written once or in pieces.
func TestConstantStagesAreThePlainSchedule(t *testing.T) {
	for _, shape := range []Arrivals{Constant, Poisson} {
		for _, rate := range []float64{3, 777.77, 1999.999999, 50_000} {
			p := Phase{Rate: rate, Duration: 2 * time.Second, Arrivals: shape, Seed: 4, Popularity: Zipf}
			plain := collect(schedule(t, p, 9))
			one, three := p, p
			one.Rate, one.Stages = 0, []Stage{{Duration: p.Duration, Rate: rate}}
			three.Rate, three.Stages = 0, []Stage{{300_000_001, rate, 0}, {700_000_000, rate, rate}, {999_999_999, rate, 0}}
			if !slices.Equal(plain, collect(schedule(t, one, 9))) {
				t.Errorf("%s %v/s: a single stage differs from the plain rate", shape, rate)
			}
			same := func(a, b Arrival) bool {
				return a.Index == b.Index && a.User == b.User && max(a.At-b.At, b.At-a.At) <= 1
			}
			if !slices.EqualFunc(plain, collect(schedule(t, three, 9)), same) {
				t.Errorf("%s %v/s: in three pieces the schedule differs by more than 1 ns", shape, rate)
			}
		}
	}
}

// Of 0.1/s the second arrival is due after 10 s, which is before 10 s and 1 ns.
func TestStageEndsExactly(t *testing.T) {
	for duration, want := range map[time.Duration]int{10 * time.Second: 1, 10*time.Second + 1: 2} {
		if got := len(positions(t, staged(Constant, Stage{Duration: duration, Rate: 0.1}))); got != want {
			t.Errorf("%d arrivals in %v, want %d", got, duration, want)
		}
	}
}

// The values are pinned: see TestScheduleIsPinned. They hold on every
// architecture, or a worker elsewhere would have another schedule.
func TestRampIsPinned(t *testing.T) {
	got := positions(t, staged(Poisson, Stage{time.Second, 100, 2000}, Stage{time.Second, 2000, 1}))
	want := []int64{6870088, 19241312, 820148275, 1972399964}
	if len(got) != 1969 || !slices.Equal([]int64{got[0], got[1], got[700], got[len(got)-1]}, want) {
		t.Errorf("%d arrivals: %v, want %v", len(got), []int64{got[0], got[1], got[700], got[len(got)-1]}, want)
	}
}

// Against the same inverse in 200 bits.
func TestRampIsRight(t *testing.T) {
	for _, st := range []Stage{
		{time.Second, 100, 2000},
		{time.Second, 2000, 1},
		{time.Hour, 10, 100_000},
		{time.Hour, 100_000, 1e-6},
		{time.Minute, 1000, 1000.000001},
		{10 * time.Second, 0, 5},
		{time.Millisecond, 1e6, 3e6},
	} {
		l, err := newTimeline([]Stage{st}, st.Duration)
		if err != nil {
			t.Fatal(err)
		}
		end := l.stages[0].end
		for i := range uint64(1000) {
			n := end / 1000 * i
			if got, want := l.at(n), exactly(st, n); got < want-1 || got > want+1 {
				t.Fatalf("%v: L^-1(%d) = %d, want %d", st, n, got, want)
			}
		}
		if last := l.at(end - 1); last >= int64(st.Duration) {
			t.Errorf("%v: the last arrival is due at %d, after the end", st, last)
		}
	}
}

func exactly(st Stage, n uint64) int64 {
	f := func(x float64) *big.Float { return big.NewFloat(x).SetPrec(200) }
	op := func() *big.Float { return new(big.Float).SetPrec(200) }
	micro := func(r float64) *big.Float { return op().Quo(f(math.Round(r*1e6)), f(1e6)) }
	y := op().Quo(op().SetUint64(n), f(1<<32))
	a, b, length := micro(st.Rate), micro(st.To), op().Quo(f(float64(st.Duration)), f(1e9))
	m := op().Quo(op().Sub(b, a), length)
	root := op().Add(op().Mul(a, a), op().Mul(op().Mul(f(2), m), y))
	denominator := op().Add(a, root.Sqrt(root))
	if denominator.Sign() == 0 {
		return 0
	}
	s := op().Quo(op().Mul(f(2), y), denominator)
	ns, _ := s.Mul(s, f(1e9)).Int64()
	return ns
}

func TestStagesCountAndOrder(t *testing.T) {
	stages := []Stage{{time.Second, 1000, 5000}, {time.Second, 5000, 0}, {500 * time.Millisecond, 0, 0}, {time.Second, 5000, 100}}
	expected := []float64{3000, 5000, 0, 2550}
	for _, shape := range []Arrivals{Constant, Poisson} {
		counts := make([]float64, len(stages))
		before := int64(-1)
		for _, at := range positions(t, staged(shape, stages...)) {
			if at < before || (shape == Constant && at == before) {
				t.Fatalf("%s: %d after %d", shape, at, before)
			}
			before = at
			i, start := 0, int64(0)
			for at >= start+int64(stages[i].Duration) {
				start += int64(stages[i].Duration)
				i++
			}
			counts[i]++
		}
		for i, want := range expected {
			tolerance := 1.0 // constant: one at the seams
			if shape == Poisson {
				tolerance = 4 * math.Sqrt(want)
			}
			if math.Abs(counts[i]-want) > tolerance {
				t.Errorf("%s, stage %d: %v arrivals, expected %v", shape, i+1, counts[i], want)
			}
		}
	}
}

func TestStagedWorkersUniteToTheWhole(t *testing.T) {
	for _, shape := range []Arrivals{Poisson, Constant} {
		p := staged(shape, Stage{time.Second, 10, 3000}, Stage{time.Second, 500, 0}, Stage{time.Second, 3000, 1})
		whole := collect(schedule(t, p, 99))
		var union []Arrival
		for i := range 5 {
			s := schedule(t, p, 99)
			if err := s.Part(i, 5); err != nil {
				t.Fatal(err)
			}
			union = append(union, collect(s)...)
		}
		slices.SortFunc(union, func(a, b Arrival) int { return int(a.Index) - int(b.Index) })
		if !slices.Equal(whole, union) {
			t.Errorf("%s: the union of 5 workers is not the schedule", shape)
		}
	}
}

// Rounding within a ramp can never put an arrival before the one that it follows.
func TestTimelineNeverGoesBack(t *testing.T) {
	l, err := newTimeline([]Stage{{time.Second, 1, 9}}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	l.last = 7
	if got := l.at(0); got != 7 {
		t.Errorf("at %d after 7", got)
	}
}

func TestStagesRefuse(t *testing.T) {
	ok := Stage{Duration: time.Second, Rate: 5}
	for _, c := range []struct {
		words string
		phase Phase
	}{
		{"both a rate and stages", Phase{Rate: 1, Stages: []Stage{ok}, Duration: time.Second}},
		{"the stages take 2s, the phase 1s", Phase{Stages: []Stage{ok, ok}, Duration: time.Second}},
		{"stage 2: rate -1/s", Phase{Stages: []Stage{ok, {time.Second, -1, 0}}, Duration: 2 * time.Second}},
		{"stage 1: rate NaN/s", Phase{Stages: []Stage{{time.Second, 1, math.NaN()}}, Duration: time.Second}},
		{"stage 1: rate 1e-07/s", Phase{Stages: []Stage{{time.Second, 1e-7, 0}}, Duration: time.Second}},
		{"stage 1: rate 2e+09/s", Phase{Stages: []Stage{{time.Second, 2e9, 0}}, Duration: time.Second}},
		{"stage 1: duration 0s", Phase{Stages: []Stage{{0, 1, 0}}, Duration: time.Second}},
		{"0 in every stage", Phase{Stages: []Stage{{time.Second, 0, 0}}, Duration: time.Second}},
		{"more than 2^31 arrivals by stage 2", Phase{Stages: []Stage{ok, {time.Hour, 1e6, 0}}, Duration: time.Hour + time.Second}},
	} {
		_, err := NewSchedule(c.phase, 1)
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%+v: %v, want %q", c.phase, err, c.words)
		}
	}
	p := Phase{Stages: []Stage{ok, ok}}
	if err := p.complete(1); err != nil || p.Duration != 2*time.Second {
		t.Errorf("the duration was not filled in: %v, %v", p.Duration, err)
	}
}
