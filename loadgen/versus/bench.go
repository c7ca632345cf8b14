//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"authbench/loadgen"
	"authbench/results"
)

// bench is the set-up of a sitting and the processes that it started.
type bench struct {
	authbench     string
	pairs, blocks int
	each, soak    time.Duration

	generator, targetCore int
	started               []*exec.Cmd
}

func (b *bench) prepare() error {
	cores, err := loadgen.Cores()
	if err != nil {
		return err
	}
	if len(cores) < 2 {
		return errors.New("needs two cores: one for the generator, one for the target")
	}
	b.generator, b.targetCore = cores[0], cores[1]
	for _, tool := range []string{b.authbench, "taskset"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is missing: make build deps-dev", tool)
		}
	}
	return nil
}

// pinned is a command bound to a core, which dies with us.
func pinned(ctx context.Context, core int, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", strconv.Itoa(core)}, argv...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (b *bench) stop() {
	for _, cmd := range b.started {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // a killed process always "fails"
	}
	b.started = nil
}

// start runs a server on the target's core until stop and returns the first line
// that it prints.
func (b *bench) start(argv ...string) (*exec.Cmd, string, error) {
	cmd := pinned(context.Background(), b.targetCore, argv...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	b.started = append(b.started, cmd)
	line, err := readLine(out)
	return cmd, line, err
}

func readLine(r io.Reader) (string, error) {
	var line []byte
	for c := make([]byte, 1); ; {
		if _, err := r.Read(c); err != nil {
			return "", fmt.Errorf("the server ended before it was ready: %w", err)
		}
		if c[0] == '\n' {
			return string(line), nil
		}
		line = append(line, c[0])
	}
}

// hello is a running target.
type hello struct {
	url, counter string
	cmd          *exec.Cmd
}

func (b *bench) hello(args ...string) (*hello, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd, line, err := b.start(append([]string{self, "target"}, args...)...)
	if err != nil {
		return nil, err
	}
	h := &hello{cmd: cmd}
	if _, err := fmt.Sscan(line, &h.url, &h.counter); err != nil {
		return nil, fmt.Errorf("the target says %q: %w", line, err)
	}
	h.url, h.counter = "http://"+h.url+"/", "http://"+h.counter+"/"
	return h, nil
}

// count is how many requests the target has answered.
func (h *hello) count() (int64, error) { return number(h.counter) }

// number asks for one.
func number(url string) (int64, error) {
	res, err := http.Get(url)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(b), 10, 64)
}

// report is what we read of the output of authbench load --json.
type report struct {
	Engine string `json:"engine"`
	results.Accounting
	Rate struct {
		Offered  *float64 `json:"offered"`
		Achieved float64  `json:"achieved"`
	} `json:"rate"`
	Latency results.Quantiles `json:"latency_ns"`
	Lag     results.Quantiles `json:"lag_ns"`
	CPU     struct {
		UserNS   int64 `json:"user_ns"`
		SystemNS int64 `json:"system_ns"`
		SpinNS   int64 `json:"spin_ns"`
	} `json:"cpu"`
	Validity   results.Validity `json:"validity"`
	DurationNS int64            `json:"duration_ns"`
}

// load runs our generator on its core.
func (b *bench) load(ctx context.Context, url string, args ...string) (*report, error) {
	cmd := pinned(ctx, b.generator, append([]string{b.authbench, "load", url, "--json", "-", "--quiet"}, args...)...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd.Args, err, problems.Bytes())
	}
	r := &report{}
	if err := json.Unmarshal(out.Bytes(), r); err != nil {
		return nil, fmt.Errorf("%v: %w", cmd.Args, err)
	}
	return r, r.Check()
}

// us is a quantile in microseconds, NaN where there is none.
func us(v *int64) float64 {
	if v == nil {
		return nan
	}
	return float64(*v) / 1e3
}
