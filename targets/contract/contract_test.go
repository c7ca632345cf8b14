package contract

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestArms(t *testing.T) {
	files, err := fs.Glob(armFiles, "arms/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(Arms()) {
		t.Errorf("%d arm files, %d arms: every file has to be listed in Arms", len(files), len(Arms()))
	}
	for _, name := range Arms() {
		t.Run(name, func(t *testing.T) {
			c, err := Arm(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.Name != name {
				t.Errorf("the file of %s calls itself %s", name, c.Name)
			}
			if c.Summary == "" || len(c.Notes) == 0 {
				t.Error("no summary or no notes")
			}
			if i := slices.Index(c.Start.Command, "--arm"); i < 0 || c.Start.Command[i+1] != name {
				t.Errorf("it starts %q", c.Start.Command)
			}
			checkPromises(t, c)
		})
	}
}

// checkPromises holds the arms to what their mechanism can keep.
func checkPromises(t *testing.T, c *Contract) {
	t.Helper()
	type promised struct{ bound, unreachable, dataLoss, refresh string }
	const atOnce, expiry = "refused from the acknowledgement on", "until exp + leeway (15m + 5s after it was issued)"
	want, ok := map[string]promised{
		"session-memory":        {atOnce, "503", "logged-out", ""},
		"session-redis":         {atOnce, "503", "logged-out", ""},
		"session-mysql":         {atOnce, "503", "logged-out", ""},
		"session-redis+cache":   {"for 1s after the acknowledgement", "stale(1s)", "logged-out", ""},
		"session-redis+mysql":   {atOnce, "fallback", "logged-out", ""},
		"jwt-hs256":             {expiry, "unaffected", "unaffected", "stateless"},
		"jwt-hs256-jwx":         {expiry, "unaffected", "unaffected", "stateless"},
		"jwt-rs256":             {expiry, "unaffected", "unaffected", "stateless"},
		"jwt-rs256-3072":        {expiry, "unaffected", "unaffected", "stateless"},
		"jwt-ps256":             {expiry, "unaffected", "unaffected", "stateless"},
		"jwt-es384":             {expiry, "unaffected", "unaffected", "stateless"},
		"jwt-eddsa":             {expiry, "unaffected", "unaffected", "stateless"},
		"jwt-mldsa44":           {expiry, "unaffected", "unaffected", "stateless"},
		"jwt-mldsa65":           {expiry, "unaffected", "unaffected", "stateless"},
		"jwt-es256":             {expiry, "unaffected", "unaffected", "stateless"},
		"jwt-es256@cookie":      {expiry, "unaffected", "unaffected", "none"},
		"jwt-es256+memo":        {expiry, "unaffected", "unaffected", "stateless"},
		"jwt-es256+short":       {"until exp + leeway (1m + 5s after it was issued)", "unaffected", "logged-out", "rotating"},
		"jwt-es256+denylist":    {atOnce, "503", "revoked-lives-again", "stateless"},
		"jwt-es256+epoch":       {atOnce, "503", "logged-out", "stateless"},
		"jwt-es256+epoch-local": {"for 1s after the acknowledgement", "stale(1s)", "logged-out", "stateless"},
		"jwt-es256+push":        {"for 1s after the acknowledgement", "stale(1s)", "revoked-lives-again", "stateless"},
		"hybrid":                {atOnce, "503", "logged-out", "stateless"},
		"session-sealed":        {"until exp (12h after it was issued)", "unaffected", "unaffected", ""},
	}[c.Name]
	p := c.Promises
	if !ok {
		if c.Mechanism != "none" || len(p.Map()) != 0 {
			t.Errorf("promises %v, and nobody expects any", p.Map())
		}
		return
	}
	if got := (promised{p.Bound().String(), p.OnStoreUnreachable, p.OnDataLoss, p.Refresh}); got != want {
		t.Errorf("promises %+v, want %+v", got, want)
	}
	if c.Password == nil || c.StepUp == nil {
		t.Error("no password or no step_up step")
	}
	if epoch := strings.Contains(c.Name, "epoch"); epoch != (p.RevokeScope == "user") {
		t.Errorf("revoke_scope %q", p.RevokeScope)
	}
}

// TestBenchArms: what bench takes by itself are arms.
func TestBenchArms(t *testing.T) {
	for _, name := range BenchArms() {
		if !slices.Contains(Arms(), name) {
			t.Errorf("%s is no arm", name)
		}
	}
}

// TestSet: settings, promises and the start command change together.
func TestSet(t *testing.T) {
	c, err := Arm("jwt-hs256", map[string]string{"lifetime": "2s", "users": "10000"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Settings["lifetime"] != "2s" || c.Promises.Lifetime != "2s" || c.Promises.Bound().Lifetime != 2*time.Second {
		t.Errorf("settings %v, promises %v", c.Settings, c.Promises.Map())
	}
	inv, err := c.Invocation(Vars{"self": "/bin/ab", "listen": "127.0.0.1:1", "keys_dir": "/k"})
	if err != nil {
		t.Fatal(err)
	}
	const want = "/bin/ab serve --arm jwt-hs256 --listen 127.0.0.1:1 --keys /k --set lifetime=2s"
	if got := strings.Join(inv.Command, " "); got != want {
		t.Errorf("command %q, want %q", got, want)
	}
	if got := strings.Join(inv.Prepare, " "); got != "/bin/ab keys --arm jwt-hs256 --out /k --set lifetime=2s" {
		t.Errorf("prepare %q", got)
	}
	if _, err := c.Invocation(Vars{"self": "/bin/ab"}); err == nil || !strings.Contains(err.Error(), "{listen}") {
		t.Errorf("an invocation without an address: %v", err)
	}
	again, err := Arm("jwt-hs256", nil)
	if err != nil || again.Settings["lifetime"] != "15m" {
		t.Errorf("the next one has %q, %v", again.Settings["lifetime"], err)
	}
}

func TestInvocationEnv(t *testing.T) {
	c, err := Arm("session-redis", nil)
	if err != nil {
		t.Fatal(err)
	}
	inv, err := c.Invocation(Vars{"self": "ab", "listen": "l", "redis_url": "redis://secret@h", "keys_dir": "/k"})
	if err != nil {
		t.Fatalf("%+v, %v", inv, err)
	}
	if !slices.Equal(inv.Env, []string{"AUTHBENCH_REDIS_URL=redis://secret@h"}) {
		t.Errorf("environment %q", inv.Env)
	}
	if strings.Contains(strings.Join(inv.Command, " "), "secret") {
		t.Errorf("a secret among the arguments: %q", inv.Command)
	}
}

func TestUnknownNames(t *testing.T) {
	_, err := Arm("jwt-hs265", nil)
	var unknown UnknownArmError
	if !errors.As(err, &unknown) || !strings.Contains(err.Error(), `did you mean "jwt-hs256"?`) || !strings.Contains(err.Error(), "session-mysql") {
		t.Errorf("an unknown arm: %v", err)
	}
	_, err = Arm("jwt-hs256", map[string]string{"life_time": "5m"})
	var setting UnknownSettingError
	if !errors.As(err, &setting) || !strings.Contains(err.Error(), `did you mean "lifetime"?`) || !strings.Contains(err.Error(), "\n  leeway=5s") {
		t.Errorf("an unknown setting: %v", err)
	}
	if _, err = Resolve("session-reddis", nil); !errors.As(err, &unknown) {
		t.Errorf("neither arm nor file: %v", err)
	}
	if _, err = Resolve("./none.yaml", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if c, err := Resolve("control", nil); err != nil || c.Name != "control" {
		t.Errorf("an arm: %v", err)
	}
}

func TestBound(t *testing.T) {
	issued, acked := time.Unix(100, 0), time.Unix(200, 0)
	for _, tt := range []struct {
		p     Promises
		until time.Time
		words string
	}{
		{Promises{RevocationBound: "0s"}, acked, "from the acknowledgement on"},
		{Promises{RevocationBound: "5s"}, acked.Add(5 * time.Second), "for 5s after"},
		{Promises{RevocationBound: "exp", Lifetime: "15m"}, issued.Add(15 * time.Minute), "until exp (15m after"},
		{Promises{RevocationBound: "exp  +  leeway", Lifetime: "15m", Leeway: "5s"}, issued.Add(15*time.Minute + 5*time.Second), "15m + 5s"},
	} {
		b := tt.p.Bound()
		if !b.Declared || !b.Until(issued, acked).Equal(tt.until) || !strings.Contains(b.String(), tt.words) {
			t.Errorf("%v: %+v, until %s, %q", tt.p.Map(), b, b.Until(issued, acked), b)
		}
	}
	if b := (Promises{}).Bound(); b.Declared {
		t.Errorf("nothing is promised, and %+v is the bound", b)
	}
}

func TestRolesUntil(t *testing.T) {
	issued, changed := time.Unix(100, 0), time.Unix(200, 0)
	for _, tt := range []struct {
		p       Promises
		until   time.Time
		bounded bool
	}{
		{Promises{}, time.Time{}, false},
		{Promises{StaleRoles: "directory", Lifetime: "15m"}, changed, true},
		{Promises{StaleRoles: "0s"}, changed, true},
		{Promises{StaleRoles: "1m30s", Lifetime: "15m"}, changed.Add(90 * time.Second), true},
		{Promises{StaleRoles: "credential", Lifetime: "15m", Leeway: "5s"}, issued.Add(15*time.Minute + 5*time.Second), true},
		{Promises{StaleRoles: "credential", Lifetime: "1h"}, issued.Add(time.Hour), true},
		{Promises{StaleRoles: "credential", AbsoluteTimeout: "12h", IdleTimeout: "30m"}, issued.Add(12 * time.Hour), true},
		{Promises{StaleRoles: "credential", IdleTimeout: "30m"}, time.Time{}, false},
	} {
		if until, bounded := tt.p.RolesUntil(issued, changed); bounded != tt.bounded || bounded && !until.Equal(tt.until) {
			t.Errorf("%v: %s, %t", tt.p.Map(), until, bounded)
		}
	}
	restricted := "restricted: {method: GET, path: /r, headers: {Authorization: \"Bearer {credential}\"}}\nusers:\n"
	for edit, fine := range map[string]bool{
		restricted: true,
		"promises: {stale_roles: credential}\n" + restricted:                    true,
		"promises: {stale_roles: 5s}\n" + restricted:                            true,
		"promises: {stale_roles: \"5\"}\n" + restricted:                         false,
		"promises: {stale_roles: session}\n" + restricted:                       false,
		"promises: {stale_roles: 5s}\nusers:\n":                                 false, // nothing to hold it to
		"promises: {max_sessions: 3}\nusers:\n":                                 true,
		"promises: {max_sessions: 0}\nusers:\n":                                 false,
		"promises: {max_sessions: few}\nusers:\n":                               false,
		strings.Replace(restricted, "/r,", "/r, extract: {x: {json: $.x}},", 1): false,
	} {
		if _, err := Parse("shop.yaml", []byte(strings.Replace(good, "users:\n", edit, 1)), nil); (err == nil) != fine {
			t.Errorf("%q: %v", edit, err)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]string{"0s": "0s", "90s": "1m30s", "60m": "1h", "15m": "15m", "300ms": "300ms", "3600s": "1h", "10m": "10m", "20h": "20h"} {
		d, err := ParseDuration(text)
		if err != nil || d.String() != want {
			t.Errorf("%s prints as %s, %v, want %s", text, d, err, want)
		}
		if back, err := ParseDuration(d.String()); err != nil || back != d {
			t.Errorf("%s does not survive being printed: %s, %v", text, back, err)
		}
	}
	for _, bad := range []string{"", "0", "5", "-1s", "5 s", "soon", "1d"} {
		if d, err := ParseDuration(bad); err == nil {
			t.Errorf("%q is %s", bad, d)
		}
	}
}

// FuzzParse: whatever the file says, Parse answers with a contract that renders
// or with positions inside the file.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(shopContract))
	for _, name := range Arms() {
		data, err := armFiles.ReadFile("arms/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{"", "- a", "a: &b [*b]", "name: |\n  x\n", "? [a]\n: b", "\x00", "name: {{n}}", "login: {extract: {a: {json: $[}}}", "%YAML 1.2\n---\nname: x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.yaml", data, nil)
		if err != nil {
			var all Errors
			if !errors.As(err, &all) {
				t.Fatalf("an error without a place: %v", err)
			}
			lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
			for _, e := range all {
				if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > len([]rune(lines[e.Line-1]))+1 {
					t.Errorf("%v is outside of the file", e)
				}
			}
			return
		}
		r, err := c.Render(&c.Login, "h:1", c.User(1))
		if err != nil {
			t.Fatalf("a valid contract does not render: %v", err)
		}
		head, _, _ := strings.Cut(string(r.Bytes()), "\r\n\r\n")
		if want := 2 + len(r.Headers) + strings.Count(head, "\r\nContent-Length:"); len(strings.Split(head, "\r\n")) != want {
			t.Errorf("a head of %d lines from %d headers: %q", len(strings.Split(head, "\r\n")), len(r.Headers), head)
		}
		c.OutcomeMap(&c.Use)
		_ = c.Promises.Bound().String()
	})
}
