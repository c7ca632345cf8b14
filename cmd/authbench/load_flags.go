package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/pflag"

	"authbench/loadgen"
	"authbench/results"
	"authbench/targets/contract"
)

// loadFlags are the flags of load as typed.
type loadFlags struct {
	rate        float64
	duration    time.Duration
	connections int
	arrivals    string
	saturate    bool
	search      string
	stages      string
	method      string
	headers     []string
	body        string
	bodyFile    string
	timeout     time.Duration
	warmup      time.Duration
	loops       int
	spin        bool
	engine      string
	churn       int
	http2       bool
	caFile      string
	seed        uint64
	hlog        string
	json        string
	asserts     []string
	quiet       bool
	own         bool
}

const (
	defaultLoadRate   = 1000.0
	defaultSearchRate = 500.0
	remoteLoadRate    = 200.0 // of a target on another machine, as is the number of connections
	remoteConnections = 20
	defaultDuration   = 10 * time.Second
	defaultProbe      = 2 * time.Second
)

func (f *loadFlags) register(fl *pflag.FlagSet) {
	fl.Float64Var(&f.rate, "rate", 0, "requests per second; with --search the first to try (default 1000; with --search 500; on another machine 200)")
	fl.DurationVar(&f.duration, "duration", 0, "how long requests fall due; with --search of each probe (default 10s; with --search 2s)")
	fl.IntVar(&f.connections, "connections", 64, "open connections, one request at a time on each (on another machine 20 unless given)")
	fl.StringVar(&f.arrivals, "arrivals", string(loadgen.Poisson), "poisson, or constant (which hides queueing)")
	fl.BoolVar(&f.saturate, "saturate", false, "closed loop: every connection sends as soon as it was answered; measures capacity, hides stalls")
	fl.StringVar(&f.search, "search", "", "find the highest rate that meets this `objective`, in at most 10 probes")
	fl.StringVar(&f.stages, "stages", "", "`stages` of a changing rate: 5s@1000,10s@1000..5000 is a step and a ramp")
	fl.StringVar(&f.method, "method", "", "request method (default GET; POST with a body)")
	fl.StringArrayVarP(&f.headers, "header", "H", nil, "header `line` such as 'Accept: text/html' (repeat)")
	fl.StringVar(&f.body, "body", "", "request body")
	fl.StringVar(&f.bodyFile, "body-file", "", "`file` with the request body")
	fl.DurationVar(&f.timeout, "timeout", 5*time.Second, "a request without an answer by then has timed out; counts from the instant it was due; at most 50s")
	fl.DurationVar(&f.warmup, "warmup", 0, "offer the load for so long before measuring")
	fl.StringVar(&f.engine, "engine", "", "epoll (Linux, http) or portable (default: the first of them that can)")
	fl.IntVar(&f.loops, "loops", 0, "event loops of the epoll engine, a thread each (default: one)")
	fl.BoolVar(&f.spin, "spin", true, "epoll engine: burn CPU for the last microseconds before a request is due; --spin=false sleeps and is some 50 us late")
	fl.IntVar(&f.churn, "churn", 0, "a new connection every so many requests (default: never)")
	fl.BoolVar(&f.http2, "http2", false, "offer HTTP/2 to an https target")
	fl.StringVar(&f.caFile, "ca-file", "", "PEM `file` of the authorities that sign an https target, instead of the system's")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of the schedule (default: random, printed)")
	fl.StringVar(&f.hlog, "hlog", "", "write the histograms to this `file`, as an HdrHistogram V2 log")
	fl.StringVar(&f.json, "json", "", "write the result to this `file` as JSON; - is stdout, the text then goes to stderr")
	fl.StringArrayVar(&f.asserts, "assert", nil, "fail unless this `objective` is met (repeat)")
	fl.BoolVar(&f.own, ownFlag, false, ownUsage)
	fl.BoolVar(&f.quiet, "quiet", false, "no progress on stderr")
}

// job checks the call. Every error is a mistake in it.
func (f *loadFlags) job(url string, typed func(string) bool) (*loadJob, error) {
	j := &loadJob{url: url, conns: f.connections, warmup: f.warmup, json: f.json, hlog: f.hlog, quiet: f.quiet}
	for _, step := range []func(*loadJob, func(string) bool) error{f.elsewhere, f.numbers, f.mode, f.target, f.objectives, f.chooseEngine, f.outputs} {
		if err := step(j, typed); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// elsewhere is about a target on another machine: it has to be theirs who ask, and gets
// little unless they ask for more.
func (f *loadFlags) elsewhere(j *loadJob, typed func(string) bool) error {
	u, err := parseTarget(j.url)
	if err != nil {
		return err
	}
	if err := mayReach(u.Hostname(), f.own, "this puts load on it"); err != nil {
		return err
	}
	if j.remote = !contract.Loopback(u.Hostname()); j.remote && !typed("connections") {
		f.connections = remoteConnections
		j.conns = f.connections
	}
	return nil
}

// numbers checks what stands for itself.
func (f *loadFlags) numbers(j *loadJob, typed func(string) bool) error {
	switch arrivals := loadgen.Arrivals(f.arrivals); {
	case typed("rate") && !(f.rate >= 1e-6 && f.rate <= 1e9):
		return usageError("--rate %v: from 0.000001 to 10^9 requests per second", f.rate)
	case typed("duration") && f.duration <= 0:
		return usageError("--duration %v: has to be positive", f.duration)
	case f.connections < 1:
		return usageError("--connections %d: at least 1", f.connections)
	case arrivals != loadgen.Poisson && arrivals != loadgen.Constant:
		return usageError("--arrivals %s: poisson or constant", f.arrivals)
	case f.timeout <= 0 || f.timeout > 50*time.Second:
		return usageError("--timeout %v: more than 0, at most 50s", f.timeout)
	case f.warmup < 0:
		return usageError("--warmup %v: cannot be negative", f.warmup)
	case f.churn < 0 || typed("churn") && f.churn == 0:
		return usageError("--churn %d: at least 1 request a connection", f.churn)
	case typed("loops") && (f.loops < 1 || f.loops > f.connections):
		return usageError("--loops %d: from 1 to the number of connections, %d", f.loops, f.connections)
	}
	j.phase = loadgen.Phase{
		Operation: "load", Arrivals: loadgen.Arrivals(f.arrivals), Timeout: f.timeout, Churn: f.churn, Seed: f.seed,
	}
	if !typed("seed") {
		j.phase.Seed = randomSeed()
	}
	return nil
}

// mode finds out which of the four ways was asked for, and its rates.
func (f *loadFlags) mode(j *loadJob, typed func(string) bool) error {
	var asked []string
	for _, name := range []string{modeSaturate, modeSearch, modeStages} {
		if typed(name) && (name != modeSaturate || f.saturate) {
			asked = append(asked, name)
		}
	}
	if len(asked) > 1 {
		return usageError("--%s and --%s: one at a time", asked[0], asked[1])
	}
	j.mode = modeRate
	if len(asked) == 1 {
		j.mode = asked[0]
	}
	duration, rate := defaultDuration, defaultLoadRate
	if j.mode == modeSearch {
		duration, rate = defaultProbe, defaultSearchRate
	}
	if j.remote {
		rate = remoteLoadRate
	}
	if typed("duration") {
		duration = f.duration
	}
	if typed("rate") {
		rate = f.rate
	}
	j.phase.Duration = duration
	switch {
	case j.mode == modeRate:
		j.phase.Rate = rate
	case j.mode == modeSearch:
		j.start = rate
	case typed("rate"):
		return usageError("--rate and --%s: one at a time", j.mode)
	case j.mode == modeSaturate && typed("arrivals"):
		return usageError("--arrivals and --saturate: a closed loop has no schedule")
	case j.mode == modeStages && typed("duration"):
		return usageError("--duration and --stages: the stages say how long they are")
	case j.mode == modeStages:
		var err error
		j.phase.Stages, j.phase.Duration, err = parseStages(f.stages)
		if err != nil {
			return usageError("--stages: %w", err)
		}
	}
	if j.mode == modeRate {
		if _, err := loadgen.NewSchedule(j.phase, 1); err != nil {
			return usageError("--rate, --duration: %w", err)
		}
	}
	return nil
}

func (f *loadFlags) objectives(j *loadJob, typed func(string) bool) (err error) {
	if typed("search") {
		if j.objective, err = loadgen.ParseObjective(f.search); err != nil {
			return usageError("--search: %w", err)
		}
	}
	for _, expr := range f.asserts {
		o, err := loadgen.ParseObjective(expr)
		if err != nil {
			return usageError("--assert: %w", err)
		}
		j.asserts = append(j.asserts, o)
	}
	return nil
}

// chooseEngine takes the engine that was asked for, or the first that can.
func (f *loadFlags) chooseEngine(j *loadJob, typed func(string) bool) (err error) {
	j.engine = loadgen.For(&j.plan)
	if typed("engine") {
		if j.engine, err = loadgen.Named(f.engine); err != nil {
			return usageError("--engine: %w", err)
		}
		if err := j.engine.Supports(&j.plan); err != nil {
			return usageError("--engine %s: %w", f.engine, err)
		}
	}
	j.cores = runtime.NumCPU()
	if cores, err := loadgen.Cores(); err == nil {
		j.cores = len(cores)
	}
	if tuned, loops, ok := tuneEngine(j.engine, f.loops, f.spin); ok {
		j.engine, j.cores = tuned, min(j.cores, loops)
		return nil
	}
	for _, name := range []string{"loops", "spin"} {
		if typed(name) {
			return usageError("--%s: the %s engine has no event loops of its own", name, j.engine.Name())
		}
	}
	return nil
}

// outputs finds out now what would otherwise be noticed when all the work is done.
func (f *loadFlags) outputs(*loadJob, func(string) bool) error {
	for _, out := range []struct{ flag, path string }{{"json", f.json}, {"hlog", f.hlog}} {
		if out.path == "" || out.flag == "json" && out.path == "-" {
			continue
		}
		if info, err := os.Stat(out.path); err == nil && info.IsDir() {
			return usageError("--%s %s: is a directory", out.flag, out.path)
		}
		if _, err := os.Stat(filepath.Dir(out.path)); errors.Is(err, fs.ErrNotExist) {
			return usageError("--%s %s: there is no such directory", out.flag, out.path)
		}
	}
	return nil
}

// loadOutcomes is what statuses mean where no contract says it.
func loadOutcomes() map[int]results.Outcome {
	m := make(map[int]results.Outcome, 400)
	for status := 200; status <= 599; status++ {
		switch {
		case status < 400:
			m[status] = results.OK
		case status == 408 || status == 429 || status >= 500:
			m[status] = results.Unavailable
		default:
			m[status] = results.Rejected
		}
	}
	return m
}
