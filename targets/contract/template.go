package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Vars are the values that templates may use, by name.
type Vars map[string]string

// With is a copy of v with the values of more, which win.
func (v Vars) With(more Vars) Vars {
	out := make(Vars, len(v)+len(more))
	maps.Copy(out, v)
	maps.Copy(out, more)
	return out
}

// Expand replaces every {name} of a template by its value. "{{name}}" stands
// for a literal "{name}". A name is lower-case letters, digits and _, and
// starts with a letter; anything else between braces (a JSON object) is text.
// A name that vars does not have is an error.
func Expand(template string, vars Vars) (string, error) {
	return expand(template, vars, func(value string) (string, error) { return value, nil })
}

func expand(template string, vars Vars, escape func(string) (string, error)) (string, error) {
	var b strings.Builder
	for _, p := range split(template) {
		if p.name == "" {
			b.WriteString(p.text)
			continue
		}
		value, ok := vars[p.name]
		if !ok {
			return "", fmt.Errorf("nothing is known as %s here (known: %s)", p.text, nameList(slices.Collect(maps.Keys(vars))))
		}
		escaped, err := escape(value)
		if err != nil {
			return "", fmt.Errorf("the value of %s %w", p.text, err)
		}
		b.WriteString(escaped)
	}
	return b.String(), nil
}

// piece is a stretch of a template: literal text, or a placeholder with its
// name.
type piece struct{ text, name string }

// split cuts a template into literal text and placeholders.
func split(template string) []piece {
	var out []piece
	literal := func(s string) {
		if s != "" {
			out = append(out, piece{text: s})
		}
	}
	rest, start := template, 0
	for {
		i := strings.IndexByte(rest[start:], '{')
		if i < 0 {
			literal(rest)
			return out
		}
		i += start
		if strings.HasPrefix(rest[i:], "{{") {
			if name := nameAt(rest[i+2:]); name != "" && strings.HasPrefix(rest[i+2+len(name):], "}}") {
				literal(rest[:i] + "{" + name + "}")
				rest, start = rest[i+len(name)+4:], 0
				continue
			}
		}
		if name := nameAt(rest[i+1:]); name != "" && strings.HasPrefix(rest[i+1+len(name):], "}") {
			literal(rest[:i])
			out = append(out, piece{text: "{" + name + "}", name: name})
			rest, start = rest[i+len(name)+2:], 0
			continue
		}
		start = i + 1
	}
}

// nameAt is the name at the start of s, or "".
func nameAt(s string) string {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || i > 0 && (c == '_' || c >= '0' && c <= '9') {
			continue
		}
		return s[:i]
	}
	return s
}

// isName says whether s can stand in a placeholder.
func isName(s string) bool { return s != "" && nameAt(s) == s }

// placeholders are the names that a template uses.
func placeholders(template string) []string {
	var out []string
	for _, p := range split(template) {
		if p.name != "" {
			out = append(out, p.name)
		}
	}
	return out
}

// nameList prints names as placeholders, sorted.
func nameList(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	sorted := slices.Sorted(slices.Values(names))
	for i, n := range sorted {
		sorted[i] = "{" + n + "}"
	}
	return strings.Join(sorted, ", ")
}
