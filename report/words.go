package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"authbench/results"
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
		s.Lead = "Estimates with their spread. No test of significance has been made, so none is claimed."
	}
}

func (s *summary) asked() {
	var ways int
	for _, a := range s.Arms {
		if a.series > 0 && !a.hollow && len(a.all) > 0 {
			ways++
		}
	}
	s.Asked = count(ways, "way") + " of authenticating it"
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
			number(w.Rate), arrivals, count(w.Connections, "connection"), count(w.Users, "user"), span(w.SteadyNS), span(w.WarmupNS)),
	}
	if w.SaturateNS > 0 {
		s.Did = append(s.Did, fmt.Sprintf("Then %s sent one request after another for %s, to see what a request costs at full load.",
			count(w.SaturateConns, "connection"), span(w.SaturateNS)))
	}
	s.Did = append(s.Did,
		fmt.Sprintf("This was done in %s: each measures every arm once, in random order, with fresh processes and empty stores.", count(w.Blocks, "block")),
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
	for _, m := range s.Run.NotMeasured {
		red("Not measured: %s. %s", m.Arm, m.Reason)
	}
	for _, a := range s.Arms {
		if len(a.all) == 0 && a.Missing == "" {
			red("No trial of %s was finished.", a.Name)
		}
		if h := a.dist.ok; h != nil && h.TotalCount() != a.dist.okCounted {
			red("The histograms of %s hold %s response times, run.json counts %s: one of the two is not of this run.", a.Name, integer(h.TotalCount()), integer(a.dist.okCounted))
		}
		s.trialAlarms(a, red, note)
	}
	for _, w := range s.Run.Warnings {
		note("%s", w)
	}
}

// trialAlarms reports trials that failed or that the harness does not trust.
func (s *summary) trialAlarms(a armSummary, red, note func(string, ...any)) {
	invalid, degraded := map[string]int{}, map[string]int{}
	for _, t := range a.all {
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
		red("Invalid: %s, %d of %s, left out of its numbers. %s", a.Name, invalid[reason], count(len(a.all), "trial"), reason)
	}
	for _, reason := range sortedKeys(degraded) {
		note("Degraded: %s, %d of %s. %s", a.Name, degraded[reason], count(len(a.all), "trial"), reason)
	}
}

// answer says in a few sentences what the numbers say, and no more.
func (s *summary) answer() {
	if s.Control == nil || s.Control.SatSum.Missing != "" {
		s.answerWithoutControl()
		return
	}
	var extra []string
	for _, a := range s.Arms {
		if a.series > 0 && !a.hollow && a.SatSum.Compared {
			extra = append(extra, fmt.Sprintf("%s %s µs (%s)%s", a.Name, signed(a.SatSum.Diff), ratio(a.SatSum.Ratio), standIn(a)))
		}
	}
	if len(extra) > 0 {
		s.Answer = append(s.Answer, fmt.Sprintf("At saturation a request without authentication costs %s µs of CPU. Authenticating it adds, in target and store together: %s.",
			micros(s.Control.SatSum.Value), strings.Join(extra, ", ")))
	}
	s.answerLatency()
	s.answerNoise()
}

func (s *summary) answerWithoutControl() {
	var all []string
	for _, a := range s.Arms {
		if a.SatSum.Missing == "" {
			all = append(all, fmt.Sprintf("%s %s µs%s", a.Name, micros(a.SatSum.Value), standIn(a)))
		}
	}
	if len(all) == 0 {
		s.Answer = append(s.Answer, "There is no valid measurement of CPU per request, so there is no answer.")
		return
	}
	s.Answer = append(s.Answer, "CPU per request at saturation, target and store together: "+strings.Join(all, ", ")+". Without a control this includes everything that serving a request costs.")
}

func (s *summary) answerLatency() {
	var parts []string
	for _, a := range s.Arms {
		if len(a.Latency) > 0 && a.Latency[0].Missing == "" && !a.hollow {
			parts = append(parts, fmt.Sprintf("%s %s%s", a.Name, micros(a.Latency[0].Value), standIn(a)))
		}
	}
	if len(parts) > 0 {
		s.Answer = append(s.Answer, fmt.Sprintf("At %s requests a second the median response took, in µs: %s.", number(s.Run.Workload.Rate), strings.Join(parts, ", ")))
	}
}

// answerNoise compares the duplicate with what it duplicates.
func (s *summary) answerNoise() {
	base := s.arm(s.Run.Baseline)
	i := slices.IndexFunc(s.Arms, func(a armSummary) bool { return a.Duplicate })
	if base == nil || i < 0 {
		return
	}
	dup := s.Arms[i]
	p50 := levels()[0].ns
	sat := cpu(func(t *results.Trial) *results.Measurement { return t.Saturate }, base.sum)
	l, c := over(dup.steady, p50), over(dup.sat, sat)
	l.against(dup.steady, base.steady, p50)
	c.against(dup.sat, base.sat, sat)
	if l.Compared && c.Compared {
		s.Answer = append(s.Answer, fmt.Sprintf("%s is %s measured a second time: it came out at %s in median response and %s in CPU. Differences of that size are noise here.",
			dup.Name, base.Name, ratio(l.Ratio), ratio(c.Ratio)))
	}
}

func standIn(a armSummary) string {
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
			parts = append(parts, integer(c.n)+" "+c.name)
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
		{"Rate", number(w.Rate) + " /s"},
		{"Arrivals", w.Arrivals},
		{"Connections", integer(int64(w.Connections))},
		{"Users", integer(int64(w.Users)) + ", " + orElse(w.Popularity, "uniform")},
		{"Blocks", blocks(run)},
		{"Steady", span(w.SteadyNS)},
		{"Saturate", span(w.SaturateNS) + " × " + count(w.SaturateConns, "connection")},
		{"Timeout", span(w.TimeoutNS)},
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
	for _, t := range run.Trials {
		done[t.Block] = true
	}
	if len(done) == run.Workload.Blocks {
		return fmt.Sprint(len(done))
	}
	return fmt.Sprintf("%d of %d", len(done), run.Workload.Blocks)
}

// finite is for charts, which have no place for infinity.
func finite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) && v > 0 }
