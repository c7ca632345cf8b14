package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/shirou/gopsutil/v4/process"

	"authbench/scenarios/testbed"
)

// TestMain lets the test binary stand in for authbench: scripts call it by that
// name, and it starts nodes by its own path as the real one does.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"authbench": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs the program as a person would, a story a file.
func TestScripts(t *testing.T) {
	required := strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ",")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Condition: func(cond string) (bool, error) {
			switch cond {
			case testbed.Redis, testbed.MySQL:
				// Where CI requires a store, a script that needs it runs and fails.
				return len(testbed.ServerPaths(cond)) > 0 || slices.Contains(required, cond), nil
			}
			return false, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":       exits,
			"nothingleft": nothingLeft,
			"waitfor":     waitFor,
			"killchild":   killChild,
		},
	})
}

// exits runs a command that has to end with the given code: exits 2 authbench ...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG ...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var e *exec.ExitError
	switch {
	case errors.As(err, &e):
		code = e.ExitCode()
	case err != nil:
		ts.Fatalf("%s: %v", args[1], err)
	}
	if want := args[0]; strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// waitFor waits until a file that matches the pattern holds the text.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor PATTERN TEXT")
	}
	for range 600 {
		files, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), args[1]) {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("no %s with %q within a minute", args[0], args[1])
}

// killChild ends, as kill -9 does, a process that a command of the script has
// started and whose command line has the text in it. It waits for one to be there.
func killChild(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: killchild TEXT")
	}
	for range 600 {
		for _, p := range processesOf(ts) {
			if line, err := p.Cmdline(); err == nil && strings.Contains(line, args[0]) {
				ts.Check(p.Kill())
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("no process with %q in its command line", args[0])
}

// processesOf are the processes that the script has started, and those that they
// have: they carry its WORK in their environment, or run below it.
func processesOf(ts *testscript.TestScript) []*process.Process {
	running, err := process.Processes()
	ts.Check(err)
	work := ts.Getenv("WORK")
	var found []*process.Process
	for _, p := range running {
		if int(p.Pid) == os.Getpid() {
			continue
		}
		// A process that has ended in the meantime has neither.
		env, _ := p.Environ()
		dir, _ := p.Cwd()
		if slices.Contains(env, "WORK="+work) || strings.HasPrefix(dir+"/", work+"/") {
			found = append(found, p)
		}
	}
	return found
}

// nothingLeft fails if a process that the script has started, or a temporary
// directory of ours, is still there.
func nothingLeft(ts *testscript.TestScript, neg bool, _ []string) {
	if neg {
		ts.Fatalf("nothingleft cannot be negated")
	}
	for _, p := range processesOf(ts) {
		if line, err := p.Cmdline(); err == nil {
			ts.Fatalf("still running: %d %s", p.Pid, line)
		}
	}
	left, err := os.ReadDir(ts.Getenv("TMPDIR"))
	ts.Check(err)
	for _, e := range left {
		ts.Fatalf("left behind in TMPDIR: %s", e.Name())
	}
}
