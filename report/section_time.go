package report

import (
	"fmt"
	"html/template"

	"authbench/report/evidence"
)

// overTimes reads every run in the course of time, once for all sections that draw
// it.
func overTimes(b *evidence.Board) []*overTime {
	var out []*overTime
	for i, s := range b.Sources {
		if s.Intervals == nil {
			continue
		}
		out = append(out, readOverTime(fmt.Sprintf("t%d-", i+1), s.Run, s.Intervals, func(arm string) template.HTML {
			if a := named(b, arm); a != nil {
				return legendMark(a)
			}
			return ""
		}))
	}
	return out
}

// named finds an arm in either list of the board.
func named(b *evidence.Board, arm string) *evidence.Arm {
	if a := b.Arm(arm); a != nil || b.Promises == nil {
		return a
	}
	return b.Promises.Arm(arm)
}

func heatmapSection(v *view) any {
	for _, o := range v.Over {
		if o.Heat != nil || o.Note != "" {
			return v.Over
		}
	}
	return nil
}

func timeSection(v *view) any {
	for _, o := range v.Over {
		if o.Panels != nil {
			return v.Over
		}
	}
	return nil
}
