package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/fault"
	"authbench/targets/contract"
)

// EarlyWarning lets trouble grow step by step until users suffer, looks at the metrics
// of nodes and store all the while, and says of each signal how long before that it
// moved. What "moved" and "suffer" mean is in early_warning_moved.go.
func EarlyWarning() Scenario {
	var words []string
	for _, k := range troubles() {
		words = append(words, k.how)
	}
	return Scenario{
		Name:    "early-warning",
		Summary: "trouble grows slowly: how long before users suffer does each metric of nodes and store move",
		Params: []Param{
			{Key: "how", Default: "pool", Words: append(words, poolSizes), Meaning: "what goes wrong; pool-sizes: waits and response times by the size of the pool"},
			{Key: "nodes", Default: "1", Meaning: "nodes behind one population"},
			{Key: "users", Default: "100", Meaning: "users that are logged in"},
			{Key: "rate", Default: "300", Meaning: "background uses a second, on all nodes in turn"},
			{Key: "pool", Default: "4", Meaning: "connections of a node to its store, where those run short (pool, login-burst)"},
			{Key: "slo", Default: "50ms", Meaning: "what users are promised: 99 % of the uses end ok within this"},
			{Key: "calm", Default: "3s", Meaning: "time before the trouble begins; two thirds of it say what is usual"},
			{Key: "step", Default: "400ms", Meaning: "time between two steps in which it grows; pool-sizes: a third of the time at each size"},
			{Key: "scrape", Default: "200ms", Meaning: "time between two looks at the metrics"},
		},
		Applies: warningApplies,
		Settings: func(c *contract.Contract, v Values) map[string]string {
			set := map[string]string{}
			switch v["how"] {
			case "pool", "login-burst":
				for _, key := range poolKeys(c) {
					set[key] = v["pool"]
				}
			case "reuse": // a thief who comes within the grace cannot be told from the owner
				set["refresh_grace"] = "0s"
			}
			return set
		},
		Run: runEarlyWarning,
	}
}

func warningApplies(c *contract.Contract, v Values) string {
	asks := c.Start != nil && (c.Start.UseAsks == "" || c.Start.UseAsks == "always")
	switch how := v["how"]; {
	case c.Start == nil:
		return "its store is not ours to disturb, and its metrics have names of their own"
	case how == "reuse" && c.Promises.Refresh != "rotating":
		return "its refresh tokens do not rotate, so that nobody can tell a reuse"
	case how == "reuse":
		return ""
	case len(storesOf(c)) == 0:
		return "it has no store that could get into trouble"
	case !asks:
		return "its uses do not all ask a store, so that they do not suffer with it"
	case how == "eviction" && (!slices.Equal(storesOf(c), []string{"redis"}) || c.Promises.OnDataLoss != "logged-out"):
		return "what a Redis forgets does not log its users out"
	case how != "eviction" && len(poolKeys(c)) == 0:
		return "it has no setting for the size of its pool"
	}
	return ""
}

func runEarlyWarning(ctx context.Context, t *Trial) error {
	if t.Values["how"] == poolSizes {
		return runPoolSizes(ctx, t)
	}
	i := slices.IndexFunc(troubles(), func(k troubleKind) bool { return k.how == t.Values["how"] })
	kind := troubles()[i]
	for attempt := 1; ; attempt++ {
		again, err := t.warningTrial(ctx, kind, attempt)
		if err != nil || !again {
			return err
		}
		if err := t.Testbed.Reset(ctx); err != nil {
			return err
		}
	}
}

// calmAttempts is how often a trial is begun anew because the machine was too busy for
// the calm to be one.
const calmAttempts = 3

// warningTrial is one attempt. It leaves nothing in the trial when it has to be made
// again.
func (t *Trial) warningTrial(ctx context.Context, kind troubleKind, attempt int) (again bool, err error) {
	s := setup{nodes: t.Values.number("nodes"), users: t.Values.number("users")}
	if kind.delays {
		s.fault, _ = fault.ByName("delay") // of which there are only the links here
	}
	r, err := t.setUp(ctx, s)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	w, err := r.earlyWarning(ctx, kind)
	if err != nil {
		return false, err
	}
	if w.disturbed != "" && w.verdict().Status != results.Pass && attempt < calmAttempts {
		return true, nil
	}
	if err := r.keepLoad(w.rec); err != nil {
		return false, err
	}
	if attempt > 1 {
		r.tell("calm.attempts", "attempts", float64(attempt), "This is attempt %d: before it the machine was too busy with other things for the calm to be one.", attempt)
	}
	if w.disturbed != "" {
		r.tell("calm.disturbed", "", 1, "The calm was disturbed: %s.", w.disturbed)
	}
	t.warned(w)
	return false, nil
}

// Instants of a trial, in nanoseconds of its history.
type warningTimes struct {
	calm  int64 // the signals are watched from here on
	usual int64 // what they did until here is what is usual
	began int64 // the trouble did
	ended int64 // the last step of it was over
}

// earlyWarning is load, calm, trouble that grows.
func (r *rig) earlyWarning(ctx context.Context, kind troubleKind) (*warning, error) {
	v := r.t.Values
	before, err := r.scrape(ctx)
	if err != nil {
		return nil, err
	}
	loaded, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	length := v.duration("calm") + v.duration("step")*time.Duration(len(kind.levels))
	wait, err := r.background(loaded, r.users, float64(v.number("rate")), length+longest)
	if err != nil {
		return nil, err
	}
	what := kind.make()
	times, readings, err := r.unfold(ctx, kind, what)
	stop(errEnough)
	rec, werr := wait()
	if errors.Is(werr, errEnough) {
		werr = nil
	}
	if err = errors.Join(err, werr, r.nodesAlive()); err != nil {
		return nil, err
	}
	after, err := r.scrape(ctx)
	if err != nil {
		return nil, err
	}
	w := &warning{kind: kind, times: times, slo: v.duration("slo"), scrape: v.duration("scrape"), rec: rec}
	w.counted = append(w.counted, countedUses(before, after, r.c.Use.Path, rec.Accounting))
	if t, ok := what.(*thief); ok {
		w.counted = append(w.counted, countedReuses(before, after, t))
	}
	if kind.refusals {
		w.slo = opTimeout
	}
	slots := useSlots(rec, r.hist.since(rec.Start), w.slo)
	w.broke = brokeForGood(slots, times.calm, times.ended)
	for _, s := range indicators() {
		if m, ok := movementOf(s, readings, times); ok {
			w.signals = append(w.signals, m)
		}
	}
	w.disturbed = w.calmDisturbed(slots, v.duration("step"))
	return w, nil
}

// unfold lets the trouble grow while the metrics are watched.
func (r *rig) unfold(ctx context.Context, kind troubleKind, what trouble) (at warningTimes, readings []metricsRead, err error) {
	v := r.t.Values
	sleep(ctx, settling)
	if err := what.begin(ctx, r, kind.levels); err != nil {
		return at, nil, errors.Join(fmt.Errorf("%s: %w", kind.how, err), what.end())
	}
	sleep(ctx, settling)
	seen := r.watchMetrics(ctx, v.duration("scrape"))
	calm, next := v.duration("calm"), time.Now()
	at.calm = r.hist.now()
	at.usual = at.calm + int64(calm*2/3)
	next = next.Add(calm)
	sleep(ctx, time.Until(next))
	at.began = r.hist.now()
	for _, level := range kind.levels {
		if err = what.step(ctx, r, level); err != nil {
			err = fmt.Errorf("%s: %w", kind.how, err)
			break
		}
		next = next.Add(v.duration("step"))
		sleep(ctx, time.Until(next))
	}
	at.ended = r.hist.now()
	sleep(ctx, v.duration("scrape")) // what the last step did is still to be seen
	readings, serr := seen()
	err = errors.Join(err, what.end())
	sleep(ctx, settling) // requests under way get their answers
	if ctx.Err() != nil {
		return at, nil, context.Cause(ctx)
	}
	return at, readings, errors.Join(err, serr)
}

// keepLoad writes what the background load measured into the trial.
func (r *rig) keepLoad(rec *loadgen.Recording) error {
	if err := rec.Accounting.Check(); err != nil {
		return err
	}
	t := r.t
	r.chaos().Operations = int64(len(rec.Exchanges))
	t.Result.Measurement = measurementOf(rec)
	if t.Result.Timeline = r.spent; r.spent != nil {
		r.spent.Started, r.spent.ZeroNS = rec.Start.UTC(), r.hist.zero.Sub(rec.Start).Nanoseconds()
	}
	t.Histograms = append(t.Histograms, results.PhaseHistograms{Operation: "use", Started: rec.Start, Histograms: rec.Histograms})
	return nil
}
