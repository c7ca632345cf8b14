//go:build linux

// Command ratio measures what our target costs over the floor: CPU time per
// request of "authbench serve", by its process clock, over that of the bare
// handler. Both are saturated by wrk -t1 -c16 from another core, in rounds that
// alternate. Needs Linux, two cores, wrk, taskset and redis-server.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

func main() {
	rounds := flag.Int("rounds", 6, "rounds of each pair")
	each := flag.Duration("duration", 2*time.Second, "time of one measurement, in whole seconds")
	authbench := flag.String("authbench", "bin/authbench", "our binary")
	floor := flag.String("floor", "bin/floor", "the bare handlers")
	flag.Parse()
	if err := run(*authbench, *floor, *rounds, *each); err != nil {
		fmt.Fprintln(os.Stderr, "ratio:", err)
		os.Exit(1)
	}
}

func run(authbench, floor string, rounds int, each time.Duration) (err error) {
	dir, err := os.MkdirTemp("", "authbench-ratio-")
	if err != nil {
		return err
	}
	b := &bench{dir: dir, authbench: authbench, floor: floor, rounds: rounds, each: each}
	defer func() {
		b.stop()
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if err := b.token(); err != nil {
		return fmt.Errorf("jwt-hs256: %w", err)
	}
	if err := b.redis(); err != nil {
		return fmt.Errorf("session-redis: %w", err)
	}
	return nil
}

// bench owns the processes that it starts.
type bench struct {
	dir, authbench, floor string
	rounds                int
	each                  time.Duration
	started               []*exec.Cmd
}

// cores: the generator has one to itself, target and store share the other.
const loadCore, targetCore = "0", "1"

func (b *bench) start(argv ...string) (*exec.Cmd, *bufio.Reader, error) {
	cmd := exec.Command("taskset", append([]string{"-c", targetCore}, argv...)...)
	cmd.Stderr = os.Stderr
	// One processor to run on, as the node of a trial has.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	b.started = append(b.started, cmd)
	return cmd, bufio.NewReader(out), nil
}

func (b *bench) stop() {
	for _, cmd := range slices.Backward(b.started) {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // a killed process always "fails"
	}
	b.started = nil
}

// server is one side of a comparison.
type server struct {
	name, addr, header string
	pid                int
	perRequest         []float64 // microseconds, a value a round
}

// serve starts our target and logs a user in, who then sends header.
func (b *bench) serve(header func(*http.Response, map[string]string) string, args ...string) (*server, error) {
	cmd, out, err := b.start(append([]string{b.authbench, "serve"}, args...)...)
	if err != nil {
		return nil, err
	}
	var ready struct{ Listen, Example_user, Example_password string }
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		return nil, fmt.Errorf("authbench serve: %w", err)
	}
	login, err := json.Marshal(map[string]string{"username": "user-7", "password": "password-7"})
	if err != nil {
		return nil, err
	}
	res, err := http.Post("http://"+ready.Listen+"/login", "application/json", bytes.NewReader(login))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("login: %s: %s", res.Status, body)
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, err
	}
	text := map[string]string{}
	for k, v := range fields {
		text[k] = fmt.Sprint(v)
	}
	return &server{name: "target", addr: ready.Listen, pid: cmd.Process.Pid, header: header(res, text)}, nil
}

func (b *bench) bare(header string, args ...string) (*server, error) {
	cmd, out, err := b.start(append([]string{b.floor}, args...)...)
	if err != nil {
		return nil, err
	}
	addr, err := out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	return &server{name: "floor", addr: strings.TrimSpace(addr), pid: cmd.Process.Pid, header: header}, nil
}

func (b *bench) token() error {
	defer b.stop()
	keys := filepath.Join(b.dir, "keys")
	if out, err := exec.Command(b.authbench, "keys", "--arm", "jwt-hs256", "--out", keys).CombinedOutput(); err != nil {
		return fmt.Errorf("authbench keys: %w: %s", err, out)
	}
	target, err := b.serve(func(_ *http.Response, f map[string]string) string {
		return "Authorization: Bearer " + f["access_token"]
	}, "--arm", "jwt-hs256", "--keys", keys)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(keys, "ring.HS256.json"))
	if err != nil {
		return err
	}
	var ring struct{ Keys []struct{ Private []byte } }
	if err := json.Unmarshal(data, &ring); err != nil {
		return fmt.Errorf("key ring: %w", err)
	}
	if len(ring.Keys) != 1 {
		return fmt.Errorf("key ring: %d keys, want 1", len(ring.Keys))
	}
	floor, err := b.bare(target.header, "-secret", hex.EncodeToString(ring.Keys[0].Private))
	if err != nil {
		return err
	}
	return b.compare("jwt-hs256", target, floor)
}

func (b *bench) redis() error {
	defer b.stop()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	if err := ln.Close(); err != nil {
		return err
	}
	if _, _, err := b.start("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", b.dir); err != nil {
		return err
	}
	if err := waitFor("127.0.0.1:" + port); err != nil {
		return err
	}
	url := "redis://127.0.0.1:" + port
	target, err := b.serve(func(res *http.Response, _ map[string]string) string {
		cookie, _, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";")
		return "Cookie: " + cookie
	}, "--arm", "session-redis", "--redis-url", url)
	if err != nil {
		return err
	}
	key, err := recordKey(url)
	if err != nil {
		return err
	}
	floor, err := b.bare(target.header, "-redis", url, "-key", hex.EncodeToString([]byte(key)))
	if err != nil {
		return err
	}
	return b.compare("session-redis", target, floor)
}

// recordKey finds the one session that there is.
func recordKey(url string) (string, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return "", err
	}
	client := redis.NewClient(o)
	defer client.Close()
	keys, err := client.Keys(context.Background(), "authbench:s:*").Result()
	if err != nil {
		return "", err
	}
	if len(keys) != 1 {
		return "", fmt.Errorf("%d sessions in Redis, want 1", len(keys))
	}
	return keys[0], nil
}

func waitFor(addr string) error {
	var err error
	for range 200 {
		var c net.Conn
		if c, err = net.Dial("tcp", addr); err == nil {
			return c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// compare alternates, and changes who is first from round to round.
func (b *bench) compare(arm string, target, floor *server) error {
	pair := []*server{target, floor}
	for _, s := range pair {
		if _, err := b.measure(s, time.Second); err != nil { // warm-up
			return err
		}
	}
	for range b.rounds {
		slices.Reverse(pair)
		for _, s := range pair {
			us, err := b.measure(s, b.each)
			if err != nil {
				return err
			}
			s.perRequest = append(s.perRequest, us)
		}
	}
	var ratios []float64
	for i := range target.perRequest {
		ratios = append(ratios, target.perRequest[i]/floor.perRequest[i])
	}
	slices.Sort(ratios)
	fmt.Printf("%-14s target %6.2f us  floor %6.2f us  ratio %.3f [%.3f, %.3f]  (medians and extremes of %d rounds, CPU per request)\n",
		arm, median(target.perRequest), median(floor.perRequest), median(ratios), ratios[0], ratios[len(ratios)-1], len(ratios))
	return nil
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// measure saturates s and returns its CPU time per request in microseconds.
func (b *bench) measure(s *server, d time.Duration) (float64, error) {
	before, err := cpuTime(s.pid)
	if err != nil {
		return 0, err
	}
	out, err := exec.Command("taskset", "-c", loadCore, "wrk", "-t1", "-c16", "-d", fmt.Sprintf("%ds", int(d.Seconds())),
		"-H", s.header, "http://"+s.addr+"/me").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	after, err := cpuTime(s.pid)
	if err != nil {
		return 0, err
	}
	if bytes.Contains(out, []byte("Non-2xx")) || bytes.Contains(out, []byte("Socket errors")) {
		return 0, fmt.Errorf("%s did not accept every request:\n%s", s.name, out)
	}
	m := regexp.MustCompile(`(\d+) requests in`).FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("wrk does not say how many requests it made:\n%s", out)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, errors.New("wrk made no request")
	}
	return float64((after - before).Nanoseconds()) / 1000 / n, nil
}
