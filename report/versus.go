package report

import (
	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results/stat"
)

// versus is a comparison ready to print in a table.
type versus struct {
	Ratio, Interval, Difference, DifferenceInterval string
	Status                                          string
}

// Against prints the comparison of an arm with the baseline by a metric, that of
// a duplicate included; zero if there is none.
func (s *summary) Against(arm, metric string) versus {
	if c, status, ok := s.Compared(arm, metric); ok {
		return versusOf(c, status)
	}
	return versus{}
}

// Word is for what is not a difference.
func (v versus) Word() string {
	if v.Status == evidence.Inconclusive || v.Status == evidence.Equivalent {
		return v.Status
	}
	return ""
}

// versusOf prints a comparison.
func versusOf(c stat.Comparison, status string) versus {
	v := versus{Ratio: number.Times(c.Ratio.Value), Interval: evidence.Bracket(c.Ratio), Difference: number.Signed(c.Difference.Value), Status: status}
	v.DifferenceInterval = "[-, -]"
	if d := c.Difference; d.Bounded {
		v.DifferenceInterval = "[" + number.Signed(d.Lo) + ", " + number.Signed(d.Hi) + "]"
	}
	return v
}
