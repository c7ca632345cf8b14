package report

import (
	"authbench/report/evidence"
	"authbench/report/number"
)

// costPage is what a request is made of.
type costPage struct {
	*evidence.Board
	CPU   *chart
	Parts []evidence.Parts
}

func costSection(v *view) any {
	if v.Cost == nil {
		return nil
	}
	return &costPage{Board: v.Board, CPU: cpuChart(v.Board), Parts: v.Board.Parts()}
}

// extra prints a difference to control with its interval, in µs, MiB or bytes.
func extra(unit string, p evidence.Paired) formatted {
	if p.Missing != "" {
		return formatted{Missing: p.Missing}
	}
	print := number.Signed // of nanoseconds
	switch unit {
	case "mib":
		print = func(v float64) string { return number.Signed(v / (1 << 20) * 1e3) }
	case "b":
		print = func(v float64) string { return number.Signed(v * 1e3) }
	}
	f := formatted{Value: print(p.Value), Spread: "[-, -]"}
	if p.Bounded {
		f.Spread = "[" + print(p.Lo) + ", " + print(p.Hi) + "]"
	}
	return f
}
