package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"authbench/results"
	"authbench/targets/contract"
)

// refreshCases: a refresh token is worth as much as the password while it works, and a
// copy of it must not go unnoticed.
func refreshCases() []Case {
	refresh := has("refresh", func(c *contract.Contract) *contract.Step { return c.Refresh })
	password := has("password", func(c *contract.Contract) *contract.Step { return c.Password })
	return []Case{
		{
			ID: "E1", Title: "a refresh token that was traded in, sent again, ends its family",
			Reference: "RFC 9700 4.14.2; ASVS 5.0 10.4.5", Applies: first(authenticated, refresh, rotates), Try: reused,
		},
		{
			ID: "E3", Title: "one refresh token traded in many times at once leaves one lineage at most",
			Reference: "RFC 9700 4.14.2; CWE-362", Applies: first(authenticated, refresh, rotates), Try: reusedAtOnce,
		},
		{
			ID: "E5", Title: "a refresh token of somebody else, or put together from two",
			Reference: "RFC 6749 6, 10.4", Applies: first(authenticated, refresh), Try: foreignRefresh,
		},
		{
			ID: "E7", Title: "a refresh after a password change",
			Reference: "ASVS 5.0 7.4.3; RFC 9700 4.14.2", Applies: first(authenticated, refresh, password, refreshEnds), Needs: nearBound, Try: refreshedAfterPassword,
		},
		{
			ID: "E8", Title: "the refresh token before the current one, sent again after its grace",
			Reference: "RFC 9700 4.14.2", Applies: first(authenticated, refresh, rotates, graced), Needs: nearGrace, Try: reusedLate,
		},
		{
			ID: "E9", Title: "requests to the token endpoint that are no refresh",
			Reference: "RFC 6749 5.2, 3.2", Applies: first(authenticated, refresh, tokenEndpoint), Try: noRefresh,
		},
	}
}

// rotates: a refresh token works once.
func rotates(t *Target) string {
	switch t.Contract.Promises.Refresh {
	case "stateless":
		return "it declares that its refresh tokens are stateless: one that was used works again, and nothing notices"
	case "none":
		return "it declares that there are no refresh tokens"
	}
	return ""
}

// refreshEnds: what ends a log-in ends its refresh token.
func refreshEnds(t *Target) string {
	if t.Contract.Promises.Refresh == "rotating" {
		return ""
	}
	return revocable(t)
}

func graced(t *Target) string {
	if graceOf(t.Contract) == 0 {
		return "it promises no grace: E1 is all there is to it"
	}
	return ""
}

func nearGrace(t *Target) string {
	if g := graceOf(t.Contract); g > graceMost {
		return fmt.Sprintf("its grace is %s, and a case waits %s at most", contract.Duration(g), graceMost)
	}
	return ""
}

// graceMost is how long a grace may be to be waited for.
const graceMost = 15 * time.Second

func graceOf(c *contract.Contract) time.Duration {
	d, _ := contract.ParseDuration(c.Promises.RefreshGrace) // 0 for none
	return d.D()
}

// refreshVar is the variable that has the refresh token: what the log-in gave and the
// refresh sends. "" for none.
func refreshVar(c *contract.Contract) string {
	found := ""
	for _, name := range slices.Sorted(maps.Keys(c.Login.Extract)) {
		if needs(c.Refresh, name) && (found == "" || found == "credential" || strings.Contains(name, "refresh")) {
			found = name
		}
	}
	return found
}

// tokenEndpoint: the refresh is that of RFC 6749 section 6.
func tokenEndpoint(t *Target) string {
	if r := t.Contract.Refresh; r != nil && strings.Contains(r.Body, "grant_type=") {
		return ""
	}
	return "its refresh is no request to an OAuth token endpoint"
}

// invalidGrant is the answer to a refresh token that is no good: at a token endpoint 400
// with that error (RFC 6749 5.2), elsewhere what the contract calls rejected.
func invalidGrant(t *Target) Want {
	if tokenEndpoint(t) != "" {
		return Refused()
	}
	return Want{"400 invalid_grant", func(a *contract.Answer) bool {
		return (a.Outcome == results.Rejected || a.Status == 400) && oauthErrorOf(a) == "invalid_grant"
	}}
}

func oauthErrorOf(a *contract.Answer) string {
	var body struct{ Error string }
	if json.NewDecoder(bytes.NewReader(a.Body)).Decode(&body) != nil {
		return ""
	}
	return body.Error
}

// refreshed trades in what vars has, which has to work; it gives the variables after it.
func (t *Target) refreshed(ctx context.Context, u *User) error {
	_, err := t.acknowledged(ctx, 0, t.Contract.Refresh, u, nil)
	return err
}

// refresh trades in a refresh token that may be no good.
func (t *Target) refresh(ctx context.Context, y *Tally, name string, vars contract.Vars, want Want) error {
	a, err := t.Do(ctx, 0, t.Contract.Refresh, vars)
	if err == nil {
		y.Check(name, a, want)
	}
	return err
}

// generations refreshes u n times and gives what u held before each, and at last.
func (t *Target) generations(ctx context.Context, y *Tally, u *User, n int) ([]contract.Vars, error) {
	token := refreshVar(t.Contract)
	out := []contract.Vars{u.Vars}
	for range n {
		if err := t.refreshed(ctx, u); err != nil {
			return nil, err
		}
		out = append(out, u.Vars)
	}
	if t.Contract.Promises.Refresh == "" && out[0][token] == out[1][token] {
		y.Unknown("it promises nothing about refresh tokens, and does not replace them")
		return nil, nil
	}
	y.Note("the refresh token after a refresh", changed(out[0][token], out[1][token]), "another", out[0][token] != out[1][token])
	return out, nil
}

func changed(before, after string) string {
	if before == after {
		return "the same"
	}
	return "another"
}

// reused replays the immediately preceding token, which a grace may forgive with the same
// successor, and an older one, which nothing forgives.
func reused(ctx context.Context, t *Target, y *Tally) error {
	token := refreshVar(t.Contract)
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	other := &User{u.N, u.Vars}
	if err := t.Again(ctx, other); err != nil {
		return err
	}
	began := time.Now()
	held, err := t.generations(ctx, y, u, 2)
	if err != nil || held == nil {
		return err
	}
	if grace := graceOf(t.Contract); grace > 0 {
		a, err := t.Do(ctx, 0, t.Contract.Refresh, held[1])
		if err != nil {
			return err
		}
		if time.Since(began) < grace {
			y.Check("the token before the current one, within its grace", a, oneOf(Accepted(), invalidGrant(t)))
			if a.Outcome == results.OK {
				y.Note("what it gave within its grace", successor(a.Vars[token], held[2][token]), "the same successor", a.Vars[token] == held[2][token])
			}
		}
	}
	for _, v := range []struct {
		name string
		vars contract.Vars
	}{
		{"the token before the one before the current", held[0]},
		{"the current token, after that", held[2]},
		{"the one before it, after that", held[1]},
	} {
		if err := t.refresh(ctx, y, v.name, v.vars, invalidGrant(t)); err != nil {
			return err
		}
	}
	a, err := t.Do(ctx, 0, t.Contract.Refresh, other.Vars)
	if err == nil {
		y.Control("the refresh token of another log-in of the user", a)
	}
	return err
}

func successor(got, want string) string {
	if got == want {
		return "the same successor"
	}
	return "another successor"
}

// reusedLate waits the grace out.
func reusedLate(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	held, err := t.generations(ctx, y, u, 1)
	if err != nil || held == nil {
		return err
	}
	pause(ctx, graceOf(t.Contract)+100*time.Millisecond)
	if err := t.refresh(ctx, y, "the token before the current one, after its grace", held[0], invalidGrant(t)); err != nil {
		return err
	}
	if err := t.refresh(ctx, y, "the current token, after that", held[1], invalidGrant(t)); err != nil {
		return err
	}
	return t.refreshControl(ctx, y)
}

// refreshControl checks that refresh tokens work at all.
func (t *Target) refreshControl(ctx context.Context, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return fmt.Errorf("a refusal would say nothing: %w", err)
	}
	a, err := t.Do(ctx, 0, t.Contract.Refresh, u.Vars)
	if err == nil {
		y.Control("the refresh token of somebody who logged in afterwards", a)
	}
	return err
}

// reusedAtOnce has many trade the same token in, on all nodes, and then every successor.
func reusedAtOnce(ctx context.Context, t *Target, y *Tally) error {
	const rounds, at = 4, 20
	token := refreshVar(t.Contract)
	for range rounds {
		u, err := t.LogIn(ctx)
		if err != nil {
			return err
		}
		var mu sync.Mutex
		next := map[string]contract.Vars{}
		g, gctx := errgroup.WithContext(ctx)
		for i := range at {
			g.Go(func() error {
				a, err := t.Do(gctx, i%len(t.Nodes), t.Contract.Refresh, u.Vars)
				if err != nil {
					return err
				}
				y.Check("one of many at once", a, oneOf(Accepted(), invalidGrant(t)))
				if a.Outcome == results.OK {
					mu.Lock()
					next[a.Vars[token]] = a.Vars
					mu.Unlock()
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		// Each lineage goes on for a second time: a successor that was forgiven is none.
		lives := 0
		for _, name := range slices.Sorted(maps.Keys(next)) {
			a, err := t.Do(ctx, 0, t.Contract.Refresh, next[name])
			if err != nil {
				return err
			}
			if a.Outcome == results.OK && a.Vars[token] != name {
				if a, err = t.Do(ctx, 0, t.Contract.Refresh, a.Vars); err != nil {
					return err
				}
			}
			if a.Outcome == results.OK {
				lives++
			}
		}
		y.Note(fmt.Sprintf("%d refreshes at once with one token", at), fmt.Sprintf("%d lineages", lives), "1 lineage at most", lives <= 1)
	}
	return t.refreshControl(ctx, y)
}
