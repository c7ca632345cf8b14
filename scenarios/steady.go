package scenarios

import (
	"context"
	"fmt"
	"strings"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
)

// Steady is the plain comparison: log a population in, warm up, offer the same
// open-loop load to every arm, then close the loop for a moment to see capacity
// and CPU per request.
func Steady() Scenario {
	return Scenario{
		Name:    "steady",
		Summary: "log in, then use credentials at a steady open-loop rate, then saturate",
		Run:     runSteady,
	}
}

func runSteady(ctx context.Context, t *Trial) error { return t.atWork(ctx, t.steady) }

// atWork starts a node, logs the population in, opens the connections on which it
// will use its credentials, and calls do.
func (t *Trial) atWork(ctx context.Context, do func(context.Context, loadgen.Session) error) error {
	node, err := t.Testbed.StartNode(ctx, t.Arm.Contract)
	if err != nil {
		return err
	}
	defer node.Stop()
	users, err := t.logIn(ctx, node)
	if err != nil {
		return err
	}
	plan, err := usePlan(t.Arm.Contract, []*testbed.Node{node}, users)
	if err != nil {
		return err
	}
	session, err := t.Engine.Open(ctx, plan, t.Workload.Connections)
	if err != nil {
		return fmt.Errorf("open %d connections: %w", t.Workload.Connections, err)
	}
	defer session.Close()
	if err := t.warm(ctx, session); err != nil {
		return err
	}
	return do(ctx, session)
}

// phase is open-loop use at the workload's rate, without a length.
func (t *Trial) phase() loadgen.Phase {
	return loadgen.Phase{
		Operation:  "use",
		Rate:       t.Workload.Rate,
		Arrivals:   loadgen.Arrivals(t.Workload.Arrivals),
		Popularity: loadgen.Popularity(t.Workload.Popularity),
		Timeout:    time.Duration(t.Workload.TimeoutNS),
		InFlight:   t.Workload.InFlightCap,
	}
}

func (t *Trial) steady(ctx context.Context, session loadgen.Session) (err error) {
	phase := t.phase()
	warmup := phase
	warmup.Seed, warmup.Duration = t.Seed+1, time.Duration(t.Workload.WarmupNS)
	if _, err := session.Run(ctx, warmup); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	steady := phase
	steady.Seed, steady.Duration = t.Seed, time.Duration(t.Workload.SteadyNS)
	if t.Result.Measurement, err = t.measure(ctx, "use", session, steady); err != nil {
		return fmt.Errorf("steady: %w", err)
	}
	if t.Workload.SaturateNS > 0 && t.Arm.Contract.Cap().Rate == 0 { // a closed loop knows no rate
		saturate := phase
		saturate.Rate, saturate.Conns = 0, t.Workload.SaturateConns
		saturate.Seed, saturate.Duration = t.Seed+2, time.Duration(t.Workload.SaturateNS)
		m, err := t.measure(ctx, "saturate", session, saturate)
		if err != nil {
			return fmt.Errorf("saturate: %w", err)
		}
		t.Result.Saturate = &m
	}
	return nil
}

// loginPasses is how often users that the target was too busy for are tried
// again: the population is the set-up of what follows.
const loginPasses = 3

// logIn logs the whole population in over the wire and returns what each user
// got. The first pass is the login measurement; it counts what it was refused.
func (t *Trial) logIn(ctx context.Context, node *testbed.Node) ([]user, error) {
	users := population(t.Arm.Contract, t.Workload.Users)
	if loginNotMeasured(t.Arm.Contract) != "" {
		return users, t.logInByHand(ctx, node, users)
	}
	pending := make([]*user, len(users))
	for i := range users {
		pending[i] = &users[i]
	}
	for pass := 1; len(pending) > 0; pass++ {
		rec, err := t.loginPass(ctx, node, pending, pass == 1)
		if err != nil {
			return nil, fmt.Errorf("log in: %w", err)
		}
		asked := len(pending)
		if pending, err = learn(t.Arm.Contract, pending, rec.Responses); err != nil {
			return nil, fmt.Errorf("log in: %w", err)
		}
		if len(pending) > 0 && pass == loginPasses {
			return nil, fmt.Errorf("log in: %d of %d users could not in %d attempts: statuses %v %s",
				len(pending), asked, pass, rec.Statuses, strings.Join(rec.Problems, "; "))
		}
	}
	return users, nil
}

func (t *Trial) loginPass(ctx context.Context, node *testbed.Node, users []*user, measured bool) (*loadgen.Recording, error) {
	plan, err := loginPlan(t.Arm.Contract, []*testbed.Node{node}, users)
	if err != nil {
		return nil, err
	}
	session, err := t.Engine.Open(ctx, plan, t.Workload.SaturateConns)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	phase := loadgen.Phase{Operation: "login", Once: true, Timeout: time.Duration(t.Workload.TimeoutNS)}
	if !measured {
		return session.Run(ctx, phase)
	}
	var rec *loadgen.Recording
	m, err := t.measureWith(ctx, "login", session, phase, &rec)
	t.Result.Login = &m
	return rec, err
}

// measure runs one phase with every side's clocks and counters read around it.
func (t *Trial) measure(ctx context.Context, operation string, s loadgen.Session, p loadgen.Phase) (results.Measurement, error) {
	var rec *loadgen.Recording
	return t.measureWith(ctx, operation, s, p, &rec)
}

func (t *Trial) measureWith(ctx context.Context, operation string, s loadgen.Session, p loadgen.Phase, out **loadgen.Recording) (m results.Measurement, err error) {
	if m, *out, err = t.gauge(ctx, s, p); err == nil {
		rec := *out
		t.Histograms = append(t.Histograms, results.PhaseHistograms{Operation: operation, Started: rec.Start, Histograms: rec.Histograms})
	}
	return m, err
}

// gauge is measure without the histograms being kept.
func (t *Trial) gauge(ctx context.Context, s loadgen.Session, p loadgen.Phase) (results.Measurement, *loadgen.Recording, error) {
	opsBefore, err := t.Testbed.StoreOps(ctx)
	if err != nil {
		return results.Measurement{}, nil, fmt.Errorf("read the store's counters: %w", err)
	}
	var before, after testbed.Usage
	stopWatch := func() *results.Timeline { return nil }
	var timeline *results.Timeline
	p.OnBegin = func() {
		before = t.Testbed.Usage()
		if p.Duration >= watchedFrom {
			stopWatch = t.Testbed.Watch(watchEvery)
		}
	}
	p.OnEnd = func() {
		timeline = stopWatch()
		after = t.Testbed.Usage()
	}
	rec, err := s.Run(ctx, p)
	stopWatch()
	if err != nil {
		return results.Measurement{}, nil, err
	}
	opsAfter, err := t.Testbed.StoreOps(ctx)
	if err != nil {
		return results.Measurement{}, nil, fmt.Errorf("read the store's counters: %w", err)
	}
	if err := rec.Accounting.Check(); err != nil {
		return results.Measurement{}, nil, err
	}
	m := measurement(rec, after.Sub(before), opsAfter.Sub(opsBefore), t.LoadgenCores)
	if m.Timeline = timeline; timeline != nil {
		timeline.Started = rec.Start.UTC()
	}
	return m, rec, nil
}

// watchedFrom is the shortest window within which CPU is read over time: a shorter
// one is left alone, and its blocks tell as much. watchEvery is how often.
const (
	watchedFrom = 5 * time.Second
	watchEvery  = time.Second
)

// measurement puts together what the generator, the clocks and the stores say.
func measurement(rec *loadgen.Recording, used testbed.Usage, ops testbed.Ops, cores int) results.Measurement {
	acc := rec.Accounting
	seconds := rec.Elapsed.Seconds()
	m := results.Measurement{
		DurationNS:     rec.Elapsed.Nanoseconds(),
		Achieved:       ratio(float64(acc.OK), seconds),
		Accounting:     acc,
		WrongSubject:   rec.WrongSubject,
		Latency:        rec.Latency,
		Service:        rec.Service,
		Lag:            rec.Lag,
		Queued:         rec.Queued,
		QueuedShare:    rec.QueuedShare(),
		RequestBytes:   ratio(float64(rec.BytesOut), float64(rec.Sent)),
		ResponseBytes:  ratio(float64(rec.BytesIn), float64(rec.Answered)),
		Usage:          used.PerRequest(rec.Answered),
		StoreOpsKnown:  ops.Known,
		StoreOpsByName: ops.ByName,
		StoreOps:       ops.Total(),
	}
	if !rec.Closed {
		m.Offered = ratio(float64(acc.Scheduled), seconds)
	}
	m.StoreOpsPerRequest = ratio(float64(m.StoreOps), float64(rec.Answered))
	v := loadgen.Judge(rec, time.Duration(m.Usage.Loadgen.CPUNS), cores)
	m.Validity = results.Validity{Status: v.Status, Reasons: v.Reasons}
	return m
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
