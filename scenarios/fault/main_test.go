//go:build unix

package fault

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

// TestMain plays the programs that a testbed starts, and sees that nothing is
// left in the temporary directory.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == link.Verb || os.Args[1] == testbed.StandinVerb) {
		ctx, end := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer end()
		var err error
		if os.Args[1] == link.Verb {
			err = link.Serve(ctx, link.Config{Listen: os.Args[3], Upstream: os.Args[5], Exact: slices.Contains(os.Args, "--exact")}, os.Stdout)
		} else {
			err = testbed.Standin(ctx, os.Args[3], os.Stdout)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fault-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv("TMPDIR", dir)
	code := m.Run()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		fmt.Fprintf(os.Stderr, "left in the temporary directory: %v %v\n", left, err)
		return 1
	}
	return code
}

// need fails when AUTHBENCH_REQUIRE asks for what is missing, else skips.
func need(t *testing.T, kinds ...string) {
	t.Helper()
	for _, kind := range kinds {
		if len(testbed.ServerPaths(kind)) > 0 {
			continue
		}
		if slices.Contains(strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ","), kind) {
			t.Fatalf("%s is required (AUTHBENCH_REQUIRE) and not here", kind)
		}
		t.Skipf("%s is not here", kind)
	}
}

func newBed(t *testing.T, opts testbed.Options) *testbed.Testbed {
	t.Helper()
	opts.Self = os.Args[0]
	if opts.Provider == "" {
		opts.Provider = "process"
	}
	before := len(children(t))
	tb, err := testbed.New(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tb.Close(); err != nil {
			t.Error(err)
		}
		if left := children(t); len(left) > before {
			t.Errorf("processes are left: %v", left)
		}
	})
	if m := tb.Missing(); len(m) > 0 {
		t.Fatalf("missing: %v", m)
	}
	return tb
}
