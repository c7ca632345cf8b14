//go:build unix

package testbed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFindHierarchy(t *testing.T) {
	const (
		one    = "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,cpu,cpuacct 0 0\n"
		sets   = "cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\n"
		hybrid = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
		two    = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n"
	)
	for name, c := range map[string]struct {
		mounts, groups string
		want           hierarchy // home is the mount: there is no such directory here
		fails          bool
	}{
		"version 1":             {sets + one, "9:cpuset:/set\n4:cpu,cpuacct:/none/such\n", hierarchy{false, "/sys/fs/cgroup/cpu,cpuacct", ""}, false},
		"both, cpu in 1":        {hybrid + one, "0::/none/such\n4:cpu,cpuacct:/none/such\n", hierarchy{false, "/sys/fs/cgroup/cpu,cpuacct", ""}, false},
		"both, cpu in 2":        {sets + hybrid, "9:cpuset:/set\n0::/none/such\n", hierarchy{true, "/sys/fs/cgroup/unified", ""}, false},
		"version 2":             {two, "0::/none/such\n", hierarchy{true, "/sys/fs/cgroup", ""}, false},
		"none":                  {"proc /proc proc rw 0 0\n", "0::/\n", hierarchy{}, true},
		"not of the controller": {one, "9:cpuset:/set\n", hierarchy{}, true},
	} {
		h, err := findHierarchy(c.mounts, c.groups)
		if c.fails {
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s: %+v, %v", name, h, err)
			}
			continue
		}
		if c.want.home = c.want.mount; err != nil || h != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, h, err, c.want)
		}
	}
}

// TestShareParent: in version 2 the nearest group that hands the controller down.
func TestShareParent(t *testing.T) {
	root := t.TempDir()
	home := filepath.Join(root, "user", "session")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	h := hierarchy{true, root, home}
	if dir, err := h.parent(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("nobody hands it down: %s, %v", dir, err)
	}
	for dir, hands := range map[string]string{root: "cpuset cpu memory\n", filepath.Dir(home): "memory pids cpuset\n", home: ""} {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(hands), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if dir, err := h.parent(); err != nil || dir != root {
		t.Errorf("%s, %v, want %s", dir, err, root)
	}
	if dir, _ := (hierarchy{false, root, home}).parent(); dir != home {
		t.Errorf("version 1: %s", dir)
	}
}

func TestShareFiles(t *testing.T) {
	if got := fmt.Sprint((hierarchy{v2: true}).files(.05)); got != "[{cpu.max 1000 20000}]" {
		t.Error(got)
	}
	if got := fmt.Sprint((hierarchy{}).files(.3)); got != "[{cpu.cfs_period_us 3333} {cpu.cfs_quota_us 1000}]" {
		t.Error(got)
	}
}

func TestReadThrottling(t *testing.T) {
	want := Throttling{Periods: 7, Throttled: 3, Time: 1500 * time.Microsecond}
	for _, text := range []string{
		"nr_periods 7\nnr_throttled 3\nthrottled_time 1500000\nnr_bursts 0\nburst_time 0\n",
		"usage_usec 9\nuser_usec 4\nnr_periods 7\nnr_throttled 3\nthrottled_usec 1500\n",
	} {
		if got, err := readThrottling(text); err != nil || got != want {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "usage_usec 9\n", "nr_periods x\n"} {
		if got, err := readThrottling(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
	if got := want.Sub(Throttling{Periods: 5, Throttled: 3}); got != (Throttling{Periods: 2, Time: 1500 * time.Microsecond}) {
		t.Errorf("%+v", got)
	}
}

// TestLimitCPU gives a Redis that is kept busy a twentieth of a core, and it takes no more;
// afterwards the group is gone, also where the server was killed meanwhile or the testbed
// was closed first.
func TestLimitCPU(t *testing.T) {
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process", Needs: []string{Redis}})
	s := tb.Store(Redis)
	if _, err := s.LimitCPU(1.5); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("150 %% of a core: %v", err)
	}
	const share = .05
	l, err := s.LimitCPU(share)
	if errors.Is(err, errors.ErrUnsupported) {
		need(t, "cgroup", false)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.LimitCPU(share); err == nil {
		t.Error("limited twice")
	}
	c := redisTo(t, tb)
	before, began := s.Sample().CPU, time.Now()
	for time.Since(began) < 400*time.Millisecond {
		// some 5 ms of CPU each
		if err := c.Eval(t.Context(), "for i = 1, 200000 do end return 1", nil).Err(); err != nil {
			t.Fatal(err)
		}
	}
	used := float64(s.Sample().CPU-before) / float64(time.Since(began))
	got, err := l.Throttling()
	if err != nil {
		t.Fatal(err)
	}
	// A busy machine lets it have less; what it was given beyond is within a tick of a loop.
	if used > 2*share || got.Throttled == 0 || got.Throttled > got.Periods || got.Time <= 0 {
		t.Errorf("it took %.3f of a core: %+v", used, got)
	}
	if err := s.Unlimited(); err != nil {
		t.Fatal(err)
	}
	gone(t, l)
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", s.PID())); err != nil || strings.Contains(string(b), filepath.Base(l.dir)) {
		t.Errorf("it is still there: %s, %v", b, err)
	}
	if err := s.Unlimited(); err != nil {
		t.Errorf("again: %v", err)
	}
	if l, err = s.LimitCPU(.2); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Kill(t.Context()), s.Unlimited()); err != nil {
		t.Errorf("of a process that has ended: %v", err)
	}
	gone(t, l)
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l, err = s.LimitCPU(.2); err != nil {
		t.Fatal(err)
	}
	if err := tb.Close(); err != nil {
		t.Error(err)
	}
	gone(t, l)
}

func gone(t *testing.T, l *Share) {
	t.Helper()
	if _, err := os.Stat(l.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", l.dir, err)
	}
}

// TestSweepShares: a group of a harness that is no more goes, one of a living one stays.
func TestSweepShares(t *testing.T) {
	parent := t.TempDir()
	var names []string
	for _, name := range []string{"authbench-999999999-1", fmt.Sprintf("authbench-%d-1", os.Getpid()), "docker-1"} {
		if err := os.Mkdir(filepath.Join(parent, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sweepShares(parent)
	left, err := os.ReadDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		names = append(names, e.Name())
	}
	if len(names) != 2 || slices.Contains(names, "authbench-999999999-1") {
		t.Errorf("left are %v", names)
	}
}
