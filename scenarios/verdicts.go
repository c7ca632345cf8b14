package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"authbench/results"
	"authbench/results/stat"
)

// The names of the checks in verdicts[] that every experiment makes.
const (
	CheckAccounting = "accounting" // scheduled = the sum of the outcomes, in every trial
	CheckErrors     = "errors"     // arrivals that did not end ok under steady load
	CheckStoreOps   = "store-ops"  // what the stores counted, against what the arm needs
	CheckValidity   = "validity"   // what the harness says of itself
	CheckAA         = "a-a"        // the duplicate of the baseline measures the same
	CheckDrift      = "drift"      // of the baseline and the control: the machine was the same in all blocks
)

// VerdictsIn are those of Verdicts and those that need the histograms of the run,
// which are in dir.
func VerdictsIn(dir string, run *results.Run) []results.Verdict {
	return append(Verdicts(run), SteadyState(run, dir)...)
}

// Verdicts judges every arm of the run by the numbers of the trials that compare
// costs. Evidence that is missing is unknown, never a pass.
func Verdicts(run *results.Run) []results.Verdict {
	var vs []results.Verdict
	for _, arm := range run.Arms {
		var trials []results.Trial
		for _, t := range run.Trials {
			if t.Arm == arm.Name && stat.OfCost(&t) {
				trials = append(trials, t)
			}
		}
		for _, check := range []func(*results.Run, results.Arm, []results.Trial) results.Verdict{
			checkAccounting, checkErrors, checkStoreOps, checkValidity,
		} {
			v := check(run, arm, trials)
			v.Scenario, v.Arm = run.Workload.Scenario, arm.Name
			if incomplete := unfinishedTrials(run, trials); incomplete != "" && v.Status == results.Pass {
				v.Status, v.Reason = results.Unknown, incomplete
			}
			vs = append(vs, v)
		}
		if arm.Name == run.Baseline || arm.Mechanism == "none" {
			v := checkDrift(run, arm, trials)
			v.Scenario, v.Arm = run.Workload.Scenario, arm.Name
			vs = append(vs, v)
		}
		if arm.Duplicate {
			v := checkAA(run)
			v.Scenario, v.Arm = run.Workload.Scenario, arm.Name
			vs = append(vs, v)
		}
	}
	return vs
}

// unfinishedTrials says what is missing for a verdict over all blocks.
func unfinishedTrials(run *results.Run, trials []results.Trial) string {
	completed := 0
	for _, t := range trials {
		if t.Error == "" {
			completed++
		}
	}
	if completed < run.Workload.Blocks {
		return fmt.Sprintf("%d of %d trials completed", completed, run.Workload.Blocks)
	}
	return ""
}

func checkAccounting(_ *results.Run, _ results.Arm, trials []results.Trial) results.Verdict {
	v := results.Verdict{Check: CheckAccounting, Status: results.Pass, Unit: "arrivals", Bound: number(0)}
	lost := int64(0)
	for _, t := range trials {
		for _, m := range phases(t) {
			if err := m.Accounting.Check(); err != nil {
				lost += m.Accounting.Scheduled - m.Accounting.Resolved()
				v.Status, v.Reason = results.Fail, fmt.Sprintf("block %d: %v", t.Block, err)
			}
		}
	}
	v.Measured = number(float64(lost))
	return v
}

func checkErrors(_ *results.Run, _ results.Arm, trials []results.Trial) results.Verdict {
	v := results.Verdict{Check: CheckErrors, Status: results.Pass, Unit: "arrivals", Bound: number(0)}
	bad := int64(0)
	for _, t := range trials {
		if n := t.Accounting.NotOK(); n > 0 {
			bad += n
			v.Status, v.Reason = results.Fail, fmt.Sprintf("block %d: %d of %d arrivals did not end ok", t.Block, n, t.Accounting.Scheduled)
		}
	}
	v.Measured = number(float64(bad))
	return v
}

// checkStoreOps holds the arm to its needs: with a store, at least one operation
// a use; without, exactly none.
func checkStoreOps(run *results.Run, arm results.Arm, trials []results.Trial) results.Verdict {
	v := results.Verdict{Check: CheckStoreOps, Status: results.Pass, Unit: "operations per use"}
	for _, s := range run.Environment.Stores {
		if s.StandIn && slices.Contains(arm.Needs, s.Kind) {
			v.Status, v.Reason = results.Unknown, "the store is a stand-in"
			return v
		}
	}
	least, most := 0.0, 0.0
	for i, t := range trials {
		if t.Error != "" {
			continue
		}
		if !t.StoreOpsKnown {
			v.Status, v.Reason = results.Unknown, "the store's counters could not be read"
			return v
		}
		if i == 0 || t.StoreOpsPerRequest < least {
			least = t.StoreOpsPerRequest
		}
		most = max(most, t.StoreOpsPerRequest)
	}
	if len(arm.Needs) > 0 && (arm.UseAsks == "sometimes" || arm.UseAsks == "never") {
		v.Status, v.Measured, v.Reason = results.NotApplicable, number(most), "uses are answered from what the node knows; it asks in the background, or now and then"
		return v
	}
	if len(arm.Needs) > 0 {
		v.Measured, v.Bound = number(least), number(1)
		if least < 1 {
			v.Status, v.Reason = results.Fail, "fewer than one store operation a use"
		}
		return v
	}
	v.Measured, v.Bound = number(most), number(0)
	if most > 0 {
		v.Status, v.Reason = results.Fail, "an arm without a store caused store operations"
	}
	return v
}

func checkValidity(_ *results.Run, _ results.Arm, trials []results.Trial) results.Verdict {
	v := results.Verdict{Check: CheckValidity, Status: results.Pass, Unit: "phases not valid", Bound: number(0)}
	var reasons []string
	invalid := 0
	for _, t := range trials {
		for _, m := range phases(t) {
			switch m.Validity.Status {
			case results.ValidityInvalid:
				invalid++
				v.Status = results.Invalid
			case results.ValidityValid, results.ValidityDegraded:
			default:
				if v.Status == results.Pass {
					v.Status, reasons = results.Unknown, append(reasons, "nothing was said of the validity of a trial")
				}
			}
			for _, r := range m.Validity.Reasons {
				if !slices.Contains(reasons, r) && len(reasons) < 3 {
					reasons = append(reasons, r)
				}
			}
		}
	}
	v.Measured, v.Reason = number(float64(invalid)), strings.Join(reasons, "; ")
	return v
}

func phases(t results.Trial) []results.Measurement {
	ms := []results.Measurement{t.Measurement}
	if t.Login != nil {
		ms = append(ms, *t.Login)
	}
	if t.Saturate != nil {
		ms = append(ms, *t.Saturate)
	}
	return ms
}

func number(f float64) *float64 { return &f }
