package server

import "testing"

// TestRestricted takes a role away from users of every arm who are logged in: with roles
// in the credential it goes on until that is replaced, with roles that are looked up it
// is gone at once. Who has not got it is forbidden, and still known.
func TestRestricted(t *testing.T) {
	eachArm(t, func(t *testing.T, a arm, n *node) {
		roles := func(n *node, body string) {
			check(t, "roles", n.adminDo("POST", "/users/user-3", body, adminAuth), 200)
		}
		check(t, "nobody", n.do("GET", "/restricted", ""), 401)
		check(t, "HEAD, not allowed", n.do("HEAD", "/restricted", "", n.login(2).auth), 403)
		check(t, "POST", n.do("POST", "/restricted", "", n.login(2).auth), 405)
		check(t, "without the role", n.login(2).get("/restricted"), 403)
		if got := n.login(1).get("/restricted"); got.status != 200 || got.body != `{"sub":"user-1","roles":["user","admin"]}` {
			t.Errorf("with the role: %d %s", got.status, got.body)
		}
		if a.name == "control" { // its roles are those of the directory
			return
		}
		roles(n, `{"roles":["user","admin"]}`)
		c, stepped := n.login(3), n.login(3)
		check(t, "granted", c.get("/restricted"), 200)
		roles(n, `{"roles":["user"]}`)
		check(t, "taken away", c.get("/restricted"), 200)
		check(t, "a new log-in", n.login(3).get("/restricted"), 403)
		if c.refresh != "" {
			c.take(c.refreshed())
			check(t, "refreshed", c.get("/restricted"), 403)
		}
		again := stepped.post("/step-up", `{"password":"password-3"}`)
		check(t, "step-up", again, 200)
		stepped.take(again)
		check(t, "stepped up", stepped.get("/restricted"), 403)
		stepped.works(true)

		a.set = with(a.set, "roles_from", "directory")
		d := a.start(t)
		d.untilReady()
		roles(d, `{"roles":["user","admin"]}`)
		c = d.login(3)
		check(t, "looked up", c.get("/restricted"), 200)
		roles(d, `{"roles":["user"]}`)
		check(t, "looked up, and gone", c.get("/restricted"), 403)
		if got := c.get("/me"); got.body != `{"sub":"user-3","roles":["user"]}` {
			t.Errorf("/me: %s", got.body)
		}
	})
}
