package attack

import (
	"context"
	"fmt"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// canary is the number of the user whose credential no case touches.
const canary = 1

// bird is the canary: while its credential is good, a refusal of others says something,
// and what a case did has hurt nobody else.
type bird struct {
	User
	in   time.Time // its last log-in was sent; zero: it has no credential
	gone bool      // nothing could be told the last time, or nothing was told yet
}

// Tries at a target that cannot answer just now, after its store was away, say; and at
// one that could not the last time, or was never seen to.
const (
	birdTries = 20
	goneTries = 2
	birdPause = 250 * time.Millisecond
)

// before lets the canary in where it has no credential, or where its credential has
// ended, and uses it. It says what is wrong, or "".
func (b *bird) before(ctx context.Context, t *Target) (why string) {
	tries := birdTries
	if b.gone {
		tries = goneTries
	}
	for try := range tries {
		if try > 0 {
			pause(ctx, birdPause)
		}
		if why = b.look(ctx, t); why == "" {
			b.gone = false
			t.clockMoved()
			return ""
		}
	}
	b.gone = true
	return why
}

func (b *bird) look(ctx context.Context, t *Target) (why string) {
	if b.in.IsZero() {
		began := time.Now()
		if err := t.Again(ctx, &b.User); err != nil {
			return fmt.Sprintf("the canary cannot log in (%v)", err)
		}
		b.in = began
		t.token, _ = parseJWS(b.Credential()) // nil for what is no token
	}
	a, err := t.Use(ctx, &b.User)
	switch {
	case err != nil:
		return err.Error()
	case a.Outcome == results.OK:
		return ""
	case a.Outcome == results.Rejected:
		b.in = time.Time{}
	}
	return fmt.Sprintf("the canary got %s (%s)", gotOf(a), a.Problem)
}

// after uses it again. A credential that may have ended by itself, or because a case
// moved the clock, is had again first: that is no fault of the target's. A target that
// cannot answer for a moment is asked again.
func (b *bird) after(ctx context.Context, t *Target) (got, why string) {
	a, err := t.Use(ctx, &b.User)
	if err != nil || a.Outcome == results.OK {
		return "", ""
	}
	ended := t.clockMoved() || b.mayHaveEnded(t)
	if ended {
		b.in = time.Time{}
	}
	if (ended || a.Outcome != results.Rejected) && b.before(ctx, t) == "" {
		return "", ""
	}
	return gotOf(a), fmt.Sprintf("a credential that the case does not touch was good before it and got %s after it (%s)", gotOf(a), a.Problem)
}

// mayHaveEnded says whether a promised life is over.
func (b *bird) mayHaveEnded(t *Target) bool {
	p := t.Contract.Promises
	for _, promised := range []string{p.Lifetime, p.IdleTimeout, p.AbsoluteTimeout} {
		if d, err := contract.ParseDuration(promised); err == nil && time.Since(b.in) >= d.D()-time.Second {
			return true
		}
	}
	return false
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
