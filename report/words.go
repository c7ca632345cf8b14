package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// words fills in the sentences of a summary.
func (s *summary) words() {
	s.lead()
	s.asked()
	s.did()
	s.alarms()
	s.answer()
}

// Question is what every run of this kind asks.
func (s *summary) Question() string { return "What does it cost to know who sent a request?" }

func (s *summary) lead() {
	switch s.Run.Profile {
	case "quick":
		s.Lead = "Quick run: estimates only. It names no winner."
	default:
		s.Lead = s.leadJudged()
	}
}

// leadJudged says what the run can tell.
func (s *summary) leadJudged() string {
	most := s.MostBlocks()
	switch {
	case s.Red != "":
		return "Invalid: " + s.Red + ". No winner is named."
	case s.M == 0:
		return "Estimates with their spread. Nothing could be compared, so no winner is named."
	case most < s.Needed:
		return fmt.Sprintf("Estimates only: %s with %s, judged together, take %s, and there are %d. No winner is named.",
			number.Count(s.M, "comparison"), s.Run.Baseline, number.Count(s.Needed, "block"), most)
	}
	return fmt.Sprintf("%s with %s, %s. Differences are tested together at 5 %% (Holm); intervals are 95 %%, each by itself.",
		number.Count(s.M, "comparison"), s.Run.Baseline, number.Count(most, "block"))
}

// mostBlocks is how many blocks the best supplied primary comparison has.
func (s *summary) MostBlocks() int {
	most := 0
	for _, c := range s.Comparisons {
		if c.Metric.Primary && c.Err == nil {
			most = max(most, c.Blocks)
		}
	}
	return most
}

func (s *summary) asked() {
	var ways int
	for _, a := range s.Arms {
		if a.Series > 0 && !a.Hollow && len(a.All) > 0 {
			ways++
		}
	}
	s.Asked = number.Count(ways, "way") + " of authenticating it"
	if s.Control != nil {
		s.Asked += ", against none at all"
	}
	s.Asked += "."
}

func (s *summary) did() {
	w := s.Run.Workload
	arrivals := "at constant intervals"
	if w.Arrivals == "poisson" {
		arrivals = "as a Poisson process"
	}
	s.Did = []string{
		fmt.Sprintf("Every arm was offered %s requests a second, arriving %s whether or not the target kept up, over %s and from %s that had logged in, for %s after %s of warm-up.",
			number.Short(w.Rate), arrivals, number.Count(w.Connections, "connection"), number.Count(w.Users, "user"), number.Span(w.SteadyNS), number.Span(w.WarmupNS)),
	}
	if w.SaturateNS > 0 {
		s.Did = append(s.Did, fmt.Sprintf("Then %s sent one request after another for %s, to see what a request costs at full load.",
			number.Count(w.SaturateConns, "connection"), number.Span(w.SaturateNS)))
	}
	s.Did = append(s.Did,
		fmt.Sprintf("This was done in %s: each measures every arm once, in random order, with fresh processes and empty stores.", number.Count(w.Blocks, "block")),
		"Response time counts from the instant at which a request was due, and what failed or timed out counts as slower than everything that did not.")
}

func (s *summary) alarms() {
	red := func(format string, args ...any) {
		s.Alarms = append(s.Alarms, alarm{true, fmt.Sprintf(format, args...)})
	}
	note := func(format string, args ...any) {
		s.Alarms = append(s.Alarms, alarm{false, fmt.Sprintf(format, args...)})
	}

	if s.Run.Partial {
		red("Partial run: %s. Only the trials that finished are here.", strings.TrimSuffix(orElse(s.Run.PartialReason, "it was interrupted"), "."))
	}
	for _, st := range s.Run.Environment.Stores {
		if st.StandIn {
			red("A stand-in store: %s %s answered in place of a real %s. What depends on it says nothing about the product and no verdict is drawn from it.", st.Product, st.Version, st.Kind)
		}
	}
	if s.AA.Status == results.Invalid {
		red("Invalid: the A/A check failed. %s. What separates these two separates the other arms as well, so no winner is named.", capital(s.AA.Reason))
	}
	for _, m := range s.Run.NotMeasured {
		red("Not measured: %s. %s", m.Arm, m.Reason)
	}
	for _, a := range s.Arms {
		if len(a.All) == 0 && a.Missing == "" {
			red("No trial of %s was finished.", a.Name)
		}
		if a.Dist.Foreign() {
			red("The histograms of %s hold %s response times, run.json counts %s: one of the two is not of this run.", a.Name, number.Integer(a.Dist.OK.TotalCount()), number.Integer(a.Dist.OKCounted))
		}
		s.trialAlarms(a, red, note)
	}
	for _, w := range s.Run.Warnings {
		note("%s", w)
	}
}

// trialAlarms reports trials that failed or that the harness does not trust.
func (s *summary) trialAlarms(a *evidence.Arm, red, note func(string, ...any)) {
	invalid, degraded := map[string]int{}, map[string]int{}
	for _, t := range a.All {
		if t.Error != "" {
			red("%s, block %d: the trial could not be completed: %s", a.Name, t.Block, t.Error)
		}
		for _, p := range t.Phases() {
			reason := p.Name + ": " + orElse(strings.Join(p.Validity.Reasons, "; "), "no reason given")
			switch p.Validity.Status {
			case results.ValidityInvalid:
				invalid[reason]++
			case results.ValidityDegraded:
				degraded[reason]++
			}
		}
	}
	for _, reason := range sortedKeys(invalid) {
		red("Invalid: %s, %d of %s, left out of its numbers. %s", a.Name, invalid[reason], number.Count(len(a.All), "trial"), reason)
	}
	for _, reason := range sortedKeys(degraded) {
		note("Degraded: %s, %d of %s. %s", a.Name, degraded[reason], number.Count(len(a.All), "trial"), reason)
	}
}

// answer says in a few sentences what the numbers say, and no more.
func (s *summary) answer() {
	if s.Control == nil || s.Control.SatSum.Missing != "" {
		s.answerWithoutControl()
	} else {
		s.answerFloor()
	}
	s.answerCompared()
	s.answerNoise()
}

// answerFloor is what authenticating adds to a request. These are estimates: the
// comparisons that are judged are those with the baseline.
func (s *summary) answerFloor() {
	var extra []string
	for _, a := range s.Arms {
		if a.Series == 0 || a.Hollow || a.Missing != "" {
			continue
		}
		for _, m := range stat.Metrics(s.Run.Profile) {
			if c := stat.Compare(s.Run, a.Arm, s.Control.Arm, m); m.Name == "cpu" && c.Err == nil {
				extra = append(extra, fmt.Sprintf("%s %s µs%s", a.Name, number.Signed(c.Difference.Value), standIn(a)))
			}
		}
	}
	if len(extra) > 0 {
		s.Answer = append(s.Answer, fmt.Sprintf("At saturation a request without authentication costs %s µs of CPU. Authenticating it adds, in target and store together: %s.",
			number.Micros(s.Control.SatSum.Value), strings.Join(extra, ", ")))
	}
}

func (s *summary) answerWithoutControl() {
	var all []string
	for _, a := range s.Arms {
		if a.SatSum.Missing == "" {
			all = append(all, fmt.Sprintf("%s %s µs%s", a.Name, number.Micros(a.SatSum.Value), standIn(a)))
		}
	}
	if len(all) == 0 {
		s.Answer = append(s.Answer, "There is no valid measurement of CPU per request, so there is no answer.")
		return
	}
	s.Answer = append(s.Answer, "CPU per request at saturation, target and store together: "+strings.Join(all, ", ")+". Without a control this includes everything that serving a request costs.")
}

// answerCompared has a sentence for every comparison that was judged, or one that
// says why none was.
func (s *summary) answerCompared() {
	switch most := s.MostBlocks(); {
	case s.M == 0:
		return
	case s.Red != "":
		s.Answer = append(s.Answer, fmt.Sprintf("No winner is named: %s.", s.Red))
		return
	case most < s.Needed:
		s.Answer = append(s.Answer, fmt.Sprintf("No winner is named: %s with %s, judged together, take %s, and there are %d.",
			number.Count(s.M, "comparison"), s.Run.Baseline, number.Count(s.Needed, "block"), most))
		return
	case s.Run.Profile == "quick":
		s.Answer = append(s.Answer, "No winner is named: windows as short as those of a quick run are for estimates.")
		return
	}
	for _, m := range evidence.Primaries(s.Run.Profile) {
		for _, c := range s.Comparisons {
			if c.Metric.Name == m.Name && s.Arm(c.Arm).Missing == "" {
				s.Judged = append(s.Judged, c.Sentence)
			}
		}
	}
}

// answerNoise compares the duplicate with what it duplicates.
func (s *summary) answerNoise() {
	var came []string
	for _, c := range s.AA.List {
		if c.Err == nil {
			came = append(came, evidence.Factor(c.Ratio)+" in "+evidence.Noun(c.Metric))
		}
	}
	if len(came) == 0 {
		return
	}
	verdict := "No difference was found at 1 %; what lies inside these intervals is noise here."
	switch s.AA.Status {
	case results.Invalid:
		verdict = "That is a difference where there is none."
	case results.Unknown:
		verdict = "Whether that is chance is unknown: " + s.AA.Reason + "."
	}
	c := s.AA.List[0]
	s.Answer = append(s.Answer, fmt.Sprintf("%s is %s measured a second time: %s. %s", c.Arm, c.Baseline, strings.Join(came, ", "), verdict))
}

// capital begins a sentence.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func standIn(a *evidence.Arm) string {
	if a.StandIn {
		return " [stand-in store]"
	}
	return ""
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// problems lists what did not end ok, by class.
func problems(a results.Accounting) string {
	var parts []string
	for _, c := range []struct {
		n    int64
		name string
	}{
		{a.Rejected, "rejected"},
		{a.Forbidden, "forbidden"},
		{a.Unavailable, "unavailable"},
		{a.Timeout, "timeout"},
		{a.ConnectError, "connection error"},
		{a.ProtocolError, "protocol error"},
		{a.Shed, "shed"},
		{a.Unfinished, "unfinished"},
	} {
		if c.n > 0 {
			parts = append(parts, number.Integer(c.n)+" "+c.name)
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// workload is the load in short facts, for people in a hurry.
func workload(run *results.Run) [][2]string {
	w := run.Workload
	facts := [][2]string{
		{"Rate", number.Short(w.Rate) + " /s"},
		{"Arrivals", w.Arrivals},
		{"Connections", number.Integer(int64(w.Connections))},
		{"Users", number.Integer(int64(w.Users)) + ", " + orElse(w.Popularity, "uniform")},
		{"Blocks", blocks(run)},
		{"Steady", number.Span(w.SteadyNS)},
		{"Saturate", number.Span(w.SaturateNS) + " × " + number.Count(w.SaturateConns, "connection")},
		{"Timeout", number.Span(w.TimeoutNS)},
		{"Seed", fmt.Sprint(run.Seed)},
	}
	if w.RateFrom != "" {
		facts = append(facts, [2]string{"Rate from", w.RateFrom})
	}
	return facts
}

// blocks says how many blocks there are, and of how many that were planned.
func blocks(run *results.Run) string {
	done := map[int]bool{}
	for i := range run.Trials {
		if stat.OfCost(&run.Trials[i]) { // what was disturbed counts its cases as blocks
			done[run.Trials[i].Block] = true
		}
	}
	if len(done) == run.Workload.Blocks {
		return fmt.Sprint(len(done))
	}
	return fmt.Sprintf("%d of %d", len(done), run.Workload.Blocks)
}

// finite is for charts, which have no place for infinity.
func finite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) && v > 0 }
