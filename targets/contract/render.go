package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"authbench/results"
)

// Header is one header field, in the order of the wire.
type Header struct{ Name, Value string }

// RawRequest is a rendered step. Headers are those of the contract, sorted by
// name; Host and Content-Length are not among them, Bytes adds both.
type RawRequest struct {
	Method  string
	Path    string // with the query
	Shown   string // Path as the contract has it, without anybody's values: for reports
	Host    string
	Headers []Header
	Body    []byte
}

// Bytes is the complete HTTP/1.1 request. A request without a body has a
// Content-Length only where its method expects one (RFC 9110 8.6).
func (r RawRequest) Bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Path, r.Host)
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h.Name, h.Value)
	}
	if len(r.Body) > 0 || r.Method != "GET" && r.Method != "HEAD" && r.Method != "DELETE" {
		b.WriteString("Content-Length: " + strconv.Itoa(len(r.Body)) + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	return b.Bytes()
}

// User is the variables of user n (from 1): n, username, password, what the users' file
// has, the secrets, and subject, which is the user name until login extracts another. A
// file that is at its end begins anew.
func (c *Contract) User(n int) Vars {
	v := Vars{"n": strconv.Itoa(n), "cookies": ""}
	maps.Copy(v, c.secrets)
	if len(c.rows) > 0 {
		maps.Copy(v, c.rows[(n-1)%len(c.rows)])
	}
	if c.Users.Username != "" {
		v["username"], _ = Expand(c.Users.Username, v) // Parse has checked the names
	}
	if _, given := v["subject"]; !given {
		v["subject"] = v["username"]
	}
	if c.Users.Password != "" {
		v["password"], _ = Expand(c.Users.Password, v)
	}
	return v
}

// Render fills in step for host (host:port). Values are escaped for where they
// stand; one that cannot stand there, or a name that vars does not have, is an
// error.
func (c *Contract) Render(step *Step, host string, vars Vars) (RawRequest, error) {
	r := RawRequest{Method: step.Method, Host: host, Shown: c.prefix() + step.Path}
	path, err := expandPath(step.Path, vars)
	if err != nil {
		return RawRequest{}, fmt.Errorf("%s: path %s: %w", c.Name, step.Path, err)
	}
	r.Path = c.prefix() + path
	for _, name := range slices.SortedFunc(maps.Keys(step.Headers), compareFold) {
		value, err := expandHeader(name, step.Headers[name], vars)
		if err != nil {
			return RawRequest{}, fmt.Errorf("%s: header %s: %w", c.Name, name, err)
		}
		if value == "" && strings.Contains(step.Headers[name], allCookies) {
			continue // there are none
		}
		r.Headers = append(r.Headers, Header{name, value})
	}
	if step.Basic != "" {
		value, err := Expand(step.Basic, vars)
		if err != nil {
			return RawRequest{}, fmt.Errorf("%s: basic: %w", c.Name, err)
		}
		r.Headers = append(r.Headers, Header{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(value))})
	}
	if step.Body != "" {
		body, err := expand(step.Body, vars, bodyEscape(step.contentType()))
		if err != nil {
			return RawRequest{}, fmt.Errorf("%s: body: %w", c.Name, err)
		}
		r.Body = []byte(body)
	}
	return r, nil
}

// prefix is the path that every request of a target at a URL begins with.
func (c *Contract) prefix() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.EscapedPath(), "/")
}

func compareFold(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

// expandPath escapes values for the path and, behind the question mark, for the
// query.
func expandPath(template string, vars Vars) (string, error) {
	path, query, hasQuery := strings.Cut(template, "?")
	out, err := expand(path, vars, func(v string) (string, error) { return url.PathEscape(v), nil })
	if err != nil || !hasQuery {
		return out, err
	}
	q, err := expand(query, vars, formEscape)
	return out + "?" + q, err
}

func formEscape(v string) (string, error) { return url.QueryEscape(v), nil }

// jsonEscape makes v the inside of a JSON string. HTML's characters stay as they
// are: this is not HTML.
func jsonEscape(v string) (string, error) {
	quoted := jsonString(v)
	return string(quoted[1 : len(quoted)-1]), nil
}

// jsonString is v as a JSON string, quotes included.
func jsonString(v string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte(`""`) // cannot happen: a string always encodes
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// allCookies stands for cookies, not for the value of one.
const allCookies = "{cookies}"

// expandHeader fills in the value of a header field. Where there are no other cookies,
// {cookies} leaves no separator behind.
func expandHeader(name, template string, vars Vars) (string, error) {
	if !strings.EqualFold(name, "Cookie") || !strings.Contains(template, allCookies) {
		return expand(template, vars, headerEscape(name))
	}
	var pairs []string
	for pair := range strings.SplitSeq(template, ";") {
		value := vars["cookies"]
		if pair = strings.TrimSpace(pair); pair != allCookies {
			var err error
			if value, err = expand(pair, vars, headerEscape(name)); err != nil {
				return "", err
			}
		}
		if value != "" {
			pairs = append(pairs, value)
		}
	}
	return strings.Join(pairs, "; "), nil
}

// headerEscape refuses what would end the header field, or the cookie, that a
// value stands in: there is no escape for it.
func headerEscape(name string) func(string) (string, error) {
	return func(v string) (string, error) {
		if hasControl(v) {
			return "", errors.New("has a line break or another control character: it cannot stand in a header")
		}
		if strings.EqualFold(name, "Cookie") && strings.Contains(v, ";") {
			return "", errors.New("has a semicolon: it cannot stand in a cookie")
		}
		return v, nil
	}
}

// hasControl says whether s has a character that HTTP forbids in a field value
// (RFC 9110 5.5).
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// bodyEscape picks the escape by media type.
func bodyEscape(mediaType string) func(string) (string, error) {
	switch {
	case isJSON(mediaType):
		return jsonEscape
	case mediaType == "application/x-www-form-urlencoded":
		return formEscape
	}
	return func(v string) (string, error) { return v, nil }
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}

// contentType is the media type of the step's body, without parameters.
func (s *Step) contentType() string {
	for name, value := range s.Headers {
		if strings.EqualFold(name, "Content-Type") {
			mediaType, _, err := mime.ParseMediaType(value)
			if err != nil {
				return ""
			}
			return mediaType
		}
	}
	return ""
}

// uses lists the placeholders of the step.
func (s *Step) uses() []string {
	out := slices.Concat(placeholders(s.Path), placeholders(s.Body), placeholders(s.Basic))
	for _, v := range s.Headers {
		out = append(out, placeholders(v)...)
	}
	return out
}

// OutcomeMap is what each status code means as an answer to step.
func (c *Contract) OutcomeMap(step *Step) OutcomeMap {
	lists := c.Statuses.over(defaultStatuses())
	lists = step.Statuses.over(lists)
	m := OutcomeMap{}
	for _, l := range lists {
		for _, code := range l.codes {
			m[code] = l.outcome
		}
	}
	return m
}

// statusList is the codes that mean one outcome. listed: the file has them, they
// are not a default.
type statusList struct {
	name    string
	outcome results.Outcome
	codes   []int
	listed  bool
}

func defaultStatuses() []statusList {
	return []statusList{
		{name: "accepted", outcome: results.OK, codes: []int{200}},
		{name: "rejected", outcome: results.Rejected, codes: []int{401}},
		{name: "forbidden", outcome: results.Forbidden, codes: []int{403}},
		{name: "unavailable", outcome: results.Unavailable, codes: []int{429, 500, 502, 503, 504}},
	}
}

// over lays the lists of s over base. A code that s lists leaves the lists of
// base that s does not replace: "rejected: [401, 403]" takes 403 from forbidden.
func (s Statuses) over(base []statusList) []statusList {
	own := [][]int{s.Accepted, s.Rejected, s.Forbidden, s.Unavailable}
	claimed := slices.Concat(own...)
	out := slices.Clone(base)
	for i := range out {
		if len(own[i]) > 0 {
			out[i].codes, out[i].listed = own[i], true
			continue
		}
		out[i].codes = slices.DeleteFunc(slices.Clone(out[i].codes), func(code int) bool {
			return slices.Contains(claimed, code)
		})
	}
	return out
}

// ExpectBytes is what an accepted answer to the user of vars has to contain:
// vars' subject as a JSON string, quotes included. Nil when the step does not
// say where in its JSON the subject stands.
func (s *Step) ExpectBytes(vars Vars) []byte {
	if s.Subject == nil || s.Subject.JSON == "" {
		return nil
	}
	return jsonString(vars["subject"])
}
