package contract

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"authbench/results"
)

// Check is one step of a walk and what became of it.
type Check struct {
	Name     string `json:"name"`
	Sent     string `json:"sent"`     // "POST /login"; "" when nothing was sent
	Status   int    `json:"status"`   // 0: no complete answer
	Outcome  string `json:"outcome"`  // results.Outcome; "" when nothing was sent
	Expected string `json:"expected"` // in words
	Verdict  string `json:"verdict"`  // results.Pass, Fail, Unknown or NotApplicable
	Detail   string `json:"detail,omitempty"`
}

// Report is a walk from log in to log-out everywhere.
type Report struct {
	Contract string            `json:"contract"`
	Target   string            `json:"target"` // host:port
	Promises map[string]string `json:"promises"`
	Checks   []Check           `json:"checks"`
}

// Count is how many checks ended in verdict.
func (r *Report) Count(verdict string) int {
	n := 0
	for _, c := range r.Checks {
		if c.Verdict == verdict {
			n++
		}
	}
	return n
}

// WalkOptions limit a walk.
type WalkOptions struct {
	// MaxWait is how long the walk may wait for a revocation bound to pass, to see
	// that the credential is refused then. A longer bound is not seen to its end.
	MaxWait time.Duration
	// Each, when not nil, is called with every check as it is made.
	Each func(Check)
}

// Walk takes a target through log in, use, refresh, revoke and log-out
// everywhere as users 1 and 2, and holds each answer against the contract and
// its promises. What the target does wrong is in the report; the error is that
// of a request that could not be rendered, or ctx's.
func Walk(ctx context.Context, client *Client, opts WalkOptions) (*Report, error) {
	w := &walker{
		ctx: ctx, client: client, c: client.Contract, opts: opts,
		bound:  client.Contract.Promises.Bound(),
		report: &Report{Contract: client.Contract.Name, Target: client.Host, Promises: client.Contract.Promises.Map()},
	}
	w.logIn()
	w.wrongPassword()
	w.use()
	w.refresh()
	w.revoke()
	w.revokeAll()
	w.bystander()
	for _, check := range w.late {
		check()
	}
	if w.err == nil {
		w.err = ctx.Err()
	}
	return w.report, w.err
}

// walker does a walk. After an err its methods do nothing.
type walker struct {
	ctx    context.Context
	client *Client
	c      *Contract
	opts   WalkOptions
	bound  Bound
	report *Report
	err    error

	first, second *login // user 1; user 2, who never logs out

	// late are the checks that wait. They come last: meanwhile the credential of
	// the second user may reach its own end.
	late []func()
}

// login is a live credential.
type login struct {
	vars   Vars
	issued time.Time // not before the target issued it
}

// do sends a step; nil when the walk has ended.
func (w *walker) do(step *Step, vars Vars) *Answer {
	if w.err != nil {
		return nil
	}
	a, err := w.client.Do(w.ctx, step, vars)
	if w.err = err; err != nil {
		return nil
	}
	return a
}

// add records a check of an answer; a nil answer records nothing.
func (w *walker) add(name string, a *Answer, expected, verdict, detail string) {
	if w.err != nil || w.ctx.Err() != nil {
		return // an answer that was cut short says nothing about the target
	}
	check := Check{Name: name, Expected: expected, Verdict: verdict, Detail: detail}
	if a != nil {
		check.Sent = a.Request.Method + " " + cmp.Or(a.Request.Shown, a.Request.Path)
		check.Status, check.Outcome = a.Status, a.Outcome.String()
	}
	w.report.Checks = append(w.report.Checks, check)
	if w.opts.Each != nil {
		w.opts.Each(check)
	}
}

// skip records a check that was not made.
func (w *walker) skip(name, verdict, why string) { w.add(name, nil, "", verdict, why) }

// want records whether a ended as it has to.
func (w *walker) want(name string, a *Answer, want results.Outcome) bool {
	if a == nil {
		return false
	}
	if a.Outcome == want {
		w.add(name, a, word(want), results.Pass, "")
		return true
	}
	w.add(name, a, word(want), results.Fail, a.Problem)
	return false
}

// word is an outcome as an answer to an expectation.
func word(o results.Outcome) string {
	if o == results.OK {
		return "accepted"
	}
	return o.String()
}

// newLogin logs user n in and records it under name.
func (w *walker) newLogin(name string, n int) *login {
	a := w.do(&w.c.Login, w.c.User(n))
	if a != nil && !w.c.LogsIn() {
		w.skip(name, results.NotApplicable, "nobody logs in: a file has the credentials")
	} else if !w.want(name, a, results.OK) {
		return nil
	}
	return &login{vars: a.Vars, issued: a.Done}
}

func (w *walker) logIn() {
	w.first = w.newLogin("log in", 1)
	if w.c.Users.Count != 1 {
		w.second = w.newLogin("log in as another user", 2)
	}
}

func (w *walker) wrongPassword() {
	const name = "log in with a wrong password"
	switch {
	case w.c.Mechanism == "none":
		w.skip(name, results.NotApplicable, "this target checks nothing")
		return
	case !w.c.LogsIn():
		w.skip(name, results.NotApplicable, "nobody logs in: a file has the credentials")
		return
	}
	vars := w.c.User(1)
	vars["password"] += "-wrong"
	w.want(name, w.do(&w.c.Login, vars), results.Rejected)
}

func (w *walker) use() {
	const without = "use without a credential"
	if w.first == nil {
		w.skip("use", results.Unknown, "there is no credential: log in failed")
	} else {
		w.want("use", w.do(&w.c.Use, w.first.vars), results.OK)
	}
	if w.c.Mechanism == "none" {
		w.skip(without, results.NotApplicable, "this target checks nothing")
		return
	}
	bare, vars := w.c.anonymous(&w.c.Use)
	w.want(without, w.do(bare, w.c.User(1).With(vars)), results.Rejected)
}

// anonymous is step without what login extracted: the header fields that carry
// any of it are left out, and elsewhere the values are empty.
func (c *Contract) anonymous(step *Step) (*Step, Vars) {
	empty := Vars{"credential": "", "cookies": ""}
	for _, s := range c.allSteps() {
		for name := range s.Extract {
			if name != "subject" {
				empty[name] = ""
			}
		}
	}
	bare := *step
	if slices.Contains(placeholders(step.Basic), "credential") {
		bare.Basic = ""
	}
	bare.Headers = map[string]string{}
	for name, value := range step.Headers {
		carries := slices.ContainsFunc(placeholders(value), func(p string) bool { _, ok := empty[p]; return ok })
		if !carries {
			bare.Headers[name] = value
		}
	}
	return &bare, empty
}

func (w *walker) refresh() {
	switch {
	case w.c.Refresh == nil:
		w.skip("refresh", results.NotApplicable, "the contract has no refresh step")
		return
	case w.first == nil:
		w.skip("refresh", results.Unknown, "there is no credential: log in failed")
		return
	}
	a := w.do(w.c.Refresh, w.first.vars)
	if !w.want("refresh", a, results.OK) {
		return
	}
	w.first = &login{vars: a.Vars, issued: a.Done}
	w.want("use after refresh", w.do(&w.c.Use, w.first.vars), results.OK)
}

func (w *walker) revoke() {
	switch {
	case w.c.Revoke == nil:
		w.skip("revoke", results.NotApplicable, "the contract has no revoke step")
		return
	case w.first == nil:
		w.skip("revoke", results.Unknown, "there is no credential: log in failed")
		return
	}
	a := w.do(w.c.Revoke, w.first.vars)
	if w.want("revoke", a, results.OK) {
		w.useRevoked("use after revoke", w.first, a.Done)
	} else {
		w.skip("use after revoke", results.Unknown, "the revoke was not acknowledged")
	}
}

// revokeAll logs a user in twice, logs them out everywhere with the one
// credential, and tries the other.
func (w *walker) revokeAll() {
	const name, use = "revoke all", "use of the other credential after revoke all"
	if w.c.RevokeAll == nil {
		w.skip(name, results.NotApplicable, "the contract has no revoke_all step")
		return
	}
	one := w.newLogin("log in again", 1)
	other := w.newLogin("log in on another device", 1)
	if one == nil || other == nil {
		w.skip(name, results.Unknown, "there is no credential: log in failed")
		return
	}
	a := w.do(w.c.RevokeAll, one.vars)
	if w.want(name, a, results.OK) {
		w.useRevoked(use, other, a.Done)
	} else {
		w.skip(use, results.Unknown, "the revoke was not acknowledged")
	}
}

// useRevoked uses a credential whose revoke was acknowledged at acked, at once
// and, if that is near enough, at the end of the walk when its bound has passed.
func (w *walker) useRevoked(name string, l *login, acked time.Time) {
	until := w.bound.Until(l.issued, acked)
	a := w.do(&w.c.Use, l.vars)
	w.judgeRevoked(name, a, until)
	if !w.bound.Declared || w.bound == (Bound{Declared: true}) || a == nil {
		return
	}
	w.late = append(w.late, func() { w.usePastBound(name+", past the bound", l, until) })
}

// usePastBound uses a revoked credential again when its bound has passed.
func (w *walker) usePastBound(name string, l *login, until time.Time) {
	wait := time.Until(until)
	if wait > w.opts.MaxWait {
		w.skip(name, results.NotApplicable, fmt.Sprintf("it ends in %s, this walk waits at most %s", Duration(wait.Round(time.Second)), Duration(w.opts.MaxWait)))
		return
	}
	select {
	case <-time.After(wait):
	case <-w.ctx.Done():
		return
	}
	w.judgeRevoked(name, w.do(&w.c.Use, l.vars), until)
}

// judgeRevoked holds a use of a revoked credential against the promise. It
// counts from the instant before the first byte was sent.
func (w *walker) judgeRevoked(name string, a *Answer, until time.Time) {
	if a == nil {
		return
	}
	inside := a.Sent.Before(until)
	expected := "rejected"
	if inside {
		expected = "rejected or, as declared, accepted " + w.bound.String()
	}
	switch {
	case !w.bound.Declared:
		w.add(name, a, "anything: no revocation_bound is promised", results.NotApplicable, a.Problem)
	case a.Outcome == results.Rejected:
		w.add(name, a, expected, results.Pass, "")
	case a.Outcome == results.OK && inside:
		w.add(name, a, expected, results.Pass, "accepted, as declared: "+w.bound.String())
	case a.Outcome == results.OK:
		w.add(name, a, expected, results.Fail, fmt.Sprintf("a revoked credential was accepted; promised: %s", w.bound))
	default:
		w.add(name, a, expected, results.Fail, a.Problem)
	}
}

// bystander checks that a log-out, of one credential and everywhere, has left
// other users alone: refusing everybody is no revocation.
func (w *walker) bystander() {
	const name = "use by the other user"
	switch {
	case w.c.Users.Count == 1:
		w.skip(name, results.NotApplicable, "the target has one user only")
	case w.second == nil:
		w.skip(name, results.Unknown, "there is no credential: log in failed")
	default:
		w.want(name, w.do(&w.c.Use, w.second.vars), results.OK)
	}
}
