package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// fanOutCommand measures the ways of telling services who the user is.
const fanOutCommand = "authbench run fan-out --arm session-redis"

// offloaded is one arm with an edge that checks alone, beside a check in each service,
// with the most services that were measured.
type offloaded struct {
	*trialCase
	row string // "checked at the edge alone, 4 services"
	// Shares of the CPU with a check in each service.
	edge, behind, all results.Cell
}

// offloadsBackend: C35. The edge alone checks; what do services and store then cost,
// and what does all of it?
func offloadsBackend(b *evidence.Board) Finding {
	list, unfit := casesOf(b, "fan-out", "with an edge that checks alone", func(c *trialCase) bool {
		_, ok := edgeRow(c.Trials)
		return ok
	})
	if unfit != nil {
		unfit.Would = fanOutCommand
		return *unfit
	}
	var pro, con, open []offloaded
	for _, c := range list {
		o, ok := edgeRow(c.Trials)
		if !ok {
			continue
		}
		switch o.trialCase = c; {
		case o.behind.High == nil:
			open = append(open, o)
		case *o.behind.High < 1:
			pro = append(pro, o)
		case *o.behind.Low > 1:
			con = append(con, o)
		default:
			open = append(open, o)
		}
	}
	settled := append(slices.Clone(pro), con...)
	if len(settled) == 0 {
		return missing("a check at the edge and one in each service were not told apart: "+saysOf(open), fanOutCommand)
	}
	status, on := Supported, ""
	switch {
	case len(pro) == 0:
		status = Contradicted
	case len(con) > 0:
		status, on = Depends, "what a check costs: behind the edge it is less with "+tierNames(pro)+", more with "+tierNames(con)
	}
	var cites []Cite
	for _, o := range settled {
		cites = append(cites, o.cite("CPU per request behind the edge and in all"))
	}
	text := "CPU per request with a check at the edge alone, over that with a check in each service: " + saysOf(settled) + "."
	if len(open) > 0 {
		text += " Not settled: " + saysOf(open) + "."
	}
	text += " Edge, services and store shared the cores of one machine, and services believe a header of the edge's."
	f := found(status, cites, text)
	if on != "" {
		f = f.on("%s", on)
	}
	return f
}

// edgeRow finds the last row of an edge that checks alone, in the last of the trials.
func edgeRow(trials []*results.Trial) (o offloaded, ok bool) {
	for _, t := range trials {
		for _, table := range t.Chaos.Tables {
			if table.Name != "against-each" {
				continue
			}
			for _, r := range table.Rows {
				if !strings.HasPrefix(r.Label, "checked at the edge alone") {
					continue
				}
				behind, okB := table.Cell(r.Label, "behind the edge")
				edge, okE := table.Cell(r.Label, "edge")
				all, okA := table.Cell(r.Label, "in all")
				if okA && okB && okE && behind.Value != nil && edge.Value != nil && all.Value != nil {
					o, ok = offloaded{row: r.Label, edge: edge, behind: behind, all: all}, true
				}
			}
		}
	}
	return o, ok
}

// saysOf prints them: "jwt-es256, 4 services: ×0.21 [0.20, 0.22] behind the edge, ×1.90
// at it, ×0.43 in all".
func saysOf(list []offloaded) string {
	var parts []string
	for _, o := range list {
		_, services, _ := strings.Cut(o.row, ", ")
		parts = append(parts, fmt.Sprintf("%s, %s: %s behind the edge, %s at it, %s in all",
			o.name(), services, factorOf(o.behind), factorOf(o.edge), factorOf(o.all)))
	}
	return strings.Join(parts, "; ")
}

func factorOf(c results.Cell) string {
	text := "×" + number.Short(*c.Value)
	if c.Low != nil && c.High != nil {
		text += fmt.Sprintf(" [%s, %s]", number.Short(*c.Low), number.Short(*c.High))
	}
	return text
}

func tierNames(list []offloaded) string {
	var out []string
	for _, o := range list {
		out = append(out, o.name())
	}
	return listing(out)
}
