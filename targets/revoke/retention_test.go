package revoke

import (
	"strings"
	"testing"
	"time"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// TestRetention: whatever a revocation is kept as lives for Keep, by the clock of
// Redis, and neither less nor, where there is an end, for ever.
func TestRetention(t *testing.T) {
	const keep = 24*time.Hour + 5*time.Second + 7*time.Second // refresh token + leeway + skew
	srv := storetest.StartRedis(t)
	for _, tt := range []struct{ kind, prefix string }{
		{"denylist", "rd:"}, {"denylist", "rg:"}, {"record", "rl:"}, {"record", "ru:"}, {"families", "rl:"},
	} {
		s, err := Open(Config{
			Kind: tt.kind, Redis: store.Config{RedisURL: srv.URL, Prefix: tt.kind + ":"}, Keep: keep,
			Key: []byte("0123456789abcdef0123456789abcdef"),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		tok := begin(t, s, "alice")
		if tt.kind == "denylist" {
			if err := s.Revoke(t.Context(), tok); err != nil {
				t.Fatal(err)
			}
			if err := s.RevokeAll(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
		}
		d, err := openDB(store.Config{RedisURL: srv.URL, Prefix: tt.kind + ":"})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		keys := d.Keys(t.Context(), tt.kind+":"+tt.prefix+"*").Val()
		if len(keys) == 0 {
			t.Errorf("%s: no key %s", tt.kind, tt.prefix)
		}
		for _, key := range keys {
			if ttl := d.PTTL(t.Context(), key).Val(); ttl > keep || ttl < keep-time.Minute {
				t.Errorf("%s: %s lives for %v, want %v", tt.kind, strings.TrimPrefix(key, d.Prefix), ttl, keep)
			}
		}
	}
}

// TestRenewExtends: a refresh lengthens what the store keeps of the log-in.
func TestRenewExtends(t *testing.T) {
	srv := storetest.StartRedis(t)
	open := func(keep time.Duration) record {
		l, err := openLogins(Config{Redis: store.Config{RedisURL: srv.URL}, Keep: keep})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return record{l}
	}
	short, long := open(time.Minute), open(time.Hour)
	tok := begin(t, short, "alice")
	if err := long.Renew(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	for _, key := range short.keys(tok.Session, "alice") {
		if ttl := short.PTTL(t.Context(), key).Val(); ttl < 59*time.Minute {
			t.Errorf("%s lives for %v", key, ttl)
		}
	}
	// A renewed log-in is still on the list of its user.
	if err := short.RevokeAll(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if err := long.Renew(t.Context(), tok); err == nil {
		t.Error("revoked, and renewed")
	}
}
