package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authbench/targets/contract"
)

func TestSettingsErrors(t *testing.T) {
	session := map[string]string{"mechanism": "session", "store": "memory"}
	token := map[string]string{"mechanism": "token", "algorithm": "HS256"}
	rsa := map[string]string{"mechanism": "token", "algorithm": "PS256"}
	none := map[string]string{"mechanism": "none"}
	denylist, push := with(token, "revocation", "denylist"), with(token, "revocation", "push")
	hybrid := map[string]string{"mechanism": "hybrid", "algorithm": "ES256"}
	for _, c := range []struct {
		base       map[string]string
		key, value string
		want       string
	}{
		{session, "idle_timeout", "soon", "idle_timeout=soon: want a duration"},
		{session, "idle_timeout", "-1s", "idle_timeout=-1s: want a duration"},
		{session, "idle_timeout", "24h", "longer than absolute_timeout=12h"},
		{session, "touch_every", "30m", "touch_every=30m0s: not shorter"},
		{session, "store", "disk", "store=disk: want one of memory, redis, mysql, redis+mysql"},
		{session, "same_site", "None", "same_site=None: want one of Lax, Strict"},
		{session, "lifetime", "15m", "lifetime=15m: means nothing with mechanism=session"},
		{session, "redis_timeout", "1s", "means nothing with mechanism=session, store=memory"},
		{session, "idel_timeout", "1m", "idel_timeout=1m: there is no such setting"},
		{token, "algorithm", "none", "algorithm=none: want one of HS256, RS256, PS256, ES256, ES384, EdDSA, ML-DSA-44"},
		{token, "verifier", "mine", "verifier=mine: want one of golang-jwt, jwx"},
		{token, "rsa_bits", "2048", "rsa_bits=2048: means nothing with mechanism=token"},
		{rsa, "rsa_bits", "1024", "rsa_bits=1024: want one of 2048, 3072, 4096"},
		{rsa, "verifier", "jwx", "verifier=jwx: means nothing with mechanism=token"},
		{token, "lifetime", "1500ms", "lifetime=1.5s: exp counts whole seconds"},
		{token, "lifetime", "500ms", "lifetime=500ms: want a duration of at least 1s"},
		{token, "audience", "https://authbench.test", "must differ from issuer"},
		{token, "issuer", "", "issuer=: must not be empty"},
		{token, "nbf", "exp", "nbf=exp: want one of none, iat"},
		{session, "nbf", "iat", "nbf=iat: means nothing with mechanism=session"},
		{token, "users", "many", "users=many: want a whole number"},
		{token, "users", "0", "users=0: want a whole number from 1"},
		{token, "password_hash", "md5", "password_hash=md5: want sha256-test-only, argon2id"},
		{token, "password_hash", "argon2id:m=4", "password_hash=argon2id:m=4: m=4: want a whole number from 8"},
		{token, "password_hash", "argon2id:m=64,x=1", "password_hash=argon2id:m=64,x=1: want sha256-test-only, argon2id"},
		{token, "password_hash", "argon2id:wait=-1s", "wait=-1s: want a duration"},
		{session, "login_limit_account", "5", "login_limit_account=5: want none, or tries/duration"},
		{session, "login_limit_address", "0/1m", "login_limit_address=0/1m: want none"},
		{token, "carrier", "url", "carrier=url: want one of header, cookie"},
		{session, "carrier", "cookie", "carrier=cookie: means nothing with mechanism=session"},
		{token, "same_site", "Lax", "same_site=Lax: means nothing with mechanism=token"},
		{with(token, "carrier", "cookie"), "refresh_lifetime", "24h", "refresh_lifetime=24h: means nothing with mechanism=token"},
		{with(token, "carrier", "cookie"), "revocation", "families", "carrier=cookie: there are no refresh tokens"},
		{token, "revocation", "record", "revocation=record: want one of none, denylist, epoch"},
		{token, "on_store_unreachable", "open", "on_store_unreachable=open: means nothing with mechanism=token, revocation=none"},
		{denylist, "on_store_unreachable", "shut", "on_store_unreachable=shut: want 503, stale(T)"},
		{denylist, "on_store_unreachable", "stale(0s)", "on_store_unreachable=stale(0s): want 503"},
		{denylist, "poll_every", "1s", "poll_every=1s: means nothing with mechanism=token, revocation=denylist"},
		{push, "on_store_unreachable", "503", "means nothing with mechanism=token, revocation=push"},
		{push, "poll_every", "800ms", "poll_every=800ms: more than half of revocation_bound=1s"},
		{hybrid, "revocation", "push", "revocation=push: means nothing with mechanism=hybrid"},
		{hybrid, "check_every", "-1s", "check_every=-1s: want a duration"},
		{session, "cache_for", "1s", "cache_for=1s: means nothing with mechanism=session, store=memory"},
		{map[string]string{"mechanism": "session", "store": "redis", "cache_for": "1s"}, "on_store_unreachable", "open", "on_store_unreachable=open: want 503 or stale(T)"},
		{map[string]string{"mechanism": "session", "store": "redis"}, "on_store_unreachable", "stale(1s)", "means nothing with mechanism=session, store=redis"},
		{session, "redis_wait", "1", "redis_wait=1: means nothing with mechanism=session, store=memory"},
		{push, "redis_wait", "1", "redis_wait=1: means nothing with mechanism=token, revocation=push"},
		{with(denylist, "redis_wait", "1"), "redis_wait_timeout", "300ms", "redis_wait_timeout=300ms: not shorter than redis_timeout=300ms"},
		{map[string]string{"mechanism": "session", "store": "mysql"}, "replica_lag_bound", "1s", "replica_lag_bound=1s: sessions are read from the primary"},
		{map[string]string{"mechanism": "session", "store": "redis", "cache_for": "1s"}, "read_from", "replica", "read_from=replica: means nothing with mechanism=session, store=redis"},
		{none, "credential_bytes", "8", "credential_bytes=8: want a whole number from 16"},
		{none, "mechanism", "magic", "mechanism=magic: want one of none, session, token, hybrid"},
	} {
		set := with(c.base, c.key, c.value)
		if _, err := Decode(set); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: %v, want %q", c.key, c.value, err, c.want)
		}
	}
	if _, err := Decode(nil); err == nil || !strings.Contains(err.Error(), "mechanism is missing") {
		t.Errorf("nothing: %v", err)
	}
	if _, err := Decode(map[string]string{"mechanism": "token", "a": "1", "b": "2"}); err == nil ||
		!strings.Contains(err.Error(), "algorithm is missing") || !strings.Contains(err.Error(), "a=1") || !strings.Contains(err.Error(), "b=2") {
		t.Errorf("several at once: %v", err)
	}
}

// What Map prints decodes to the same, and the bundled arms say all of it.
func TestSettingsOfArms(t *testing.T) {
	for _, name := range contract.Arms() {
		c, err := contract.Arm(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Decode(c.Settings)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again, err := Decode(s.Map()); err != nil || again != s {
			t.Errorf("%s: %+v, %+v, %v", name, again, s, err)
		}
		for key := range s.Map() {
			if _, ok := c.Settings[key]; !ok {
				t.Errorf("%s: the arm file does not say %s", name, key)
			}
		}
	}
}

// Nodes that share a key directory accept each other's credentials; others do
// not.
func TestKeysAreShared(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	s, err := Decode(settingsFor("token", "algorithm", "HS256"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.GenerateKeys(dir); err != nil {
		t.Fatal(err)
	}
	shared := func(o *Options) { o.KeysDir = dir }
	a, b := startNode(t, settingsFor("token", "algorithm", "HS256"), shared), startNode(t, settingsFor("token", "algorithm", "HS256"), shared)
	alone := startNode(t, settingsFor("token", "algorithm", "HS256"))
	auth := a.login(1).auth
	check(t, "shared ring", b.do("GET", "/me", "", auth), 200)
	check(t, "another ring", alone.do("GET", "/me", "", auth), 401)

	s, err = Decode(settingsFor("session", "store", "memory"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), Options{Settings: s, KeysDir: dir}); err == nil || !strings.Contains(err.Error(), csrfFile) {
		t.Errorf("no CSRF key: %v", err)
	}
	if err := s.GenerateKeys(dir); err != nil {
		t.Fatal(err)
	}
	startNode(t, settingsFor("session", "store", "memory"), shared).login(1).works(true)
	if err := os.Chmod(filepath.Join(dir, csrfFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), Options{Settings: s, KeysDir: dir}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable key: %v", err)
	}
}
