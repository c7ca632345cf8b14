package decide

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"authbench/report/number"
)

// Flip is a change of one requirement that changes the outcome: the nearest one in
// its direction.
type Flip struct {
	Key     string  `json:"requirement"`
	From    string  `json:"from"`
	To      string  `json:"to"`
	Outcome Outcome `json:"outcome"`
	Text    string  `json:"sentence"`
}

// Harmless are changes of one requirement that were tried and change nothing.
type Harmless struct {
	Key    string   `json:"requirement"`
	Values []string `json:"values"`
}

// Range is how far a weight can go, the others as they are, before the outcome
// changes.
type Range struct {
	Key    string   `json:"weight"`
	At     float64  `json:"at"`
	Lo     float64  `json:"lo"` // 0: down to nothing
	Hi     float64  `json:"hi"` // 0: without end
	Below  *Outcome `json:"below,omitempty"`
	Above  *Outcome `json:"above,omitempty"`
	Moot   string   `json:"moot,omitempty"` // why it changes nothing
	widest float64
}

// outcomeOf is the outcome alone.
func (d *decider) outcomeOf(r *Requirements) Outcome {
	var asked []string
	for _, k := range constraints() {
		asked = append(asked, k.asked(r))
	}
	var eligible []*candidate
	for _, c := range d.candidates {
		if d.meetsAll(c, r, asked) {
			eligible = append(eligible, c)
		}
	}
	return d.outcome(r, d.rank(r, eligible))
}

// meetsAll is hold without the words, judged once for each question.
func (d *decider) meetsAll(c *candidate, r *Requirements, asked []string) bool {
	for i, k := range constraints() {
		if asked[i] == "" {
			continue
		}
		key := heldKey{c.name, k.key, asked[i]}
		status, ok := d.held[key]
		if !ok {
			status = k.judge(c, r).Status
			d.held[key] = status
		}
		if status != Meets {
			return false
		}
	}
	return true
}

// flips tries every requirement by itself, step by step away from where it is.
func (d *decider) flips(r *Requirements, now Outcome) ([]Flip, []Harmless) {
	if now.Kind == Unsigned { // whatever is asked
		return nil, nil
	}
	var flips []Flip
	var harmless []Harmless
	for _, f := range Fields() {
		if f.Kind == text || f.Section() == "weights" {
			continue
		}
		tried := Harmless{Key: f.Key}
		for _, direction := range d.steps(f, r) {
			for _, value := range direction {
				next, err := r.With(f.Key, value)
				if err != nil {
					continue // a step that the file could not say
				}
				if then := d.outcomeOf(next); then.Key() != now.Key() {
					if f.Kind == exact {
						value, then = d.narrow(r, f.Key, tried.Values, value, now)
					}
					flips = append(flips, Flip{f.Key, f.Get(r), value, then, then.would() + " " + f.If(value) + "."})
					break
				}
				tried.Values = append(tried.Values, value)
			}
		}
		if len(tried.Values) > 0 {
			harmless = append(harmless, tried)
		}
	}
	return flips, harmless
}

// narrow finds the nearest value between the last that changed nothing and the first
// that did, to about two digits, from the far side: it does change the outcome.
func (d *decider) narrow(r *Requirements, key string, harmless []string, changed string, now Outcome) (string, Outcome) {
	far, _ := parseDuration(changed)
	near := r.RoundTrip
	if len(harmless) > 0 {
		if last, err := parseDuration(harmless[len(harmless)-1]); err == nil && (last < far) == (near < far) {
			near = last
		}
	}
	try := func(trip time.Duration) (Outcome, bool) {
		next, err := r.With(key, duration(trip))
		if err != nil {
			return Outcome{}, false
		}
		then := d.outcomeOf(next)
		return then, then.Key() != now.Key()
	}
	for range 12 {
		mid := ((near + far) / 2).Round(time.Microsecond)
		if _, ok := try(mid); ok {
			far = mid
		} else {
			near = mid
		}
	}
	unit := max(time.Microsecond, time.Duration(math.Pow(10, math.Floor(math.Log10(float64(max(far, 1)))-1))))
	rounded := far.Truncate(unit)
	if far > near && rounded < far {
		rounded += unit
	}
	if then, ok := try(rounded); ok {
		return duration(rounded), then
	}
	then, _ := try(far)
	return duration(far), then
}

// ranges finds for every weight how far it can go.
func (d *decider) ranges(r *Requirements, now Outcome) []Range {
	if now.Kind == Unsigned {
		return nil
	}
	var out []Range
	for i, f := range weightFields() {
		k := criteria()[i]
		at, _ := parseNumber(f.Get(r))
		x := Range{Key: f.Key, At: at, widest: 1}
		for _, other := range criteria() {
			x.widest += other.weight(r)
		}
		if at > 0 && k.weight(r) == 0 {
			x.Moot = "not weighed: revocation.window is " + r.Window.String()
			out = append(out, x)
			continue
		}
		x.Lo, x.Below = d.edge(r, f.Key, at, now, x.down())
		x.Hi, x.Above = d.edge(r, f.Key, at, now, x.up())
		out = append(out, x)
	}
	return out
}

// up are weights to try above: doubling, to where the others hardly count.
func (x Range) up() []float64 {
	var out []float64
	for v := cmp.Or(x.At, x.widest/64); v < 1024*x.widest; {
		v *= 2
		out = append(out, v)
	}
	return out
}

// down likewise, to nothing.
func (x Range) down() []float64 {
	if x.At == 0 {
		return nil
	}
	var out []float64
	for v := x.At / 2; v > x.widest/1024; v /= 2 {
		out = append(out, v)
	}
	return append(out, 0)
}

// edge is the last weight on the way at which nothing has changed, and what comes
// beyond it; 0 and nil where nothing changes to the end.
func (d *decider) edge(r *Requirements, key string, at float64, now Outcome, way []float64) (float64, *Outcome) {
	try := func(v float64) (Outcome, bool) {
		next, err := r.With(key, strconv.FormatFloat(v, 'g', -1, 64))
		if err != nil {
			return Outcome{}, false
		}
		then := d.outcomeOf(next)
		return then, then.Key() != now.Key()
	}
	near := at
	for _, far := range way {
		then, changed := try(far)
		if !changed {
			near = far
			continue
		}
		for range 12 {
			mid := (near + far) / 2
			if o, ok := try(mid); ok {
				far, then = mid, o
			} else {
				near = mid
			}
		}
		return safeDigits(near, at), &then
	}
	return 0, nil
}

// safeDigits rounds v to three digits, towards at.
func safeDigits(v, at float64) float64 {
	if v == 0 || v == at {
		return v
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-2)
	if v > at {
		return max(at, math.Floor(v/unit)*unit)
	}
	return min(at, math.Ceil(v/unit)*unit)
}

// Sentence says how far the weight can go.
func (x Range) Sentence() string {
	name := strings.TrimPrefix(x.Key, "weights.")
	at := number.Short(x.At)
	switch {
	case x.Moot != "":
		return fmt.Sprintf("%s (%s): %s.", name, at, x.Moot)
	case x.Below == nil && x.Above == nil:
		return fmt.Sprintf("%s (%s): any weight, the others as they are, leaves the outcome as it is.", name, at)
	}
	var parts []string
	if x.Below != nil {
		parts = append(parts, fmt.Sprintf("below %s %s", number.Short(x.Lo), x.Below.Words()))
	}
	if x.Above != nil {
		parts = append(parts, fmt.Sprintf("above %s %s", number.Short(x.Hi), x.Above.Words()))
	}
	return fmt.Sprintf("%s (%s): %s.", name, at, strings.Join(parts, "; "))
}
