// Package number prints numbers as reports show them: as many digits as a reader
// can use, the unit joined to its number, ASCII where a terminal may need it.
package number

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// NBSP keeps a number and its unit on one line.
const NBSP = "\u00a0"

// Integer prints n with a comma every three digits.
func Integer(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Short prints about three significant digits and never fewer than the integer
// part: 0.05, 8.21, 14.1, 1,234.
func Short(v float64) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0"
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "n/a"
	case a >= 99.95:
		return Integer(int64(math.Round(v)))
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// P prints a probability: 0.0005, 0.012, 0.15.
func P(p float64) string { return strconv.FormatFloat(p, 'g', 2, 64) }

// Micros prints nanoseconds in microseconds, without the unit.
func Micros(ns float64) string {
	if math.IsInf(ns, 1) {
		return "> timeout"
	}
	return Short(ns / 1e3)
}

// Times prints a factor: 0.053, 0.53, 5.30.
func Times(v float64) string {
	digits := 2
	if v > 0 && v < .0995 {
		digits = 3
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// Signed prints a difference in microseconds with its sign.
func Signed(ns float64) string {
	s := Short(ns / 1e3)
	if strings.HasPrefix(s, "-") {
		return "−" + s[1:]
	}
	return "+" + s
}

// MiB prints bytes in MiB, without the unit.
func MiB(b float64) string { return Short(b / (1 << 20)) }

func Percent(share float64) string { return Short(100*share) + NBSP + "%" }

// Span prints a duration as a sentence wants it: "3 s", "250 ms", "2 min".
func Span(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d >= time.Minute && d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + NBSP + "min"
	case d >= time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + NBSP + "s"
	default:
		return strconv.FormatFloat(float64(d)/1e6, 'f', -1, 64) + NBSP + "ms"
	}
}

// Count puts a number before a noun, in the plural where it has to be.
func Count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Integer(int64(n)) + " " + noun
}

// ASCII replaces what a terminal may not be able to show.
func ASCII(s string) string {
	return strings.NewReplacer("×", "x", "µ", "u", "−", "-", "–", "-", "·", "-", "…", "...", NBSP, " ").Replace(s)
}

// Lasted prints a length of time in the unit that suits it: 0, 950 µs, 12.3 ms,
// 9.98 s.
func Lasted(ns int64) string {
	switch v := float64(ns); {
	case ns == 0:
		return "0"
	case ns == math.MinInt64: // has no opposite
		return "−" + Lasted(math.MaxInt64)
	case ns < 0:
		return "−" + Lasted(-ns)
	case v < .9995e6:
		return Short(v/1e3) + NBSP + "µs"
	case v < .9995e9:
		return Short(v/1e6) + NBSP + "ms"
	default:
		return Short(v/1e9) + NBSP + "s"
	}
}

// Of prints a part and the whole: "3 of 140"; "–" of nothing.
func Of(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return Integer(part) + " of " + Integer(whole)
}
