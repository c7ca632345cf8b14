package scenarios

import (
	"fmt"
	"maps"

	"authbench/results"
	"authbench/results/stat"
)

// chaos is the trial's record of what is not a cost, made on first use.
func (t *Trial) chaos() *results.Chaos {
	if t.Result.Chaos == nil {
		settings := map[string]string{}
		maps.Copy(settings, t.Values)
		maps.Copy(settings, t.Changed)
		t.Result.Chaos = &results.Chaos{
			Settings: settings, Fault: t.Fault(),
			Faults: []results.Fault{}, Facts: []results.Fact{}, Violations: []results.Violation{},
		}
	}
	return t.Result.Chaos
}

// tell adds a sentence with its figure.
func (t *Trial) tell(name, unit string, value float64, format string, args ...any) {
	c := t.chaos()
	c.Facts = append(c.Facts, results.Fact{Name: name, Unit: unit, Value: number(value), Text: fmt.Sprintf(format, args...)})
}

// keep adds a table. It has to be whole: every row a cell for every column.
func (t *Trial) keep(table *results.Table) {
	c := t.chaos()
	c.Tables = append(c.Tables, *table)
}

// newTable is a table without rows. See results.Table for what the axis is.
func newTable(name, title string, axis results.Column, columns ...results.Column) *results.Table {
	return &results.Table{Name: name, Title: title, Axis: axis, Columns: columns, Rows: []results.Row{}}
}

// addRow adds a case to a table whose axis has no unit.
func addRow(t *results.Table, label string, cells ...results.Cell) {
	t.Rows = append(t.Rows, results.Row{Label: label, Cells: cells})
}

// addAt adds what was measured at x of a table whose axis has a unit.
func addAt(t *results.Table, x float64, label string, cells ...results.Cell) {
	t.Rows = append(t.Rows, results.Row{Label: label, X: &x, Cells: cells})
}

// figure, counted, word, none and within make cells: a figure, a count, words, a figure that could
// not be had and why, an estimate with its interval.
func figure(v float64) results.Cell { return results.Cell{Value: &v} }

func counted[N ~int | ~int64](n N) results.Cell { return figure(float64(n)) }

func word(format string, args ...any) results.Cell {
	return results.Cell{Text: fmt.Sprintf(format, args...)}
}

func none(why string) results.Cell { return results.Cell{Text: why} }

// within scales what e is in to the unit of its column.
func within(e stat.Estimate, scale float64) results.Cell {
	c := figure(e.Value * scale)
	if e.Bounded {
		low, high := e.Lo*scale, e.Hi*scale
		c.Low, c.High = &low, &high
	}
	return c
}
