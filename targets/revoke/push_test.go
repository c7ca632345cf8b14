package revoke

import (
	"context"
	"errors"
	"testing"
	"time"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// testBound is long enough for a busy machine to poll within.
const testBound = 2 * time.Second

func openTestPush(t *testing.T, srv *storetest.Server) *push {
	t.Helper()
	s, err := openPush(Config{
		Redis: store.Config{RedisURL: srv.URL}, Keep: time.Hour, Bound: testBound, PollEvery: testBound / 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	p := s.(*push)
	until(t, "ready", func() bool { return p.Ping(t.Context()) == nil })
	return p
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func begin(t *testing.T, s Strategy, subject string) Token {
	t.Helper()
	l := Login{Session: NewSession(), Subject: subject}
	g, err := s.Begin(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return Token{l.Session, subject, g}
}

// TestPushBeforeTheSnapshot: a node that has no copy lets nobody in and is not
// ready.
func TestPushBeforeTheSnapshot(t *testing.T) {
	srv := storetest.StartRedis(t)
	srv.Pause()
	s, err := Open(Config{Kind: "push", Redis: store.Config{RedisURL: srv.URL}, Keep: time.Hour, Bound: testBound, PollEvery: testBound / 4})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(t.Context(), Token{Session: "x", Subject: "y"}); err == nil || errors.Is(err, ErrRevoked) {
		t.Errorf("Check = %v before the first poll", err)
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("ready before the first poll")
	}
	srv.Resume()
	until(t, "ready", func() bool { return s.Ping(t.Context()) == nil })
	if err := s.Check(t.Context(), Token{Session: "x", Subject: "y"}); err != nil {
		t.Errorf("Check = %v with an empty list", err)
	}
}

// TestPushCut freezes Redis: the node goes on for at most the bound and then says
// that it cannot tell, also about whom it knows. Then it comes back by itself.
func TestPushCut(t *testing.T) {
	srv := storetest.StartRedis(t)
	p := openTestPush(t, srv)
	tok := begin(t, p, "alice")
	srv.Pause()
	cut := time.Now()
	if err := p.Revoke(t.Context(), tok); err == nil {
		t.Error("a revoke was acknowledged by a frozen store")
	}
	until(t, "refusing to tell", func() bool {
		began := time.Now()
		err := p.Check(t.Context(), tok)
		if err == nil && began.Sub(cut) > testBound {
			t.Fatalf("let in %v after the channel was cut", began.Sub(cut))
		}
		return err != nil && !errors.Is(err, ErrRevoked)
	})
	srv.Resume()
	until(t, "back", func() bool { return p.Ping(t.Context()) == nil })
}

// TestPushBehind: a node whose copy is behind does not refuse who has just come
// back in elsewhere.
func TestPushBehind(t *testing.T) {
	srv := storetest.StartRedis(t)
	p, other := openTestPush(t, srv), openTestPush(t, srv)
	if err := p.RevokeAll(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	p.mirror.close() // it learns nothing any more
	p.mirror.bound = time.Hour
	gone := begin(t, other, "alice")
	if err := other.RevokeAll(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if err := p.Check(t.Context(), begin(t, other, "alice")); err != nil {
		t.Errorf("back in: %v", err)
	}
	if err := p.Check(t.Context(), gone); err != nil {
		t.Errorf("revoked, but the copy is from before: %v", err)
	}
	p.mirror.at = position{} // and now it is not behind
	if err := p.mirror.poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Check(t.Context(), gone); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
}

// TestPushGap takes entries out of the stream before the reader sees them: the
// next poll closes the gap, and an entry out of order is not believed.
func TestPushGap(t *testing.T) {
	srv := storetest.StartRedis(t)
	p, other := openTestPush(t, srv), openTestPush(t, srv)
	until(t, "a position", func() bool { return p.mirror.last() != "" })
	tok := begin(t, p, "alice")
	srv.Pause() // the reader waits; what follows arrives at once when Redis goes on
	srv.Resume()
	pipe := p.Client.TxPipeline()
	if err := p.scripts.publish.Load(t.Context(), p.Client).Err(); err != nil {
		t.Fatal(err)
	}
	pipe.EvalSha(t.Context(), p.scripts.publish.Hash(), p.keys, sessionMember(tok.Session), "", 3600_000, "g", streamLength)
	pipe.XTrimMaxLen(t.Context(), p.keys[3], 0)
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	acked := time.Now()
	for _, node := range []*push{p, other} {
		until(t, "refused", func() bool {
			began := time.Now()
			err := node.Check(t.Context(), tok)
			if err == nil && began.Sub(acked) > testBound {
				t.Fatal("let in past the bound")
			}
			return errors.Is(err, ErrRevoked)
		})
	}
}

// TestFollows: only the very next change of the same list is applied.
func TestFollows(t *testing.T) {
	m := &mirror{list: &list{keep: time.Hour}, entries: map[string]entry{}, at: position{gen: "g", seq: 7}}
	for _, tt := range []struct {
		gen  string
		seq  int64
		want bool
		have int64
	}{
		{"g", 9, false, 7},
		{"h", 8, false, 7},
		{"g", 7, true, 7}, // seen already
		{"g", 8, true, 8},
	} {
		got := m.follows(tt.gen, tt.seq, "1-1", "s:x", "")
		_, applied := m.entries["s:x"]
		if got != tt.want || m.at.seq != tt.have || applied != (tt.have == 8) {
			t.Errorf("%s %d: %t, at %d, applied %t", tt.gen, tt.seq, got, m.at.seq, applied)
		}
	}
}

// TestLearn: what this node did must not hide what another did to the same user
// later.
func TestLearn(t *testing.T) {
	m := &mirror{list: &list{keep: time.Hour}, entries: map[string]entry{}, at: position{gen: "g", seq: 7}}
	m.follows("g", 8, "1-1", "u:alice", "mine")
	m.follows("g", 9, "1-2", "u:alice", "later")
	m.learn("g", 8, "u:alice", "mine")
	if m.entries["u:alice"].value != "later" {
		t.Error("the earlier change won")
	}
	m.learn("g", 10, "u:alice", "latest")
	if m.entries["u:alice"].value != "latest" {
		t.Error("the next change did not count")
	}
}

// TestPushFlushed: the list is another one, the node takes it over; who it knows
// to be logged out stays out, a user's generation does not.
func TestPushFlushed(t *testing.T) {
	srv := storetest.StartRedis(t)
	p := openTestPush(t, srv)
	dead, all := begin(t, p, "alice"), begin(t, p, "bob")
	if err := errors.Join(p.Revoke(t.Context(), dead), p.RevokeAll(t.Context(), "bob")); err != nil {
		t.Fatal(err)
	}
	if err := p.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	until(t, "the new list", func() bool { return p.Check(t.Context(), all) == nil })
	if err := p.Check(t.Context(), dead); !errors.Is(err, ErrRevoked) {
		t.Errorf("the node forgot a log-out: %v", err)
	}
	again := begin(t, p, "bob")
	if err := p.RevokeAll(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	for _, tok := range []Token{all, again} {
		if err := p.Check(t.Context(), tok); !errors.Is(err, ErrRevoked) {
			t.Errorf("after another log-out everywhere: %v", err)
		}
	}
}

// TestOldData: a list that went back behind what the reader has is read anew.
func TestOldData(t *testing.T) {
	srv := storetest.StartRedis(t)
	l, err := openList(Config{Redis: store.Config{RedisURL: srv.URL}, Keep: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, m := range []string{"u:a", "u:b", "u:c"} {
		if _, _, err := l.publish(t.Context(), m, "v"+m); err != nil {
			t.Fatal(err)
		}
	}
	c, err := l.changes(t.Context(), position{})
	if err != nil || !c.all || len(c.members) != 3 || c.seq != 3 {
		t.Fatalf("%+v, %v", c, err)
	}
	if c, err = l.changes(t.Context(), c.position); err != nil || c.all || len(c.members) != 0 {
		t.Errorf("nothing new: %+v, %v", c, err)
	}
	if _, _, err := l.publish(t.Context(), "u:a", "again"); err != nil {
		t.Fatal(err)
	}
	next, err := l.changes(t.Context(), c.position)
	if err != nil || next.all || len(next.members) != 1 || next.members[0] != [2]string{"u:a", "again"} {
		t.Errorf("one change: %+v, %v", next, err)
	}
	ahead := next.position
	ahead.seq = 99
	if c, err = l.changes(t.Context(), ahead); err != nil || !c.all || len(c.members) != 3 {
		t.Errorf("behind the reader: %+v, %v", c, err)
	}
	other := next.position
	other.run = "another"
	if c, err = l.changes(t.Context(), other); err != nil || !c.all {
		t.Errorf("another run of the server: %+v, %v", c, err)
	}
}

// TestListTrims: what no token can have any more goes with later changes.
func TestListTrims(t *testing.T) {
	srv := storetest.StartRedis(t)
	l, err := openList(Config{Redis: store.Config{RedisURL: srv.URL}, Keep: 30 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 20 {
		if _, _, err := l.publish(t.Context(), sessionMember(NewSession()), ""); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(50 * time.Millisecond)
	for range 5 {
		if _, _, err := l.publish(t.Context(), sessionMember(NewSession()), ""); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	if n := l.ZCard(ctx, l.keys[1]).Val(); n > 5 {
		t.Errorf("%d members, want the last 5 at most", n)
	}
	if n := l.HLen(ctx, l.keys[2]).Val(); n > 5 {
		t.Errorf("%d values, want the last 5 at most", n)
	}
}
