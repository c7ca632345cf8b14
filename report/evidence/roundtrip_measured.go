package evidence

import (
	"slices"

	"authbench/results"
)

// Distance is what one trial of scenario store-rtt measured: a session whose store moved
// away step by step, beside tokens in the same blocks. Times are microseconds.
type Distance struct {
	Session string // arm
	Block   int
	Points  []DistancePoint
	Tokens  []DistanceToken
	Memos   []DistanceMemo
	ratios  *results.Table
}

// DistancePoint is one distance of the store.
type DistancePoint struct {
	Label string  // "direct", "+100us"
	Trip  float64 // round trip as the node measured it
	P50   results.Cell
}

// DistanceToken is one token and its break-even with the session.
type DistanceToken struct {
	Arm      string
	P50, CPU results.Cell // CPU: that of the token as a share of the session's, node and store
	// Status is what may be said of the break-even: see the Even constants, and "too few
	// blocks", "beyond the furthest point".
	Status string
	// Measured and Predicted (from CPU times) are round trips at the node; Reckoned is from
	// the medians at the nearest point; Slower is by how much the session is, there.
	Measured, Predicted, Difference, Reckoned, Slower results.Cell
	Agrees                                            string // measured with predicted: "yes", "no", or that it cannot be said
}

// DistanceMemo is how far remembering verified tokens moves a break-even.
type DistanceMemo struct {
	What             string // "jwt-es256+memo against jwt-es256"
	Moved, Predicted results.Cell
}

// What scenario store-rtt says of a break-even.
const (
	MeasuredAt     = "level at"
	MeasuredPast   = "already past at 0"
	MeasuredBeyond = "beyond the furthest point"
	MeasuredOpen   = "inconclusive"
)

// ScenarioDistance is the name of that scenario.
const ScenarioDistance = "store-rtt"

// Named says that a break-even was found, with an interval that is narrow enough.
func (t *DistanceToken) Named() bool { return t.Status == MeasuredAt }

// Direct is the round trip at the nearest point.
func (d *Distance) Direct() float64 { return d.Points[0].Trip }

// Ratio is the token's median as a share of the session's at that point.
func (d *Distance) Ratio(token string, p DistancePoint) (results.Cell, bool) {
	c, ok := d.ratios.Cell(p.Label, token)
	return c, ok && c.Value != nil
}

// ReadDistance reads a trial of store-rtt; false: it holds no such thing.
func ReadDistance(t *results.Trial) (*Distance, bool) {
	if t.Scenario != ScenarioDistance || t.Chaos == nil || t.Error != "" {
		return nil, false
	}
	table := func(name string) *results.Table {
		i := slices.IndexFunc(t.Chaos.Tables, func(x results.Table) bool { return x.Name == name })
		if i < 0 {
			return &results.Table{}
		}
		return &t.Chaos.Tables[i]
	}
	d := &Distance{Session: t.Arm, Block: t.Block, ratios: table("ratios")}
	trips := table("round-trips")
	for _, r := range trips.Rows {
		if p50, ok := trips.Cell(r.Label, "p50"); ok && r.X != nil {
			d.Points = append(d.Points, DistancePoint{r.Label, *r.X, p50})
		}
	}
	tokens, evens := table("tokens"), table("break-even")
	for _, r := range tokens.Rows {
		cell := func(t *results.Table, column string) results.Cell {
			c, _ := t.Cell(r.Label, column)
			return c
		}
		d.Tokens = append(d.Tokens, DistanceToken{
			Arm: r.Label, P50: cell(tokens, "p50"), CPU: cell(tokens, "CPU against the session"),
			Status: cell(evens, "verdict").Text, Agrees: cell(evens, "agrees").Text,
			Measured: cell(evens, "measured"), Predicted: cell(evens, "predicted"), Difference: cell(evens, "difference"),
			Reckoned: cell(evens, "reckoned"), Slower: cell(evens, "session slower by"),
		})
	}
	memos := table("memo")
	for _, r := range memos.Rows {
		moved, _ := memos.Cell(r.Label, "moved by")
		predicted, _ := memos.Cell(r.Label, "predicted")
		d.Memos = append(d.Memos, DistanceMemo{r.Label, moved, predicted})
	}
	return d, len(d.Points) > 0 && len(d.Tokens) > 0
}

// Distances lists those of all runs.
func (b *Board) Distances() []*Distance {
	var out []*Distance
	if b.Promises == nil {
		return nil
	}
	for _, g := range b.Promises.Tried {
		for _, t := range g.Trials {
			if d, ok := ReadDistance(t); ok {
				out = append(out, d)
			}
		}
	}
	return out
}

// Known is the arm of that name as the board shows it everywhere, or nil.
func (b *Board) Known(name string) *Arm {
	if a := b.Arm(name); a != nil {
		return a
	}
	if b.Promises != nil {
		return b.Promises.Arm(name)
	}
	return nil
}
