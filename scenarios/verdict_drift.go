package scenarios

import (
	"fmt"
	"math"

	"authbench/results"
	"authbench/results/stat"
)

const (
	driftBlocks = 8    // a trend in fewer is not worth the name
	maxDrift    = 0.10 // of the median response, from the first block to the last
)

// checkDrift looks for a machine that changed under the experiment, by the median
// response of one arm: the Theil-Sen slope of its logarithm over the blocks (Sen,
// Journal of the American Statistical Association 63, 1968). Blocks are
// interleaved, so that drift favours no arm; it widens every interval, and says
// that another hour would have given other numbers.
func checkDrift(run *results.Run, arm results.Arm, trials []results.Trial) results.Verdict {
	v := results.Verdict{Check: CheckDrift, Status: results.Unknown, Unit: "% over the run", Bound: number(100 * maxDrift)}
	p50 := stat.Metrics(run.Profile)[0]
	var blocks, logs []float64
	first, last := math.Inf(1), math.Inf(-1)
	for i := range trials {
		x, ok := p50.Of(arm, &trials[i])
		if !ok || x <= 0 || math.IsInf(x, 0) {
			continue
		}
		b := float64(trials[i].Block)
		blocks, logs = append(blocks, b), append(logs, math.Log(x))
		first, last = min(first, b), max(last, b)
	}
	if len(blocks) < driftBlocks {
		v.Reason = fmt.Sprintf("%d blocks have a median response that can be used, a trend takes %d", len(blocks), driftBlocks)
		return v
	}
	t, err := stat.TheilSen(blocks, logs, stat.Level)
	if err != nil {
		v.Reason = err.Error()
		return v
	}
	over := func(slope float64) float64 { return 100 * math.Expm1(slope*(last-first)) }
	drift := over(t.Slope)
	v.Status, v.Measured = results.Pass, number(drift)
	if t.Bounded && (t.Lo > 0 || t.Hi < 0) && math.Abs(drift) > 100*maxDrift {
		v.Status = results.Fail
		v.Reason = fmt.Sprintf("the median response changed by %+.0f %% [%+.0f, %+.0f] from the first block to the last: the machine was not the same throughout; find out what else ran on it, or measure again",
			drift, over(t.Lo), over(t.Hi))
	}
	return v
}
