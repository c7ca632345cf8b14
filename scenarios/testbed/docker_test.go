//go:build unix

package testbed

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// ours lists the containers of this test run.
func ours(t *testing.T) (ids []string) {
	t.Helper()
	cli, err := dockerEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	found, err := cli.ContainerList(t.Context(), client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", labelRoot),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range found.Items {
		if strings.HasPrefix(c.Labels[labelRoot], os.TempDir()) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// The container of a killed harness stays, since nobody is left to remove it,
// until the next testbed that uses the engine.
func TestDockerSweep(t *testing.T) {
	opts := dockerOptions(t)
	cmd := exec.Command(os.Args[0], "test-harness")
	cmd.Env = append(os.Environ(), "TEST_NEEDS=redis", "TEST_PROVIDER=docker")
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
	// A second harness does not touch the containers of a living one.
	opts.Needs = []string{Redis}
	tb := newBed(t, opts)
	if err := tb.Store(Redis).Restart(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(ours(t)); n != 2 {
		t.Errorf("%d containers, want one of each harness", n)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as intended
	newBed(t, opts)
	if n := len(ours(t)); n != 2 {
		t.Errorf("%d containers, want that of the dead harness gone", n)
	}
}

// What was begun when the user interrupts is taken away.
func TestDockerInterrupted(t *testing.T) {
	opts := dockerOptions(t)
	opts.Needs = []string{Redis}
	before := len(ours(t))
	for _, after := range []time.Duration{0, 20, 100, 300, 600} {
		// Any moment will do: the container is being made, started or asked.
		ctx, cancel := context.WithTimeout(t.Context(), after*time.Millisecond)
		if tb, err := New(ctx, opts); err == nil {
			if err := tb.Close(); err != nil {
				t.Error(err)
			}
		}
		cancel()
	}
	if after := len(ours(t)); after != before {
		t.Errorf("%d containers, had %d", after, before)
	}
	if dirs := roots(t); len(dirs) > 0 {
		t.Errorf("left behind: %v", dirs)
	}
}

// Where the host's network cannot be shared the port is published, and stays the
// same over a restart.
func TestDockerPublished(t *testing.T) {
	opts := dockerOptions(t)
	tb := newBed(t, opts)
	cli, err := dockerEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	// On an engine without its default bridge testcontainers makes a network.
	if _, err := cli.NetworkInspect(t.Context(), testcontainers.ReaperDefault, client.NetworkInspectOptions{}); err != nil {
		defer func() {
			_, _ = cli.NetworkRemove(context.Background(), testcontainers.ReaperDefault, client.NetworkRemoveOptions{})
		}()
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	req, at := redisContainer(tb, port, false)
	s := &dockerServer{cli: cli, root: tb.root.dir, kind: Redis, at: at}
	req.Labels = map[string]string{labelRoot: tb.root.dir, labelKind: Redis, labelHost: hostname()}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.run(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	c, err := newRedisClient(at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	store := &Store{server: s, client: c, log: tb.log.Debug}
	if err := store.awaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
}
