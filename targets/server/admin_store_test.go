package server

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func TestAdminStoreRTT(t *testing.T) {
	n := startNode(t, settingsFor("session", "store", "memory"))
	a := n.adminDo("GET", "/store/rtt?n=20&every=1ms", "", adminAuth)
	var got storeRTT
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	if got.Store != "memory" || got.N != 20 || got.Min > got.P50 || got.P50 > got.P90 || got.P90 > got.Max {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"n=0", "n=x", "n=10001", "every=x", "every=-1ms", "every=2s"} {
		if a := n.adminDo("GET", "/store/rtt?"+bad, "", adminAuth); a.status != 400 {
			t.Errorf("%s: %d", bad, a.status)
		}
	}
	if a := n.adminDo("GET", "/store/rtt", ""); a.status != 401 {
		t.Errorf("without the secret: %d", a.status)
	}
	if a := startNode(t, settingsFor("token", "algorithm", "HS256")).adminDo("GET", "/store/rtt", "", adminAuth); a.status != 404 {
		t.Errorf("a node without a store: %d", a.status)
	}
}

// TestMeasureRTT: what is timed is the ping, not the wait between two of them.
func TestMeasureRTT(t *testing.T) {
	const takes = 3 * time.Millisecond
	calls := 0
	ping := func(context.Context) error {
		calls++
		time.Sleep(takes)
		return nil
	}
	got, err := measureRTT(t.Context(), ping, 10, 0)
	if err != nil || got.N != 10 || calls != 10 || got.Min < takes.Nanoseconds() {
		t.Errorf("%+v after %d calls, %v", got, calls, err)
	}
	idle := func(context.Context) error { return nil }
	began := time.Now()
	if got, err = measureRTT(t.Context(), idle, 10, 5*time.Millisecond); err != nil || time.Since(began) < 45*time.Millisecond {
		t.Errorf("paced: %+v after %v, %v", got, time.Since(began), err)
	}
	if got.P50 >= (5 * time.Millisecond).Nanoseconds() {
		t.Errorf("the wait between two pings counts: %+v", got)
	}
	away := errors.New("nobody there")
	if _, err := measureRTT(t.Context(), func(context.Context) error { return away }, 3, 0); !errors.Is(err, away) {
		t.Errorf("a store that is away: %v", err)
	}
}
