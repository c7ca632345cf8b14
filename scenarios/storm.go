package scenarios

import (
	"context"
	"errors"
	"sync"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
)

// LoginStorm has everybody log in at once, as after an outage that ended all
// sessions, while others go on using theirs.
func LoginStorm() Scenario {
	return Scenario{
		Name:    "login-storm",
		Summary: "everybody logs in at once while others go on: do log-ins succeed, and what do the others notice",
		Params: []Param{
			{Key: "nodes", Default: "2", Meaning: "nodes behind one population"},
			{Key: "users", Default: "200", Meaning: "users that are logged in all the time"},
			{Key: "storm", Default: "1000", Meaning: "log-ins at once"},
			{Key: "clients", Default: "64", Meaning: "of whom so many are under way at a time"},
			{Key: "rate", Default: "300", Meaning: "background uses a second, on all nodes in turn"},
			{Key: "before", Default: "1s", Meaning: "time before the storm"},
			{Key: "after", Default: "1s", Meaning: "time after it"},
		},
		Applies: func(c *contract.Contract, _ Values) string {
			if c.Mechanism == "none" {
				return "logging in costs it nothing: it has no credential"
			}
			return ""
		},
		Run: runStorm,
	}
}

func runStorm(ctx context.Context, t *Trial) error {
	r, err := t.setUp(ctx, setup{nodes: t.Values.number("nodes"), users: t.Values.number("users")})
	if err != nil {
		return err
	}
	err = r.storm(ctx)
	return errors.Join(err, r.close())
}

func (r *rig) storm(ctx context.Context) error {
	v := r.t.Values
	before, after := v.duration("before"), v.duration("after")
	loaded, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	wait, err := r.background(loaded, r.users, float64(v.number("rate")), before+after+longest)
	if err != nil {
		return err
	}
	sleep(ctx, before)
	from := r.hist.now()
	newcomers := r.rush(ctx, v.number("storm"), v.number("clients"))
	to := r.hist.now()
	sleep(ctx, after)
	stop(errEnough)
	rec, werr := wait()
	if errors.Is(werr, errEnough) {
		werr = nil
	}
	if werr != nil {
		return werr
	}
	for i := range newcomers { // who was let in can use what they got
		if newcomers[i].vars["credential"] != "" {
			if _, err := r.do(ctx, checker.Use, i%len(r.nodes), &newcomers[i], false); err != nil {
				return err
			}
		}
	}
	r.stormStages(from, to)
	return r.conclude(rec)
}

// rush logs users in again as fast as the given number of clients can.
func (r *rig) rush(ctx context.Context, storm, clients int) []user {
	everybody := r.c.Users.Count
	if everybody == 0 || everybody > storm {
		everybody = storm
	}
	newcomers := make([]user, storm)
	for i := range newcomers {
		newcomers[i].vars = r.c.User(i%everybody + 1)
	}
	var wg sync.WaitGroup
	queue := make(chan int)
	for range clients {
		wg.Go(func() {
			for i := range queue {
				_, _ = r.do(ctx, checker.Login, i%len(r.nodes), &newcomers[i], false) // the history says what came of it
			}
		})
	}
	for i := range newcomers {
		if ctx.Err() != nil {
			break
		}
		queue <- i
	}
	close(queue)
	wg.Wait()
	return newcomers
}

// stormStages says what the others noticed, and what the storm came to.
func (r *rig) stormStages(from, to int64) {
	live := map[string]bool{}
	for i := range r.users {
		name, _ := r.hist.holding(r.users[i].vars)
		live[name] = true
	}
	o := &results.Outage{}
	for _, span := range []struct {
		name     string
		from, to int64
	}{{"before", 0, from}, {"during", from, to}, {"after", to, r.hist.now()}} {
		s := r.stage(live, nil, span.from, span.to)
		s.Name = span.name
		o.Stages = append(o.Stages, s)
	}
	var took []int64
	for _, op := range r.hist.ops {
		if op.Kind != checker.Login || op.Invoke < from || op.Invoke >= to {
			continue
		}
		if op.Outcome == results.OK {
			o.LoginsDuring.OK++
			took = append(took, op.Complete-op.Invoke)
		} else {
			o.LoginsDuring.Failed++
		}
	}
	r.chaos().Outage = o
	all := o.LoginsDuring.OK + o.LoginsDuring.Failed
	q := quantilesOf(took, all)
	rate := ratio(float64(o.LoginsDuring.OK), time.Duration(to-from).Seconds())
	r.tell("logins.rate", "log-ins per second", rate, "%d of %d log-ins succeeded, %.0f a second.", o.LoginsDuring.OK, all, rate)
	if q.P99 != nil {
		r.tell("logins.p99", "ns", float64(*q.P99), "99 %% of the log-ins were answered within %s.", time.Duration(*q.P99).Round(100*time.Microsecond))
	}
	r.t.judge(stormVerdict(o.LoginsDuring))
}

// stormVerdict: a log-in that fails without any fault is a broken service.
func stormVerdict(logins results.Tries) results.Verdict {
	v := results.Verdict{Check: "logins", Status: results.Pass, Unit: "log-ins failed", Measured: number(float64(logins.Failed)), Bound: number(0)}
	switch {
	case logins.OK+logins.Failed == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "nobody logged in"
	case logins.Failed > 0:
		v.Status, v.Reason = results.Fail, "log-ins failed although nothing was wrong"
	}
	return v
}
