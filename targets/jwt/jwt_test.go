package jwt

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var epoch = time.Unix(1_800_000_000, 0)

// frozen is a clock that stands still until it is told otherwise.
type frozen struct{ t time.Time }

func (f *frozen) now() time.Time { return f.t }

func config(c *frozen) Config {
	return Config{
		Issuer: "https://issuer.test", Audience: "api", Lifetime: 15 * time.Minute,
		RefreshLifetime: time.Hour, Leeway: 5 * time.Second, Now: c.now,
	}
}

// rings are shared by the tests: an RSA key takes its time.
func rings(t testing.TB) map[string]*Ring {
	t.Helper()
	m := map[string]*Ring{}
	for _, a := range Algorithms() {
		r, err := NewRing(a)
		if err != nil {
			t.Fatal(err)
		}
		m[a] = r
	}
	return m
}

func pair(t testing.TB, r *Ring, cfg Config) (*Issuer, *Verifier) {
	t.Helper()
	i, err := NewIssuer(r, cfg)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier(r, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return i, v
}

func issue(t testing.TB, i *Issuer) Pair {
	t.Helper()
	p, err := i.Issue(Login{Subject: "user-7", Roles: []string{"user", "admin"}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRoundTrip(t *testing.T) {
	for alg, ring := range rings(t) {
		t.Run(alg, func(t *testing.T) {
			clock := &frozen{epoch}
			i, v := pair(t, ring, config(clock))
			p := issue(t, i)
			c, err := v.Access(p.Access)
			if err != nil {
				t.Fatal(err)
			}
			if c.Subject != "user-7" || fmt.Sprint(c.Roles) != "[user admin]" || c.ID != p.Claims.ID || len(c.ID) != 22 {
				t.Errorf("claims %+v", c)
			}
			if !c.Expires().Equal(epoch.Add(15 * time.Minute)) {
				t.Errorf("expires %s", c.Expires())
			}
			r, err := v.Refresh(p.Refresh)
			if err != nil || r.Subject != "user-7" || r.ID == c.ID || len(r.Roles) != 0 {
				t.Errorf("refresh: %+v, %v", r, err)
			}
			if _, err := v.Access(p.Refresh); !errors.Is(err, ErrType) {
				t.Errorf("refresh token as access token: %v", err)
			}
			if _, err := v.Refresh(p.Access); !errors.Is(err, ErrType) {
				t.Errorf("access token as refresh token: %v", err)
			}
			if q := issue(t, i); q.Claims.ID == p.Claims.ID {
				t.Error("the same jti twice")
			}
		})
	}
}

// The edges that semantics promise, to the millisecond.
func TestClockEdges(t *testing.T) {
	clock := &frozen{epoch}
	cfg := config(clock)
	i, v := pair(t, rings(t)["HS256"], cfg)
	p := issue(t, i)
	notBefore := epoch.Unix() + 60
	late := i.claims(Login{Subject: "user-7"}, cfg.Audience, cfg.Lifetime)
	late.NotBefore = &notBefore
	nbf, err := i.sign(Access, late)
	if err != nil {
		t.Fatal(err)
	}
	end := epoch.Add(cfg.Lifetime + cfg.Leeway)
	start := time.Unix(notBefore, 0).Add(-cfg.Leeway)
	for _, c := range []struct {
		name  string
		token string
		now   time.Time
		want  error
	}{
		{"exp + leeway - 1ms", p.Access, end.Add(-time.Millisecond), nil},
		{"exp + leeway", p.Access, end, ErrExpired},
		{"exp + leeway + 1ms", p.Access, end.Add(time.Millisecond), ErrExpired},
		{"nbf - leeway - 1ms", nbf, start.Add(-time.Millisecond), ErrNotYet},
		{"nbf - leeway", nbf, start, nil},
	} {
		clock.t = c.now
		if _, err := v.Access(c.token); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// The edge of a refresh token is its own.
func TestRefreshLifetime(t *testing.T) {
	clock := &frozen{epoch}
	i, v := pair(t, rings(t)["HS256"], config(clock))
	p := issue(t, i)
	clock.t = epoch.Add(time.Hour)
	if _, err := v.Refresh(p.Refresh); err != nil {
		t.Error(err)
	}
	clock.t = epoch.Add(time.Hour + 5*time.Second)
	if _, err := v.Refresh(p.Refresh); !errors.Is(err, ErrExpired) {
		t.Errorf("past its life: %v", err)
	}
}

func TestRotation(t *testing.T) {
	for alg, ring := range rings(t) {
		clock := &frozen{epoch}
		i, v := pair(t, ring, config(clock))
		before := issue(t, i)
		k, err := ring.Rotate(epoch)
		if err != nil {
			t.Fatal(err)
		}
		after := issue(t, i)
		for _, tok := range []string{before.Access, after.Access} {
			if _, err := v.Access(tok); err != nil {
				t.Errorf("%s: %v", alg, err)
			}
		}
		keys, active := ring.Keys()
		if len(keys) != 2 || active != k.ID || keys[1].ID != k.ID {
			t.Errorf("%s: keys %v, active %s", alg, keys, active)
		}
		want := 2
		if alg == "HS256" {
			want = 0
		}
		if n := strings.Count(string(ring.JWKS()), `"kid"`); n != want {
			t.Errorf("%s: %d published keys, want %d", alg, n, want)
		}
		other, err := NewRing(alg)
		if err != nil {
			t.Fatal(err)
		}
		_, foreign := pair(t, other, config(clock))
		if _, err := foreign.Access(after.Access); !errors.Is(err, ErrKey) {
			t.Errorf("%s: a foreign ring says %v", alg, err)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	ring := rings(t)["HS256"]
	good := config(&frozen{epoch})
	for name, change := range map[string]func(*Config){
		"issuer":           func(c *Config) { c.Issuer = "" },
		"both":             func(c *Config) { c.Audience = c.Issuer },
		"lifetime":         func(c *Config) { c.Lifetime = 1500 * time.Millisecond },
		"refresh lifetime": func(c *Config) { c.RefreshLifetime = 0 },
		"leeway":           func(c *Config) { c.Leeway = -1 },
	} {
		bad := good
		change(&bad)
		_, err := NewIssuer(ring, bad)
		if _, err2 := NewVerifier(ring, bad); err == nil || err2 == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, %v", name, err, err2)
		}
	}
	if _, err := NewRing("none"); err == nil || !strings.Contains(err.Error(), "HS256") {
		t.Errorf("algorithm none: %v", err)
	}
}
