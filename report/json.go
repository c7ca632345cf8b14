package report

import (
	"encoding/json"
	"io"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// document is the run as it was read (docs/schema/run.schema.json) and what was
// drawn from it.
type document struct {
	*results.Run
	AA          aaJSON           `json:"a_a"`
	Comparisons []comparisonJSON `json:"comparisons"`
}

// aaJSON is the check of the duplicate of the baseline, made anew.
type aaJSON struct {
	Status string `json:"status"` // pass, invalid, unknown
	Reason string `json:"reason"`
}

// comparisonJSON is one arm against the baseline by one metric: "p50" and "p99"
// of the response time under steady load, "cpu" of a request at saturation, in
// target and stores together.
type comparisonJSON struct {
	Arm          string    `json:"arm"`
	Baseline     string    `json:"baseline"`
	Metric       string    `json:"metric"`
	Unit         string    `json:"unit"`            // of the difference: "ns"
	Primary      bool      `json:"primary"`         // declared beforehand, and judged together with the others
	Blocks       int       `json:"blocks"`          // compared
	LeftOut      int       `json:"blocks_left_out"` // planned, but without a usable number of both
	Degraded     int       `json:"blocks_degraded"` // compared all the same
	Ratio        *spanJSON `json:"ratio"`           // null without an estimate
	Difference   *spanJSON `json:"difference"`      // likewise
	P            *float64  `json:"p"`               // of "no difference", by itself
	PHolm        *float64  `json:"p_holm"`          // adjusted for all primaries; null for the others
	Status       string    `json:"status"`          // differs, equivalent, inconclusive, too_few_blocks, exploratory, invalid, not_applicable
	BlocksNeeded *int      `json:"blocks_needed"`   // that would settle it; null where none is known
	Sentence     string    `json:"sentence"`
}

// spanJSON is an estimate with its interval, which is not adjusted. Lo and hi are
// null where the blocks are too few for an interval.
type spanJSON struct {
	Value    float64  `json:"value"`
	Lo       *float64 `json:"lo"`
	Hi       *float64 `json:"hi"`
	Bounded  bool     `json:"bounded"`
	Level    float64  `json:"level"`
	Achieved float64  `json:"achieved"`
}

// JSON writes the run as it was read and, as comparisons, what the other formats
// say of it.
func JSON(w io.Writer, b *evidence.Board) error {
	s := summarise(b)
	d := document{Run: b.Run, AA: aaJSON{s.AA.Status, s.AA.Reason}, Comparisons: []comparisonJSON{}}
	for _, c := range s.Comparisons {
		d.Comparisons = append(d.Comparisons, comparedJSON(c))
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

func comparedJSON(j evidence.Comparison) comparisonJSON {
	out := comparisonJSON{
		Arm: j.Arm, Baseline: j.Baseline, Metric: j.Metric.Name, Unit: "ns", Primary: j.Metric.Primary,
		Blocks: j.Blocks, LeftOut: j.LeftOut, Degraded: j.Degraded, Status: j.Status, Sentence: number.ASCII(j.Sentence),
	}
	if j.Needed > 0 {
		out.BlocksNeeded = &j.Needed
	}
	if j.Err != nil {
		return out
	}
	out.Ratio, out.Difference, out.P = spanOf(j.Ratio), spanOf(j.Difference), &j.Ratio.P
	if j.Metric.Primary {
		out.PHolm = &j.Holm
	}
	return out
}

func spanOf(e stat.Estimate) *spanJSON {
	s := &spanJSON{Value: e.Value, Bounded: e.Bounded, Level: e.Level, Achieved: e.Achieved}
	if e.Bounded { // JSON has no infinities
		s.Lo, s.Hi = &e.Lo, &e.Hi
	}
	return s
}
