package results

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
)

// What Verify says of a thing that run.json holds.
const (
	Same            = "ok"
	Differs         = "differs"
	Unchecked       = "unknown"          // there is nothing to check it against
	NotRecomputable = "not recomputable" // it was drawn from what a run does not keep
)

// The checks of Verify.
const (
	CheckDigest     = "digest"     // of a file, as noted when the run ended
	CheckLog        = "log"        // the histogram log can be read and belongs to the run
	CheckAccounting = "accounting" // scheduled = the sum of the outcomes, exactly
	CheckCounts     = "counts"     // the log holds as many arrivals of every outcome
	CheckQuantiles  = "quantiles"  // p50 to max of response and service time
	CheckMean       = "mean"       // to the width of a bucket
	CheckVerdict    = "verdict"    // status, figure and bound
)

// Finding is what became of one check.
type Finding struct {
	Check  string `json:"check"`
	About  string `json:"about"` // a file, a phase of a trial, a verdict
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"` // of anything but ok
}

// Verify recomputes what run.json says from what is beside it: digests, the
// accounting, the quantiles of every phase from the histograms, and the verdicts.
//
// judge draws the verdicts anew from the numbers of the run. It is nil where they
// were drawn from a history of operations, which a run does not keep: those are
// then not recomputable, which is not a pass.
//
// What only run.json holds (CPU, bytes, counts of the stores, schedule lag) can be
// checked against nothing but the digest.
func Verify(dir string, run *Run, judge func(*Run) []Verdict) []Finding {
	out := checkDigests(dir)
	log, err := readRecorded(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		out = append(out, Finding{CheckLog, HistogramsFile, Unchecked, "there is none: quantiles cannot be recomputed"})
	case err != nil:
		out = append(out, Finding{CheckLog, HistogramsFile, Differs, err.Error()})
	default:
		out = append(out, log.strangers(run)...)
	}
	for i := range run.Trials {
		t := &run.Trials[i]
		for _, p := range t.Phases() {
			about := fmt.Sprintf("block %d, %s, %s", t.Block, t.Arm, p.Name)
			if err := p.Accounting.Check(); err != nil {
				out = append(out, Finding{CheckAccounting, about, Differs, err.Error()})
			} else {
				out = append(out, Finding{Check: CheckAccounting, About: about, Status: Same})
			}
			if err == nil {
				out = append(out, log.checkPhase(about, t, p)...)
			}
		}
	}
	return append(out, checkVerdicts(run, judge)...)
}

// checkPhase compares the numbers of one phase with its histograms.
func (log recordedLog) checkPhase(about string, t *Trial, p NamedPhase) []Finding {
	tag := Tag{Arm: t.Arm, Operation: p.Name, Metric: "latency", Block: t.Block}
	if p.Name == "steady" {
		tag.Operation = "use"
	}
	counts := Finding{Check: CheckCounts, About: about, Status: Same}
	for o := range Outcome(Outcomes) {
		tag.Outcome = o
		if has, want := log[tag].total(), p.Accounting.of(o); has != want {
			counts.Status, counts.Detail = Differs, fmt.Sprintf("%s: %d in run.json, %d in the log", o, want, has)
		}
	}
	tag.Outcome = OK
	latency := log[tag]
	tag.Metric = "service"
	service := log[tag]
	if !p.measured() && latency == nil && service == nil {
		return []Finding{{CheckCounts, about, Unchecked, "no response time was recorded, in run.json or in the log"}}
	}
	out := []Finding{counts}
	for _, s := range []struct {
		name string
		has  Quantiles
		from *recorded
		rank int64 // arrivals among which to rank
	}{
		{"response time", p.Latency, latency, p.Accounting.Scheduled},
		{"service time", p.Service, service, service.total()},
	} {
		what := about + ", " + s.name
		want := s.from.quantiles(s.rank)
		if s.has.Count == 0 && want.Count == 0 {
			continue
		}
		f := Finding{Check: CheckQuantiles, About: what, Status: Same}
		if d := differentQuantile(s.has, want); d != "" {
			f.Status, f.Detail = Differs, d
		}
		out = append(out, f, checkMean(what, s.has.Mean, want.Mean))
	}
	return out
}

// measured says that run.json has a response time of the phase.
func (p NamedPhase) measured() bool {
	return p.Latency.Count > 0 || p.Service.Count > 0
}

// differentQuantile is "" if two summaries of a histogram agree to the last digit.
func differentQuantile(has, want Quantiles) string {
	if has.Count != want.Count {
		return fmt.Sprintf("count: %d in run.json, %d recomputed", has.Count, want.Count)
	}
	for _, q := range []struct {
		name      string
		has, want *int64
	}{
		{"p50", has.P50, want.P50},
		{"p90", has.P90, want.P90},
		{"p95", has.P95, want.P95},
		{"p99", has.P99, want.P99},
		{"p99.9", has.P999, want.P999},
		{"p99.99", has.P9999, want.P9999},
		{"max", has.Max, want.Max},
	} {
		if (q.has == nil) != (q.want == nil) || q.has != nil && *q.has != *q.want {
			return fmt.Sprintf("%s: %s in run.json, %s recomputed", q.name, inNS(q.has), inNS(q.want))
		}
	}
	return ""
}

// inNS prints a quantile; one that fell among what did not end ok has no value.
func inNS(v *int64) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprintf("%d ns", *v)
}

// checkMean allows for what a bucket does to a mean: its width is less than a
// thousandth of its value.
func checkMean(about string, has, want float64) Finding {
	if math.Abs(has-want) <= want/1000+1 {
		return Finding{Check: CheckMean, About: about, Status: Same}
	}
	return Finding{CheckMean, about, Differs, fmt.Sprintf("%.0f ns in run.json, %.0f ns recomputed", has, want)}
}

// verdictKey is what a verdict is about.
type verdictKey struct {
	scenario, arm, check, fault string
	block                       int
}

func (k verdictKey) String() string {
	s := fmt.Sprintf("%s, %s, %s", k.scenario, k.arm, k.check)
	if k.fault != "" {
		s += ", " + k.fault
	}
	if k.block > 0 {
		s += fmt.Sprintf(", block %d", k.block)
	}
	return s
}

func keyOf(v Verdict) verdictKey { return verdictKey{v.Scenario, v.Arm, v.Check, v.Fault, v.Block} }

// checkVerdicts judges anew. The words of a verdict are not compared: a later
// authbench may say the same in others.
func checkVerdicts(run *Run, judge func(*Run) []Verdict) []Finding {
	if len(run.Verdicts) == 0 {
		return []Finding{{CheckVerdict, "all", Unchecked, "run.json has no verdicts: nothing was judged, or the run never came to that"}}
	}
	var out []Finding
	if judge == nil {
		for _, v := range run.Verdicts {
			out = append(out, Finding{CheckVerdict, keyOf(v).String(), NotRecomputable, fromHistory})
		}
		return out
	}
	anew := map[verdictKey]Verdict{}
	for _, v := range judge(run) {
		anew[keyOf(v)] = v
	}
	for _, v := range run.Verdicts {
		f := Finding{Check: CheckVerdict, About: keyOf(v).String(), Status: Same}
		if want, ok := anew[keyOf(v)]; !ok && v.Scenario != run.Workload.Scenario {
			f.Status, f.Detail = NotRecomputable, fromHistory
		} else if !ok {
			f.Status, f.Detail = Unchecked, "this authbench makes no such check"
		} else if d := differentVerdict(v, want); d != "" {
			f.Status, f.Detail = Differs, d
		}
		delete(anew, keyOf(v))
		out = append(out, f)
	}
	for _, v := range judge(run) { // in its order
		if _, ok := anew[keyOf(v)]; !ok {
			continue
		}
		f := Finding{CheckVerdict, keyOf(v).String(), Differs, v.Status + " recomputed, and missing in run.json"}
		if !slices.ContainsFunc(run.Verdicts, func(has Verdict) bool { return has.Check == v.Check }) {
			f.Status, f.Detail = Unchecked, v.Status+" recomputed; run.json has no such check of any arm: an older authbench made none"
		}
		out = append(out, f)
	}
	return out
}

func differentVerdict(has, want Verdict) string {
	switch {
	case has.Status != want.Status:
		return fmt.Sprintf("%s in run.json, %s recomputed (%s)", has.Status, want.Status, want.Reason)
	case !sameNumber(has.Measured, want.Measured):
		return fmt.Sprintf("measured %s in run.json, %s recomputed", inWords(has.Measured), inWords(want.Measured))
	case !sameNumber(has.Bound, want.Bound):
		return fmt.Sprintf("bound %s in run.json, %s recomputed", inWords(has.Bound), inWords(want.Bound))
	case has.Unit != want.Unit:
		return fmt.Sprintf("unit %q in run.json, %q recomputed", has.Unit, want.Unit)
	}
	return ""
}

// sameNumber forgives the last digits: processors differ in how they fuse
// multiplications and additions.
func sameNumber(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return math.Abs(*a-*b) <= 1e-9*max(math.Abs(*a), math.Abs(*b))
}

func inWords(v *float64) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprintf("%g", *v)
}

// fromHistory is why a verdict cannot be drawn anew. The digest covers it.
const fromHistory = "it was drawn from the history of operations, which a run does not keep"
