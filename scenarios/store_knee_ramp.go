package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// strangers are uses of a credential that nobody holds, at every rate: a node whose store
// is full must not let them in.
type strangers struct{ asked, accepted int64 }

// kneeRamp is one share in one block.
type kneeRamp struct {
	run     *kneeRun
	rig     *rig
	session loadgen.Session
	block   int
	share   kneeShare
	cost    kneeCost
	seed    uint64

	steps     []kneeStep
	recovered *time.Duration // until a use was accepted after the last step; nil: none was
}

// limited gives the store its share, and takes it back.
func (k *kneeRamp) limited(ctx context.Context) (err error) {
	x := k.run
	read := func() (testbed.Throttling, error) { return testbed.Throttling{}, nil }
	if k.share.limited {
		if x.store == nil {
			return x.unlimited
		}
		l, lerr := x.store.LimitCPU(k.share.of)
		if lerr != nil {
			return lerr
		}
		defer func() { err = errors.Join(err, x.store.Unlimited()) }()
		read = l.Throttling
	}
	return k.climb(ctx, read)
}

// climb offers one rate after the other, until one is missed.
func (k *kneeRamp) climb(ctx context.Context, throttling func() (testbed.Throttling, error)) error {
	x, predicted := k.run, k.cost.predicted(k.share)
	warm := loadgen.Phase{Operation: "use", Rate: predicted * x.steps[0], Timeout: opTimeout, Seed: k.seed + 1, Duration: x.t.Values.duration("warmup")}
	if warm.Duration > 0 {
		if _, err := k.session.Run(ctx, warm); err != nil {
			return err
		}
	}
	for {
		f := nextFraction(x.steps, k.steps)
		if f == 0 {
			break
		}
		s, err := k.step(ctx, f, throttling)
		if err == nil && s.status != results.Pass && s.full == fullNobody {
			s, err = k.step(ctx, f, throttling) // the machine, for a moment: what is full stays full
		}
		if err != nil {
			return fmt.Errorf("at %.2f of %.0f/s: %w", f, predicted, err)
		}
		k.steps = append(k.steps, s)
	}
	return k.recover(ctx)
}

// step offers one rate.
func (k *kneeRamp) step(ctx context.Context, fraction float64, throttling func() (testbed.Throttling, error)) (kneeStep, error) {
	x, t := k.run, k.run.t
	s := kneeStep{fraction: fraction, offered: fraction * k.cost.predicted(k.share)}
	before, err := k.rig.scrape(ctx)
	if err != nil {
		return s, err
	}
	was, err := throttling()
	if err != nil {
		return s, err
	}
	stop := k.askStrangers(ctx)
	m, rec, err := t.gauge(ctx, k.session, loadgen.Phase{
		Operation: "use", Rate: s.offered, Timeout: opTimeout, Seed: k.seed + 2 + uint64(len(k.steps)), Duration: t.Values.duration("window"),
	})
	asked := stop()
	x.strangers.asked, x.strangers.accepted = x.strangers.asked+asked.asked, x.strangers.accepted+asked.accepted
	if err != nil {
		return s, err
	}
	is, err := throttling()
	if err != nil {
		return s, err
	}
	after, err := k.rig.scrape(ctx)
	if err != nil {
		return s, err
	}
	s.m, s.wall, s.throttled = m, rec.Elapsed+rec.Drain, is.Sub(was)
	waits, ok := counterGrew(before, after, "authbench_store_pool_waits_total")
	gaveUp, _ := counterGrew(before, after, "authbench_store_pool_timeouts_total")
	s.waits, s.pooled = waits+gaveUp, ok
	s.status = loadgen.Overall(x.objective.Check(rec, loadgen.Validity{Status: m.Validity.Status, Reasons: m.Validity.Reasons}))
	s.full = s.fullest(k.share, x.cores)
	return s, nil
}

// strangerEvery is the time between two uses of a credential that nobody holds.
const strangerEvery = 50 * time.Millisecond

// askStrangers presents a credential that nobody holds until the returned function is
// called, which says what came of it.
func (k *kneeRamp) askStrangers(ctx context.Context) (stop func() strangers) {
	vars, ok := forged(k.rig.users[0].vars)
	if !ok || k.rig.c.Mechanism == "none" {
		return func() strangers { return strangers{} }
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan strangers, 1)
	go func() {
		var seen strangers
		client := k.rig.client(0)
		for {
			a, err := client.Do(ctx, &k.rig.c.Use, vars)
			if ctx.Err() != nil {
				done <- seen
				return
			}
			if err == nil {
				seen.asked++
				if a.Outcome == results.OK || a.Subject != "" {
					seen.accepted++
				}
			}
			sleep(ctx, strangerEvery)
		}
	}()
	return func() strangers { cancel(); return <-done }
}

// forged is a credential as the user's, with one character in its middle changed.
func forged(v contract.Vars) (contract.Vars, bool) {
	text := []byte(v["credential"])
	if len(text) < 16 {
		return nil, false
	}
	i := len(text) / 2
	if text[i] == '.' { // between the parts of a token
		i++
	}
	was := text[i]
	if text[i] = 'A'; was == 'A' {
		text[i] = 'B'
	}
	return v.With(contract.Vars{"credential": string(text)}), true
}

// recoverWithin is how soon after the last rate a use has to be accepted: what was queued
// is answered or given up by then.
const recoverWithin = 5 * time.Second

// recover waits, with the limit still in force, until a use is accepted.
func (k *kneeRamp) recover(ctx context.Context) error {
	began, client := time.Now(), k.rig.client(0)
	for time.Since(began) < recoverWithin && ctx.Err() == nil {
		a, err := client.Do(ctx, &k.rig.c.Use, k.rig.users[0].vars)
		if err == nil && a.Outcome == results.OK {
			d := time.Since(began)
			k.recovered = &d
			return nil
		}
		sleep(ctx, strangerEvery)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
