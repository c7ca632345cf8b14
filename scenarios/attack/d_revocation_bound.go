package attack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// patience is how long a case waits for what a target lets go on for a while.
const patience = 10 * time.Second

// Each of these says why a log-out that is not obeyed would break no promise, or "".

// revocable: a revoke ends credentials before their own end.
func revocable(t *Target) string {
	switch b := t.Contract.Promises.Bound(); {
	case !b.Declared:
		return "it promises no revocation_bound"
	case b.Expiry:
		return "it declares that nothing ends a credential before its own end: it works " + b.String()
	}
	return ""
}

// ends: a credential that was logged out ends some time that can be seen.
func ends(t *Target) string {
	b := t.Contract.Promises.Bound()
	if b.Expiry && t.Material.Clock == nil && b.Lifetime+b.Leeway > patience {
		return "it declares that a log-out does nothing to a credential, which works " + b.String()
	}
	if !b.Declared {
		return "it promises no revocation_bound"
	}
	return ""
}

// nearBound says that the bound is too far off to be waited for, or "".
func nearBound(t *Target) string {
	if b := t.Contract.Promises.Bound(); !b.Expiry && b.Fixed > patience {
		return fmt.Sprintf("what is revoked may be used for %s, and a case waits %s at most", contract.Duration(b.Fixed), patience)
	}
	return ""
}

// pastBound runs f when a credential whose revoke was acknowledged at acked has to be
// refused. Where that is its own end, and far off, the clock is moved there while f runs.
func (t *Target) pastBound(ctx context.Context, acked time.Time, f func() error) error {
	b := t.Contract.Promises.Bound()
	wait := time.Until(b.Until(acked, acked)) // it was issued before
	switch {
	case b.Expiry && wait > time.Second && t.Material.Clock != nil:
		return t.ahead(ctx, b.Lifetime+b.Leeway+time.Second, f)
	case wait > patience:
		return fmt.Errorf("it ends in %s, and a case waits %s at most", wait.Round(time.Second), patience)
	}
	pause(ctx, wait)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return f()
}

// ahead runs f with the clocks of the target ahead by d, and sets them right whatever
// happens.
func (t *Target) ahead(ctx context.Context, d time.Duration, f func() error) (err error) {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if back := t.Material.Clock(ctx, 0); back != nil {
			err = errors.Join(err, fmt.Errorf("set the clock right again: %w", back))
		}
	}()
	if err := t.Material.Clock(ctx, d); err != nil {
		return fmt.Errorf("move the clock: %w", err)
	}
	return f()
}

// acknowledged does a step that has to work for the case to say anything, and what it
// gives is u's from then on.
func (t *Target) acknowledged(ctx context.Context, node int, step *contract.Step, u *User, more contract.Vars) (acked time.Time, err error) {
	a, err := t.Do(ctx, node, step, u.Vars.With(more))
	if err != nil {
		return time.Time{}, err
	}
	if a.Outcome != results.OK {
		return time.Time{}, fmt.Errorf("%s %s was not acknowledged: it got %s (%s)", step.Method, step.Path, gotOf(a), a.Problem)
	}
	u.Vars = a.Vars
	return a.Done, nil
}

// logOut logs what u holds out.
func (t *Target) logOut(ctx context.Context, node int, u *User) (acked time.Time, err error) {
	return t.acknowledged(ctx, node, t.Contract.Revoke, u, nil)
}

// devices logs the next user in n times: each is the user with another credential.
func (t *Target) devices(ctx context.Context, n int) ([]*User, error) {
	who := t.Next()
	var out []*User
	for range n {
		u := &User{who.N, who.Vars}
		if err := t.Again(ctx, u); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

// bystander checks at its end that a case has not had everybody refused: somebody who
// logs in then gets in.
func (t *Target) bystander(ctx context.Context, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return fmt.Errorf("a refusal would say nothing: %w", err)
	}
	a, err := t.Use(ctx, u)
	if err == nil {
		y.Control("somebody who logged in afterwards", a)
	}
	return err
}

// oneOf is any of these.
func oneOf(of ...Want) Want {
	var words []string
	for _, w := range of {
		words = append(words, w.Words)
	}
	return Want{strings.Join(words, " or "), func(a *contract.Answer) bool {
		for _, w := range of {
			if w.Fits(a) {
				return true
			}
		}
		return false
	}}
}

// needs says whether step sends the variable of that name.
func needs(step *contract.Step, name string) bool {
	if step == nil {
		return false
	}
	name = "{" + name + "}"
	if strings.Contains(step.Path, name) || strings.Contains(step.Body, name) {
		return true
	}
	for _, value := range step.Headers {
		if strings.Contains(value, name) {
			return true
		}
	}
	return false
}
