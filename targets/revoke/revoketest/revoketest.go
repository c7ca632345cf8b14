// Package revoketest holds every strategy to the contract of revoke.Strategy,
// against a real Redis.
package revoketest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"authbench/targets/revoke"
	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// Bound is that of the strategies whose nodes copy.
const Bound = 400 * time.Millisecond

// Keep is how long the strategies under test remember.
const Keep = time.Hour

// Config is one that every strategy opens with.
func Config(kind, url string) revoke.Config {
	return revoke.Config{
		Kind: kind, Redis: store.Config{RedisURL: url, PoolSize: 8}, Keep: Keep,
		Bound: Bound, PollEvery: Bound / 8, Grace: time.Minute, Key: []byte("0123456789abcdef0123456789abcdef"),
	}
}

// Open opens a strategy, waits until it can tell, and closes it with the test.
func Open(t testing.TB, cfg revoke.Config) revoke.Strategy {
	t.Helper()
	s, err := revoke.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	for range 500 {
		if err = s.Ping(t.Context()); err == nil {
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: not ready: %v", cfg.Kind, err)
	return nil
}

// kind is what a strategy promises that not all of them do.
type kind struct {
	name string
	// lag: another node may accept for so long after a revoke.
	lag time.Duration
	// users: a log-out of one credential ends all of the user's.
	users bool
	// openOnLoss: without its data the store lets revoked tokens live again, and
	// nobody is logged out; else everybody is.
	openOnLoss bool
	// remembers: but not on a node that was up.
	remembers bool
	// fullRevokes: a revoke works while Redis is out of memory.
	fullRevokes bool
	// unasked: a use does not look at revocations at all.
	unasked bool
}

// kinds has a row for every strategy; one without is a failure.
func kinds() []kind {
	return []kind{
		{name: "denylist", openOnLoss: true},
		{name: "epoch", users: true},
		{name: "epoch-local", users: true, lag: Bound},
		{name: "push", lag: Bound, openOnLoss: true, remembers: true},
		{name: "families", fullRevokes: true, unasked: true},
		{name: "record", fullRevokes: true},
	}
}

// fixture is two nodes that share a Redis.
type fixture struct {
	kind
	t   *testing.T
	srv *storetest.Server
	a   revoke.Strategy
	b   revoke.Strategy
}

// Run runs all cases over all strategies.
func Run(t *testing.T) {
	for _, k := range revoke.All() {
		t.Run(k.Kind, func(t *testing.T) {
			i := slices.IndexFunc(kinds(), func(row kind) bool { return row.name == k.Kind })
			if i < 0 {
				t.Fatal("this strategy has no row in kinds: say what it promises")
			}
			t.Parallel()
			for _, c := range cases() {
				t.Run(c.name, func(t *testing.T) {
					srv := storetest.StartRedis(t)
					f := &fixture{kind: kinds()[i], t: t, srv: srv}
					f.a, f.b = Open(t, Config(k.Kind, srv.URL)), Open(t, Config(k.Kind, srv.URL))
					c.run(f)
				})
			}
		})
	}
}

// login begins a log-in on node a, as a server does before it signs.
func (f *fixture) login(subject string) revoke.Token {
	f.t.Helper()
	t, err := login(f.t, f.a, subject)
	if err != nil {
		f.t.Fatal(err)
	}
	return t
}

func login(t *testing.T, s revoke.Strategy, subject string) (revoke.Token, error) {
	session := revoke.NewSession()
	g, err := s.Begin(t.Context(), revoke.Login{Session: session, Subject: subject})
	return revoke.Token{Session: session, Subject: subject, Generation: g}, err
}

// check is a use; of a strategy that looks at no use, a refresh.
func (f *fixture) check(s revoke.Strategy, t revoke.Token) error {
	if f.unasked {
		return s.Renew(f.t.Context(), t)
	}
	return s.Check(f.t.Context(), t)
}

// live wants t accepted by both nodes, at once.
func (f *fixture) live(what string, t revoke.Token) {
	f.t.Helper()
	for name, s := range map[string]revoke.Strategy{"this node": f.a, "the other node": f.b} {
		if err := f.check(s, t); err != nil {
			f.t.Errorf("%s: %s: %v, want it live", what, name, err)
		}
		if err := s.Renew(f.t.Context(), t); err != nil {
			f.t.Errorf("%s: refresh at %s: %v", what, name, err)
		}
	}
}

// revoked wants t refused by this node at once and by the other within the lag;
// a refresh is refused everywhere at once. acked is when the revoke was.
func (f *fixture) revoked(what string, t revoke.Token, acked time.Time) {
	f.t.Helper()
	for name, s := range map[string]revoke.Strategy{"this node": f.a, "the other node": f.b} {
		if err := s.Renew(f.t.Context(), t); !errors.Is(err, revoke.ErrRevoked) {
			f.t.Errorf("%s: refresh at %s: %v, want it revoked", what, name, err)
		}
	}
	if err := f.check(f.a, t); !errors.Is(err, revoke.ErrRevoked) {
		f.t.Errorf("%s: %v, want it revoked", what, err)
	}
	for {
		late := time.Since(acked) > f.lag
		err := f.check(f.b, t)
		if errors.Is(err, revoke.ErrRevoked) {
			return
		}
		if late && err == nil {
			f.t.Errorf("%s: accepted by the other node %v after the revoke", what, f.lag)
			return
		}
		if time.Since(acked) > 10*time.Second {
			f.t.Errorf("%s: never refused by the other node: %v", what, err)
			return
		}
		time.Sleep(time.Millisecond)
	}
}
