package decide

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Error is what is wrong in a requirements file, and where.
type Error struct {
	File         string
	Line, Column int // from 1
	Message      string
	Excerpt      string // the line, with a caret under what is meant
}

// Error is "file:line:column: message" and the line below it.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s\n%s", e.File, e.Line, e.Column, e.Message, e.Excerpt)
}

// reader walks a file. The first mistake ends it.
type reader struct {
	file  string
	lines []string
	out   *Requirements
	seen  map[string]int // key: line
}

// largest file that is read as requirements, in bytes.
const largest = 1 << 20

// Parse reads a requirements file strictly: what it does not know is an error. What
// the file leaves out has its default. An error is an *Error.
func Parse(file string, data []byte) (_ *Requirements, err error) {
	r := &reader{file: file, lines: strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), out: Defaults(), seen: map[string]int{}}
	defer func() { // the parser of a rich language meets a reader's file here
		if p := recover(); p != nil {
			err = r.at(nil, "this cannot be read as YAML (%v)", p)
		}
	}()
	switch {
	case len(data) > largest:
		return nil, r.at(nil, "%d bytes: requirements have at most %d", len(data), largest)
	case !utf8.Valid(data):
		return nil, r.at(nil, "this is not UTF-8 text")
	}
	parsed, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) {
			return nil, r.at(ye.GetToken(), "YAML: %s", ye.GetMessage())
		}
		return nil, r.at(nil, "YAML: %v", err)
	}
	for i, doc := range parsed.Docs {
		if doc == nil || doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if i > 0 {
			return nil, r.at(doc.Body.GetToken(), "a second document: requirements are one YAML document")
		}
		if err := r.mapping("", doc.Body); err != nil {
			return nil, err
		}
	}
	r.out.File, r.out.Written = file, string(data)
	return r.out, nil
}

// mapping reads the keys of a section, or of the file.
func (r *reader) mapping(section string, n ast.Node) error {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode: // a mapping with one key
		values = []*ast.MappingValueNode{n}
	default:
		return r.at(n.GetToken(), "%swants keys and values here", label(section))
	}
	for _, v := range values {
		key, ok := v.Key.(*ast.StringNode)
		if !ok {
			return r.at(v.Key.GetToken(), "%sa key has to be plain text", label(section))
		}
		path := key.Value
		if section != "" {
			path = section + "." + path
		}
		if line, twice := r.seen[path]; twice {
			return r.at(key.Token, "%s stands here twice, first on line %d", path, line)
		}
		r.seen[path] = key.Token.Position.Line
		if err := r.entry(section, path, key, v.Value); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) entry(section, path string, key *ast.StringNode, value ast.Node) error {
	fields := Fields()
	if i := slices.IndexFunc(fields, func(f Field) bool { return f.Key == path }); i >= 0 {
		return r.value(fields[i], key, value)
	}
	if section == "" && slices.ContainsFunc(fields, func(f Field) bool { return f.Section() == path }) {
		return r.mapping(path, value)
	}
	return r.at(key.Token, "%sunknown key %q; there is %s", label(section), key.Value, strings.Join(known(section), ", "))
}

// known are the keys of a section.
func known(section string) []string {
	var out []string
	for _, f := range Fields() {
		name := strings.TrimPrefix(f.Key, section+".")
		switch {
		case f.Section() == section:
		case section == "":
			name = f.Section()
		default:
			continue
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func (r *reader) value(f Field, key *ast.StringNode, value ast.Node) error {
	items := []ast.Node{value}
	if f.Kind == someOf {
		list, ok := value.(*ast.SequenceNode)
		if !ok || len(list.Values) == 0 {
			return r.at(value.GetToken(), "%s: wants a list, like [%s]", f.Key, strings.Join(f.Words[:2], ", "))
		}
		items = list.Values
	}
	var words []string
	for _, item := range items {
		word, ok := scalar(item)
		if !ok {
			return r.at(item.GetToken(), "%s: wants a %s", f.Key, f.Kind)
		}
		if f.Kind != text { // a list is put together with commas
			if err := f.set(r.out, word); err != nil {
				return r.at(item.GetToken(), "%s: %v", f.Key, err)
			}
		}
		words = append(words, word)
	}
	if err := f.set(r.out, strings.Join(words, ",")); err != nil {
		return r.at(key.Token, "%s: %v", f.Key, err)
	}
	r.out.given[f.Key] = true
	return nil
}

// scalar is a value as it is written.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func label(section string) string {
	if section == "" {
		return ""
	}
	return section + ": "
}

// at is an error at a token, or at the beginning of the file.
func (r *reader) at(t *token.Token, format string, args ...any) error {
	e := &Error{File: r.file, Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)}
	width := 1
	if t != nil && t.Position != nil {
		e.Line, e.Column = min(max(t.Position.Line, 1), len(r.lines)), max(t.Position.Column, 1)
		width = max(1, utf8.RuneCountInString(t.Value))
	}
	line := strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == utf8.RuneError {
			return ' ' // neither moves the caret nor reaches a terminal
		}
		return c
	}, r.lines[e.Line-1])
	n := utf8.RuneCountInString(line)
	e.Column = min(e.Column, n+1)
	width = min(width, max(1, n+1-e.Column))
	gutter := fmt.Sprintf("%5d | ", e.Line)
	e.Excerpt = gutter + line + "\n" + strings.Repeat(" ", len(gutter)-2) + "| " + strings.Repeat(" ", e.Column-1) + strings.Repeat("^", width)
	return e
}
