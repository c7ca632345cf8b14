package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ExtractFrom reads what the step extracts out of an accepted answer. A value
// that is missing or empty is an error that says which, and in what.
func (s *Step) ExtractFrom(status int, header []Header, body []byte) (Vars, error) {
	out := make(Vars, len(s.Extract))
	for _, name := range slices.Sorted(maps.Keys(s.Extract)) {
		value, err := s.Extract[name].from(header, body)
		if err != nil {
			return nil, fmt.Errorf("cannot extract %s: %w (status %d)", name, err, status)
		}
		out[name] = value
	}
	return out, nil
}

// SubjectFrom reads who an accepted answer says the user is; "" when the step
// does not say where that stands.
func (s *Step) SubjectFrom(header []Header, body []byte) (string, error) {
	if s.Subject == nil {
		return "", nil
	}
	subject, err := s.Subject.from(header, body)
	if err != nil {
		return "", fmt.Errorf("cannot tell the subject: %w", err)
	}
	return subject, nil
}

func (src Source) from(header []Header, body []byte) (value string, err error) {
	switch {
	case src.JSON != "":
		value, err = jsonAt(src.JSON, body)
	case src.Cookie != "":
		value, err = cookieIn(src.Cookie, header)
	case src.Header != "":
		value, err = headerIn(src.Header, header)
	default:
		value = string(body)
	}
	if err == nil && src.Match != "" {
		value, err = src.matched(value, header)
	}
	if err == nil && value == "" {
		err = fmt.Errorf("%s is empty", src)
	}
	return value, err
}

// matched is the group of the expression in value. In a page, what stands for a
// character is that character: a token in a form has &#43; for +.
func (src Source) matched(value string, header []Header) (string, error) {
	re, err := regexp.Compile(src.Match)
	if err != nil {
		return "", err // Parse has compiled it
	}
	group := re.FindStringSubmatch(value)
	if len(group) < 2 {
		return "", fmt.Errorf("%s is nowhere in the answer", src)
	}
	kind, _ := headerIn("Content-Type", header)
	if src == (Source{Match: src.Match}) && strings.HasPrefix(strings.ToLower(kind), "text/html") {
		return html.UnescapeString(group[1]), nil
	}
	return group[1], nil
}

// String names the place in words.
func (src Source) String() string {
	place := "header " + src.Header
	switch {
	case src.JSON != "":
		place = "JSON " + src.JSON
	case src.Cookie != "":
		place = "cookie " + src.Cookie
	case src.Header == "":
		return fmt.Sprintf("%q", src.Match)
	}
	if src.Match != "" {
		place = fmt.Sprintf("%q in the %s", src.Match, place)
	}
	return place
}

func headerIn(name string, header []Header) (string, error) {
	for _, h := range header {
		if strings.EqualFold(h.Name, name) {
			return strings.TrimSpace(h.Value), nil
		}
	}
	return "", fmt.Errorf("the answer has no header %s", name)
}

// cookieIn is the value of the last Set-Cookie of that name, which is the one
// that a browser keeps.
func cookieIn(name string, header []Header) (string, error) {
	found, value := false, ""
	for _, h := range header {
		if c, ok := setCookie(h); ok && c.name == name {
			found, value = true, c.value
		}
	}
	if !found {
		return "", fmt.Errorf("the answer sets no cookie %s", name)
	}
	return value, nil
}

// jsonStep is one step of a JSON path: a key, or an index when key is "".
type jsonStep struct {
	key   string
	index int
}

// parseJSONPath reads the subset of RFC 9535 that names one value: $.a.b[0].
// at is how many bytes of the path are good when there is an error.
func parseJSONPath(path string) (steps []jsonStep, at int, err error) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, 0, errors.New(`a JSON path starts with "$", like $.access_token`)
	}
	for rest != "" {
		at := len(path) - len(rest)
		end := strings.IndexAny(rest[1:], ".[") + 1
		if end == 0 {
			end = len(rest)
		}
		part := rest[1:end]
		switch rest[0] {
		case '.':
			if part == "" || strings.ContainsAny(part, "]*\"' ()?@,:$") {
				return nil, at, fmt.Errorf("%q is not a key: a JSON path here is keys and indexes only, like $.a.b[0]", rest[:end])
			}
			steps = append(steps, jsonStep{key: part})
		case '[':
			digits, closed := strings.CutSuffix(part, "]")
			i, err := strconv.ParseUint(digits, 10, 16)
			if err != nil || !closed {
				return nil, at, fmt.Errorf("%q is not an index: a JSON path here is keys and indexes only, like $.a.b[0]", rest[:end])
			}
			steps = append(steps, jsonStep{index: int(i)})
		default:
			return nil, at, fmt.Errorf("%q: expected . or [ here, like $.a.b[0]", rest)
		}
		rest = rest[end:]
	}
	if len(steps) == 0 {
		return nil, 0, errors.New("$ is the whole answer: name a value in it, like $.access_token")
	}
	return steps, len(path), nil
}

// jsonAt is the string, number or truth value at path; numbers as written.
func jsonAt(path string, body []byte) (string, error) {
	steps, _, err := parseJSONPath(path)
	if err != nil {
		return "", err
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return "", fmt.Errorf("the answer is not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("the answer has more than one JSON value")
	}
	walked := "$"
	for _, s := range steps {
		next, found := any(nil), false
		if s.key != "" {
			object, _ := v.(map[string]any)
			next, found = object[s.key]
			walked += "." + s.key
		} else {
			array, _ := v.([]any)
			if s.index < len(array) {
				next, found = array[s.index], true
			}
			walked += "[" + strconv.Itoa(s.index) + "]"
		}
		if !found {
			return "", fmt.Errorf("the answer has no %s", walked)
		}
		v = next
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", fmt.Errorf("%s is not a string, number or truth value", path)
}
