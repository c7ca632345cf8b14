package loadgen

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"authbench/results"
)

// roleVariable makes the test binary play something else than the tests: what
// disturbs a generator, or answers it, has to be another process.
const roleVariable = "AUTHBENCH_LOADGEN_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// play is "hog CORE", which keeps the core busy, or "target", which says on
// standard output where it listens. Either ends with its standard input.
func play(role string) error {
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		os.Exit(0)
	}()
	kind, arg, _ := strings.Cut(role, " ")
	core, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	if err := Confine([]int{core}); err != nil {
		return err
	}
	if kind == "hog" {
		for time.Now().Year() > 0 { // as long as there is standard input
		}
		return nil
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go respond(good)(c)
	}
}

// start runs the test binary in a role until the test ends and returns its first
// line; wait says that there is one.
func start(t *testing.T, role string, wait bool) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	if !wait {
		return ""
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// judged runs a phase on the given cores and has it judged.
func judged(t *testing.T, e Engine, addr string, conns int, p Phase, cores int) (*Recording, Validity) {
	t.Helper()
	s, err := e.Open(t.Context(), testPlan(t, 20, addr), conns)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var before, after time.Duration
	p.OnBegin = func() { before = processCPU(t) }
	p.OnEnd = func() { after = processCPU(t) }
	rec, err := s.Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	v := Judge(rec, after-before, cores)
	var rate float64
	if rec.Involuntary >= 0 {
		rate = float64(rec.Involuntary) / rec.Elapsed.Seconds()
	}
	t.Logf("%s: %s %q (lag %s, involuntary %.0f/s)", rec.Engine, v.Status, v.Reasons, lagOf(rec), rate)
	return rec, v
}

func lagOf(r *Recording) string {
	if r.Lag.P99 == nil {
		return "none"
	}
	return fmt.Sprintf("p50 %v p99 %v", round(*r.Lag.P50), round(*r.Lag.P99))
}

func processCPU(t *testing.T) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// confined keeps this process on one core while the test runs, and returns that
// and the core for the others.
func confined(t *testing.T) (mine, others int) {
	t.Helper()
	all, err := Cores()
	if err != nil {
		t.Fatal(err)
	}
	if err := Confine(all[:1]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Confine(all); err != nil {
			t.Error(err)
		}
	})
	return all[0], all[len(all)-1]
}

func finds(t *testing.T, v Validity, status, words string) {
	t.Helper()
	if !strings.Contains(strings.Join(v.Reasons, "\n"), words) || v.Status == Valid || status == results.Invalid && v.Status != status {
		t.Errorf("%s %q, want %s and %q", v.Status, v.Reasons, status, words)
	}
}

// The runs that are bad in a way of which the generator has to accuse itself, or
// the target, over real sockets. That ten good runs in a row are not accused is
// measured, not tested: on a shared machine somebody else's work is a finding.
func TestBadRunsAreFlagged(t *testing.T) {
	for _, e := range Engines() {
		t.Run(e.Name(), func(t *testing.T) {
			t.Run("hog on the generator's core", func(t *testing.T) {
				mine, others := confined(t)
				addr := start(t, "target "+strconv.Itoa(others), true)
				start(t, "hog "+strconv.Itoa(mine), false)
				_, v := judged(t, e, addr, 32, Phase{Rate: 2000, Duration: 1500 * time.Millisecond, Seed: 1}, 1)
				finds(t, v, Degraded, "late")
			})
			t.Run("too few connections", func(t *testing.T) {
				s := listen(t, respond(func(r *http.Request) string {
					time.Sleep(5 * time.Millisecond)
					return good(r)
				}))
				_, v := judged(t, e, s.addr(), 2, Phase{Rate: 300, Duration: 700 * time.Millisecond, Seed: 1}, runtime.NumCPU())
				finds(t, v, Degraded, "found no free connection")
			})
			t.Run("saturated generator", func(t *testing.T) {
				_, others := confined(t)
				addr := start(t, "target "+strconv.Itoa(others), true)
				_, v := judged(t, e, addr, 64, Phase{Rate: 2e6, Duration: 700 * time.Millisecond, Seed: 1, InFlight: 5000}, 1)
				finds(t, v, results.Invalid, "")
			})
		})
	}
	// What the target does is the same whoever looks.
	for name, pause := range changing {
		t.Run("target "+name, func(t *testing.T) {
			const length = 1200 * time.Millisecond
			began := time.Now()
			s := listen(t, respond(func(r *http.Request) string {
				time.Sleep(pause(time.Since(began).Seconds() / length.Seconds()))
				return good(r)
			}))
			_, v := judged(t, Engines()[0], s.addr(), 256, Phase{Rate: 1500, Duration: length, Seed: 1}, runtime.NumCPU())
			finds(t, v, Degraded, "not the same from beginning to end")
		})
	}
}

// changing holds targets that are not stationary: how long they take, by what
// share of the phase is over. They double, which is less than it seems: the 0.1 ms
// of the sockets come on top.
var changing = map[string]func(x float64) time.Duration{
	"steps": func(x float64) time.Duration {
		if x < 0.5 {
			return 4 * time.Millisecond
		}
		return 8 * time.Millisecond
	},
	"slows down": func(x float64) time.Duration { return time.Duration((4 + 4*x) * float64(time.Millisecond)) },
	"warms up":   func(x float64) time.Duration { return time.Duration((8 - 4*x) * float64(time.Millisecond)) },
	"swings": func(x float64) time.Duration {
		if int(x*6)%2 == 0 {
			return 4 * time.Millisecond
		}
		return 8 * time.Millisecond
	},
}
