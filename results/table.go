package results

import "slices"

// Table is what a scenario measured at each of several settings: one row a setting,
// one column a figure. A report draws it, and a claim is held against it.
type Table struct {
	Name  string `json:"name"`  // for machines, one of its scenario: "edges"
	Title string `json:"title"` // one sentence: what was done, and what to look for
	// Axis is what rows differ in. With a unit every row has an X, in that unit, and
	// the table can be drawn as curves; without one rows are cases, in their order.
	Axis    Column   `json:"axis"`
	Columns []Column `json:"columns"`
	Rows    []Row    `json:"rows"`
	// Draw names the column that is drawn over an axis with a unit; "" is none.
	Draw string `json:"draw,omitempty"`
}

// Column is one figure of a table.
type Column struct {
	Name    string `json:"name"` // a heading: "wrongly rejected"
	Unit    string `json:"unit"` // "us", "bytes", "s"; "" for a plain count or for words
	Meaning string `json:"meaning,omitempty"`
}

// Row is one setting with a cell for every column.
type Row struct {
	Label string   `json:"label"`
	X     *float64 `json:"x" jsonschema:"nullable"`
	Cells []Cell   `json:"cells"`
}

// Cell is one figure, in its column's unit, with a 95 % interval where there is one. A figure
// that could not be had is null, with the reason in Text; where a column has words,
// they are Text.
type Cell struct {
	Value *float64 `json:"value" jsonschema:"nullable"`
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
	Text  string   `json:"text,omitempty"`
}

// Cell is the figure of that row and column, by their names.
func (t *Table) Cell(row, column string) (Cell, bool) {
	c := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == column })
	r := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Label == row })
	if c < 0 || r < 0 || c >= len(t.Rows[r].Cells) {
		return Cell{}, false
	}
	return t.Rows[r].Cells[c], true
}
