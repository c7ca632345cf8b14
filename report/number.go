package report

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// nbsp keeps a number and its unit on one line.
const nbsp = "\u00a0"

// integer prints n with a comma every three digits.
func integer(n int64) string {
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

// number prints about three significant digits and never fewer than the integer
// part: 0.05, 8.21, 14.1, 1,234.
func number(v float64) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0"
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "n/a"
	case a >= 99.95:
		return integer(int64(math.Round(v)))
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// pValue prints a probability: 0.0005, 0.012, 0.15.
func pValue(p float64) string { return strconv.FormatFloat(p, 'g', 2, 64) }

// micros prints nanoseconds in microseconds, without the unit.
func micros(ns float64) string {
	if math.IsInf(ns, 1) {
		return "> timeout"
	}
	return number(ns / 1e3)
}

// times prints a factor: 0.053, 0.53, 5.30.
func times(v float64) string {
	digits := 2
	if v > 0 && v < .0995 {
		digits = 3
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// signed prints a difference in microseconds with its sign.
func signed(ns float64) string {
	s := number(ns / 1e3)
	if strings.HasPrefix(s, "-") {
		return "−" + s[1:]
	}
	return "+" + s
}

// mebibytes prints bytes in MiB, without the unit.
func mebibytes(b float64) string { return number(b / (1 << 20)) }

func percent(share float64) string { return number(100*share) + nbsp + "%" }

// span prints a duration as a sentence wants it: "3 s", "250 ms", "2 min".
func span(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d >= time.Minute && d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + nbsp + "min"
	case d >= time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + nbsp + "s"
	default:
		return strconv.FormatFloat(float64(d)/1e6, 'f', -1, 64) + nbsp + "ms"
	}
}

// count puts a number before a noun, in the plural where it has to be.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return integer(int64(n)) + " " + noun
}

// plain replaces what a terminal may not be able to show.
func plain(s string) string {
	return strings.NewReplacer("×", "x", "µ", "u", "−", "-", "–", "-", "·", "-", "…", "...", nbsp, " ").Replace(s)
}
