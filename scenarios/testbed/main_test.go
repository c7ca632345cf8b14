//go:build unix

package testbed

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"authbench/scenarios/testbed/link"
)

// TestMain plays the programs that a testbed starts: the test binary is the
// binary under Options.Self.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case StandinVerb:
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
			defer stop()
			if err := Standin(ctx, os.Args[3], os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		case link.Verb:
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
			defer stop()
			if err := link.Serve(ctx, link.Config{Listen: os.Args[3], Upstream: os.Args[5], Exact: slices.Contains(os.Args, "--exact")}, os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		case "test-node":
			testNode(os.Args[2:])
			return
		case "test-harness":
			testHarness()
			return
		}
	}
	os.Exit(runAll(m))
}

// runAll gives the tests a temporary directory of their own, where other
// harnesses on the machine are not seen, and checks that it is empty at the end.
func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "testbed-test-")
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

// testNode is a target: it announces itself and answers /healthz. Words after
// the address change how it behaves.
func testNode(args []string) {
	has := func(word string) bool { return slices.Contains(args[1:], word) }
	if has("fail") {
		fmt.Fprintln(os.Stderr, "no such setting: colour")
		os.Exit(3)
	}
	if has("busy") {
		go func() {
			for sum := sha256.Sum256(nil); ; sum = sha256.Sum256(sum[:]) {
				runtime.KeepAlive(sum)
			}
		}()
	}
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if !has("silent") {
		_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
			"listen": l.Addr().String(), "procs": runtime.GOMAXPROCS(0), "args": args, "secret": os.Getenv("TEST_SECRET"),
		})
	}
	if has("deaf") {
		signal.Ignore(syscall.SIGTERM)
	}
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			http.NotFound(w, r)
		}
	}))
}

// testHarness is a harness to be killed: it brings up what the tests say, prints
// the process ids and its directory, and waits.
func testHarness() {
	tb, err := New(context.Background(), Options{
		Self: os.Args[0], Needs: strings.Fields(os.Getenv("TEST_NEEDS")), Provider: cmp.Or(os.Getenv("TEST_PROVIDER"), "process"),
		RedisImage: os.Getenv("AUTHBENCH_REDIS_IMAGE"), MySQLImage: os.Getenv("AUTHBENCH_MYSQL_IMAGE"),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	n, err := tb.StartNode(context.Background(), nodeContract("announces"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	report := harnessReport{Root: tb.root.dir, PIDs: []int{n.PID()}}
	for _, s := range tb.stores {
		report.PIDs = append(report.PIDs, s.PID())
	}
	for range tb.stores {
		l, err := tb.NewLink(context.Background(), tb.stores[0].Kind())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		report.PIDs = append(report.PIDs, l.PID())
	}
	_ = json.NewEncoder(os.Stdout).Encode(report)
	select {}
}

type harnessReport struct {
	Root string
	PIDs []int
}
