package attack

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// timesOut: it promises an end.
func timesOut(t *Target) string {
	if p := t.Contract.Promises; p.IdleTimeout == "" && p.AbsoluteTimeout == "" {
		return "it promises neither an idle nor an absolute timeout"
	}
	return ""
}

func seesTime(t *Target) string {
	p := t.Contract.Promises
	for _, promised := range []string{p.IdleTimeout, p.AbsoluteTimeout} {
		if d, err := contract.ParseDuration(promised); err == nil && d.D() > patience && t.Material.Clock == nil {
			return fmt.Sprintf("nobody here can move its clock, and %s is too long to wait", d)
		}
	}
	return ""
}

// timedOut follows three sessions: one that is left alone, one that is used half-way, and
// one that is used all the time.
func timedOut(ctx context.Context, t *Target, y *Tally) error {
	p := t.Contract.Promises
	idle, _ := contract.ParseDuration(p.IdleTimeout)
	absolute, _ := contract.ParseDuration(p.AbsoluteTimeout)
	began := time.Now()
	at := func(d time.Duration, f func() error) error {
		if t.Material.Clock != nil {
			return t.ahead(ctx, d, f)
		}
		pause(ctx, time.Until(began.Add(d)))
		return f()
	}
	use := func(name string, u *User, want Want) func() error {
		return func() error {
			a, err := t.Use(ctx, u)
			if err == nil {
				y.Check(name, a, want)
			}
			return err
		}
	}
	const late = time.Second
	if idle > 0 {
		who, err := t.devices(ctx, 2)
		if err != nil {
			return err
		}
		if err := at(idle.D()/2, use("used half-way to the idle timeout", who[1], Accepted())); err != nil {
			return err
		}
		err = at(idle.D()+late, func() error {
			if err := use(fmt.Sprintf("not used for %s", idle), who[0], Refused())(); err != nil {
				return err
			}
			return use("last used half-way", who[1], Accepted())()
		})
		if err != nil {
			return err
		}
	}
	if absolute == 0 {
		return nil
	}
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	began = time.Now()
	step := absolute.D() / 2
	if idle > 0 {
		step = idle.D() * 6 / 10
	}
	if absolute.D()/step > 500 {
		y.Say("the absolute timeout is too many idle timeouts away to be followed")
		return nil
	}
	for d := step; d < absolute.D()-late; d += step {
		if err := at(d, use("used again and again", u, Accepted())); err != nil {
			return err
		}
	}
	return at(absolute.D()+late, use(fmt.Sprintf("used again and again for %s", absolute), u, Refused()))
}

// capped: it promises how many sessions a user may have.
func capped(t *Target) string {
	if mostSessions(t.Contract) == 0 {
		return "it promises no cap on the sessions of one user (max_sessions)"
	}
	return ""
}

// mostSessions is the cap; 0 for none.
func mostSessions(c *contract.Contract) int {
	n, _ := strconv.Atoi(c.Promises.MaxSessions)
	return n
}

// beyondCap logs one user in more often than the cap allows: a log-in beyond it is
// refused, or ends an older session.
func beyondCap(ctx context.Context, t *Target, y *Tally) error {
	limit := mostSessions(t.Contract)
	who := t.Next()
	var in []*User
	for range limit + 3 {
		a, err := t.Do(ctx, 0, &t.Contract.Login, t.user(who.N).Vars)
		if err != nil {
			return err
		}
		y.Check("a log-in", a, oneOf(Accepted(), Refused(409, 429), Forbidden()))
		if a.Outcome == results.OK {
			in = append(in, &User{who.N, a.Vars})
		}
		if len(in) < 1 {
			return fmt.Errorf("nobody gets in: the first log-in got %s", gotOf(a))
		}
	}
	acked := time.Now()
	return t.pastBound(ctx, acked, func() error {
		live := 0
		for _, u := range in {
			a, err := t.Use(ctx, u)
			if err != nil {
				return err
			}
			if a.Outcome == results.OK {
				live++
			}
		}
		y.Note(fmt.Sprintf("%d log-ins of one user", limit+3), fmt.Sprintf("%d live sessions", live), fmt.Sprintf("1 to %d", limit), live >= 1 && live <= limit)
		return nil
	})
}
