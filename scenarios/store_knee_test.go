package scenarios

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
	"authbench/targets/server"
	"authbench/targets/store"
)

func TestKneeShares(t *testing.T) {
	got, err := kneeShares("whole, 20,5")
	want := []kneeShare{{"5 %", .05, true}, {"20 %", .2, true}, {"whole", 1, false}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "0", ".5", "100", "5,5", "half", "whole,whole"} {
		if got, err := kneeShares(bad); err == nil {
			t.Errorf("%q is %+v", bad, got)
		}
	}
	for _, bad := range []string{"", "0", "1,1", "2,1", "11", "x"} {
		if got, err := kneeSteps(bad); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
	if got := withoutStore(want); len(got) != 2 || got[0].of != .05 || got[1].limited {
		t.Errorf("without a store: %+v", got)
	}
}

func TestKneePredicted(t *testing.T) {
	c := kneeCost{capacity: 30_000, node: 25_000, store: 10_000}
	for share, want := range map[float64]float64{.05: 5000, .2: 20_000, 1: 30_000} {
		if got := c.predicted(kneeShare{of: share}); got != want {
			t.Errorf("%v of a core: %v, want %v", share, got, want)
		}
	}
	if got := (kneeCost{capacity: 30_000}).predicted(kneeShare{of: .05}); got != 30_000 {
		t.Errorf("without a store: %v", got)
	}
}

// stepOf is a rate at which node and store took so much of a core, for a second.
func stepOf(fraction float64, status string, node, store float64) kneeStep {
	s := kneeStep{fraction: fraction, offered: 1000 * fraction, status: status, wall: time.Second}
	s.m.Usage.Target = results.Process{CPUNS: int64(node * 1e9), CPUPerRequest: 20_000, Known: true}
	s.m.Usage.Store = results.Process{CPUNS: int64(store * 1e9), CPUPerRequest: 10_000, Known: true}
	s.m.Accounting = results.Accounting{Scheduled: 1000, OK: 1000}
	s.m.Validity.Status = results.ValidityValid
	return s
}

func TestFullest(t *testing.T) {
	small, whole := kneeShare{"5 %", .05, true}, kneeShare{"whole", 1, false}
	for name, c := range map[string]struct {
		share       kneeShare
		cores       int
		node, store float64
		stopped     int64 // of 100 periods
		invalid     bool
		want        fullness
	}{
		"a store at its share":                 {small, 1, .2, .049, 90, false, fullStore},
		"one that was stopped most of it":      {small, 1, .2, .040, 60, false, fullStore},
		"stopped, but with much to spare":      {small, 1, .2, .020, 60, false, fullNobody},
		"neither":                              {small, 1, .2, .040, 10, false, fullNobody},
		"a node beside a limited store":        {small, 1, .95, .01, 0, false, fullNode},
		"one core, of which the node has more": {whole, 1, .7, .25, 0, false, fullNode},
		"one core, of which the store has":     {whole, 1, .35, .6, 0, false, fullStore},
		"one core, of which neither has more":  {whole, 1, .45, .47, 0, false, fullBoth},
		"a store with a core of its own":       {whole, 2, .5, .97, 0, false, fullStore},
		"room on two cores":                    {whole, 2, .9, .3, 0, false, fullNobody},
		"a generator that came too late":       {small, 1, .2, .05, 99, true, fullGenerator},
	} {
		s := stepOf(1, results.Fail, c.node, c.store)
		s.throttled = testbed.Throttling{Periods: 100, Throttled: c.stopped}
		if c.invalid {
			s.m.Validity.Status = results.ValidityInvalid
		}
		if got := s.fullest(c.share, c.cores); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestNextFraction walks up to a knee that lies at each of several places.
func TestNextFraction(t *testing.T) {
	steps := []float64{.5, 1, 1.15}
	for knee, want := range map[float64]string{
		.7: ".5+ 1-", 1.05: ".5+ 1+ 1.15-", .2: ".5- .3- .18+", 1.5: ".5+ 1+ 1.15+ 1.38+ 1.66-",
	} {
		var done []kneeStep
		var walk []string
		for f := nextFraction(steps, done); f > 0 && len(done) < 20; f = nextFraction(steps, done) {
			status, sign := results.Pass, "+"
			if f > knee {
				status, sign = results.Fail, "-"
			}
			done = append(done, stepOf(f, status, 0, 0))
			walk = append(walk, strings.TrimPrefix(strings.TrimRight(strings.TrimRight(formatTwo(f), "0"), "."), "0")+sign)
		}
		if got := strings.Join(walk, " "); got != want {
			t.Errorf("a knee at %v: %s, want %s", knee, got, want)
		}
	}
	var done []kneeStep
	for len(done) < 50 && nextFraction(steps, done) > 0 {
		done = append(done, stepOf(nextFraction(steps, done), results.Pass, 0, 0))
	}
	if len(done) != len(steps)+kneeFurther {
		t.Errorf("without a knee %d rates are offered", len(done))
	}
}

func formatTwo(f float64) string { return word("%.2f", f).Text }

// plantedKnee is a run with one ramp of 5 %, whose store is full, and one of a whole core,
// whose node is.
func plantedKnee(t *testing.T, edit func(*kneeRun)) *Trial {
	t.Helper()
	c, err := contract.Arm("session-redis", nil)
	if err != nil {
		t.Fatal(err)
	}
	soon := 20 * time.Millisecond
	x := &kneeRun{
		t:      &Trial{Arm: Arm{Name: c.Name, Contract: c}, Values: Values{}},
		shares: []kneeShare{{"5 %", .05, true}, {"whole", 1, false}}, own: true, cores: 1, strangers: strangers{asked: 10},
	}
	missed := stepOf(1.15, results.Fail, .1, .049)
	missed.full, missed.throttled = fullStore, testbed.Throttling{Periods: 50, Throttled: 45}
	busy := stepOf(1.15, results.Fail, .7, .25)
	busy.full = fullNode
	cost := kneeCost{capacity: 30_000, node: 20_000, store: 10_000, known: true}
	for i, steps := range [][]kneeStep{{stepOf(1, results.Pass, .1, .04), missed}, {stepOf(1, results.Pass, .6, .2), busy}} {
		x.ramps = append(x.ramps, &kneeRamp{run: x, block: 1, share: x.shares[i], cost: cost, steps: steps, recovered: &soon})
	}
	if edit != nil {
		edit(x)
	}
	x.conclude()
	return x.t
}

func TestKneeVerdicts(t *testing.T) {
	sound := plantedKnee(t, nil)
	for _, v := range sound.Verdicts {
		if v.Status != results.Pass {
			t.Errorf("%+v", v)
		}
	}
	table := keptTable(t, sound, "knee")
	for column, want := range map[string]float64{"predicted": 5000, columnMet: 1000, columnMissed: 1150, "store, of its share": 98, "store stopped": 90, "store CPU": 10, "node CPU": 20} {
		if got := cellIn(t, table, "5 %", column); got < .999*want || got > 1.001*want {
			t.Errorf("%s is %v, want %v", column, got, want)
		}
	}
	if c, _ := table.Cell("whole", columnFull); c.Text != "node" {
		t.Errorf("with a whole core %q is full", c.Text)
	}
	keptTable(t, sound, "steps")
	for name, c := range map[string]struct {
		edit          func(*kneeRun)
		check, status string
	}{
		"a good credential is refused":  {func(x *kneeRun) { x.ramps[0].steps[1].m.Accounting.Rejected = 1 }, CheckKneeRejects, results.Fail},
		"an answer for somebody else":   {func(x *kneeRun) { x.ramps[1].steps[0].m.WrongSubject = 1 }, CheckKneeSubjects, results.Fail},
		"a stranger is let in":          {func(x *kneeRun) { x.strangers.accepted = 1 }, CheckKneeAccepts, results.Fail},
		"no stranger came":              {func(x *kneeRun) { x.strangers = strangers{} }, CheckKneeAccepts, results.Unknown},
		"it does not come back":         {func(x *kneeRun) { x.ramps[0].recovered = nil }, CheckKneeRecovers, results.Fail},
		"a limit that never acts":       {func(x *kneeRun) { x.ramps[0].steps[1].throttled.Throttled = 0 }, CheckKneeLimited, results.Fail},
		"no limit":                      {func(x *kneeRun) { x.unlimited, x.ramps = testbed.Unsupported("no cgroup"), x.ramps[1:] }, CheckKneeLimited, results.NotApplicable},
		"nobody was full":               {func(x *kneeRun) { x.ramps[0].steps[1].full = fullNobody }, CheckKneeAttribute, results.Unknown},
		"no rate was missed":            {func(x *kneeRun) { x.ramps[0].steps = x.ramps[0].steps[:1] }, CheckKneeAttribute, results.Unknown},
		"the generator, in one ramp":    {func(x *kneeRun) { x.ramps[0].steps[1].full = fullGenerator }, CheckKneeAttribute, results.Unknown},
		"the generator, in all of them": {func(x *kneeRun) { x.ramps[0].steps[1].full, x.ramps[1].steps[1].full = fullGenerator, fullGenerator }, CheckKneeAttribute, results.Invalid},
		"no store, and it is asked": {func(x *kneeRun) {
			x.own = false
			x.ramps[0].steps[0].m.StoreOpsKnown, x.ramps[0].steps[0].m.StoreOps = true, 1000
		}, CheckKneeAside, results.Fail},
		"no store, and it is not": {func(x *kneeRun) { x.own = false; x.ramps[0].steps[0].m.StoreOpsKnown = true }, CheckKneeAside, results.Pass},
		"no store at all":         {func(x *kneeRun) { x.own, x.unlimited, x.ramps = false, testbed.Unsupported("none"), x.ramps[1:] }, CheckKneeAside, results.NotApplicable},
	} {
		if trial := plantedKnee(t, c.edit); !has(trial, c.check, c.status) {
			t.Errorf("%s: %+v", name, verdictsOf(trial)[c.check])
		}
	}
}

func TestForged(t *testing.T) {
	for _, text := range []string{"abcdefghijklmnopqrstu", strings.Repeat("A", 43), "eyJhbGciOi.eyJzdWIiOi.abc"} {
		v, ok := forged(contract.Vars{"credential": text, "subject": "u1"})
		if got := v["credential"]; !ok || got == text || len(got) != len(text) || strings.Count(got, ".") != strings.Count(text, ".") || v["subject"] != "u1" {
			t.Errorf("%s is forged as %v", text, v)
		}
	}
	if v, ok := forged(contract.Vars{"credential": "short"}); ok {
		t.Errorf("%v", v)
	}
}

// kneeDefect is what a node does wrong once its store does not answer in time.
func kneeDefect(name string) defect {
	wrap := func(failed func(last store.Record) (store.Record, bool, error)) defect {
		return func(o *server.Options, _ uint64) {
			o.WrapStore = func(s store.Store) store.Store {
				last := make(chan store.Record, 1)
				last <- store.Record{}
				return otherGet{s, func(ctx context.Context, key store.Key) (store.Record, bool, error) {
					rec, found, err := s.Get(ctx, key)
					seen := <-last
					defer func() { last <- seen }()
					if err != nil {
						return failed(seen)
					}
					if found {
						seen = rec
					}
					return rec, found, nil
				}}
			}
		}
	}
	return map[string]defect{
		"refuses when its store is slow": wrap(func(store.Record) (store.Record, bool, error) {
			return store.Record{}, false, nil
		}),
		"takes the last session when its store is slow": wrap(func(last store.Record) (store.Record, bool, error) {
			return last, true, nil
		}),
	}[name]
}

// TestStoreKnee runs the scenario over a Redis that has 5 % of a core. Its nodes wait for
// it no longer than it stands still between two periods, so that look-ups fail.
func TestStoreKnee(t *testing.T) {
	bed := bedWith(t, testbed.Redis)
	redis := bed.Store(testbed.Redis)
	if _, err := redis.LimitCPU(.5); errors.Is(err, errors.ErrUnsupported) {
		if slices.Contains(strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ","), "cgroup") {
			t.Fatal(err)
		}
		t.Skip(err)
	} else if err := errors.Join(err, redis.Unlimited()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ defect, steps, window, timeout, fails string }{
		{"", ".5,1.5", "300ms", "300ms", ""},
		{"refuses when its store is slow", "1.5", "100ms", "10ms", CheckKneeRejects},
		{"takes the last session when its store is slow", "1.5", "100ms", "10ms", CheckKneeSubjects},
	} {
		t.Run(cmp.Or(c.defect, "sound"), func(t *testing.T) {
			trial := rehearsal{scenario: StoreKnee(), arm: "session-redis", defect: c.defect, set: map[string]string{
				"shares": "5", "steps": c.steps, "window": c.window, "warmup": "50ms", "users": "40", "blocks": "1", "objective": "p90<40ms, errors<0.1%",
				"redis_timeout": c.timeout,
			}}.on(t, bed)
			got := verdictsOf(trial)
			if c.fails != "" && got[c.fails].Status != results.Fail {
				t.Errorf("%s is not seen: %+v", c.defect, got[c.fails])
			}
			for _, check := range []string{CheckKneeRejects, CheckKneeSubjects, CheckKneeAccepts, CheckKneeRecovers} {
				if c.defect == "" && got[check].Status != results.Pass {
					t.Errorf("%+v", got[check])
				}
			}
			table := keptTable(t, trial, "knee")
			if predicted := cellIn(t, table, "5 %", "predicted"); predicted <= 0 {
				t.Errorf("predicted %v", predicted)
			}
			if c.defect == "" && got[CheckKneeAttribute].Status == results.Pass && got[CheckKneeLimited].Status != results.Pass {
				t.Errorf("%+v", got[CheckKneeLimited])
			}
		})
	}
}
