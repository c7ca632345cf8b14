package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// tables is what a scenario measured at several settings, and how its checks went.
type tables struct {
	Arms      []tablesArm
	Groups    []tableGroup
	Sentences []string
}

type tablesArm struct {
	Ref   *evidence.Arm
	Arm   string
	State lamp
}

// tableGroup is one table of all arms.
type tableGroup struct {
	Title string
	Chart *chart // nil: there is nothing to draw
	Axis  string
	Heads []tableHead
	Rows  []tableRow
	Alone *evidence.Tried // there is one arm, which needs no column; else nil
}

type tableHead struct {
	Name, Unit, Meaning string
	Words               bool // some of its cells are sentences
}

type tableRow struct {
	*evidence.Tried
	Span  int // rows of its arm, on the first of them; else 0
	Label string
	Cells []tableCell
}

type tableCell struct {
	Value, Spread, Missing string
	Words                  bool // Value is long enough to be broken into lines
}

// wordsFrom is how long words are that are read from the left, in characters.
const wordsFrom = 24

// tabled is the section of one scenario.
func tabled(scenario, title string) section {
	return section{ID: scenario, Template: "tables", Title: title, Folded: true, Data: func(v *view) any {
		if v.Held == nil || !slices.Contains(v.Held.Scenarios, scenario) {
			return nil
		}
		return v.Held.tables(scenario)
	}}
}

// hasSection says whether a scenario has a section of its own.
func hasSection(scenario string) bool {
	return slices.ContainsFunc(sections(), func(s section) bool { return s.ID == scenario })
}

func (s *chaosSummary) tables(scenario string) *tables {
	out := &tables{}
	for _, a := range s.Promises.Arms {
		if l := s.lampOf(a.Name, scenario); l.Status != "" {
			out.Arms = append(out.Arms, tablesArm{a, a.Name, l})
		}
	}
	var names []string
	by := map[string][]evidence.Tabled{}
	for _, t := range s.Tables(scenario) {
		if by[t.Table.Name] == nil {
			names = append(names, t.Table.Name)
		}
		by[t.Table.Name] = append(by[t.Table.Name], t)
	}
	for _, name := range names {
		out.Groups = append(out.Groups, groupTables(by[name]))
	}
	for _, g := range s.Tried {
		if g.Scenario == scenario {
			out.Sentences = append(out.Sentences, sentences(g, g.Note())...)
		}
	}
	return out
}

func groupTables(ts []evidence.Tabled) tableGroup {
	first := ts[0].Table
	g := tableGroup{Title: first.Title, Chart: tableChart(ts), Axis: unitName(first.Axis), Alone: ts[0].Tried}
	for _, c := range first.Columns {
		g.Heads = append(g.Heads, tableHead{Name: c.Name, Unit: c.Unit, Meaning: c.Meaning})
	}
	for _, t := range ts {
		if t.Tried != ts[0].Tried {
			g.Alone = nil
		}
		for i, r := range t.Table.Rows {
			row := tableRow{Tried: t.Tried, Label: r.Label}
			if i == 0 {
				row.Span = len(t.Table.Rows)
			}
			for column, want := range first.Columns { // in this order, whatever the arm's
				k := slices.IndexFunc(t.Table.Columns, func(c results.Column) bool { return c.Name == want.Name })
				if k < 0 || k >= len(r.Cells) {
					row.Cells = append(row.Cells, tableCell{Missing: "not measured"})
					continue
				}
				cell := cellOf(r.Cells[k])
				g.Heads[column].Words = g.Heads[column].Words || cell.Words
				row.Cells = append(row.Cells, cell)
			}
			g.Rows = append(g.Rows, row)
		}
	}
	return g
}

// cellOf prints a figure with its interval, or why there is none. Words without a
// figure are the cell itself where they are short, a reason where they are long.
func cellOf(c results.Cell) tableCell {
	if c.Value == nil {
		if c.Text == "" {
			return tableCell{Missing: "not measured"}
		}
		return tableCell{Value: c.Text, Words: len(c.Text) >= wordsFrom}
	}
	out := tableCell{Value: plain(*c.Value)}
	if c.Low != nil && c.High != nil {
		out.Spread = fmt.Sprintf("[%s, %s]", plain(*c.Low), plain(*c.High))
	}
	if c.Text != "" {
		out.Spread = strings.TrimSpace(out.Spread + " " + c.Text)
	}
	return out
}

// plain prints a count without a fraction, and a figure with its digits.
func plain(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return number.Integer(int64(v))
	}
	return number.Short(v)
}

func unitName(c results.Column) string {
	if c.Unit == "" {
		return c.Name
	}
	return c.Name + ", " + unitText(c.Unit)
}

// unitText is a unit as people write it.
func unitText(unit string) string {
	if first, rest, _ := strings.Cut(unit, " "); first == "us" {
		return strings.TrimSpace("µs " + rest)
	}
	return unit
}
