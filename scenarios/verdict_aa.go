package scenarios

import (
	"authbench/results"
	"authbench/results/stat"
)

// checkAA is the verdict on the duplicate of the baseline: invalid where it
// differs, unknown where the blocks are too few to tell.
func checkAA(run *results.Run) results.Verdict {
	aa := stat.CheckAA(run)
	v := results.Verdict{Check: CheckAA, Status: aa.Status, Reason: aa.Reason, Unit: "p"}
	if len(aa.List) > 0 {
		v.Measured, v.Bound = number(aa.Holm), number(stat.AlphaAA)
	}
	return v
}
