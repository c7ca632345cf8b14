//go:build unix

package testbed

import (
	"os"
	"reflect"
	"runtime"
	"strconv"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// needUsage: where there is no process clock the result says so, which is
// tested by the platform's own build.
func needUsage(t *testing.T) {
	t.Helper()
	if !sampleWorks {
		t.Skip("no process clock on " + runtime.GOOS)
	}
}

func TestUsageOfABusyNode(t *testing.T) {
	needUsage(t)
	tb := newBed(t, Options{})
	n, err := tb.StartNode(t.Context(), nodeContract("announces", "busy"))
	if err != nil {
		t.Fatal(err)
	}
	first := tb.Usage()
	var last Usage
	eventually(t, "the CPU clock of a busy node moves by 20 ms", func() bool {
		u := tb.Usage()
		if u.Target.CPU < last.Target.CPU || u.Loadgen.CPU < last.Loadgen.CPU {
			t.Fatalf("a CPU clock went back: %v after %v", u, last)
		}
		last = u
		return u.Target.CPU-first.Target.CPU > 20*time.Millisecond
	})
	if !last.Target.Known || last.Target.RSS < 1<<20 || !last.Loadgen.Known || last.Loadgen.CPU == 0 {
		t.Errorf("usage %+v", last)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	end := tb.Usage()
	if end.Target.CPU < last.Target.CPU || !end.Target.Known || end.Target.RSS != 0 {
		t.Errorf("after the node ended: %+v; want at least the CPU of %+v and no memory", end.Target, last.Target)
	}
}

// The clock of an exited thread stays in the process clock, and the clock is in
// nanoseconds: an idle process moves by less than a tick, but moves.
func TestOwnClockIsTheSameClock(t *testing.T) {
	needUsage(t)
	own := ownSample().CPU
	other := sampleProcess(os.Getpid()).CPU
	again := ownSample().CPU
	if other < own || other > again {
		t.Errorf("the clock by pid reads %v, our own read %v before and %v after", other, own, again)
	}
}

func TestUsagePerRequest(t *testing.T) {
	before := Usage{Target: Sample{CPU: 100, Known: true}}
	after := Usage{Target: Sample{CPU: 500, RSS: 7, Known: true}, Store: Sample{CPU: 9}}
	got := after.Sub(before).PerRequest(4)
	if p := got.Target; p.CPUNS != 400 || p.CPUPerRequest != 100 || p.RSSBytes != 7 || !p.Known {
		t.Errorf("target %+v", p)
	}
	if got.Store.Known || got.Store.CPUNS != 0 {
		t.Errorf("unknown usage turned into %+v", got.Store)
	}
}

func TestAffinityIsInherited(t *testing.T) {
	if !CanPin() {
		t.Skip("no affinity on " + runtime.GOOS)
	}
	may, err := affinity(0)
	if err != nil {
		t.Fatal(err)
	}
	want := may[len(may)-1:]
	tb := newBed(t, Options{TargetCores: want})
	n, err := tb.StartNode(t.Context(), nodeContract("announces"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := affinity(n.PID()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the node may run on %v (%v), want %v", got, err, want)
	}
	var says struct{ Procs int }
	if err := n.p.announced(&says); err != nil {
		t.Fatal(err)
	}
	if says.Procs != len(want) {
		t.Errorf("the node has GOMAXPROCS %d, want %d", says.Procs, len(want))
	}
	if now, err := affinity(0); err != nil || !reflect.DeepEqual(now, may) {
		t.Errorf("the harness may run on %v (%v), want %v as before", now, err, may)
	}
}

func TestImpossibleCores(t *testing.T) {
	if !CanPin() {
		t.Skip("no affinity on " + runtime.GOOS)
	}
	before := len(roots(t))
	if _, err := New(t.Context(), Options{TargetCores: []int{1000}}); err == nil {
		t.Error("no error for a processor that is not there")
	}
	if after := len(roots(t)); after > before {
		t.Error("a directory is left")
	}
}
