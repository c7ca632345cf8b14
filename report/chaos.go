package report

import (
	"fmt"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// chaosSummary is what became of promises, and the words for it.
type chaosSummary struct {
	*evidence.Promises
	Lead   string
	Word   string // pass, fail, unknown, invalid: of the run as a whole
	Exit   int    // with --strict
	Alarms []alarm
	Short  []string // what holds over several arms, in sentences
}

// summariseChaos puts them into words.
func summariseChaos(p *evidence.Promises) *chaosSummary {
	s := &chaosSummary{Promises: p}
	s.words()
	return s
}

// lamp is one cell of the table of verdicts: a word, and how many.
type lamp struct {
	Status string // for the colour; "" where nothing was asked
	Word   string
}

// lampOf sums up what was asked of an arm in a scenario.
func (s *chaosSummary) lampOf(arm, scenario string) lamp {
	var n evidence.Tally
	for _, v := range s.Run.Verdicts {
		if v.Arm == arm && v.Scenario == scenario {
			n.Add(v.Status)
		}
	}
	of := number.Integer(int64(n.Judged()))
	some := func(word string, k int) lamp {
		return lamp{n.Worst(), word + " " + number.Integer(int64(k)) + " of " + of}
	}
	switch n.Worst() {
	case results.Fail:
		return some("FAIL", n.Fail)
	case results.Invalid:
		return some("invalid", n.Invalid)
	case results.Unknown:
		return some("unknown", n.Unknown)
	case results.Pass:
		return lamp{results.Pass, "pass " + of}
	case results.NotApplicable:
		return lamp{results.NotApplicable, "not applicable"}
	}
	if a := s.Arm(arm); a != nil && a.Missing != "" {
		return lamp{results.Unknown, "not measured"}
	}
	return lamp{"", "–"}
}

func (s *chaosSummary) facts() [][2]string {
	var operations int64
	for _, g := range s.Tried {
		for _, t := range g.Trials {
			operations += t.Chaos.Operations
		}
	}
	return [][2]string{
		{"Scenarios", orElse(strings.Join(s.Scenarios, ", "), "none")},
		{"Checks", number.Integer(int64(s.Counts.All()))},
		{"Trials", number.Integer(int64(len(s.Run.Trials)))},
		{"Operations judged", number.Integer(operations)},
		{"Profile", orElse(s.Run.Profile, "none")},
		{"Seed", fmt.Sprint(s.Run.Seed)},
		{"Exit, --strict", fmt.Sprint(s.Exit)},
	}
}
