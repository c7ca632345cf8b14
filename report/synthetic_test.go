package report

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/results"
)

// syntheticArm is what the made-up numbers of one arm are drawn around.
type syntheticArm struct {
	results.Arm
	p50                float64 // us
	target, StoreUsage float64 // us of CPU per request, saturated
	ops                float64
	loginTarget, bytes float64
}

func syntheticArms() []syntheticArm {
	session := map[string]string{"revocation_bound": "0s", "on_store_unreachable": "503", "on_data_loss": "logged-out", "idle_timeout": "30m", "absolute_timeout": "12h"}
	token := map[string]string{"revocation_bound": "exp + leeway", "on_store_unreachable": "unaffected", "lifetime": "15m", "leeway": "30s", "refresh": "stateless"}
	arm := func(name, mechanism, summary string, promises map[string]string, needs ...string) results.Arm {
		return results.Arm{
			Name: name, Mechanism: mechanism, Summary: summary, Contract: name, Needs: needs, Promises: promises,
			Settings: map[string]string{"gomaxprocs": "1", "gogc": "100"},
		}
	}
	aa := arm("session-redis~aa", "session", "The baseline, measured a second time", session, "redis")
	aa.Duplicate = true
	hs := arm("jwt-hs256", "token", "Signed with a shared secret", token)
	hs.Notes = []string{"Every verifier holds the secret and can mint tokens."}
	return []syntheticArm{
		{arm("control", "none", "No authentication: the same handler and bytes", nil), 78, 8.2, 0, 0, 6, 210},
		{arm("session-memory", "session", "Opaque id, record in the node's memory", session), 84, 10.6, 0, 0, 11, 260},
		{arm("session-redis", "session", "Opaque id, record in Redis", session, "redis"), 160, 23.6, 11.3, 1, 31, 260},
		{aa, 160, 23.6, 11.3, 1, 31, 260},
		{arm("session-mysql", "session", "Opaque id, record in MySQL or MariaDB", session, "mysql"), 215, 29.4, 35.2, 1, 52, 260},
		{hs, 108, 14.1, 0, 0, 14, 540},
		{arm("jwt-rs256", "token", "Signed with RSA, 2048 bit", token), 158, 50.9, 0, 0, 990, 880},
		{arm("jwt-es256", "token", "Signed with ECDSA P-256", token), 205, 95.3, 0, 0, 46, 620},
	}
}

// synthetic writes a made-up run of the given arms through results and reads
// it back: what a bench does, without the bench. No number in it was measured,
// and it says so.
func synthetic(t testing.TB, root string, arms []syntheticArm, blocks int, perTrial int, edit func(*results.Run)) (*results.Run, string) {
	t.Helper()
	const rate = 2000
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rng := rand.New(rand.NewPCG(7, 11))
	run := &results.Run{
		Profile: "quick", Command: []string{"authbench", "bench", "--profile", "quick"}, Seed: 42,
		Tool: results.Tool{Version: "v0.0.0-synthetic"}, Started: started, Baseline: "session-redis",
		Environment: results.Environment{
			CPU: "Synthetic CPU", Cores: 2, MemoryB: 4 << 30, OS: "linux", Kernel: "0.0 synthetic", Go: "go1.26", Engine: "portable",
			Placement: results.Placement{Loadgen: []int{0}, Target: []int{1}, Store: []int{1}},
			Stores: []results.Store{
				{Kind: "redis", Product: "Redis", Version: "0.0.0-synthetic", Provider: "process", Network: "loopback", Settings: map[string]string{"appendonly": "no"}},
				{Kind: "mysql", Product: "MariaDB", Version: "0.0.0-synthetic", Provider: "process", Network: "loopback"},
			},
		},
		Workload: results.Workload{
			Scenario: "steady", Blocks: blocks, Users: 500, Connections: 64, Rate: rate, RateFrom: "20 % of what the slowest arm managed",
			Arrivals: "poisson", Popularity: "uniform", WarmupNS: 5e8, SteadyNS: int64(perTrial) * 1e9 / rate, SaturateNS: 5e8,
			SaturateConns: 16, TimeoutNS: 5e9, InFlightCap: 10000,
		},
		Warnings: []string{"Synthetic data for tests: nothing on this page was measured."},
	}
	for _, a := range arms {
		run.Arms = append(run.Arms, a.Arm)
	}
	w, err := results.Create(root, "synthetic", run)
	if err != nil {
		t.Fatal(err)
	}
	clock := started
	for b := 1; b <= blocks; b++ {
		for pos, i := range rng.Perm(len(arms)) {
			clock = clock.Add(4 * time.Second)
			trial, phase := syntheticTrial(t, rng, arms[i], perTrial, rate, run.Workload.SteadyNS)
			trial.Block, trial.Position, trial.Started, phase.Started = b, pos+1, clock, clock
			if err := w.Add(trial, []results.PhaseHistograms{phase}); err != nil {
				t.Fatal(err)
			}
		}
	}
	run.Finished = clock.Add(5 * time.Second)
	if edit != nil {
		edit(run)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	return run, w.Dir()
}

func syntheticTrial(t testing.TB, rng *rand.Rand, a syntheticArm, n int, rate float64, steadyNS int64) (results.Trial, results.PhaseHistograms) {
	wobble := func(s float64) float64 { return math.Exp(s * rng.NormFloat64()) }
	h := hdrhistogram.New(results.HistogramMin, results.HistogramMax, results.HistogramDigits)
	mid := a.p50 * wobble(.07) * 1e3
	for range n {
		v := mid * (.55 + .45*math.Exp(.45*rng.NormFloat64()))
		if rng.Float64() < .012 { // a stall of the machine
			v += 3e5 + 1.6e6*rng.ExpFloat64()
		}
		if err := h.RecordValue(int64(v)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	usage := func(f, perLoad float64) results.Usage {
		one := func(us float64, rss int64) results.Process {
			us *= f
			return results.Process{CPUNS: int64(us * 1e3 * float64(n)), CPUPerRequest: us * 1e3, RSSBytes: rss, Known: true}
		}
		u := results.Usage{Target: one(a.target, 31<<20), Store: one(a.StoreUsage, 9<<20), Loadgen: results.Process{Known: true, CPUNS: int64(perLoad * float64(steadyNS)), RSSBytes: 60 << 20}}
		if len(a.Needs) > 0 && a.Needs[0] == "mysql" {
			u.Store.RSSBytes = 118 << 20
		}
		return u
	}
	trial := results.Trial{Scenario: "steady", Arm: a.Name}
	trial.Measurement = results.Measurement{
		DurationNS: steadyNS, Offered: rate, Achieved: rate, Accounting: results.Accounting{Scheduled: int64(n), OK: int64(n)},
		Latency: syntheticQuantiles(h), Service: syntheticQuantiles(h), Lag: lagQuantiles(rng, n),
		QueuedShare: .0004 * rng.Float64(), RequestBytes: a.bytes, ResponseBytes: 198, Usage: usage(1.6*wobble(.05), .93),
		StoreOps: int64(a.ops * float64(n)), StoreOpsPerRequest: a.ops, StoreOpsKnown: true, Validity: results.Validity{Status: results.ValidityValid},
	}
	sat := usage(wobble(.02), .99)
	achieved := 1e6 / (sat.Target.CPUPerRequest + sat.Store.CPUPerRequest) * 1e3
	trial.Saturate = &results.Measurement{
		DurationNS: 5e8, Achieved: achieved, Accounting: results.Accounting{Scheduled: int64(achieved / 2), OK: int64(achieved / 2)},
		Usage: sat, Validity: results.Validity{Status: results.ValidityValid},
	}
	login := usage(1, .5)
	login.Target.CPUPerRequest = a.loginTarget * 1e3 * wobble(.03)
	p50, p99 := int64(login.Target.CPUPerRequest*8), int64(login.Target.CPUPerRequest*19)
	trial.Login = &results.Measurement{
		DurationNS: int64(500 * (login.Target.CPUPerRequest + 2e4)), Achieved: 1e9 / (login.Target.CPUPerRequest + 2e4),
		Accounting: results.Accounting{Scheduled: 500, OK: 500}, Latency: results.Quantiles{Count: 500, P50: &p50, P99: &p99},
		Usage: login, Validity: results.Validity{Status: results.ValidityValid},
	}
	return trial, results.PhaseHistograms{Histograms: []results.Histogram{{
		Operation: "use", Metric: "latency", Outcome: results.OK, LengthNS: steadyNS, Max: h.Max(), Count: h.TotalCount(), Data: string(data),
	}}}
}

func syntheticQuantiles(h *hdrhistogram.Histogram) results.Quantiles {
	at := func(q float64) *int64 { v := h.ValueAtQuantile(q); return &v }
	return results.Quantiles{
		Count: h.TotalCount(), Mean: h.Mean(), P50: at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9), P9999: at(99.99), Max: at(100),
	}
}

func lagQuantiles(rng *rand.Rand, n int) results.Quantiles {
	p50, p99 := int64(1500+1000*rng.Float64()), int64(30_000+40_000*rng.Float64())
	return results.Quantiles{Count: int64(n), P50: &p50, P99: &p99}
}

// open reads a run and its histograms back.
func open(t testing.TB, path string) (*results.Run, results.Series) {
	t.Helper()
	run, dir, err := results.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := results.Histograms(dir, results.PerBlock)
	if err != nil {
		t.Fatal(err)
	}
	return run, h
}

// fixture is the small run that is committed for tests of every package.
var fixture = filepath.Join("..", "results", "testdata", "synthetic")
