package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"authbench/results"
	"authbench/results/stat"
)

// Self is what the experiments of a self-check came to.
type Self struct {
	Handicap    time.Duration // 0: none was planted
	Experiments []SelfExperiment

	Alarms  Rate // experiments in which A/A differs at 5 %, Holm over its metrics
	Invalid Rate // in which the A/A check called the run invalid, at 1 %
	Even    Rate // A/A intervals of the p50 ratio that hold 1
	Found   Rate // in which the p50 of the handicapped arm is found to be higher
	Wrong   Rate // in which it is found to be lower
	Holds   Rate // intervals of the p50 difference that hold the handicap
}

// SelfExperiment is one experiment.
type SelfExperiment struct {
	Run     *results.Run
	AA      stat.AA
	P50     stat.Comparison // of the handicapped arm
	CPU     stat.Comparison
	Alarm   bool
	Found   bool
	Wrong   bool
	Holds   bool
	Planted bool // there was a handicap, and blocks enough to find it
	Judged  bool // there were blocks enough for A/A to differ at 5 %
}

// Rate is how often something was seen, with the 95 % interval of Wilson. Without any
// tries it is 0 to 1.
type Rate struct {
	Seen, Of int
	Lo, Hi   float64
}

// count adds one try.
func (r *Rate) count(seen bool) {
	r.Of++
	if seen {
		r.Seen++
	}
	r.Lo, r.Hi, _ = stat.Wilson(r.Seen, r.Of, stat.Level) // a count is a proportion
}

// JudgeSelf analyses runs of which each has a duplicate of its baseline and, unless
// none has one, a handicapped arm. Runs that differ in what they offered or where are
// refused: they are not repetitions of one experiment.
func JudgeSelf(runs []*results.Run) (*Self, error) {
	if len(runs) == 0 {
		return nil, errors.New("no experiment was finished")
	}
	no := Rate{Hi: 1}
	s := &Self{Alarms: no, Invalid: no, Even: no, Found: no, Wrong: no, Holds: no}
	for i, run := range runs {
		if run.Partial {
			return nil, fmt.Errorf("%s is not complete: %s", run.ID, run.PartialReason)
		}
		if d := otherwise(run, runs[0]); d != "" {
			return nil, fmt.Errorf("%s and %s are not repetitions of one experiment: they differ in %s", runs[0].ID, run.ID, d)
		}
		if slices.ContainsFunc(runs[:i], func(r *results.Run) bool { return r.ID == run.ID }) {
			return nil, fmt.Errorf("%s is given twice", run.ID)
		}
		e, handicap, err := judgeOne(run)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", run.ID, err)
		}
		if i > 0 && handicap != s.Handicap {
			return nil, fmt.Errorf("%s has a handicap of %v, %s one of %v", runs[0].ID, s.Handicap, run.ID, handicap)
		}
		s.Handicap = handicap
		s.add(e)
	}
	return s, nil
}

// otherwise says in what two experiments differ, or "".
func otherwise(a, b *results.Run) string {
	var stores [2]string
	for i, run := range []*results.Run{a, b} {
		for _, st := range run.Environment.Stores {
			stores[i] += st.Product + " " + st.Version + " "
		}
	}
	switch x, y := a.Environment, b.Environment; {
	case a.Workload != b.Workload:
		return "the workload"
	case a.Profile != b.Profile || a.Baseline != b.Baseline || len(a.Arms) != len(b.Arms):
		return "what was compared"
	case x.CPU != y.CPU || x.Cores != y.Cores || x.Kernel != y.Kernel || x.Go != y.Go:
		return "the machine"
	case x.Engine != y.Engine || stores[0] != stores[1]:
		return "the engine or the stores"
	}
	return ""
}

func judgeOne(run *results.Run) (SelfExperiment, time.Duration, error) {
	all := stat.CompareAll(run)
	e := SelfExperiment{Run: run, AA: all.AA}
	if len(e.AA.List) == 0 {
		return e, 0, errors.New(e.AA.Reason)
	}
	e.Alarm = slices.ContainsFunc(e.AA.List, func(c stat.Comparison) bool { return c.Err == nil && c.Holm <= stat.Alpha })
	e.Judged = !slices.ContainsFunc(e.AA.List, func(c stat.Comparison) bool {
		return c.Err != nil || c.Blocks < stat.BlocksNeeded(len(e.AA.List), stat.Alpha)
	})
	i := slices.IndexFunc(run.Arms, func(a results.Arm) bool { return a.Settings[handicapSetting] != "" })
	if i < 0 {
		return e, 0, nil
	}
	handicap, err := time.ParseDuration(run.Arms[i].Settings[handicapSetting])
	if err != nil {
		return e, 0, fmt.Errorf("handicap of %s: %w", run.Arms[i].Name, err)
	}
	for _, c := range all.List {
		switch {
		case c.Arm != run.Arms[i].Name:
		case c.Metric.Name == "p50":
			e.P50 = c
		case c.Metric.Name == "cpu":
			e.CPU = c
		}
	}
	c := e.P50
	e.Planted = c.Err == nil && c.Blocks >= all.Needed()
	if e.Planted {
		e.Found = c.Holm <= stat.Alpha && c.Ratio.Value > 1
		e.Wrong = c.Holm <= stat.Alpha && c.Ratio.Value < 1
		planted := float64(handicap.Nanoseconds())
		e.Holds = c.Difference.Bounded && c.Difference.Lo <= planted && planted <= c.Difference.Hi
	}
	return e, handicap, nil
}

func (s *Self) add(e SelfExperiment) {
	s.Experiments = append(s.Experiments, e)
	if e.Judged {
		s.Alarms.count(e.Alarm)
		r := e.AA.List[0].Ratio
		s.Even.count(r.Lo <= 1 && 1 <= r.Hi)
	}
	if e.AA.Status != results.Unknown {
		s.Invalid.count(e.AA.Status == results.Invalid)
	}
	if e.Planted {
		s.Found.count(e.Found)
		s.Wrong.count(e.Wrong)
		s.Holds.count(e.Holds)
	}
}

// What a self-check holds the harness to.
const (
	leastFound    = 0.9 // of the experiments with a handicap
	leastRepeated = 10  // experiments, to speak for a claim
)

// Verdicts say whether the experiments contradict what the harness claims of itself:
// at most 5 % false alarms, the handicap found in 9 of 10 experiments, and intervals
// that hold the truth in 95 %. A rate contradicts a claim when its interval lies
// beyond it. Fewer than ten experiments cannot speak for a claim.
func (s *Self) Verdicts() []results.Verdict {
	verdict := func(check string, r Rate, bound float64, broken bool) results.Verdict {
		v := results.Verdict{Scenario: "selfcheck", Check: check, Status: results.Pass, Reason: r.String(), Unit: "%", Bound: number(100 * bound)}
		if r.Of > 0 {
			v.Measured = number(100 * float64(r.Seen) / float64(r.Of))
		}
		switch {
		case broken:
			v.Status = results.Fail
		case r.Of < leastRepeated:
			v.Status, v.Reason = results.Unknown, fmt.Sprintf("%s; it takes %d experiments", r, leastRepeated)
		}
		return v
	}
	vs := []results.Verdict{
		verdict("false-alarms", s.Alarms, stat.Alpha, s.Alarms.Lo > stat.Alpha),
		verdict("a-a-coverage", s.Even, stat.Level, s.Even.Hi < stat.Level),
	}
	if s.Handicap > 0 {
		missed := s.Found.Of >= leastRepeated && float64(s.Found.Seen) < leastFound*float64(s.Found.Of)
		vs = append(vs,
			verdict("handicap-found", s.Found, leastFound, missed),
			verdict("handicap-coverage", s.Holds, stat.Level, s.Holds.Hi < stat.Level))
	}
	return vs
}

// String prints "1 of 20, 5.0 % [0.9, 23.6]".
func (r Rate) String() string {
	if r.Of == 0 {
		return "not measured"
	}
	return fmt.Sprintf("%d of %d, %.1f %% [%.1f, %.1f]", r.Seen, r.Of, 100*float64(r.Seen)/float64(r.Of), 100*r.Lo, 100*r.Hi)
}
