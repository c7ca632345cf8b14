package contract

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Subtle: we use the library's parser and not its decoder. The decoder stops at
// the first error, turns 1.5 into the int 1 and 1e3 into the string "1000",
// names Go types, and loses the position of everything that a custom type or a
// later check objects to. Walking the tree ourselves is shorter than working
// around that, and gives every path a position that validate.go can use.

// place is where a value stands in the file.
type place struct {
	key   span // the key, or the value itself in a list
	value span
	lines int // that the value may take up
}

// decoder fills Go values from YAML nodes. The yaml and jsonschema tags of the
// types are the format: what the schema says and what is accepted cannot differ.
type decoder struct {
	*source
	places map[string]place // by path: login.extract.credential, start.command[0]
	secret map[string]bool  // names of secrets, which have no place in a URL
}

// decode parses data into c. What is wrong is recorded in the source.
func decode(src *source, data []byte, c *Contract) *decoder {
	d := &decoder{source: src, places: map[string]place{}, secret: map[string]bool{}}
	root := d.parse(data)
	if root == nil {
		return d
	}
	d.places[""] = place{key: span{1, 1, 1}, value: spanOf(root)}
	d.value("", root, reflect.ValueOf(c).Elem(), "")
	return d
}

// parse returns the one document of data, or nil.
func (d *decoder) parse(data []byte) (root ast.Node) {
	top := span{1, 1, 1}
	const most = 1 << 20
	switch {
	case len(data) > most:
		d.errorf(top, "%d bytes: a contract has at most %d", len(data), most)
		return nil
	case !utf8.Valid(data):
		d.errorf(top, "this is not UTF-8 text")
		return nil
	}
	defer func() { // a parser of a rich language meets the reader's file here
		if p := recover(); p != nil {
			d.errorf(top, "this cannot be read as YAML (%v)", p)
			root = nil
		}
	}()
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			hint := ""
			if strings.Contains(ye.GetMessage(), "'}' must be specified") {
				hint = " (between braces a value with [ ] { } or a comma needs quotes)"
			}
			d.errorf(tokenSpan(ye.GetToken()), "YAML: %s%s", ye.GetMessage(), hint)
		} else {
			d.errorf(top, "YAML: %v", err)
		}
		return nil
	}
	for _, doc := range file.Docs {
		switch {
		case doc == nil || doc.Body == nil || doc.Body.Type() == ast.CommentType:
		case root != nil:
			d.errorf(spanOf(doc.Body), "a second document: a contract is one YAML document")
		default:
			root = doc.Body
		}
	}
	if root == nil && len(d.errors) == 0 {
		d.errorf(top, "the file is empty: a contract needs name, mechanism, url or start, users, login and use")
	}
	return root
}

// value decodes n into v. tag is the jsonschema tag of the field.
func (d *decoder) value(path string, n ast.Node, v reflect.Value, tag string) {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.errorf(spanOf(n), "%sanchors, aliases and tags are not part of this format", label(path))
		return
	case *ast.NullNode:
		d.errorf(d.places[path].key, "%snothing is given: leave it out or give it a value", label(path))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(path, n, v.Elem(), tag)
	case reflect.Struct:
		d.structure(path, n, v)
	case reflect.Map:
		d.table(path, n, v, tag)
	case reflect.Slice:
		d.list(path, n, v, tag)
	default:
		d.scalar(path, n, v, tag)
	}
}

// structure decodes a mapping with known keys.
func (d *decoder) structure(path string, n ast.Node, v reflect.Value) {
	var known []string
	fields := map[string]int{}
	required := map[string]bool{}
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name != "" {
			known = append(known, name)
			fields[name] = i
			required[name] = options != "omitempty"
		}
	}
	given, ok := d.mapping(path, n)
	if !ok {
		return
	}
	for _, e := range given {
		i, ok := fields[e.name]
		if !ok {
			d.errorf(e.place.key, "%sunknown key %q%s%s", label(path), e.name, didYouMean(e.name, known), listIfShort(e.name, known))
			continue
		}
		delete(required, e.name)
		d.value(join(path, e.name), e.node, v.Field(i), v.Type().Field(i).Tag.Get("jsonschema"))
	}
	for _, name := range known {
		if required[name] {
			d.errorf(d.places[path].key, "%s%q is missing", label(path), name)
		}
	}
}

// table decodes a mapping with free keys.
func (d *decoder) table(path string, n ast.Node, v reflect.Value, tag string) {
	given, ok := d.mapping(path, n)
	if !ok {
		return
	}
	m := reflect.MakeMap(v.Type())
	if v.Type().Elem().Kind() == reflect.String {
		tag = anyScalar // settings, headers, environment: text as written
	}
	for _, e := range given {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(join(path, e.name), e.node, item, tag)
		m.SetMapIndex(reflect.ValueOf(e.name), item)
	}
	v.Set(m)
}

// list decodes a sequence.
func (d *decoder) list(path string, n ast.Node, v reflect.Value, tag string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.errorf(spanOf(n), "%swants a list, like [a, b], and this is %s", label(path), kindOf(n))
		return
	}
	if len(seq.Values) == 0 {
		d.errorf(spanOf(n), "%sthe list is empty: leave it out or give it values", label(path))
	}
	for i, item := range seq.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.places[at] = place{spanOf(item), spanOf(item), linesOf(item)}
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(at, item, e, tag)
		v.Set(reflect.Append(v, e))
	}
}

// anyScalar is the tag of text that may be written as any scalar.
const anyScalar = "oneof_type=string;number;boolean"

// scalar decodes text, numbers, truth values and durations.
func (d *decoder) scalar(path string, n ast.Node, v reflect.Value, tag string) {
	if v.Type() == reflect.TypeFor[Duration]() {
		text, ok := textOf(n, anyScalar)
		if !ok {
			d.errorf(spanOf(n), "%swants a duration, like 10s, and this is %s", label(path), kindOf(n))
			return
		}
		length, err := ParseDuration(text)
		if err != nil {
			d.errorf(spanOf(n), "%s%v", label(path), err)
		}
		v.SetInt(int64(length))
		return
	}
	switch v.Kind() {
	case reflect.String:
		text, ok := textOf(n, tag)
		if !ok {
			d.errorf(spanOf(n), "%swants text, and this is %s%s", label(path), kindOf(n), quoteIt(n))
			return
		}
		if allowed := enumOf(tag); len(allowed) > 0 && !slices.Contains(allowed, text) {
			d.errorf(spanOf(n), "%s%q is not one of %s%s", label(path), text, strings.Join(allowed, ", "), didYouMean(text, allowed))
		}
		v.SetString(text)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.errorf(spanOf(n), "%swants true or false, and this is %s", label(path), kindOf(n))
			return
		}
		v.SetBool(b.Value)
	case reflect.Int:
		i, err := strconv.Atoi(n.GetToken().Value)
		if _, ok := n.(*ast.IntegerNode); !ok || err != nil {
			d.errorf(spanOf(n), "%swants a whole number, and this is %s", label(path), kindOf(n))
			return
		}
		for rule := range strings.SplitSeq(tag, ",") {
			name, bound, _ := strings.Cut(rule, "=")
			limit, _ := strconv.Atoi(bound)
			if name == "minimum" && i < limit || name == "maximum" && i > limit {
				d.errorf(spanOf(n), "%s%d is outside of what is possible (%s %d)", label(path), i, name, limit)
			}
		}
		v.SetInt(int64(i))
	default:
		panic("contract: no decoder for " + v.Type().String()) // a field type that was added without one
	}
}

// entry is one key of a mapping.
type entry struct {
	name  string
	node  ast.Node
	place place
}

// mapping returns the entries of n and notes where they stand.
func (d *decoder) mapping(path string, n ast.Node) ([]entry, bool) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode: // a mapping with one key
		values = []*ast.MappingValueNode{n}
	default:
		d.errorf(spanOf(n), "%swants a mapping (key: value), and this is %s", label(path), kindOf(n))
		return nil, false
	}
	var out []entry
	seen := map[string]span{}
	for _, mv := range values {
		key, ok := mv.Key.(*ast.StringNode)
		if !ok {
			d.errorf(spanOf(mv.Key), "%sa key has to be plain text%s", label(path), quoteIt(mv.Key))
			continue
		}
		p := place{spanOf(key), spanOf(mv.Value), linesOf(mv.Value)}
		if first, twice := seen[key.Value]; twice {
			d.errorf(p.key, "%sthe key %q stands here twice, first on line %d", label(path), key.Value, first.line)
			continue
		}
		seen[key.Value] = p.key
		d.places[join(path, key.Value)] = p
		out = append(out, entry{key.Value, mv.Value, p})
	}
	return out, true
}

// textOf is a scalar as text, as it is written. Without oneof_type in the tag
// only YAML strings are text.
func textOf(n ast.Node, tag string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode:
		return n.Token.Value, strings.Contains(tag, "oneof_type")
	case *ast.FloatNode:
		return n.Token.Value, strings.Contains(tag, ";number")
	case *ast.BoolNode:
		return n.Token.Value, strings.Contains(tag, ";boolean")
	}
	return "", false
}

// kindOf names what a node is, in words.
func kindOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode:
		return "the number " + n.GetToken().Value
	case *ast.BoolNode:
		return n.GetToken().Value
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.NullNode:
		return "empty"
	}
	return "of another kind (" + n.Type().String() + ")"
}

// quoteIt is advice for numbers and truth values that were meant as text.
func quoteIt(n ast.Node) string {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return fmt.Sprintf("; in quotes it is text: %q", n.GetToken().Value)
	}
	return ""
}

// enumOf lists the enum values of a jsonschema tag.
func enumOf(tag string) []string {
	var out []string
	for rule := range strings.SplitSeq(tag, ",") {
		if v, ok := strings.CutPrefix(rule, "enum="); ok {
			out = append(out, v)
		}
	}
	return out
}

// listIfShort names the known keys when no single one was suggested.
func listIfShort(word string, known []string) string {
	if nearest(word, known) != "" {
		return ""
	}
	return " (known: " + strings.Join(known, ", ") + ")"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// label is "path: ", or nothing at the top of the file.
func label(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// spanOf is where a node begins, and how far it goes on that line.
func spanOf(n ast.Node) span {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return spanOf(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return spanOf(n.Key)
	}
	return tokenSpan(n.GetToken())
}

func tokenSpan(t *token.Token) span {
	if t == nil || t.Position == nil {
		return span{1, 1, 1}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(t.Origin), "\n")
	return span{t.Position.Line, t.Position.Column, utf8.RuneCountInString(strings.TrimRight(first, " \r"))}
}

// linesOf is how many lines of the file a scalar may stand on, its header
// included.
func linesOf(n ast.Node) int {
	if lit, ok := n.(*ast.LiteralNode); ok {
		return 2 + strings.Count(lit.Value.GetToken().Origin, "\n")
	}
	return 1 + strings.Count(strings.TrimSpace(n.GetToken().Origin), "\n")
}
