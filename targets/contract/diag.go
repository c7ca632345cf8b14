package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Error is one thing that is wrong in a contract file, and where.
type Error struct {
	File         string
	Line, Column int // from 1; the column counts characters
	Message      string
	excerpt      string // the line with carets under what is meant
}

// Error is "file:line:column: message" and the line with carets under what is
// meant.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s\n%s", e.File, e.Line, e.Column, e.Message, e.excerpt)
}

// Errors is everything that is wrong in a contract file, from top to bottom.
type Errors []*Error

// Error is one error after the other.
func (es Errors) Error() string {
	var b strings.Builder
	for i, e := range es {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap lets errors.As find a single *Error.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// span is a stretch of one line of a file: line and column from 1, width in
// characters.
type span struct{ line, column, width int }

// source is the text of a file and what was found wrong in it.
type source struct {
	file   string
	lines  []string
	errors Errors
}

func newSource(file string, data []byte) *source {
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	return &source{file: file, lines: lines}
}

// errorf records a problem at s.
func (src *source) errorf(s span, format string, args ...any) {
	s = src.clamp(s)
	e := &Error{
		File: src.file, Line: s.line, Column: s.column,
		Message: fmt.Sprintf(format, args...),
		excerpt: src.excerpt(s),
	}
	for _, other := range src.errors {
		if *other == *e {
			return
		}
	}
	src.errors = append(src.errors, e)
}

// err returns what was recorded, in the order of the file.
func (src *source) err() error {
	if len(src.errors) == 0 {
		return nil
	}
	slices.SortStableFunc(src.errors, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return src.errors
}

// clamp moves a span into the text: a parser may point behind the last line.
func (src *source) clamp(s span) span {
	s.line = min(max(s.line, 1), len(src.lines))
	length := utf8.RuneCountInString(src.lines[s.line-1])
	s.column = min(max(s.column, 1), length+1)
	s.width = min(max(s.width, 1), max(length+1-s.column, 1))
	return s
}

// excerpt is the line of s and carets below it. Control characters are shown
// as spaces so that they can neither move the carets nor reach a terminal.
func (src *source) excerpt(s span) string {
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, src.lines[s.line-1])
	before, after := s.column-1, 0
	const most = 120 // characters of a line that are shown
	if runes := []rune(line); len(runes) > most {
		from := max(0, min(before-most/2, len(runes)-most))
		line, before, after = string(runes[from:from+most]), before-from, most
		s.width = max(1, min(s.width, after-before))
	}
	gutter := fmt.Sprintf("%5d | ", s.line)
	return gutter + line + "\n" +
		strings.Repeat(" ", len(gutter)-2) + "| " + strings.Repeat(" ", before) + strings.Repeat("^", s.width)
}

// find narrows the span of a value to text inside it, where the value stands as
// written on the lines from s on; s itself if it cannot be found.
func (src *source) find(s span, lines int, text string) span {
	s = src.clamp(s)
	if text == "" {
		return s
	}
	for i := s.line; i < s.line+lines && i <= len(src.lines); i++ {
		line, skipped := src.lines[i-1], 0
		if i == s.line {
			runes := []rune(line)
			skipped = s.column - 1
			line = string(runes[skipped:])
		}
		if at := strings.Index(line, text); at >= 0 {
			return span{i, skipped + utf8.RuneCountInString(line[:at]) + 1, utf8.RuneCountInString(text)}
		}
	}
	return s
}

// nearest is the word of a list that is closest to a mistyped one, or that it is
// the beginning of; "" when none is close.
func nearest(word string, list []string) string {
	best, least := "", 1+len(word)/3
	for _, w := range list {
		if len(word) >= 3 && strings.HasPrefix(w, word) && w != word {
			return w
		}
		if d := editDistance(strings.ToLower(word), strings.ToLower(w)); d <= least && (best == "" || d < least) {
			best, least = w, d
		}
	}
	return best
}

// didYouMean is "; did you mean X?" or nothing.
func didYouMean(word string, list []string) string {
	if w := nearest(word, list); w != "" {
		return fmt.Sprintf("; did you mean %q?", w)
	}
	return ""
}

// editDistance is Levenshtein's: insertions, deletions and substitutions.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
