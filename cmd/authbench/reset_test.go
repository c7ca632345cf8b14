package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// TestResetForgetsWhatArmsWrite holds two packages that may not know each other
// to one agreement: what an arm writes to a store is what a reset removes.
func TestResetForgetsWhatArmsWrite(t *testing.T) {
	self := buildSelf(t)
	for arm, kind := range map[string]string{"session-redis": testbed.Redis, "session-mysql": testbed.MySQL} {
		t.Run(arm, func(t *testing.T) {
			if len(testbed.ServerPaths(kind)) == 0 {
				if slices.Contains(strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ","), kind) {
					t.Fatalf("no %s server here", kind)
				}
				t.Skipf("no %s server here", kind)
			}
			bed, err := testbed.New(t.Context(), testbed.Options{Self: self, Provider: "process", Needs: []string{kind}})
			if err != nil {
				t.Fatal(err)
			}
			defer bed.Close()
			c, err := contract.Arm(arm, nil)
			if err != nil {
				t.Fatal(err)
			}
			node, err := bed.StartNode(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			client, err := contract.NewClient(c, "http://"+node.Addr(), 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			user := c.User(1)
			answer, err := client.Do(t.Context(), &c.Login, user)
			if err != nil || answer.Outcome != results.OK {
				t.Fatalf("log in: %+v, %v", answer, err)
			}
			user = user.With(answer.Vars)
			for _, want := range []results.Outcome{results.OK, results.Rejected} {
				answer, err = client.Do(t.Context(), &c.Use, user)
				if err != nil || answer.Outcome != want {
					t.Fatalf("use: %+v, %v; want %s", answer, err, want)
				}
				if err := bed.Reset(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// buildSelf compiles the program, to be started as nodes are.
func buildSelf(t *testing.T) string {
	t.Helper()
	self := filepath.Join(t.TempDir(), "authbench")
	if out, err := exec.Command("go", "build", "-o", self, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return self
}
