package revoketest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/targets/revoke"
)

type testCase struct {
	name string
	run  func(*fixture)
}

func cases() []testCase {
	return []testCase{
		{"log-out", logout},
		{"log-out everywhere and back in the same second", logoutAll},
		{"many revocations, none is forgotten", many},
		{"what nobody began", unknown},
		{"store killed", killed},
		{"store lost its data", lost},
		{"out of memory", outOfMemory},
		{"closed", closed},
		{"uses race revocations", races},
	}
}

func logout(f *fixture) {
	phone, laptop, bystander := f.login("alice"), f.login("alice"), f.login("bob")
	f.live("phone", phone)
	f.live("laptop", laptop)
	if err := f.a.Revoke(f.t.Context(), phone); err != nil {
		f.t.Fatal(err)
	}
	acked := time.Now()
	f.revoked("phone", phone, acked)
	if f.users {
		f.revoked("laptop, by a log-out that knows users only", laptop, acked)
	} else {
		f.live("laptop", laptop)
	}
	f.live("bystander", bystander)
	f.live("back in", f.login("alice"))
	if err := f.a.Revoke(f.t.Context(), phone); err != nil {
		f.t.Errorf("a second time: %v", err)
	}
}

func logoutAll(f *fixture) {
	bystander := f.login("bob")
	for round := range 3 {
		phone, laptop := f.login("alice"), f.login("alice")
		f.live("phone", phone)
		if err := f.a.RevokeAll(f.t.Context(), "alice"); err != nil {
			f.t.Fatal(err)
		}
		acked := time.Now()
		again := f.login("alice")
		f.live(fmt.Sprint("back in, round ", round), again)
		f.revoked("phone", phone, acked)
		f.revoked("laptop", laptop, acked)
		f.live("still in", again)
	}
	f.live("bystander", bystander)
}

func many(f *fixture) {
	var gone, stay []revoke.Token
	for i := range 300 {
		gone = append(gone, f.login(fmt.Sprint("gone-", i)))
		stay = append(stay, f.login(fmt.Sprint("stays-", i)))
	}
	for _, t := range gone {
		if err := f.a.Revoke(f.t.Context(), t); err != nil {
			f.t.Fatal(err)
		}
	}
	acked := time.Now()
	// A node that starts now knows them all before it is ready.
	late := Open(f.t, Config(f.name, f.srv.URL))
	for i := range gone {
		f.revoked("revoked", gone[i], acked)
		if err := f.check(late, gone[i]); !errors.Is(err, revoke.ErrRevoked) {
			f.t.Fatalf("a new node: %v, want it revoked", err)
		}
		if err := f.check(late, stay[i]); err != nil {
			f.t.Fatalf("a new node: %v, want it live", err)
		}
	}
}

// unknown: a log-in that was never begun is live for who looks for revocations,
// and revoked for who looks for log-ins.
func unknown(f *fixture) {
	err := f.check(f.a, revoke.Token{Session: revoke.NewSession(), Subject: "nobody"})
	if err != nil && !errors.Is(err, revoke.ErrRevoked) {
		f.t.Errorf("%v, which reads as a failure of the store", err)
	}
}

func killed(f *fixture) {
	live, dead := f.login("alice"), f.login("bob")
	if err := f.a.Revoke(f.t.Context(), dead); err != nil {
		f.t.Fatal(err)
	}
	f.revoked("before", dead, time.Now())
	f.srv.Kill()
	time.Sleep(f.lag) // so long a copy may go on
	for range 20 {
		for what, t := range map[string]revoke.Token{"live": live, "revoked": dead} {
			err := f.check(f.a, t)
			if err == nil || errors.Is(err, revoke.ErrRevoked) {
				f.t.Errorf("%s: %v, want an error of the store", what, err)
			}
		}
	}
	_, begun := login(f.t, f.a, "alice")
	for what, err := range map[string]error{
		"Begin": begun, "Renew": f.a.Renew(f.t.Context(), live), "Revoke": f.a.Revoke(f.t.Context(), live),
		"RevokeAll": f.a.RevokeAll(f.t.Context(), "alice"), "Ping": f.a.Ping(f.t.Context()),
	} {
		if err == nil || errors.Is(err, revoke.ErrRevoked) {
			f.t.Errorf("%s: %v, want an error of the store", what, err)
		}
	}
	if f.unasked {
		if err := f.a.Check(f.t.Context(), live); err != nil {
			f.t.Errorf("a use that asks nobody: %v", err)
		}
	}
}

// lost kills a Redis without persistence and starts it empty.
func lost(f *fixture) {
	live, dead := f.login("alice"), f.login("bob")
	if err := f.a.Revoke(f.t.Context(), dead); err != nil {
		f.t.Fatal(err)
	}
	f.revoked("before", dead, time.Now())
	f.srv.Kill()
	f.srv.Restart()
	for _, s := range []revoke.Strategy{f.a, f.b} {
		f.recovers(s)
	}
	fresh := Open(f.t, Config(f.name, f.srv.URL))
	again := f.login("alice")
	f.live("a log-in of afterwards", again)
	for name, s := range map[string]revoke.Strategy{"a node that was up": f.a, "a new node": fresh} {
		f.expect(name+": live before", f.check(s, live), !f.openOnLoss)
		f.expect(name+": revoked before", f.check(s, dead), !f.openOnLoss || f.remembers && s != fresh)
	}
	if err := f.a.RevokeAll(f.t.Context(), "alice"); err != nil {
		f.t.Fatal(err)
	}
	acked := time.Now()
	f.revoked("a log-in of afterwards", again, acked)
	f.revoked("the one of before", live, acked)
}

func (f *fixture) expect(what string, err error, revoked bool) {
	f.t.Helper()
	if revoked != errors.Is(err, revoke.ErrRevoked) || !revoked && err != nil {
		f.t.Errorf("%s: %v, want revoked %t", what, err, revoked)
	}
}

// recovers waits until s can tell again, by itself.
func (f *fixture) recovers(s revoke.Strategy) {
	f.t.Helper()
	var err error
	for range 1000 {
		// Check of a copy, and a call of the store.
		if err = s.Ping(f.t.Context()); err == nil {
			if _, err = login(f.t, s, "probe"); err == nil {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.t.Fatalf("not back: %v", err)
}

func outOfMemory(f *fixture) {
	t, other := f.login("alice"), f.login("bob")
	opt, err := redis.ParseURL(f.srv.URL)
	if err != nil {
		f.t.Fatal(err)
	}
	client := redis.NewClient(opt)
	defer client.Close()
	if err := client.ConfigSet(f.t.Context(), "maxmemory", "1").Err(); err != nil {
		f.t.Fatal(err)
	}
	check := f.a.Check
	if err := check(f.t.Context(), t); err != nil {
		f.t.Errorf("a use: %v", err)
	}
	err = f.a.Revoke(f.t.Context(), t)
	if f.fullRevokes {
		if err != nil {
			f.t.Errorf("revoke: %v", err)
		}
		f.expect("revoked", f.check(f.a, t), true)
		return
	}
	if err == nil || errors.Is(err, revoke.ErrRevoked) {
		f.t.Errorf("revoke: %v, want an error of the store", err)
	}
	if err := f.a.RevokeAll(f.t.Context(), "bob"); err == nil {
		f.t.Error("revoke all worked without memory")
	}
	f.expect("not revoked", f.check(f.a, t), false)
	f.expect("nor all of that user", f.check(f.a, other), false)
	if err := client.ConfigSet(f.t.Context(), "maxmemory", "0").Err(); err != nil {
		f.t.Fatal(err)
	}
	if err := f.a.Revoke(f.t.Context(), t); err != nil {
		f.t.Errorf("with memory: %v", err)
	}
	f.revoked("with memory", t, time.Now())
}

func closed(f *fixture) {
	t := f.login("alice")
	s, err := revoke.Open(Config(f.name, f.srv.URL))
	if err != nil {
		f.t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		f.t.Fatal(err)
	}
	if err := s.Renew(f.t.Context(), t); err == nil || errors.Is(err, revoke.ErrRevoked) {
		f.t.Errorf("Renew: %v", err)
	}
	if err := s.Revoke(f.t.Context(), t); err == nil {
		f.t.Error("Revoke worked")
	}
}

// races uses, revokes and begins on both nodes at once. Whoever begins a use
// after the acknowledgement (and the lag) must not get in.
func races(f *fixture) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 15 {
				t, err := login(f.t, f.a, fmt.Sprintf("user-%d-%d", w, i))
				if err != nil {
					f.t.Error(err)
					return
				}
				f.race(t)
			}
		})
	}
	wg.Wait()
}

func (f *fixture) race(t revoke.Token) {
	var acked atomic.Int64 // of the clock below
	zero := time.Now()
	var wg sync.WaitGroup
	for _, s := range []revoke.Strategy{f.a, f.b} {
		wg.Go(func() {
			for range 10_000 {
				began, at := time.Since(zero), acked.Load()
				err := f.check(s, t)
				if errors.Is(err, revoke.ErrRevoked) {
					return
				}
				if err == nil && at > 0 && began > time.Duration(at)+f.lag {
					f.t.Errorf("accepted %v after the acknowledgement", began-time.Duration(at))
					return
				}
				time.Sleep(100 * time.Microsecond)
			}
			f.t.Error("never refused")
		})
	}
	if err := f.a.Revoke(f.t.Context(), t); err != nil {
		f.t.Error(err)
	}
	acked.Store(int64(time.Since(zero)))
	wg.Wait()
}
