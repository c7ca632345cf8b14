package scenarios

import (
	"context"
	"testing"
	"time"

	"authbench/scenarios/testbed"
)

// TestOutage: the store is away, over a link or by itself, until it is brought back with
// what it had, also when the case that took it away has been cut short.
func TestOutage(t *testing.T) {
	bed := bedWith(t, testbed.Redis)
	over, err := bed.NewLink(t.Context(), testbed.Redis)
	if err != nil {
		t.Fatal(err)
	}
	for name, links := range map[string]map[string]*testbed.Link{"link": {testbed.Redis: over}, "store": nil} {
		t.Run(name, func(t *testing.T) {
			probe, err := bed.Store(testbed.Redis).Probe(links[testbed.Redis])
			if err != nil {
				t.Fatal(err)
			}
			defer probe.Close()
			if err := probe.Redis().Set(t.Context(), "kept", name, 0).Err(); err != nil {
				t.Fatal(err)
			}
			ctx, cut := context.WithCancel(t.Context())
			restore, err := outageOf(bed, links)(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := probe.Ping(t.Context()); err == nil {
				t.Error("the store answers while it is away")
			}
			cut()
			if err := restore(); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				got, err := probe.Redis().Get(t.Context(), "kept").Result()
				if err == nil && got == name {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("what it had is %q: %v", got, err)
				}
			}
		})
	}
	if outageOf(bedWith(t), nil) != nil {
		t.Error("a testbed without a store has one that can be away")
	}
}
