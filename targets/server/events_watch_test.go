package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"authbench/targets/revoke"
	"authbench/targets/store"
)

// watched is a watch whose events can be read.
func watched(t *testing.T) (*watch, func() string) {
	t.Helper()
	var b bytes.Buffer
	s, err := New(t.Context(), Options{
		Arm: "test", Settings: mustDecode(t, settingsFor("session", "store", "memory")), Events: slog.New(slog.NewJSONHandler(&b, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return newWatch(s), func() string {
		defer b.Reset()
		return b.String()
	}
}

func TestWatchPools(t *testing.T) {
	w, said := watched(t)
	pool := func(waits uint64, waited time.Duration, timeouts uint64) *reading {
		return &reading{pools: []store.Pool{{Name: "redis", Size: 4, Waits: waits, Waited: waited, Timeouts: timeouts}}}
	}
	for _, c := range []struct {
		r    *reading
		want string
	}{
		{pool(0, 0, 0), ""},
		{pool(100, 100*time.Millisecond, 0), ""}, // 1 ms each
		{pool(110, 200*time.Millisecond, 0), `"msg":"store_pool_wait","pool":"redis","waits":10,"timeouts":0,"mean_wait":10000000`},
		{pool(110, 200*time.Millisecond, 0), ""},
		{pool(110, 200*time.Millisecond, 3), `"timeouts":3`},
	} {
		w.look(c.r)
		if got := said(); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%+v: %q, not %q", c.r.pools[0], got, c.want)
		}
	}
}

func TestWatchSessionsAndCopies(t *testing.T) {
	w, said := watched(t)
	w.s.sightings.vanished.Store(3)
	w.look(&reading{})
	if got := said(); !strings.Contains(got, `"msg":"sessions_vanished","sessions":3`) {
		t.Errorf("%q", got)
	}
	w.look(&reading{})
	if got := said(); got != "" {
		t.Errorf("again: %q", got)
	}
	old := &reading{copied: &revoke.Copy{Age: 700 * time.Millisecond, Bound: time.Second}}
	w.look(old)
	if got := said(); !strings.Contains(got, `"msg":"revocation_copy_stale"`) {
		t.Errorf("%q", got)
	}
	w.look(old) // it is said once, until the copy is fresh again
	w.look(&reading{copied: &revoke.Copy{Age: 100 * time.Millisecond, Bound: time.Second}})
	if got := said(); got != "" {
		t.Errorf("%q", got)
	}
	w.look(old)
	if got := said(); got == "" {
		t.Error("stale once more, and nobody says so")
	}
}

// TestWatchBurst: what is many depends on what is usual.
func TestWatchBurst(t *testing.T) {
	burst := func(usual float64, n float64) bool {
		w := &watch{}
		for range 30 {
			w.burst(usual)
		}
		return w.burst(n)
	}
	for _, c := range []struct {
		usual, n float64
		want     bool
	}{{0, 0, false}, {0, 19, false}, {0, 20, true}, {10, 49, false}, {10, 50, true}, {1000, 2000, false}, {1000, 5000, true}} {
		if got := burst(c.usual, c.n); got != c.want {
			t.Errorf("%v log-ins where %v are usual: %t", c.n, c.usual, got)
		}
	}
	w := &watch{}
	if w.burst(1000) {
		t.Error("the first second of a node is a burst")
	}
	w = &watch{}
	for range 30 {
		w.burst(10)
	}
	long := 0
	for range 120 {
		if w.burst(200) {
			long++
		}
	}
	if long < 5 || long > 60 {
		t.Errorf("a new level is a burst for %d s", long)
	}
}

// TestRefreshResults names how a refresh ended.
func TestRefreshResults(t *testing.T) {
	for want, c := range map[string]struct {
		g   grant
		err error
	}{
		"ok": {}, "again": {g: grant{again: true}}, "reused": {err: errRejected("reused")},
		"rejected": {err: errRejected("expired")}, "error": {err: store.ErrNoConnection},
	} {
		if got := refreshResult(c.g, c.err); got != want {
			t.Errorf("%+v, %v: %s, not %s", c.g, c.err, got, want)
		}
	}
}
