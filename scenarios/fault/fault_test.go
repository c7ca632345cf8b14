//go:build unix

package fault

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"authbench/scenarios/testbed"
)

// TestEveryFault holds every fault on every store it acts on to the same: it is
// confirmed, an independent look sees it, and afterwards settings, processes,
// ports and directories are what they were.
func TestEveryFault(t *testing.T) {
	need(t, testbed.Redis, testbed.MySQL)
	tb := newBed(t, testbed.Options{Needs: []string{testbed.Redis, testbed.MySQL}})
	for _, f := range All() {
		for _, kind := range f.Stores {
			t.Run(f.Name+"/"+kind, func(t *testing.T) {
				if runtime.GOOS != "linux" && (f.DelayLink || f.Name == "connect-hang") {
					t.Skip("Linux only")
				}
				place := newPlace(t, tb, f, kind)
				everyFault(t, f, place)
			})
		}
	}
}

func everyFault(t *testing.T, f Fault, place *Place) {
	before := count(t, place.Store)
	if err := see(t.Context(), f, place); err == nil {
		t.Fatalf("the independent look sees %s before it is there", f.Name)
	}
	a, err := Begin(t.Context(), f, shorter()[f.Name], place)
	if err != nil {
		t.Fatal(err)
	}
	if err := see(t.Context(), f, place); err != nil {
		t.Errorf("an independent look does not see it: %v", err)
	}
	if err := a.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := see(t.Context(), f, place); err == nil && !once(f) {
		t.Errorf("an independent look still sees it after the end")
	}
	if d := before.diff(count(t, place.Store)); len(d) > 0 {
		t.Errorf("it left:\n%s", strings.Join(d, "\n"))
	}
	r := a.Record()
	if r.ConfirmedNS == nil || r.RecoverNS == nil || r.RecoveredNS == nil || r.Error != "" || r.On == "" ||
		!(0 < r.RequestedNS && r.RequestedNS < *r.ConfirmedNS && *r.ConfirmedNS < *r.RecoverNS && *r.RecoverNS < *r.RecoveredNS) {
		t.Errorf("record %+v", r)
	}
	if r.Unreachable != f.Unreachable || r.DataLoss != f.DataLoss {
		t.Errorf("record %+v", r)
	}
}

// shorter is what makes the tests quick.
func shorter() map[string]map[string]string {
	return map[string]map[string]string{
		"slow-reply":   {"delay": "80ms"},
		"flap":         {"down": "150ms", "up": "150ms"},
		"client-pause": {"duration": "1s"},
		"restore-old":  {"age": "10ms"},
	}
}

// once reports a fault whose effect stays: the data are gone.
func once(f Fault) bool { return f.DataLoss }

// newPlace fills the store and puts two links before it, where f needs them.
func newPlace(t *testing.T, tb *testbed.Testbed, f Fault, kind string) *Place {
	t.Helper()
	if err := tb.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := &Place{Store: tb.Store(kind), Zero: time.Now(), Seed: 7}
	if f.NeedsLink {
		start := tb.NewLink
		if f.DelayLink {
			start = tb.NewDelayLink
		}
		for range 2 {
			l, err := start(t.Context(), kind)
			if err != nil {
				t.Fatal(err)
			}
			p.Links = append(p.Links, l)
		}
	}
	populate(t, p.Store)
	return p
}

const sample = testbed.KeyPrefix + "sample"

func populate(t *testing.T, s *testbed.Store) {
	t.Helper()
	probe, err := s.Probe(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	if db := probe.MySQL(); db != nil {
		for _, q := range []string{
			"CREATE TABLE IF NOT EXISTS authbench_t (id INT PRIMARY KEY, v INT)",
			"REPLACE INTO authbench_t VALUES (1, 1), (2, 2)",
		} {
			if _, err := db.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	pipe := probe.Redis().Pipeline()
	for i := range 2000 {
		pipe.Set(t.Context(), fmt.Sprintf("%s:%d", sample, i), strings.Repeat("x", 200), time.Hour)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// see is nil when the fault is there, by a look of the test's own.
func see(ctx context.Context, f Fault, p *Place) error {
	look, ok := looks()[f.Name]
	if !ok {
		return fmt.Errorf("no look for %s in this test: add one", f.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
	defer cancel()
	return look(ctx, p)
}

func TestParams(t *testing.T) {
	for _, f := range All() {
		if f.Summary == "" || f.Class == "" || len(f.Stores) == 0 {
			t.Errorf("%s says too little of itself", f.Name)
		}
		params, err := f.params(nil)
		if err != nil {
			t.Error(err)
		}
		if _, err := f.New(params); err != nil {
			t.Errorf("%s does not take its own defaults: %v", f.Name, err)
		}
		for _, p := range f.Params {
			params, err := f.params(map[string]string{p.Name: "-1x"})
			if err != nil {
				t.Error(err)
			}
			if _, err := f.New(params); err == nil || !strings.Contains(err.Error(), "1x") {
				t.Errorf("%s takes %s = -1x: %v", f.Name, p.Name, err)
			}
		}
		if _, err := f.params(map[string]string{"colour": "red"}); err == nil {
			t.Errorf("%s has a colour", f.Name)
		}
		if got, ok := ByName(f.Name); !ok || got.Name != f.Name {
			t.Errorf("ByName(%q) = %v", f.Name, got.Name)
		}
	}
	if _, ok := ByName("rain"); ok {
		t.Error("there is a fault called rain")
	}
}

// What cannot be done in a place says so, and is told from what has failed.
func TestNotApplicable(t *testing.T) {
	need(t, testbed.Redis)
	theirs := newBed(t, testbed.Options{Needs: []string{testbed.Redis}})
	tb := newBed(t, testbed.Options{Needs: []string{testbed.Redis}, Provider: "external", RedisURL: theirs.Store(testbed.Redis).URL()})
	standin := newBed(t, testbed.Options{Needs: []string{testbed.Redis}, Provider: "embedded"})
	for name, s := range map[string]*testbed.Store{
		"kill": tb.Store(testbed.Redis), "kill-empty": tb.Store(testbed.Redis), "restore-old": tb.Store(testbed.Redis),
		"stop": tb.Store(testbed.Redis), "oom": tb.Store(testbed.Redis), "maxclients": tb.Store(testbed.Redis),
		"mysql-lock": tb.Store(testbed.Redis), "evict-lru": standin.Store(testbed.Redis), "kill ": standin.Store(testbed.Redis),
	} {
		f, _ := ByName(strings.TrimSpace(name))
		_, err := Begin(t.Context(), f, nil, &Place{Store: s, Zero: time.Now()})
		if !NotApplicable(err) {
			t.Errorf("%s: got %v, want that it is not applicable", name, err)
		}
	}
	if err := tb.Store(testbed.Redis).Check(); err != nil {
		t.Error(err)
	}
	f, _ := ByName("refuse")
	if _, err := Begin(t.Context(), f, nil, &Place{Store: tb.Store(testbed.Redis)}); err == nil || NotApplicable(err) {
		t.Errorf("without a link: %v", err)
	}
}

// A fault that is not seen to act is undone and reported.
func TestNotConfirmed(t *testing.T) {
	need(t, testbed.Redis)
	tb := newBed(t, testbed.Options{Needs: []string{testbed.Redis}})
	f, _ := ByName("evict-lru")
	p := newPlace(t, tb, f, testbed.Redis)
	if err := p.Store.Empty(t.Context()); err != nil { // nothing to evict
		t.Fatal(err)
	}
	before := count(t, p.Store)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	a, err := Begin(ctx, f, map[string]string{"share": "0.000001"}, p)
	if err == nil || NotApplicable(err) || !strings.Contains(err.Error(), "nothing has been evicted") {
		t.Fatalf("got %v", err)
	}
	if d := before.diff(count(t, p.Store)); len(d) > 0 {
		t.Errorf("it left:\n%s", strings.Join(d, "\n"))
	}
	if r := a.Record(); r.ConfirmedNS != nil || r.RecoveredNS == nil || r.Error == "" {
		t.Errorf("record %+v", r)
	}
}

// The end of the context is the end of the fault.
func TestContextEnds(t *testing.T) {
	need(t, testbed.Redis)
	tb := newBed(t, testbed.Options{Needs: []string{testbed.Redis}})
	for _, name := range []string{"oom", "refuse", "stop", "kill", "redis-readonly", "maxclients", "connect-hang"} {
		f, _ := ByName(name)
		if runtime.GOOS != "linux" && name == "connect-hang" {
			continue
		}
		p := newPlace(t, tb, f, testbed.Redis)
		before := count(t, p.Store)
		ctx, cancel := context.WithCancel(t.Context())
		a, err := Begin(ctx, f, nil, p)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		for begin := time.Now(); a.Record().RecoveredNS == nil && time.Since(begin) < 10*time.Second; {
			time.Sleep(10 * time.Millisecond)
		}
		if d := before.diff(count(t, p.Store)); len(d) > 0 {
			t.Errorf("%s left:\n%s", name, strings.Join(d, "\n"))
		}
		if err := a.End(t.Context()); err != nil {
			t.Error(err)
		}
		if r := a.Record(); r.RecoveredNS == nil {
			t.Errorf("%s: record %+v", name, r)
		}
	}
}

// kill -9 of what a fault acts on, in its middle: End returns, and says so.
func TestVictimDies(t *testing.T) {
	need(t, testbed.Redis)
	for _, name := range []string{"oom", "stop", "maxclients", "client-pause", "kill"} {
		t.Run(name, func(t *testing.T) {
			tb := newBed(t, testbed.Options{Needs: []string{testbed.Redis}})
			f, _ := ByName(name)
			p := newPlace(t, tb, f, testbed.Redis)
			a, err := Begin(t.Context(), f, nil, p)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Store.Kill(t.Context()); err != nil {
				t.Fatal(err)
			}
			err = a.End(t.Context())
			if name == "kill" && err != nil || name != "kill" && (err == nil || !strings.Contains(err.Error(), "ended")) {
				t.Errorf("got %v", err)
			}
			if again := a.End(t.Context()); !errors.Is(again, err) {
				t.Errorf("ending again: %v", again)
			}
		})
	}
	t.Run("link", func(t *testing.T) {
		tb := newBed(t, testbed.Options{Needs: []string{testbed.Redis}})
		f, _ := ByName("blackhole")
		p := newPlace(t, tb, f, testbed.Redis)
		a, err := Begin(t.Context(), f, nil, p)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Links[1].Close(); err != nil { // as kill -9 does
			t.Fatal(err)
		}
		if err := a.End(t.Context()); err == nil || !strings.Contains(err.Error(), "ended") {
			t.Errorf("got %v", err)
		}
	})
}
