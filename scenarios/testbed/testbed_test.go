//go:build unix

package testbed

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"authbench/targets/contract"
)

// need fails when AUTHBENCH_REQUIRE asks for what is missing, else skips.
func need(t *testing.T, what string, here bool) {
	t.Helper()
	if here {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ","), what) {
		t.Fatalf("%s is required (AUTHBENCH_REQUIRE) and not here", what)
	}
	t.Skipf("%s is not here", what)
}

func needServer(t *testing.T, kinds ...string) {
	t.Helper()
	for _, kind := range kinds {
		need(t, kind, len(ServerPaths(kind)) > 0)
	}
}

// newBed makes a testbed that is checked, at the end, to have left nothing.
func newBed(t *testing.T, opts Options) *Testbed {
	t.Helper()
	opts.Self = os.Args[0]
	tb, err := New(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pids := tb.pids()
		if err := tb.Close(); err != nil {
			t.Error(err)
		}
		for _, pid := range pids {
			if alive(pid) {
				t.Errorf("process %d is still there after Close", pid)
			}
		}
		if _, err := os.Stat(tb.root.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there after Close", tb.root.dir)
		}
	})
	return tb
}

func (tb *Testbed) pids() []int {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	var pids []int
	for _, s := range tb.stores {
		if pid := s.PID(); pid != 0 {
			pids = append(pids, pid)
		}
	}
	for n := range tb.nodes {
		pids = append(pids, n.PID())
	}
	for g := range tb.groups {
		for _, p := range g.all {
			pids = append(pids, p.pid())
		}
	}
	return pids
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// nodeContract describes testNode. "announces" makes it print its line.
func nodeContract(words ...string) *contract.Contract {
	c := &contract.Contract{
		Name:     "test",
		Settings: map[string]string{"size": "12"},
		Ready:    contract.Ready{Path: "/healthz", Timeout: contract.Duration(10 * time.Second)},
		Start: &contract.Start{
			Command:   append([]string{"{self}", "test-node", "{listen}", "{size}"}, words...),
			Env:       map[string]string{"TEST_SECRET": "in {keys_dir}"},
			Announces: slices.Contains(words, "announces"),
		},
	}
	if !c.Start.Announces {
		c.Start.Command = append(c.Start.Command, "silent")
	}
	return c
}

func TestNode(t *testing.T) {
	tb := newBed(t, Options{})
	for _, words := range [][]string{{"announces"}, nil} {
		n, err := tb.StartNode(t.Context(), nodeContract(words...))
		if err != nil {
			t.Fatal(err)
		}
		if err := n.answers(t.Context(), "", "/healthz"); err != nil {
			t.Error(err)
		}
		dir, pid := n.p.dir, n.PID()
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
		<-n.Exited()
		if alive(pid) {
			t.Errorf("%v: still there after Stop", words)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: %s is still there after Stop", words, dir)
		}
	}
}

func TestNodePlaceholders(t *testing.T) {
	tb := newBed(t, Options{})
	n, err := tb.StartNode(t.Context(), nodeContract("announces"))
	if err != nil {
		t.Fatal(err)
	}
	var says struct {
		Args   []string
		Secret string
	}
	if err := n.p.announced(&says); err != nil {
		t.Fatal(err)
	}
	if says.Args[1] != "12" {
		t.Errorf("setting {size} arrived as %q", says.Args[1])
	}
	if want := "in " + tb.keys["test/"]; says.Secret != want {
		t.Errorf("environment arrived as %q, want %q", says.Secret, want)
	}
}

// A trial's nodes share one directory of keys, which Prepare fills once; Reset
// begins the next trial.
func TestKeysPerTrial(t *testing.T) {
	tb := newBed(t, Options{})
	c := nodeContract("announces")
	c.Start.Prepare = []string{"/bin/sh", "-c", `echo made >> "{keys_dir}/ring"`}
	keys := func() (dir, content string) {
		t.Helper()
		n, err := tb.StartNode(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
		dir = tb.keys[c.Name+"/"]
		b, err := os.ReadFile(filepath.Join(dir, "ring"))
		if err != nil {
			t.Fatal(err)
		}
		return dir, string(b)
	}
	first, _ := keys()
	second, content := keys()
	if first != second || content != "made\n" {
		t.Errorf("nodes of one trial have keys in %s and %s, made as %q", first, second, content)
	}
	if info, err := os.Stat(first); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory of keys is %v, %v; want 0700", info.Mode(), err)
	}
	if err := tb.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if third, _ := keys(); third == first {
		t.Error("the next trial has the same keys")
	}
	if _, err := os.Stat(first); !errors.Is(err, os.ErrNotExist) {
		t.Error("old keys are still there")
	}
}

func TestNodeFailures(t *testing.T) {
	tb := newBed(t, Options{})
	t.Run("stderr", func(t *testing.T) {
		_, err := tb.StartNode(t.Context(), nodeContract("fail"))
		if err == nil || !strings.Contains(err.Error(), "no such setting: colour") || !strings.Contains(err.Error(), "exit status 3") {
			t.Errorf("got %v; want the exit status and what it wrote to stderr", err)
		}
	})
	t.Run("never ready", func(t *testing.T) {
		c := nodeContract("announces")
		c.Ready = contract.Ready{Path: "/nowhere", Timeout: contract.Duration(200 * time.Millisecond)}
		if _, err := tb.StartNode(t.Context(), c); err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("got %v; want what the ready path answered", err)
		}
	})
	t.Run("no such program", func(t *testing.T) {
		c := nodeContract()
		c.Start.Command[0] = "/nonexistent/program"
		if _, err := tb.StartNode(t.Context(), c); err == nil {
			t.Error("no error")
		}
	})
	t.Run("missing store", func(t *testing.T) {
		c := nodeContract()
		c.Start.Needs = []string{Redis}
		if _, err := tb.StartNode(t.Context(), c); err == nil || !strings.Contains(err.Error(), "redis") {
			t.Errorf("got %v; want the missing store", err)
		}
	})
	if n := len(tb.pids()); n != 0 {
		t.Errorf("%d nodes are left of those that failed", n)
	}
}

func TestNodeKilled(t *testing.T) {
	tb := newBed(t, Options{})
	n, err := tb.StartNode(t.Context(), nodeContract("announces"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(n.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-n.Exited():
	case <-time.After(5 * time.Second):
		t.Fatal("Exited does not tell")
	}
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
}

// What a target leaves of its own children goes with it.
func TestNodeDescendants(t *testing.T) {
	tb := newBed(t, Options{})
	c := nodeContract()
	pidFile := filepath.Join(t.TempDir(), "pid")
	c.Start.Command = []string{"/bin/sh", "-c", `sleep 60 & echo $! > ` + pidFile + `; exec "{self}" test-node {listen} 1 silent`}
	n, err := tb.StartNode(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if err := json.Unmarshal(b, &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(n.PID(), syscall.SIGKILL); err != nil { // only the child itself
		t.Fatal(err)
	}
	eventually(t, "the grandchild ends", func() bool { return !running(pid) })
}

func TestNodeByURL(t *testing.T) {
	srv := httptest.NewServer(nil)
	defer srv.Close()
	tb := newBed(t, Options{})
	n, err := tb.StartNode(t.Context(), &contract.Contract{Name: "theirs", URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	if "http://"+n.Addr() != srv.URL || n.PID() != 0 {
		t.Errorf("got %s, pid %d", n.Addr(), n.PID())
	}
	if u := tb.Usage(); u.Target.Known {
		t.Error("the usage of a target that is not ours is said to be known")
	}
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	if n.Kill() == nil {
		t.Error("killed somebody else's target")
	}
}

func TestCancelledStart(t *testing.T) {
	needServer(t, Redis)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	cancel(why)
	before := roots(t)
	_, err := New(ctx, Options{Self: os.Args[0], Needs: []string{Redis, MySQL}, Provider: "process"})
	if !errors.Is(err, why) {
		t.Errorf("got %v, want the cause", err)
	}
	if after := roots(t); len(after) > len(before) {
		t.Errorf("left behind: %v", after)
	}
}

// kill -9 of the harness: the kernel takes its children along, and the next
// testbed removes its directory.
func TestHarnessKilled(t *testing.T) {
	if !CanPin() {
		t.Skip("only Linux kills children with their parent")
	}
	needServer(t, Redis, MySQL)
	cmd := exec.Command(os.Args[0], "test-harness")
	cmd.Env = append(os.Environ(), "TEST_NEEDS=redis mysql")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var r harnessReport
	if err := json.NewDecoder(out).Decode(&r); err != nil {
		t.Fatal(err)
	}
	if rootIsStale(r.Root) {
		t.Error("the directory of a living harness counts as stale")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as intended
	if len(r.PIDs) != 5 {
		t.Errorf("processes %v, want a node, two stores, and a link for each", r.PIDs)
	}
	for _, pid := range r.PIDs {
		eventually(t, "children die with the harness", func() bool { return !running(pid) })
	}
	newBed(t, Options{})
	if _, err := os.Stat(r.Root); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s was not swept", r.Root)
	}
}

func roots(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), rootPattern+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// running reports whether pid is there and not a zombie that waits for a reaper.
func running(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "stat"))
	if err != nil {
		return alive(pid) && !CanPin()
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("not within 5 s: %s", what)
}
