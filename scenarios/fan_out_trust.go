package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
)

// shapeTrust is what one way of telling services who the user is came to where trust
// is at stake: log-outs, services that are down, and requests that go round the edge.
type shapeTrust struct {
	shape shape
	bound contract.Bound // of a log-out, as declared
	// Of uses of live credentials: answers that name somebody else, refusals, all.
	wrong, refused, live int64
	revoked              checker.Finding // bound-violations
	revocation           *results.Revocation
	violations           []results.Violation
	operations           int64
	// Requests to services that did not come through the edge and should not pass.
	forged, passed int64
	passedAs       []string
	// Uses while a service was down, and how many were answered otherwise than that
	// the service is away.
	down, untrue int64
	untrueAs     []string
}

// trustServices is how many services stand behind the edge in this part.
const trustServices = 2

// fanOutTrust tries every shape on nodes of its own, all at the same time.
func (t *Trial) fanOutTrust(ctx context.Context, list []shape) ([]*shapeTrust, error) {
	c := t.Arm.Contract
	if c.Promises.Bound().Expiry { // so short a life that its end can be waited for
		set := map[string]string{}
		for key, value := range map[string]string{"lifetime": t.Values["life"], "leeway": "1s"} {
			if _, ok := c.Settings[key]; ok {
				set[key] = value
			}
		}
		var err error
		if c, err = t.variant(set); err != nil {
			return nil, err
		}
	}
	out := make([]*shapeTrust, len(list))
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, s := range list {
		f, err := t.startFleet(ctx, s, c, trustServices)
		if err != nil {
			errs[i] = err
			break
		}
		wg.Go(func() {
			out[i] = &shapeTrust{shape: s, bound: f.c.Promises.Bound()}
			err := out[i].try(ctx, t, f)
			errs[i] = errors.Join(err, f.stop())
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// try does the parts one after the other.
func (s *shapeTrust) try(ctx context.Context, t *Trial, f *fleet) error {
	r := f.rig(t, s.shape.asked)
	for _, step := range []func(context.Context, *rig, *fleet) error{s.goRound, s.logOuts, s.aServiceDown} {
		if err := step(ctx, r, f); err != nil {
			return fmt.Errorf("%s: %w", s.shape.label, err)
		}
	}
	return nil
}

// logOuts has users log out at the edge, each right after a use on every node, so that
// whatever may be remembered is. Every credential is then used on every node until it
// is refused, and once more when its bound is over.
func (s *shapeTrust) logOuts(ctx context.Context, r *rig, f *fleet) error {
	n, why := r.t.Values.number("revocations"), ""
	switch {
	case r.c.Revoke == nil || r.c.Mechanism == "none":
		why = "it has no credential that could be revoked"
	case n == 0:
		why = "nobody was to log out"
	}
	if why != "" {
		s.revoked = checker.Finding{Check: checker.BoundViolations, Status: results.NotApplicable, Reason: why}
		return nil
	}
	var err error
	if r.users, err = r.front().logIn(ctx, n); err != nil {
		return err
	}
	end := time.Now().Add(r.tail(longest))
	var wg sync.WaitGroup
	slots := make(chan struct{}, loginWorkers)
	for i := range r.users {
		slots <- struct{}{}
		wg.Go(func() {
			s.logOut(ctx, r, &r.users[i], end, func() { <-slots })
		})
	}
	wg.Wait()
	sleep(ctx, time.Until(end))
	for i := range r.users {
		r.everywhere(ctx, &r.users[i], false)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := f.alive(r.t); err != nil {
		return err
	}
	return s.check(r)
}

// logOut ends one user's credential; done is called when that is acknowledged.
func (s *shapeTrust) logOut(ctx context.Context, r *rig, u *user, end time.Time, done func()) {
	r.everywhere(ctx, u, false)
	acknowledged := r.revoked(ctx, u, end)
	done()
	if !acknowledged {
		return // the history says what it was
	}
	var wg sync.WaitGroup
	for node := range r.nodes {
		wg.Go(func() { r.follow(ctx, u, node, end) })
	}
	wg.Wait()
}

// revoked logs a credential out at the edge, again and again until that is
// acknowledged, as a client would: what timed out or got a 5xx may have taken effect.
func (r *rig) revoked(ctx context.Context, u *user, end time.Time) bool {
	for ctx.Err() == nil {
		a, err := r.do(ctx, checker.Revoke, 0, &user{vars: u.vars}, false)
		switch {
		case err == nil && a.Outcome == results.OK:
			return true
		case err != nil || a.Outcome == results.Rejected || a.Outcome == results.Forbidden || time.Now().After(end):
			return false
		}
		sleep(ctx, 50*time.Millisecond)
	}
	return false
}

// everywhere uses a credential once on every node.
func (r *rig) everywhere(ctx context.Context, u *user, triggered bool) {
	for node := range r.nodes {
		_, _ = r.do(ctx, checker.Use, node, &user{vars: u.vars}, triggered) // the history says what came of it
	}
}

// check has the history judged.
func (s *shapeTrust) check(r *rig) error {
	h := &checker.History{Nodes: len(r.nodes), Ops: r.hist.ops, End: r.hist.now(), Wall: r.hist.zero.UnixNano()}
	report := checker.Check(h, promisesOf(r.c, false))
	s.operations, s.revocation = int64(len(h.Ops)), report.Revocation
	for _, f := range report.Findings {
		switch f.Check {
		case checker.BoundViolations:
			s.revoked = f
		case checker.Identity:
			s.wrong += countOf(f)
		case checker.FalseRejects:
			s.refused += countOf(f)
		}
	}
	for _, op := range h.Ops {
		if op.Kind == checker.Use && op.Outcome == results.OK {
			s.live++
		}
	}
	for _, v := range report.Violations {
		v.Summary = s.shape.label + ": " + v.Summary
		s.violations = append(s.violations, v)
	}
	return nil
}

func countOf(f checker.Finding) int64 {
	if f.Measured == nil {
		return 0
	}
	return int64(*f.Measured)
}

// The headers in which the bundled nodes say who the user is, tier to tier.
const (
	edgeSubject = "X-Edge-Subject"
	edgeSecret  = "X-Edge-Secret"
)

// goRound asks services as if there were no edge. What a service may be asked with is
// left out: where it checks the user's own credential, that is no way round.
func (s *shapeTrust) goRound(ctx context.Context, r *rig, f *fleet) error {
	users, err := r.front().logIn(ctx, 1)
	if err != nil {
		return err
	}
	live := users[0].vars
	me := func(headers map[string]string) *contract.Step {
		return &contract.Step{Method: "GET", Path: r.c.Use.Path, Headers: headers}
	}
	made := live.With(contract.Vars{"credential": strings.Repeat("A", len(live["credential"]))})
	type attempt struct {
		what string
		step *contract.Step
		vars contract.Vars
	}
	attempts := []attempt{
		{"a name in a header", me(map[string]string{edgeSubject: live["subject"]}), live},
		{"a name in a header, with a secret that is made up", me(map[string]string{edgeSubject: live["subject"], edgeSecret: strings.Repeat("A", 43)}), live},
	}
	if r.c.Mechanism != "none" { // which believes everything, by design
		attempts = append(attempts, attempt{"a credential that is made up", &r.c.Use, made})
	}
	if !s.shape.asked {
		attempts = append(attempts, attempt{"the user's own credential", &r.c.Use, live})
	}
	for i, node := range f.services {
		for _, a := range attempts {
			s.attempt(ctx, r, node.Host(), fmt.Sprintf("service %d, %s", i+1, a.what), a.step, a.vars)
		}
	}
	if s.shape.tier == "introspect" {
		s.attempt(ctx, r, f.edge.Host(), "the issuer, asked by a stranger", &contract.Step{
			Method: "POST", Path: "/introspect", Headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
			Body: "token={credential}",
		}, live)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (s *shapeTrust) attempt(ctx context.Context, r *rig, host, what string, step *contract.Step, vars contract.Vars) {
	client := &contract.Client{Contract: r.c, Host: host, Timeout: opTimeout}
	a, err := client.Do(ctx, step, vars)
	if err != nil || a.Status == 0 { // nobody was asked
		return
	}
	s.forged++
	if a.Status != 401 {
		s.passed++
		s.passedAs = append(s.passedAs, fmt.Sprintf("%s: %d", what, a.Status))
	}
}

// downUses are tried while a service is down.
const downUses = 20

// aServiceDown kills the last service. Every request needs it, so that none can be
// answered; none may be told that its credential is no good.
func (s *shapeTrust) aServiceDown(ctx context.Context, r *rig, f *fleet) error {
	users, err := r.front().logIn(ctx, 4)
	if err != nil {
		return err
	}
	if err := f.services[len(f.services)-1].Kill(); err != nil {
		return err
	}
	for i := range downUses {
		a, err := r.client(0).Do(ctx, &r.c.Use, users[i%len(users)].vars)
		if err != nil {
			return err
		}
		if a.Status == 0 { // no answer, and so no untrue one
			continue
		}
		s.down++
		if a.Outcome != results.Unavailable {
			s.untrue++
			s.untrueAs = append(s.untrueAs, a.Problem)
		}
	}
	return nil
}
