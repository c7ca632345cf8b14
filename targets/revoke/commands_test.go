package revoke

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// TestCommands: how often a use asks the store, by the store's own count.
func TestCommands(t *testing.T) {
	const n = 200
	for _, tt := range []struct{ kind, command string }{
		{"denylist", "mget"}, {"epoch", "get"}, {"record", "exists"}, {"epoch-local", ""}, {"push", ""}, {"families", ""},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			srv := storetest.StartRedis(t)
			s, err := Open(Config{
				Kind: tt.kind, Redis: store.Config{RedisURL: srv.URL}, Keep: time.Hour, Bound: time.Hour, PollEvery: time.Minute,
				Key: []byte("0123456789abcdef0123456789abcdef"),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			tok := begin(t, s, "alice")
			until(t, "ready", func() bool { return s.Ping(t.Context()) == nil && s.Check(t.Context(), tok) == nil })
			if tt.kind == "epoch-local" { // its copy is from before the list had a name
				if err := s.(*local).mirror.poll(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			d, err := openDB(store.Config{RedisURL: srv.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			before := commands(t, d)
			for range n {
				if err := s.Check(t.Context(), tok); err != nil {
					t.Fatal(err)
				}
			}
			for name, count := range commands(t, d) {
				want := 0
				if name == tt.command {
					want = n
				}
				if got := count - before[name]; got != want && name != "info" {
					t.Errorf("%s: %d calls, want %d", name, got, want)
				}
			}
		})
	}
}

func commands(t *testing.T, d *db) map[string]int {
	t.Helper()
	info, err := d.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for line := range strings.Lines(info) {
		rest, ok := strings.CutPrefix(line, "cmdstat_")
		if !ok {
			continue
		}
		name, stats, _ := strings.Cut(rest, ":")
		var count int
		if _, err := fmt.Sscanf(stats, "calls=%d,", &count); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		n[name] = count
	}
	return n
}
