package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// limited is an engine that a target's limits bind. What would exceed them is refused,
// not slowed down: slowed down it would be measured wrongly.
type limited struct {
	loadgen.Engine
	name string
	most contract.Limits
}

// keepWithin is e as far as the limits of the target of that name allow.
func keepWithin(e loadgen.Engine, name string, most contract.Limits) loadgen.Engine {
	if most == (contract.Limits{}) {
		return e
	}
	return limited{e, name, most}
}

// Open opens as many of the connections as are allowed.
func (l limited) Open(ctx context.Context, plan loadgen.Plan, conns int) (loadgen.Session, error) {
	if l.most.Connections > 0 {
		conns = max(min(conns, l.most.Connections), len(plan.Nodes))
	}
	s, err := l.Engine.Open(ctx, plan, conns)
	if err != nil {
		return nil, err
	}
	return limitedSession{s, l}, nil
}

type limitedSession struct {
	loadgen.Session
	limited
}

// Run refuses a phase that exceeds the limits.
func (s limitedSession) Run(ctx context.Context, p loadgen.Phase) (*loadgen.Recording, error) {
	highest := p.Rate
	for _, stage := range p.Stages {
		highest = max(highest, stage.Rate, stage.To)
	}
	switch most := s.most.Rate; {
	case most == 0:
	case highest == 0:
		return nil, fmt.Errorf("a closed loop has no rate, and %s may be sent at most %d requests a second (limits.rate)", s.name, most)
	case highest > float64(most):
		return nil, fmt.Errorf("%g requests a second are more than %s may be sent: %d (limits.rate)", highest, s.name, most)
	}
	if s.most.Connections > 0 {
		p.Conns = min(p.Conns, s.most.Connections)
	}
	return s.Session.Run(ctx, p)
}

// Close closes the connections.
func (s limitedSession) Close() error { return s.Session.Close() }

// halved is what each of two may send that share the limits: the background load, and a
// scenario itself.
func halved(most contract.Limits) contract.Limits {
	half := func(n int) int { return min(n, max(1, n/2)) }
	return contract.Limits{Rate: half(most.Rate), Connections: half(most.Connections)}
}

// paceOf waits until one more request keeps to the limits; nil where there are none.
func paceOf(most contract.Limits) func(context.Context) error {
	if most.Rate == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(most.Rate), 1).Wait
}

// loginNotMeasured says why the log-in of a target is not measured, or "".
func loginNotMeasured(c *contract.Contract) string {
	switch {
	case !c.LogsIn():
		return "nobody logs in: a file has the credentials"
	case c.OneRequest(&c.Login) != nil:
		return "a log-in takes more than one request, or its status does not tell what became of it"
	case c.Cap().Rate > 0:
		return fmt.Sprintf("the population logs in at %d requests a second at most (limits.rate)", c.Cap().Rate)
	}
	return ""
}

// logInByHand logs the population in without measuring it, a few users at a time.
func (t *Trial) logInByHand(ctx context.Context, node *testbed.Node, users []user) error {
	c := t.Arm.Contract
	client := clientOf(c, node, time.Duration(t.Workload.TimeoutNS))
	client.Pace = paceOf(c.Cap())
	workers := min(loginWorkers, len(users))
	if most := c.Cap().Connections; most > 0 {
		workers = min(workers, most)
	}
	var (
		wg   sync.WaitGroup
		errs = make([]error, workers)
	)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(users) && errs[w] == nil && ctx.Err() == nil; i += workers {
				errs[w] = logIn(ctx, client, &users[i])
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(errs...)
}

// logIn logs one user in, again where the target is too busy.
func logIn(ctx context.Context, client *contract.Client, u *user) error {
	for pass := 1; ; pass++ {
		a, err := client.Do(ctx, &client.Contract.Login, u.vars)
		switch {
		case err != nil:
			return fmt.Errorf("log in: %w", err)
		case a.Outcome == results.OK:
			u.vars = a.Vars
			return nil
		case pass == loginPasses || a.Outcome == results.Rejected:
			return fmt.Errorf("log in: user %s: %s", u.vars["username"], a.Problem)
		}
	}
}

// capRate lowers the background load of a scenario to what the target may be sent beside
// what the scenario does itself. A rate that was asked for is not lowered.
func capRate(c *contract.Contract, v Values, typed bool) error {
	most := halved(c.Cap()).Rate
	if _, has := v["rate"]; !has || most == 0 || v.number("rate") <= most {
		return nil
	}
	if typed {
		return fmt.Errorf("--set rate=%s: %s may be sent at most %d requests a second (limits.rate), half of them as background load", v["rate"], c.Name, c.Cap().Rate)
	}
	v["rate"] = strconv.Itoa(most)
	return nil
}
