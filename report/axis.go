package report

import (
	"math"
	"strconv"
)

// axis maps values to a share of the width, 0 to 100 percent.
type axis struct {
	lo, hi float64
	log    bool
}

// logAxis covers lo..hi with a little air, ending on a round number.
func logAxis(lo, hi float64) axis {
	if !finite(lo) || !finite(hi) {
		return axis{1, 10, true}
	}
	return axis{roundDown(lo * .98), roundUp(hi*1.02, 1, 1.5, 2, 3, 4, 5, 6, 8), true}
}

// linearAxis starts at zero.
func linearAxis(hi float64) axis {
	if !finite(hi) {
		hi = 1
	}
	return axis{0, hi * 1.04, false}
}

func roundDown(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{8, 6, 5, 4, 3, 2, 1.5} {
		if m*p <= v {
			return m * p
		}
	}
	return p
}

func roundUp(v float64, marks ...float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range marks {
		if m*p >= v {
			return m * p
		}
	}
	return 10 * p
}

// at returns the place of v in percent, within the axis.
func (a axis) at(v float64) float64 {
	var x float64
	if a.log {
		x = math.Log(v/a.lo) / math.Log(a.hi/a.lo)
	} else {
		x = (v - a.lo) / (a.hi - a.lo)
	}
	return 100 * min(1, max(0, x))
}

// ticks returns at most about n places for labels.
func (a axis) ticks(n int) []float64 {
	if a.log {
		return a.logTicks(n)
	}
	step := roundUp((a.hi-a.lo)/float64(n), 1, 2, 5)
	var out []float64
	for i := math.Ceil(a.lo / step); i*step <= a.hi; i++ {
		out = append(out, i*step)
	}
	return out
}

func (a axis) logTicks(n int) []float64 {
	for _, marks := range [][]float64{{1, 1.5, 2, 3, 5}, {1, 2, 5}, {1, 3}, {1}} {
		var out []float64
		for p := math.Pow(10, math.Floor(math.Log10(a.lo))); p <= a.hi*1.0001; p *= 10 {
			for _, m := range marks {
				if v := m * p; v >= a.lo*.9999 && v <= a.hi*1.0001 {
					out = append(out, v)
				}
			}
		}
		if len(out) <= n || len(marks) == 1 {
			return out
		}
	}
	return nil
}

// duration labels a tick in the unit that suits it: ns in, "200 µs" out.
func duration(ns float64) string {
	switch {
	case ns >= 1e9*.9999:
		return trim(ns/1e9) + " s"
	case ns >= 1e6*.9999:
		return trim(ns/1e6) + " ms"
	default:
		return trim(ns/1e3) + " µs"
	}
}

// trim prints v without the dust of binary fractions.
func trim(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e4)/1e4, 'f', -1, 64)
}
