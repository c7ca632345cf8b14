package attack

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/targets/contract"
	"authbench/targets/server"
	"authbench/targets/store/storetest"
)

// bundled is a bundled arm as a target: a server of this process.
func bundled(t *testing.T, name string, set map[string]string, change ...func(*server.Options)) *Target {
	t.Helper()
	c, err := contract.Arm(name, set)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Decode(c.Settings)
	if err != nil {
		t.Fatal(err)
	}
	o := server.Options{Arm: name, Settings: s}
	for _, f := range change {
		f(&o)
	}
	srv, err := server.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, ln.(*net.TCPListener), nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return NewTarget([]*contract.Client{{Contract: c, Host: ln.Addr().String(), Timeout: 10 * time.Second}}, Material{}, 0)
}

// TestCookiesAndExposure: classes G and H of the arms that differ in what carries the
// credential. None fails; what is unknown or does not apply is what has to be.
func TestCookiesAndExposure(t *testing.T) {
	const cookieOnly = "G1 G2 G3 G5 G7"
	for _, a := range []struct {
		arm     string
		skipped string // not applicable
		stores  bool
	}{
		{"control", cookieOnly + " G9 G10 G11 H1 H3 H4 H5 H7 H8", false},
		{"session-memory", "G11 H4", false},
		{"session-sealed", "G11 H4", false},
		{"jwt-es256", cookieOnly + " H4", false},
		{"jwt-es256@cookie", "H4", false},
		{"session-redis", "G11 H4", true},
		{"session-mysql", "G11 H4", true},
		{"hybrid", cookieOnly + " H4", true},
	} {
		t.Run(a.arm, func(t *testing.T) {
			var stores func(*server.Options)
			if a.stores {
				stores = withStores(t, a.arm)
			} else {
				stores = func(*server.Options) {}
			}
			target := bundled(t, a.arm, nil, stores)
			failed, unknown, report := probeAll(t, target, "G", "H")
			if len(failed) > 0 || len(unknown) > 0 {
				t.Errorf("failed %v, unknown %v", failed, unknown)
			}
			var skipped []string
			for _, r := range report.Cases {
				if r.Status == results.NotApplicable {
					skipped = append(skipped, r.ID)
				}
				if r.ID == "G5" && r.Status == results.Pass && !strings.Contains(r.Reason, "a CSRF token, Origin, Sec-Fetch-Site") {
					t.Errorf("G5 has not seen all three defences: %s", r.Reason)
				}
				t.Logf("%s %s: %d tried, %s", r.ID, r.Status, r.Tried, r.Reason)
			}
			if got := strings.Join(skipped, " "); got != a.skipped {
				t.Errorf("not applicable: %s, want %s", got, a.skipped)
			}
		})
	}
}

// withStores starts what the arm asks.
func withStores(t *testing.T, arm string) func(*server.Options) {
	t.Helper()
	if arm == "session-mysql" {
		mysql := storetest.StartMySQL(t)
		return func(o *server.Options) { o.MySQLDSN = mysql.DSN }
	}
	redis := storetest.StartRedis(t)
	return func(o *server.Options) { o.RedisURL = redis.URL }
}

// TestGuessing: H4 against a server with a limit, and against one that says it has one.
func TestGuessing(t *testing.T) {
	of := func(target *Target) Result {
		_, _, report := probeAll(t, target, "H4")
		return report.Cases[0]
	}
	limited := bundled(t, "session-memory", map[string]string{"login_limit_account": "5/1m"})
	if r := of(limited); r.Status != results.Pass || r.Tried < 11 {
		t.Errorf("a limit: %+v", r)
	}
	liar := bundled(t, "session-memory", nil)
	liar.Contract.Promises.LoginLimit = "5/1m"
	if r := of(liar); r.Status != results.Fail || r.Got != "401" {
		t.Errorf("a limit that is promised alone: %+v", r)
	}
	silent := bundled(t, "session-memory", nil)
	silent.Contract.Promises.LoginLimit = ""
	if r := of(silent); r.Status != results.Unknown {
		t.Errorf("no limit, none promised: %+v", r)
	}
}

// TestOracle: what has to become of requests, by hand.
func TestOracle(t *testing.T) {
	const own = "https://shop.test"
	all := defences{token: true, origin: true, site: true}
	find := func(name string) origin {
		for _, o := range origins(own) {
			if strings.Contains(o.name, name) {
				return o
			}
		}
		t.Fatalf("no origin %q", name)
		return origin{}
	}
	for _, c := range []struct {
		has        defences
		from, site string
		method     string
		token      bool
		want       fate
	}{
		{all, "no Origin", "", "POST", true, done},
		{all, "its own origin", "same-origin", "POST", true, done},
		{all, "no Origin", "none", "POST", true, done},
		{all, "no Origin", "", "POST", false, refused},
		{all, "its own origin", "same-site", "POST", true, refused},
		{all, "another site", "", "POST", true, refused},
		{all, "null", "same-origin", "POST", true, anyFate},
		{all, "sibling", "", "POST", true, refused},
		{all, "another port", "", "POST", true, refused},
		{all, "own host by http", "", "POST", true, refused},
		{all, "capitals", "", "POST", true, anyFate},
		{all, "as user name", "", "POST", true, refused},
		{all, "its own origin", "same-origin", "GET", true, noEffect},
		{defences{token: true}, "another site", "cross-site", "POST", false, refused},
		{defences{token: true}, "another site", "cross-site", "POST", true, anyFate},
		{defences{origin: true}, "another site", "", "POST", false, refused},
		{defences{origin: true}, "no Origin", "cross-site", "POST", false, anyFate},
		{defences{}, "another site", "", "POST", false, refused},
		{defences{}, "no Origin", "cross-site", "POST", false, refused},
	} {
		got := c.has.expects(cell{from: find(c.from), site: c.site, method: c.method, token: c.token}, "POST")
		if got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
	seen := map[string]bool{}
	for _, o := range append(origins(own), origins("http://127.0.0.1:8080")...) {
		if o.kind == foreign && (o.value == own || o.value == "http://127.0.0.1:8080") {
			t.Errorf("%s is the target's own", o.name)
		}
		seen[o.value] = true
	}
	if len(seen) < 25 {
		t.Errorf("%d different origins", len(seen))
	}
}

// TestCookieLine: a Set-Cookie header as text.
func TestCookieLine(t *testing.T) {
	c := parseCookieLine("__Host-a=b; Path=/; secure; HttpOnly; SameSite=lax; Path=/x; Max-Age=0")
	if c.name != "__Host-a" || c.value != "b" || !c.has("secure") || !c.has("httponly") || c.has("domain") || !c.deletes() || len(c.twice) != 1 {
		t.Errorf("%+v", c)
	}
	if parseCookieLine("a=b; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT").deletes() {
		t.Error("Max-Age comes before Expires (RFC 6265 section 4.1.2.2)")
	}
	if !parseCookieLine("a=; expires=Thu, 01 Jan 1970 00:00:00 GMT").deletes() || parseCookieLine("a=b").deletes() {
		t.Error("Expires")
	}
}
