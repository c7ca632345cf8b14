package server

import (
	"bufio"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// crowd is users of one node who share connections: whoever's turn it is on one.
type crowd struct {
	n       *node
	users   []*client
	answers [600]atomic.Int64 // by status
	wrong   atomic.Int64
}

func newCrowd(n *node) *crowd {
	c := &crowd{n: n}
	for i := range 24 {
		c.users = append(c.users, n.login(i+1))
	}
	return c
}

// run has conns connections send batches until ctx ends, or so many of them each.
func (c *crowd) run(ctx context.Context, conns, batches int) {
	var wg sync.WaitGroup
	for i := range conns {
		rng := rand.New(rand.NewPCG(7, uint64(i)))
		wg.Go(func() {
			for left := batches; left > 0 && ctx.Err() == nil; {
				left -= c.connection(ctx, rng, left)
			}
		})
	}
	wg.Wait()
}

// connection sends batches on one connection until it breaks off.
func (c *crowd) connection(ctx context.Context, rng *rand.Rand, batches int) (sent int) {
	conn, err := net.Dial("tcp", c.n.addr)
	if err != nil {
		c.n.t.Error(err)
		return batches
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(conn)
	for sent < batches && ctx.Err() == nil {
		sent++
		var wire strings.Builder
		var whose []*client // nil: nobody's
		for range 1 + rng.IntN(8) {
			raw, user := c.draw(rng)
			wire.WriteString(raw)
			whose = append(whose, user)
		}
		if rng.IntN(10) == 0 {
			_, _ = conn.Write([]byte(wire.String()[:1+rng.IntN(wire.Len())]))
			return sent
		}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = conn.Write([]byte(wire.String())) })
		ok := c.read(r, whose)
		wg.Wait()
		if !ok {
			return sent
		}
	}
	return sent
}

// draw is a use, large or small, or something else between uses.
func (c *crowd) draw(rng *rand.Rand) (raw string, user *client) {
	u := c.users[rng.IntN(len(c.users))]
	switch rng.IntN(12) {
	case 0:
		return request("GET", "/me", ""), nil
	case 1:
		return request("GET", "/nowhere/"+strings.Repeat("x", rng.IntN(3000)), "", u.auth), nil
	case 2:
		return request("POST", "/login", loginBody("user-99", strings.Repeat("w", 1+rng.IntN(4000))), asJSON), nil
	case 3:
		return request("GET", "/metrics", ""), nil
	case 4:
		return request("POST", "/step-up", `{"password":"wrong"}`, asJSON, u.auth, u.csrf), nil
	case 5:
		return request("GET", "/me", "", u.auth, "X-Filler: "+strings.Repeat("f", rng.IntN(3000))), u
	}
	return request("GET", "/me", "", u.auth), u
}

// read holds every answer against whose request it was.
func (c *crowd) read(r *bufio.Reader, whose []*client) (open bool) {
	for _, user := range whose {
		a, err := readAnswer(r, false)
		if err != nil {
			return false
		}
		c.answers[a.status].Add(1)
		mine := user != nil && strings.Contains(a.body, `"sub":"`+user.user+`"`)
		if named := strings.Contains(a.body, `"sub":"`); named != (a.status == 200 && mine) || user != nil && a.status == 200 && !mine {
			c.wrong.Add(1)
			c.n.t.Errorf("the answer to a request of %s: %d %.200s", user.name(), a.status, a.body)
			return false
		}
		if user != nil && a.status == 401 {
			c.wrong.Add(1)
			c.n.t.Errorf("a live credential of %s got 401", user.user)
			return false
		}
	}
	return true
}

func (c *client) name() string {
	if c == nil {
		return "nobody"
	}
	return c.user
}

func (c *crowd) count(status int) int64 { return c.answers[status].Load() }

// flaky is a store that fails now and then, and holds answers up at other times.
type flaky struct {
	store.Store
	calls atomic.Uint64
}

func (f *flaky) Get(ctx context.Context, key store.Key) (store.Record, bool, error) {
	switch n := f.calls.Add(1); {
	case n%5 == 0:
		return store.Record{}, false, errors.New("planted")
	case n%7 == 0:
		time.Sleep(time.Millisecond)
	}
	return f.Store.Get(ctx, key)
}

// TestNoBleed: users mixed on connections that are kept open, several requests at a
// time, some broken off, while the store fails: every 200 is for its own user, nobody's
// requests stay nobody's, and no failure of the store is a 401.
func TestNoBleed(t *testing.T) {
	for _, a := range storeless() {
		if a.name == "jwt-rs256" || a.name == "jwt-mldsa65" {
			continue // signing takes its time and shows nothing that ES256 does not
		}
		t.Run(a.name, func(t *testing.T) {
			n := startNode(t, a.set)
			c := newCrowd(n)
			c.run(t.Context(), 12, 12)
			if c.count(200) < 150 || c.count(401) == 0 || c.count(503) > 0 {
				t.Errorf("%d accepted, %d refused, %d unavailable", c.count(200), c.count(401), c.count(503))
			}
		})
	}
	t.Run("a store that fails", func(t *testing.T) {
		f := new(flaky)
		n := startNode(t, settingsFor("session", "store", "memory"), func(o *Options) {
			o.WrapStore = func(s store.Store) store.Store {
				f.Store = s
				return f
			}
		})
		c := newCrowd(n)
		c.run(t.Context(), 12, 25)
		if c.count(200) < 200 || c.count(503) < 50 {
			t.Errorf("%d accepted, %d unavailable", c.count(200), c.count(503))
		}
	})
}

// TestNoBleedWithoutStore: the same while Redis stops, and comes back.
func TestNoBleedWithoutStore(t *testing.T) {
	for _, mechanism := range []string{"session", "hybrid"} {
		t.Run(mechanism, func(t *testing.T) {
			srv := storetest.StartRedis(t)
			a := redisArm(srv)
			if mechanism == "hybrid" {
				a.set = settingsFor("hybrid", "algorithm", "ES256")
			}
			n := a.start(t)
			c := newCrowd(n)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { c.run(ctx, 8, 1<<20) })
			rest := func() { time.Sleep(150 * time.Millisecond) }
			rest()
			srv.Pause()
			time.Sleep(500 * time.Millisecond)
			srv.Resume()
			rest()
			cancel()
			wg.Wait()
			if c.count(200) < 100 || c.count(503) == 0 {
				t.Errorf("%d accepted, %d unavailable", c.count(200), c.count(503))
			}
		})
	}
}
