package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// shareQuota is the CPU time that a limited process gets in each period: the least that
// Linux takes (min_cfs_quota_period, 1 ms), so that the period is the shortest there is
// for a share: 20 ms for 5 % of a core, 10 ms for 10 %, 5 ms for 20 %. A process that
// has used its time up stands still until the next period. With the usual 100 ms of
// containers that stall would be a large part of what a node waits for its store at all
// (300 ms), and the knee would be one of timeouts; this short it hardly adds to a
// response time.
const shareQuota = time.Millisecond

// LeastShare is the smallest share of a core that a store can be limited to: its period
// is 100 ms then.
const LeastShare = 0.01

// Share is a limit on the CPU of a store's process, as a small instance in a cloud has
// one: CPU bandwidth control of a cgroup of its own (cpu.max, in version 1
// cpu.cfs_quota_us).
type Share struct {
	dir  string // of the group
	home string // of the group where the process was
}

// Throttling is how often a limit was in the way, as the kernel counts it.
type Throttling struct {
	Periods   int64         // in which the process wanted to run
	Throttled int64         // of them, in which it used its time up
	Time      time.Duration // that it stood still
}

// Cores is how many processors nodes, links and stores share.
func (tb *Testbed) Cores() int {
	if n := len(tb.opts.TargetCores); n > 0 {
		return n
	}
	return runtime.NumCPU()
}

// LimitCPU lets the store's process use only that share of one core, from LeastShare to
// below 1, until Unlimited, or until the store is closed. It is in force when LimitCPU
// returns: the group was read back. Where this machine or this store cannot be limited
// the error is Unsupported. A store that is restarted is without its limit.
func (s *Store) LimitCPU(share float64) (_ *Share, err error) {
	if share < LeastShare || share >= 1 {
		return nil, fmt.Errorf("limit %s to %v of a core: want a share from %v to below 1", s.about.Kind, share, LeastShare)
	}
	if p, ok := s.server.(*processServer); !ok || p.at.standIn || !p.at.private {
		return nil, Unsupported("only a server that is a process of the harness can be given a share of a core (--stores process)")
	}
	if runtime.GOOS != "linux" {
		return nil, Unsupported("the CPU of a process is limited with cgroups, which only Linux has")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.share != nil {
		return nil, fmt.Errorf("limit %s: it has a limit already", s.about.Kind)
	}
	l, err := limitProcess(s.PID(), share)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
			err = Unsupported(fmt.Sprintf("no cgroup can be made here: %v", err))
		}
		return nil, fmt.Errorf("limit the CPU of %s: %w", s.about.Kind, err)
	}
	s.share = l
	return l, nil
}

// Unlimited ends the limit of LimitCPU; a store without one stays as it is.
func (s *Store) Unlimited() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.share == nil {
		return nil
	}
	err := s.share.lift()
	s.share = nil
	return err
}

func limitProcess(pid int, share float64) (_ *Share, err error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil, err
	}
	h, err := findHierarchy(string(mounts), string(groups))
	if err != nil {
		return nil, err
	}
	parent, err := h.parent()
	if err != nil {
		return nil, err
	}
	sweepShares(parent)
	l := &Share{home: h.home}
	if l.dir, err = os.MkdirTemp(parent, fmt.Sprintf("%s%d-", sharePrefix, os.Getpid())); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.lift())
		}
	}()
	if err := l.set(h.files(share)); err != nil {
		return nil, err
	}
	if err := l.write("cgroup.procs", strconv.Itoa(pid)); err != nil {
		return nil, err
	}
	if inside := l.processes(); !slices.Contains(inside, strconv.Itoa(pid)) {
		return nil, fmt.Errorf("process %d is not in %s: %v", pid, l.dir, inside)
	}
	return l, nil
}

// hierarchy is the tree of groups that has the CPU controller.
type hierarchy struct {
	v2    bool
	mount string
	home  string // directory of the process's own group
}

// findHierarchy reads proc_mounts(5) and the process's line of cgroups(7). Where both
// versions are mounted the controller is in one of them: in version 1 if it is there.
func findHierarchy(mounts, groups string) (hierarchy, error) {
	var one, two string
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line) // device, directory, type, options
		switch {
		case len(f) < 4:
		case f[2] == "cgroup" && slices.Contains(strings.Split(f[3], ","), "cpu"):
			one = f[1]
		case f[2] == "cgroup2":
			two = f[1]
		}
	}
	h := hierarchy{v2: one == "", mount: one}
	if h.v2 {
		h.mount = two
	}
	if h.mount == "" {
		return h, Unsupported("no cgroups are mounted")
	}
	for line := range strings.Lines(groups) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(f) < 3 || h.v2 && f[0] != "0" || !h.v2 && !slices.Contains(strings.Split(f[1], ","), "cpu") {
			continue
		}
		h.home = filepath.Join(h.mount, f[2])
		if _, err := os.Stat(h.home); err != nil { // a container that sees only its own part
			h.home = h.mount
		}
		return h, nil
	}
	return h, Unsupported("the process is in no group of the CPU controller")
}

// parent is where a group with the controller can be made. In version 2 that is below
// the nearest group that hands the controller down, which one with processes does not.
func (h hierarchy) parent() (string, error) {
	if !h.v2 {
		return h.home, nil
	}
	for dir := h.home; len(dir) >= len(h.mount); dir = filepath.Dir(dir) {
		b, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
		if err == nil && slices.Contains(strings.Fields(string(b)), "cpu") {
			return dir, nil
		}
	}
	return "", Unsupported("no cgroup from ours upwards hands the CPU controller down (cgroup.subtree_control)")
}

// file is what is written to one of a group.
type file struct{ name, text string }

// files are those that make a limit, in the order in which they are to be written.
func (h hierarchy) files(share float64) []file {
	quota := shareQuota.Microseconds()
	period := int64(float64(quota)/share + .5)
	if h.v2 {
		return []file{{"cpu.max", fmt.Sprintf("%d %d", quota, period)}}
	}
	return []file{{"cpu.cfs_period_us", strconv.FormatInt(period, 10)}, {"cpu.cfs_quota_us", strconv.FormatInt(quota, 10)}}
}

// set writes files and reads them back.
func (l *Share) set(files []file) error {
	for _, f := range files {
		if err := l.write(f.name, f.text); err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(l.dir, f.name))
		if err != nil {
			return err
		}
		if is := strings.TrimSpace(string(b)); is != f.text {
			return fmt.Errorf("%s in %s is %q after %q was written", f.name, l.dir, is, f.text)
		}
	}
	return nil
}

func (l *Share) write(name, text string) error {
	return os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600)
}

func (l *Share) processes() []string {
	b, _ := os.ReadFile(filepath.Join(l.dir, "cgroup.procs")) // none in a group that is gone
	return strings.Fields(string(b))
}

// Throttling is what has been counted since the limit began.
func (l *Share) Throttling() (Throttling, error) {
	b, err := os.ReadFile(filepath.Join(l.dir, "cpu.stat"))
	if err != nil {
		return Throttling{}, err
	}
	return readThrottling(string(b))
}

// readThrottling reads cpu.stat: throttled_usec, in version 1 throttled_time in ns.
func readThrottling(text string) (t Throttling, err error) {
	seen := 0
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return t, fmt.Errorf("cpu.stat: %s: %q", name, value)
		}
		switch name {
		case "nr_periods":
			t.Periods = n
		case "nr_throttled":
			t.Throttled = n
		case "throttled_time":
			t.Time = time.Duration(n)
		case "throttled_usec":
			t.Time = time.Duration(n) * time.Microsecond
		default:
			continue
		}
		seen++
	}
	if seen != 3 {
		return t, errors.New("cpu.stat does not count throttled periods")
	}
	return t, nil
}

// Sub is what was counted since before.
func (t Throttling) Sub(before Throttling) Throttling {
	return Throttling{t.Periods - before.Periods, t.Throttled - before.Throttled, t.Time - before.Time}
}

// lift moves whoever is in the group, children of the process included, back to where
// it was, and removes the group. One whose processes have just ended is busy for a
// moment.
func (l *Share) lift() error {
	for end := time.Now().Add(stopGrace); ; time.Sleep(10 * time.Millisecond) {
		for _, pid := range l.processes() {
			_ = os.WriteFile(filepath.Join(l.home, "cgroup.procs"), []byte(pid), 0o600) // it may have ended
		}
		err := os.Remove(l.dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("remove the limit of the CPU: %w", err)
		}
	}
}

// sharePrefix begins the names of our groups; the number of the harness's process
// follows.
const sharePrefix = "authbench-"

// sweepShares removes what killed harnesses left behind: groups without processes.
func sweepShares(parent string) {
	dirs, _ := filepath.Glob(filepath.Join(parent, sharePrefix+"*-*")) // only a bad pattern is an error
	for _, dir := range dirs {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), sharePrefix), "-")
		if _, err := os.Stat(filepath.Join("/proc", pid)); errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(dir) // one with processes stays
		}
	}
}
