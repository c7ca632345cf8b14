package attack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"authbench/results"
	"authbench/targets/contract"
)

// How ids are drawn.
const (
	idsDrawn   = 100_000
	idsLeast   = 1000 // fewer show nothing
	idsTime    = 20 * time.Second
	idsWorkers = 4
	idsTries   = 5   // of one log-in
	idsUsers   = 500 // that log in again and again
	idBits     = 128 // ASVS 5.0 7.2.3
)

// drawnIDs logs in until there are enough ids, or the time is over, and looks for what
// random ones do not have. A sample cannot prove that ids are random: a generator that
// passes may still be known to somebody.
func drawnIDs(ctx context.Context, t *Target, y *Tally) error {
	drawn, users, stopped := t.draw(ctx, cmp.Or(t.Samples, idsDrawn))
	t.logOutEverywhere(ctx, users)
	n := 0
	for _, ids := range drawn {
		n += len(ids)
	}
	if n < min(idsLeast, cmp.Or(t.Samples, idsDrawn)) {
		y.Unknown("only %d ids could be had: %v", n, stopped)
		return nil
	}
	v := judgeIDs(drawn)
	y.Note(fmt.Sprintf("%d ids", n), fmt.Sprintf("%d that came before", v.again), "each once", v.again == 0)
	y.Note("length and alphabet", fmt.Sprintf("%d characters for %.0f bits at most", v.length, v.room), fmt.Sprintf("at least %d bits", idBits), v.room >= idBits)
	y.Note("bits that look random", fmt.Sprintf("%.0f bits", v.random), fmt.Sprintf("at least %d bits", idBits), v.random >= idBits)
	y.Say("no more can be said than what was found in %d ids of %d characters: %.0f bits that look uniform and independent%s", n, v.length, v.random, v.odd)
	if errors.Is(stopped, errEnough) {
		y.Say("there was no time for more ids")
	} else if stopped != nil {
		y.Say("%v ended the draw", stopped)
	}
	return nil
}

// errEnough is that the time to draw is over.
var errEnough = errors.New("the time is over")

// draw logs users in n times, on connections that stay open. The ids come in the order
// of each connection; users are what each user holds last. A draw that is stopped gives
// what it has.
func (t *Target) draw(ctx context.Context, n int) (drawn [][]string, users []*User, stopped error) {
	pool := make([]*User, min(idsUsers, max(1, n/10)))
	for i := range pool {
		pool[i] = t.Next()
	}
	limited, cancel := context.WithTimeoutCause(ctx, idsTime, errEnough)
	defer cancel()
	var mu sync.Mutex
	drawn = make([][]string, idsWorkers)
	g, gctx := errgroup.WithContext(limited)
	for w := range idsWorkers {
		g.Go(func() error {
			line := &line{node: t.Nodes[0]}
			defer line.close()
			for k := w; k < n; k += idsWorkers {
				u := pool[k%len(pool)]
				a, err := t.logInOn(gctx, line, t.user(u.N).Vars)
				for try := 1; err == nil && a.Status == 503 && try < idsTries; try++ { // a store that stalls
					pause(gctx, 20*time.Millisecond)
					a, err = t.logInOn(gctx, line, t.user(u.N).Vars)
				}
				if err != nil {
					return err
				}
				if a.Outcome != results.OK {
					return fmt.Errorf("a log-in got %s (%s)", gotOf(a), a.Problem)
				}
				drawn[w] = append(drawn[w], a.Vars["credential"])
				mu.Lock()
				u.Vars = a.Vars
				mu.Unlock()
			}
			return nil
		})
	}
	err := g.Wait()
	if limited.Err() != nil && ctx.Err() == nil {
		err = errEnough
	}
	return drawn, pool, err
}

// logInOn logs in over a connection that stays open.
func (t *Target) logInOn(ctx context.Context, l *line, vars contract.Vars) (*contract.Answer, error) {
	if t.Contract.Login.Method == "" {
		return nil, errors.New("nobody logs in: a file has the credentials")
	}
	send := func(ctx context.Context, step *contract.Step, req contract.RawRequest, vars contract.Vars) (*contract.Answer, error) {
		if err := t.limit.Wait(ctx); err != nil {
			return nil, errors.Join(err, context.Cause(ctx))
		}
		t.count(req, vars)
		return l.send(ctx, step, req, vars)
	}
	return l.node.DoBy(ctx, &t.Contract.Login, vars, send)
}

// logOutEverywhere takes away what a draw has left in the target's store, as far as that
// goes within a short time.
func (t *Target) logOutEverywhere(ctx context.Context, users []*User) {
	if t.Contract.RevokeAll == nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	g, limited := errgroup.WithContext(limited)
	g.SetLimit(idsWorkers)
	for _, u := range users {
		if u.Credential() == "" {
			continue
		}
		g.Go(func() error {
			_, err := t.Do(limited, 0, t.Contract.RevokeAll, u.Vars)
			return err
		})
	}
	_ = g.Wait() // what is left goes when it is idle
}

// list joins words: "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
