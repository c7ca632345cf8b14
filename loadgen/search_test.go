package loadgen

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"authbench/results"
)

// knee is a session whose target is fast up to a rate and slow beyond it, and
// whose generator reaches its limit at another.
type knee struct {
	t       *testing.T
	at      float64                                 // the knee
	limit   float64                                 // of the generator; 0: none
	noise   func(run int, at, rate float64) float64 // moves the knee; nil: does not
	late    bool                                    // the limit shows as schedule lag, not as CPU
	samples int                                     // of a probe at most; 500 unless set
	stop    int                                     // interrupted in this run, from 1
	phases  []Phase
}

func (k *knee) Close() error { return nil }

func (k *knee) Run(_ context.Context, p Phase) (*Recording, error) {
	k.phases = append(k.phases, p)
	at, run := k.at, len(k.phases)
	if k.noise != nil {
		at = k.noise(run, at, p.Rate)
	}
	n := int(min(p.Rate*p.Duration.Seconds(), float64(max(k.samples, 500))))
	step := 100 * time.Nanosecond // at most 0.4 ms
	if p.Rate > at || k.limit > 0 && p.Rate >= k.limit {
		step = 100 * time.Microsecond // p99 of 400 is 40 ms
	}
	rec := recorded(k.t, n, 0, step)
	if k.limit > 0 && p.Rate >= k.limit {
		if k.late {
			v := int64(50 * time.Millisecond)
			rec.Lag.P99 = &v
		} else {
			rec.Spin = -1 // see judge
		}
	}
	if run == k.stop {
		return rec, errStop
	}
	return rec, nil
}

// judge finds what knee has planted.
func (k *knee) judge(rec *Recording) Validity {
	if rec.Spin < 0 {
		return Validity{results.Invalid, []string{"generator saturated"}}
	}
	return Validity{Status: Valid}
}

func (k *knee) search(expr string, opts SearchOptions) (Bracket, error) {
	opts.Judge = k.judge
	return Search(k.t.Context(), k, Phase{Duration: 2 * time.Second, Seed: 9}, objective(k.t, expr), opts)
}

func TestSearchFindsTheKnee(t *testing.T) {
	for _, at := range []float64{40, 499, 500, 501, 3333, 8000, 99_999, 120_000} {
		k := &knee{t: t, at: at}
		b, err := k.search("p99<5ms, errors<0.1%", SearchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !(b.Lo <= at && at < b.Hi) || b.Hi/b.Lo > 1.06 || len(b.Probes) > 10 || b.Limit != 0 {
			t.Errorf("knee at %v: %s (%v to %v in %d probes)", at, &b, b.Lo, b.Hi, len(b.Probes))
		}
		if !strings.HasPrefix(b.String(), "between ") {
			t.Errorf("knee at %v: %s", at, &b)
		}
		if at == 3333 && (len(b.Probes) != 8 || b.Probes[3].Rate != 4000) {
			t.Errorf("500, 2000, 8000, 4000 and so on, 8 in all, became %d, the fourth %v", len(b.Probes), b.Probes[3].Rate)
		}
		if best := b.Best(); best.Rate != b.Lo || best.Result != Met {
			t.Errorf("best probe %+v of %s", best, &b)
		}
		for _, p := range k.phases {
			if p.Seed != 9 || p.Duration < 2*time.Second {
				t.Errorf("probe %+v: not of the phase", p)
			}
		}
	}
}

// TestSearchWithNoise moves the knee about: the bracket is still what the probes
// said, each of them on its own side.
func TestSearchWithNoise(t *testing.T) {
	for seed := range uint64(50) {
		k := &knee{t: t, at: 5000, noise: func(run int, at, _ float64) float64 {
			return at * (0.5 + float64(draw(seed, 1, uint64(run))>>11)/(1<<53)) // 0.5 to 1.5
		}}
		b, err := k.search("p99<5ms", SearchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !(b.Lo > 0 && b.Lo < b.Hi) || b.Hi < 2500 || b.Lo > 7500 {
			t.Fatalf("seed %d: %s", seed, &b)
		}
		for _, p := range b.Probes {
			if p.Result == Met && p.Rate > b.Lo || p.Result == NotMet && p.Rate < b.Hi {
				t.Fatalf("seed %d: %s, but %v was %s", seed, &b, p.Rate, p.Result)
			}
		}
	}
}

func TestSearchStopsAtTheGenerator(t *testing.T) {
	for _, late := range []bool{false, true} {
		k := &knee{t: t, at: math.Inf(1), limit: 20_000, late: late}
		b, err := k.search("p99<5ms", SearchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if b.Hi != 0 || !(b.Lo < 20_000 && b.Limit >= 20_000) || b.Limit/b.Lo > 1.06 {
			t.Errorf("late %t: %+v", late, b)
		}
		if s := b.String(); !strings.HasPrefix(s, "at least ") || !strings.Contains(s, "generator's limit") {
			t.Errorf("late %t: %s", late, s)
		}
	}
	// The limit comes first, the target's knee is found below it.
	k := &knee{t: t, at: 5000, limit: 6000}
	b, err := k.search("p99<5ms", SearchOptions{})
	if err != nil || !(b.Lo <= 5000 && b.Hi > 5000 && b.Hi < 6000 && b.Hi/b.Lo < 1.06) || b.String() != "between "+digits(b.Lo)+" and "+digits(b.Hi)+"/s" {
		t.Errorf("%s, %v", &b, err)
	}
	// Errors are not the generator's lateness: 40 ms late excuse 40 ms and no 50 %.
	late := recorded(t, 500, 500, 10*time.Microsecond)
	lag := int64(40 * time.Millisecond)
	late.Lag.P99 = &lag
	for expr, want := range map[string]bool{
		"p50<1ms": true, "within(1ms)>=45%": true, "p99<1ms": false, "errors<1%": false, "p50<1ms,errors<1%": false, "rate>600": false,
	} {
		if got := objective(t, expr).excused(late); got != want {
			t.Errorf("%s is excused: %t", expr, got)
		}
	}
	late = recorded(t, 1000, 0, 100*time.Microsecond)
	if late.Lag.P99 = &lag; objective(t, "p50<5ms").excused(late) { // 50 ms, less 40
		t.Error("40 ms late excuse more than that")
	}
	// Nothing but the limit.
	k = &knee{t: t, at: math.Inf(1), limit: 1e-9}
	if b, err = k.search("p99<5ms", SearchOptions{}); err != nil || !strings.HasPrefix(b.String(), "unknown: generator's limit even at") || b.Best().Result != GeneratorLimit {
		t.Errorf("%s, %v", &b, err)
	}
}

func TestSearchNeverMet(t *testing.T) {
	k := &knee{t: t, at: 0}
	b, err := k.search("p99<5ms", SearchOptions{})
	if err != nil || b.Lo != 0 || !strings.HasPrefix(b.String(), "not met even at ") || len(b.Probes) > 10 {
		t.Errorf("%s, %v", &b, err)
	}
	for _, p := range k.phases { // it gives up before a probe takes forever
		if p.Duration > 20*time.Second {
			t.Errorf("a probe at %v took %v", p.Rate, p.Duration)
		}
	}
	if last := b.Probes[len(b.Probes)-1]; b.Best().Rate != last.Rate {
		t.Errorf("best is %v, not the last, %v", b.Best().Rate, last.Rate)
	}
}

func TestSearchAlwaysMet(t *testing.T) {
	k := &knee{t: t, at: math.Inf(1)}
	b, err := k.search("p99<5ms", SearchOptions{Max: 10_000})
	if err != nil || b.Lo != 10_000 || b.String() != "at least 10,000/s: no higher rate was tried" {
		t.Errorf("%s, %v", &b, err)
	}
}

// TestSearchSamples: a probe lasts as long as the objective's quantiles need.
func TestSearchSamples(t *testing.T) {
	k := &knee{t: t, at: 5000, samples: 4000}
	b, err := k.search("p99.9<5ms", SearchOptions{Probes: 1})
	if err != nil || b.Probes[0].Result != Met || k.phases[0].Duration < 7376*time.Millisecond {
		t.Errorf("%s, %v: probe of %v", &b, err, k.phases[0].Duration)
	}
	if _, err := k.search("p99.99<5ms", SearchOptions{Start: 100}); err == nil || !strings.Contains(err.Error(), "start at a higher rate") {
		t.Errorf("%v", err)
	}
}

func TestSearchInterrupted(t *testing.T) {
	k := &knee{t: t, at: 5000, stop: 3}
	b, err := k.search("p99<5ms", SearchOptions{})
	if !errors.Is(err, errStop) || len(b.Probes) != 3 || b.Probes[2].Result != Undecided || b.Lo != 2000 || b.Best().Rate != 2000 {
		t.Errorf("%s, %v", &b, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	k = &knee{t: t, at: 5000}
	tell := func(Probe) { cancel(errStop) }
	b, err = Search(ctx, k, Phase{Duration: time.Second}, objective(t, "p99<5ms"), SearchOptions{Judge: k.judge, Tell: tell, Rest: time.Hour})
	if !errors.Is(err, errStop) || len(b.Probes) != 1 {
		t.Errorf("%s, %v", &b, err)
	}
}

// TestSearchUndecided: what nothing is known about ends the search.
func TestSearchUndecided(t *testing.T) {
	k := &knee{t: t}
	empty := &emptySession{}
	b, err := Search(t.Context(), empty, Phase{Duration: time.Second}, objective(t, "lag.p99<5ms"), SearchOptions{Judge: k.judge})
	if err != nil || len(b.Probes) != 1 || b.String() != "unknown: no rate could be decided" {
		t.Errorf("%s, %v", &b, err)
	}
}

type emptySession struct{}

func (*emptySession) Close() error { return nil }
func (*emptySession) Run(context.Context, Phase) (*Recording, error) {
	return &Recording{Elapsed: time.Second, Accounting: results.Accounting{Scheduled: 1000, OK: 1000}}, nil
}

func TestDigits(t *testing.T) {
	for v, want := range map[float64]string{0.5: "0.5", 999: "999", 8000: "8,000", 1234567.5: "1,234,567.5", 8410: "8,410"} {
		if got := digits(v); got != want {
			t.Errorf("%v prints as %s", v, got)
		}
	}
}
