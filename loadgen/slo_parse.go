package loadgen

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// SyntaxError is a mistake in an expression. Its text has a second and third
// line: the expression, and a caret under the mistake.
type SyntaxError struct {
	Expression string
	Column     int // from 1, in bytes
	Message    string
}

func (e *SyntaxError) Error() string {
	// What stands before the caret keeps its tabs, so that both lines shift alike.
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, e.Expression[:e.Column-1])
	return fmt.Sprintf("column %d: %s\n    %s\n    %s^", e.Column, e.Message, e.Expression, pad)
}

// ParseObjective reads bounds joined by commas, see Objective. The error is a
// *SyntaxError.
func ParseObjective(expr string) (Objective, error) {
	var o Objective
	s := sloScanner{expr: expr}
	for {
		t, err := s.term()
		if err != nil {
			return Objective{}, err
		}
		o.terms = append(o.terms, t)
		if s.at == len(expr) {
			return o, nil
		}
		s.at++ // the comma
	}
}

type sloScanner struct {
	expr string
	at   int
}

func (s *sloScanner) fail(at int, format string, args ...any) error {
	return &SyntaxError{Expression: s.expr, Column: at + 1, Message: fmt.Sprintf(format, args...)}
}

func (s *sloScanner) space() {
	for s.at < len(s.expr) && (s.expr[s.at] == ' ' || s.expr[s.at] == '\t') {
		s.at++
	}
}

// until takes what comes before any of the given bytes, without outer spaces,
// and says where it begins.
func (s *sloScanner) until(stop string) (word string, at int) {
	s.space()
	at = s.at
	n := strings.IndexAny(s.expr[at:], stop)
	if n < 0 {
		n = len(s.expr) - at
	}
	s.at += n
	return strings.TrimRight(s.expr[at:s.at], " \t"), at
}

// next takes c, if it is what comes next.
func (s *sloScanner) next(c byte) bool {
	if s.at == len(s.expr) || s.expr[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *sloScanner) term() (t term, err error) {
	if err := s.metric(&t); err != nil {
		return t, err
	}
	s.space()
	at := s.at
	switch {
	case s.next('<'):
		t.op = "<"
	case s.next('>'):
		t.op = ">"
	default:
		return t, s.fail(at, "want one of < <= > >= after %s", t.text)
	}
	if s.next('=') {
		t.op += "="
	}
	word, at := s.until(",")
	if t.bound, err = s.bound(&t, word, at); err != nil {
		return t, err
	}
	t.text += t.op + word
	return t, nil
}

func (s *sloScanner) metric(t *term) error {
	name, at := s.until("<>=(, \t")
	if name == "" {
		return s.fail(at, "want a figure: %s", figures)
	}
	t.text, t.metric = name, name
	if series, rest, ok := strings.Cut(name, "."); ok && (series == "service" || series == "lag") {
		t.series, t.metric = series, rest
	}
	t.q = quantileOf(t.metric)
	switch {
	case t.q > 0 || t.metric == "max" || t.metric == "mean":
		return nil
	case t.series != "":
		return s.fail(at+len(t.series)+1, "%s has p50 p90 p95 p99 p99.9 p99.99 max mean", t.series)
	case t.metric == "errors" || t.metric == "rate":
		return nil
	case t.metric == "within":
		return s.argument(t)
	}
	return s.fail(at, "no such figure; there is %s", figures)
}

const figures = "p50 p90 p95 p99 p99.9 p99.99 max mean (also service.p99, lag.p99), errors, rate, within(5ms)"

// argument reads the length of time of within.
func (s *sloScanner) argument(t *term) error {
	s.space()
	if at := s.at; !s.next('(') {
		return s.fail(at, "want a length of time in brackets: within(5ms)")
	}
	word, at := s.until("),")
	d, err := time.ParseDuration(word)
	if err != nil || d <= 0 {
		return s.fail(at, "want a length of time such as 5ms or 1.5s")
	}
	if end := s.at; !s.next(')') {
		return s.fail(end, "want )")
	}
	t.within = d
	t.text = "within(" + word + ")"
	return nil
}

func (s *sloScanner) bound(t *term, word string, at int) (float64, error) {
	switch t.unit() {
	case UnitTime:
		d, err := time.ParseDuration(word)
		if err != nil || d < 0 {
			return 0, s.fail(at, "want a length of time such as 5ms or 1.5s")
		}
		return float64(d), nil
	case UnitShare:
		number, percent := strings.CutSuffix(word, "%")
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !percent || !(v >= 0 && v <= 100) {
			return 0, s.fail(at, "want a share such as 0.1%%, from 0%% to 100%%")
		}
		return v / 100, nil
	default:
		v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(word, "/s")), 64)
		if err != nil || !(v >= 0) || math.IsInf(v, 0) {
			return 0, s.fail(at, "want a number of requests per second")
		}
		return v, nil
	}
}
