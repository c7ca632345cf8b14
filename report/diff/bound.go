package diff

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bound is how far a figure may change:
//
//	p99>+10%      fails if p99 rises by more than 10 %
//	p50>+50us     by more than 50 microseconds
//	rate<-5%      if the capacity falls by more than 5 %
//	errors>+0.1pp if the share that does not end ok rises by more than 0.1 percentage points
type Bound struct {
	Text     string
	metric   metric
	above    bool    // fails when the change is above it; else below
	relative bool    // change is a share of the old value; else it has the unit of the metric
	change   float64 // ns, share, ...
}

// SyntaxError is a mistake in a bound. Its text has a second and third line: the
// expression, and a caret under the mistake.
type SyntaxError struct {
	Expression string
	Column     int // from 1, in bytes
	Message    string
}

func (e *SyntaxError) Error() string {
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, e.Expression[:e.Column-1])
	return fmt.Sprintf("column %d: %s\n    %s\n    %s^", e.Column, e.Message, e.Expression, pad)
}

// ParseBounds reads bounds joined by commas. The error is a *SyntaxError.
func ParseBounds(expr string) ([]Bound, error) {
	var out []Bound
	at := 0
	for part := range strings.SplitSeq(expr, ",") {
		b, column, err := parseBound(part)
		if err != nil {
			return nil, &SyntaxError{expr, at + column + 1, err.Error()}
		}
		out = append(out, b)
		at += len(part) + 1
	}
	return out, nil
}

// parseBound reads one bound; column is where a mistake is, from 0.
func parseBound(s string) (b Bound, column int, err error) {
	start := len(s) - len(strings.TrimLeft(s, " \t"))
	op := strings.IndexAny(s, "<>")
	if op < 0 {
		op = len(s)
	}
	name := strings.TrimSpace(s[:op])
	m, ok := metricNamed(name)
	switch {
	case name == "p99.9" || name == "p99.99" || name == "max":
		return b, start, fmt.Errorf("%s belongs to the machine and is not compared; there is %s", name, metricNames())
	case !ok:
		return b, start, fmt.Errorf("no such figure; there is %s", metricNames())
	case op == len(s):
		return b, op, fmt.Errorf("want > or < and a change, such as %s>%s", name, m.example())
	}
	from := op + 1 + len(s[op+1:]) - len(strings.TrimLeft(s[op+1:], " \t"))
	word := strings.TrimSpace(s[from:])
	b = Bound{Text: name + s[op:op+1] + word, metric: m, above: s[op] == '>'}
	if word == "" || word[0] != '+' && word[0] != '-' {
		return b, from, fmt.Errorf("want a change with its sign, such as %s", m.example())
	}
	if b.change, b.relative, ok = m.change(word); !ok {
		return b, from, fmt.Errorf("want a change such as %s", m.example())
	}
	if b.relative && b.change <= -1 {
		return b, from, fmt.Errorf("nothing can fall by 100 %% or more")
	}
	return b, 0, nil
}

// change reads an amount with its sign: a percentage of the old value, or an amount
// in a unit of the metric.
func (m metric) change(word string) (change float64, relative, ok bool) {
	if number, cut := strings.CutSuffix(word, "%"); cut && m.unit != unitShare {
		v, ok := amount(number)
		return v / 100, true, ok
	}
	switch m.unit {
	case unitTime:
		d, err := time.ParseDuration(word)
		return float64(d), false, err == nil
	case unitShare:
		number, cut := strings.CutSuffix(word, "pp")
		v, ok := amount(number)
		return v / 100, false, cut && ok
	}
	return 0, false, false
}

func amount(s string) (float64, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

// example is a change as one would write it.
func (m metric) example() string {
	switch {
	case m.unit == unitShare:
		return "+0.1pp (percentage points)"
	case m.better == "higher":
		return "-5%"
	case m.unit == unitTime:
		return "+10% or +50us"
	}
	return "+10%"
}
