package server

import (
	"sync"
	"testing"
	"time"

	"authbench/targets/store/storetest"
)

// TestStoreKilled kills the store of a running server. Until it is back every
// use is 503, soon: never 401, which would log everybody out, and never 200.
// Then the server recovers by itself.
func TestStoreKilled(t *testing.T) {
	for name, start := range map[string]func(testing.TB) (*storetest.Server, arm){
		"redis": func(t testing.TB) (*storetest.Server, arm) { s := storetest.StartRedis(t); return s, redisArm(s) },
		"mysql": func(t testing.TB) (*storetest.Server, arm) { s := storetest.StartMySQL(t); return s, mysqlArm(s) },
	} {
		t.Run(name, func(t *testing.T) {
			s, a := start(t)
			n := a.start(t)
			c := n.login(1)
			c.works(true)
			warm(n, c) // several pooled connections will break
			s.Kill()
			outage(t, n, c, answerWithin)
			s.Restart()
			recovers(t, n)

			c = n.login(1)
			s.Pause() // connections stay open, nothing answers
			takesEffect(n, c)
			outage(t, n, c, 10*answerWithin) // by the client's timeouts; how exactly is the store's test
			s.Resume()
			recovers(t, n)
			c.works(true) // nothing was lost
		})
	}
}

// takesEffect waits until the signal has stopped the last thread of the store.
func takesEffect(n *node, c *client) {
	for range 100 {
		if c.get("/me").status != 200 {
			return
		}
	}
	n.t.Fatal("a paused store goes on answering")
}

func warm(n *node, c *client) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { n.raw(request("GET", "/me", "", c.auth)) })
	}
	wg.Wait()
}

// answerWithin is a promise of the arm, not a speed: how long a client of a node
// whose store was killed waits for its 503.
const answerWithin = 500 * time.Millisecond

func outage(t *testing.T, n *node, c *client, within time.Duration) {
	t.Helper()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				began := time.Now()
				a := n.do("GET", "/me", "", c.auth)
				took := time.Since(began)
				check(t, "/me", a, 503)
				if took > within {
					t.Errorf("/me took %s", took)
				}
			}
		})
	}
	wg.Wait()
	check(t, "/readyz", n.do("GET", "/readyz", ""), 503)
	check(t, "/healthz", n.do("GET", "/healthz", ""), 200)
	check(t, "/login", n.do("POST", "/login", loginBody("user-1", "password-1"), asJSON), 503)
	check(t, "/logout", c.post("/logout", ""), 503)
	check(t, "/password", c.post("/password", `{"password":"password-1","new_password":"x"}`), 503)
	check(t, "no credential", n.do("GET", "/me", ""), 401)
}

// recovers waits for the server to be itself again, without anybody's help. The
// password is the old one: a change that failed has not happened.
func recovers(t *testing.T, n *node) {
	t.Helper()
	began := time.Now()
	for time.Since(began) < 2*time.Second {
		if a := n.do("POST", "/login", loginBody("user-1", "password-1"), asJSON); a.status == 200 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("not recovered after 2 s")
}
