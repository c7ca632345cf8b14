package evidence

import (
	"fmt"
	"math"

	"authbench/results"
	"authbench/results/stat"
)

// Paired is a difference of two arms by block, of a number that is not one of
// those that are judged: an estimate to explain by, never a verdict.
type Paired struct {
	stat.Estimate        // in the unit of the number
	Blocks        int    // compared
	Missing       string // why there is none; empty otherwise
}

// reader reads one number of a trial of an arm; false where it has none.
type reader func(*Arm, *results.Trial) (float64, bool)

// pairUp subtracts by block what get reads of base from what it reads of a. The
// trials of both are those that can be used.
func pairUp(a, base *Arm, usable func(*Arm) []*results.Trial, get reader) Paired {
	of := map[int]*results.Trial{}
	for _, t := range usable(base) {
		of[t.Block] = t
	}
	var x, y []float64
	for _, t := range usable(a) {
		if of[t.Block] == nil {
			continue
		}
		v, ok := get(a, t)
		w, ok2 := get(base, of[t.Block])
		if ok && ok2 {
			x, y = append(x, v), append(y, w)
		}
	}
	p := Paired{Blocks: len(x)}
	if len(x) == 0 {
		p.Missing = fmt.Sprintf("no block has a usable number of both %s and %s", a.Name, base.Name)
		return p
	}
	var err error
	if p.Estimate, err = stat.Difference(x, y, stat.Level); err != nil {
		p.Missing = err.Error() // a number beyond the timeout, say
	}
	return p
}

// scale changes the unit: every value divided by d, which is positive.
func (p Paired) scale(d float64) Paired {
	p.Value, p.Lo, p.Hi = p.Value/d, p.Lo/d, p.Hi/d
	return p
}

// Width is how far apart the ends of the interval are; infinite without ends.
func (p Paired) Width() float64 {
	if !p.Bounded {
		return math.Inf(1)
	}
	return p.Hi - p.Lo
}
