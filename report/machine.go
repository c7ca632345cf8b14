package report

import (
	"fmt"
	"time"

	"authbench/report/number"
	"authbench/results"
)

// stillness says in one line how long the machine stood still when nothing was
// asked of it; "" if that was not probed.
func stillness(run *results.Run) string {
	var probes int
	var longest, p99 int64
	for _, b := range run.Blocks {
		for _, g := range []*results.Gap{b.GapBefore, b.GapAfter} {
			if g == nil {
				continue
			}
			probes++
			longest, p99 = max(longest, g.MaxNS), max(p99, g.P99NS)
		}
	}
	if probes == 0 {
		return ""
	}
	return fmt.Sprintf("idle before and after the blocks, %s: longest gap %v, worst p99 %v",
		number.Count(probes, "probe"), time.Duration(longest).Round(10*time.Microsecond), time.Duration(p99).Round(10*time.Microsecond))
}
