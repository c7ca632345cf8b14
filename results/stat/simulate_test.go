package stat

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"authbench/results"
)

// measured is what the harness showed of an arm measured twice, block by block: the
// log-ratios by which simulations draw. A block has all its metrics, as what
// happens to one happens to the others.
type measured struct {
	p50, cpu []float64
}

// readMeasured reads testdata/aa-blocks.json, which authbench selfcheck writes.
//
// Under A/A the labels are exchangeable: which of two equal arms is called the
// duplicate is drawn, so each block's log-ratio is as likely to have the opposite
// sign. Drawing a block and then its sign is therefore a fair sample of what A/A
// blocks do, centred at 0 by construction and with the spread, the outliers and the
// lumps that were measured.
func readMeasured(t *testing.T) measured {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "aa-blocks.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Pairs []Pairs }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	byBlock := map[string]map[string]map[int]float64{} // run, metric, block
	for _, p := range file.Pairs {
		logs, err := LogRatios(p.ArmNS, p.BaselineNS)
		if err != nil {
			t.Fatalf("%s, %s: %v", p.Run, p.Metric, err)
		}
		if byBlock[p.Run] == nil {
			byBlock[p.Run] = map[string]map[int]float64{}
		}
		byBlock[p.Run][p.Metric] = map[int]float64{}
		for i, b := range p.Blocks {
			byBlock[p.Run][p.Metric][b] = logs[i]
		}
	}
	var m measured
	for _, p := range file.Pairs { // in the order of the file: the same draws every time
		if p.Metric != "p50" {
			continue
		}
		for _, b := range p.Blocks {
			cpu, ok := byBlock[p.Run]["cpu"][b]
			if !ok {
				continue
			}
			m.p50, m.cpu = append(m.p50, byBlock[p.Run]["p50"][b]), append(m.cpu, cpu)
		}
	}
	if len(m.p50) < 12 {
		t.Fatalf("%d blocks measured, a simulation takes 12", len(m.p50))
	}
	return m
}

// draw is the log-ratios of one block, by one sign.
func (m measured) draw(rng *rand.Rand) (p50, cpu float64) {
	i := rng.IntN(len(m.p50))
	if rng.IntN(2) == 0 {
		return m.p50[i], m.cpu[i]
	}
	return -m.p50[i], -m.cpu[i]
}

// machine is how a simulated machine treats the two trials of a block beside what was
// measured.
type machine struct {
	name   string
	shared float64 // SD of what all trials of a block share
	drift  float64 // of the logarithm, over the experiment; trials follow each other
	mode   float64 // log-factor of a slow mode, in which a third of the trials are
	grain  float64 // values are multiples of it, in nanoseconds; 0: whatever they are
}

var machines = []machine{
	{name: "as measured", shared: 0.1},
	{name: "drift", shared: 0.1, drift: 0.5},
	{name: "two modes", shared: 0.1, mode: 0.2},
	{name: "ties", shared: 0.1, grain: 2000},
	{name: "drift, two modes and ties", shared: 0.1, drift: 0.5, mode: 0.2, grain: 3000},
}

// block is what two arms take in one block, in nanoseconds, in random order. The arm
// takes ratio times the baseline and add more.
func (m machine) block(rng *rand.Rand, noise, when, step, ratio, add float64) (arm, baseline float64) {
	first, shared := float64(rng.IntN(2)), m.shared*rng.NormFloat64()
	level := func(second float64) float64 {
		l := shared + m.drift*(when+step*second)
		if rng.IntN(3) == 0 {
			l += m.mode
		}
		return 150_000 * math.Exp(l)
	}
	arm, baseline = ratio*level(first)*math.Exp(noise/2)+add, level(1-first)*math.Exp(-noise/2)
	if m.grain > 0 {
		arm, baseline = m.grain*math.Round(arm/m.grain), m.grain*math.Round(baseline/m.grain)
	}
	return arm, baseline
}

// TestCoverageOfMeasuredBlocks simulates experiments of 12 blocks that were measured,
// on machines that drift, have two modes and round: the intervals of ratio and
// difference hold the truth in 93 to 97 of 100.
//
// The difference that is planted is no multiple of the grain. If it were, the ends of
// the interval would fall on it too often, and as they are counted in it would hold
// the truth in up to 99 of 100: an exact test never claims too much, with ties it may
// claim less.
func TestCoverageOfMeasuredBlocks(t *testing.T) {
	const experiments, blocks, ratio, add = 2000, 12, 1.3, 50_700
	data := readMeasured(t)
	for _, m := range machines {
		t.Run(m.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(31, 32))
			var ratios, differences, ties int
			for range experiments {
				var x, y, z []float64
				for b := range blocks {
					noise, _ := data.draw(rng)
					when := float64(b) / blocks
					arm, baseline := m.block(rng, noise, when, 0.5/blocks, ratio, 0)
					slower, same := m.block(rng, noise, when, 0.5/blocks, 1, add)
					x, y, z = append(x, arm), append(y, baseline), append(z, slower-same)
				}
				r, err := Ratio(x, y, Level)
				if err != nil {
					t.Fatal(err)
				}
				if r.Lo <= ratio && ratio <= r.Hi {
					ratios++
				}
				if d := mustLocation(t, z, Level); d.Lo <= add && add <= d.Hi {
					differences++
				}
				ties += blocks - len(groupSizes(z))
			}
			for what, held := range map[string]int{"ratio": ratios, "difference": differences} {
				if share := float64(held) / experiments; share < 0.93 || share > 0.97 {
					t.Errorf("the interval of the %s holds the truth in %.1f %% of %d experiments", what, 100*share, experiments)
				}
			}
			t.Logf("ratio %.2f %%, difference %.2f %%; %.1f ties an experiment", 100*float64(ratios)/experiments, 100*float64(differences)/experiments, float64(ties)/experiments)
			if m.grain > 0 && ties < experiments {
				t.Errorf("%d ties in %d experiments: this machine is to have more", ties, experiments)
			}
		})
	}
}

// simulated is a whole run of the arms of a bench without any difference between
// them: every trial is the block's level times what an A/A block does to it. The
// measured noise is of two trials, hence the root of two.
func simulated(rng *rand.Rand, data measured, m machine, blocks int) *results.Run {
	run := &results.Run{Profile: "default", Baseline: "base", Workload: results.Workload{Scenario: "steady", Blocks: blocks}}
	for _, name := range []string{"base", "base~aa", "a", "b", "c", "d", "e", "f"} {
		run.Arms = append(run.Arms, results.Arm{Name: name, Duplicate: name == "base~aa"})
	}
	for b := range blocks {
		shared := m.shared * rng.NormFloat64()
		for position, i := range rng.Perm(len(run.Arms)) {
			level := shared + m.drift*(float64(b)+float64(position)/float64(len(run.Arms)))/float64(blocks)
			if rng.IntN(3) == 0 {
				level += m.mode
			}
			p50, cpu := data.draw(rng)
			value := 150_000 * math.Exp(level+p50/math.Sqrt2)
			if m.grain > 0 {
				value = m.grain * math.Round(value/m.grain)
			}
			run.Trials = append(run.Trials, plantedTrial(run.Arms[i].Name, b+1, int64(value), 40_000*math.Exp(level+cpu/math.Sqrt2)))
		}
	}
	return run
}

// TestFalseAlarms simulates 2000 experiments without any difference: of a run's
// comparisons not one may be said to differ in more than 5 % of them, nor may the A/A
// check call a run invalid in more than 1 %. Holm keeps the rate at or below the
// level, so that what is seen may exceed it by chance only: two standard errors are
// allowed for the 1 %, none for the 5 %.
func TestFalseAlarms(t *testing.T) {
	const experiments = 2000
	data := readMeasured(t)
	for _, m := range []machine{machines[0], machines[len(machines)-1]} {
		t.Run(m.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(33, 34))
			differs, invalid := 0, 0
			for range experiments {
				all := CompareAll(simulated(rng, data, m, 12))
				if all.M != 12 || all.AA.Status == results.Unknown {
					t.Fatalf("%d comparisons, A/A %s: %s", all.M, all.AA.Status, all.AA.Reason)
				}
				if all.AA.Status == results.Invalid {
					invalid++
				}
				for _, c := range all.List {
					if c.Metric.Primary && c.Holm <= Alpha {
						differs++
						break
					}
				}
			}
			t.Logf("%d of %d experiments say that an arm differs, %d are called invalid", differs, experiments, invalid)
			if differs > experiments/20 {
				t.Errorf("%d false alarms in %d experiments: more than 5 %%", differs, experiments)
			}
			if allowed := 0.01 + 2*math.Sqrt(0.01*0.99/experiments); float64(invalid) > allowed*experiments {
				t.Errorf("%d of %d experiments are called invalid: more than 1 %%", invalid, experiments)
			}
		})
	}
}

// TestHandicapIsFound simulates what the self-check measures: 50 us more than 150 us,
// by measured blocks, are found in nearly every experiment of 12.
func TestHandicapIsFound(t *testing.T) {
	const experiments, handicap = 500, 50_000.0
	data := readMeasured(t)
	rng := rand.New(rand.NewPCG(35, 36))
	found, holds := 0, 0
	for range experiments {
		run := simulated(rng, data, machines[0], 12)
		for i := range run.Trials {
			if tr := &run.Trials[i]; tr.Arm == "a" {
				*tr.Latency.P50 += int64(handicap)
			}
		}
		c := find(t, CompareAll(run), "a", "p50")
		if c.Status == Differs && c.Ratio.Value > 1 {
			found++
		}
		if c.Difference.Lo <= handicap && handicap <= c.Difference.Hi {
			holds++
		}
	}
	if found < experiments*9/10 || holds < experiments*92/100 {
		t.Errorf("of %d experiments %d find the handicap, %d hold it", experiments, found, holds)
	}
}
