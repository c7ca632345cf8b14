package report

import (
	"strings"
	"testing"

	"authbench/results"
)

func TestStillness(t *testing.T) {
	run, h := bigRun(t, nil)
	if strings.Contains(render(t, run, h), "Stillness") {
		t.Error("a machine that was not probed has a line")
	}
	run.Blocks = []results.Block{
		{Block: 1, GapBefore: &results.Gap{MaxNS: 300_000, P99NS: 80_000}, GapAfter: &results.Gap{MaxNS: 31_204_000, P99NS: 60_000}},
		{Block: 2, GapBefore: &results.Gap{MaxNS: 400_000, P99NS: 90_000}},
	}
	if want := "3 probes: longest gap 31.2ms, worst p99 90µs"; !strings.Contains(render(t, run, h), want) {
		t.Errorf("the page does not say %q", want)
	}
}
