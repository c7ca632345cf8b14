package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"authbench/results"
)

// steps checks the steps in the order in which what they extract becomes known.
func (d *decoder) steps(c *Contract) {
	known, given := c.known(), []string{"credential"}
	if c.LogsIn() {
		given = d.step(c, "login", &c.Login, known)
		d.login(c, given)
		known = append(known, given...)
	}
	if c.Refresh != nil {
		d.step(c, "refresh", c.Refresh, known)
	}
	d.step(c, "use", &c.Use, known)
	if c.Mechanism != "none" && !slices.ContainsFunc(c.Use.uses(), func(name string) bool { return slices.Contains(given, name) }) {
		d.atKey("use", "sends nothing that login extracted: whose use would it be? (send {credential} in a header)")
	}
	if c.Revoke != nil {
		d.step(c, "revoke", c.Revoke, known)
	}
	if c.RevokeAll != nil {
		d.step(c, "revoke_all", c.RevokeAll, known)
	}
	if c.Password != nil {
		d.step(c, "password", c.Password, append(slices.Clone(known), "new_password"))
	}
	if c.StepUp != nil {
		d.step(c, "step_up", c.StepUp, known)
	}
	if c.Storeless != nil {
		d.step(c, "storeless", c.Storeless, nil)
	}
	if c.Restricted != nil {
		d.step(c, "restricted", c.Restricted, known)
	}
}

// known are the variables of a user who has not logged in.
func (c *Contract) known() []string {
	known := append([]string{"n", "username", "subject"}, slices.Collect(maps.Keys(c.Secrets))...)
	if len(c.rows) > 0 {
		known = append(known, slices.Collect(maps.Keys(c.rows[0]))...)
	}
	if c.Users.Password != "" {
		known = append(known, "password")
	}
	return known
}

// login checks what only the login step has to have.
func (d *decoder) login(c *Contract, extracted []string) {
	if slices.Contains(extracted, "credential") {
		return
	}
	place := "login"
	if c.Login.Extract != nil {
		place = "login.extract"
	}
	d.atKey(place, `extracts no "credential": the other steps have nothing to send`)
}

// measured are the steps that load is made of: one request, which its status judges.
var measured = [...]string{"use", "storeless", "restricted"}

// step checks a step and those before it, and returns what they extract.
func (d *decoder) step(c *Contract, path string, s *Step, known []string) (extracted []string) {
	if slices.Contains(measured[:], path) {
		for _, key := range []string{"before", "follow", "rejected_if"} {
			if _, given := d.places[path+"."+key]; given {
				d.atKey(path+"."+key, "load is made of the step %s: it is one request, and its status says what became of it", path)
			}
		}
	}
	for i := range s.Before {
		at := fmt.Sprintf("%s.before[%d]", path, i)
		if len(s.Before[i].Before) > 0 {
			d.atKey(at+".before", "a step before another has none before itself: list them one after the other")
			continue
		}
		more := d.step(c, at, &s.Before[i], known)
		known, extracted = slices.Concat(known, more), append(extracted, more...)
	}
	d.request(path, s, known)
	if !(Statuses{}).same(s.Statuses) {
		d.statuses(path+".statuses", s.Statuses.over(c.Statuses.over(defaultStatuses())))
	}
	if !slices.Contains(slices.Collect(maps.Values(c.OutcomeMap(s))), results.OK) {
		d.atKey(path, "no status means accepted")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Extract)) {
		at := path + ".extract." + name
		d.answerPlace(at, s.Extract[name], s.Method)
		switch {
		case !isName(name):
			d.atKey(at, "a name is lower-case letters, digits and _, starting with a letter")
		case slices.Contains(ours[:], name):
			d.atKey(at, "{%s} has a meaning of its own: choose another name", name)
		case name == "subject" && path != "login" && !strings.HasPrefix(path, "login.before["):
			d.atKey(at, "only login may say who the user is; to check an answer use subject beside extract")
		case path == "use" || path == "revoke" || path == "revoke_all" || path == "storeless" || path == "restricted":
			d.atKey(at, "nothing uses what %s extracts: it has no later steps", path)
		}
	}
	if s.Subject != nil {
		d.answerPlace(path+".subject", *s.Subject, s.Method)
	}
	if s.RejectedIf != nil {
		d.answerPlace(path+".rejected_if", *s.RejectedIf, s.Method)
	}
	return append(extracted, slices.Collect(maps.Keys(s.Extract))...)
}

// request checks what a step sends.
func (d *decoder) request(path string, s *Step, known []string) {
	d.pathText(path+".path", s.Path)
	d.template(path+".path", s.Path, slices.DeleteFunc(slices.Clone(known), func(name string) bool { return d.secret[name] }))
	d.headers(path+".headers", s.Headers, known)
	d.body(path, s, known)
	if s.Basic == "" {
		return
	}
	d.template(path+".basic", s.Basic, known)
	if !strings.Contains(s.Basic, ":") {
		d.at(path+".basic", `has no ":" between user and password`)
	}
	for name := range s.Headers {
		if strings.EqualFold(name, "Authorization") {
			d.atKey(path+".basic", "is sent as Authorization, and there is a header of that name")
		}
	}
}

func (s Statuses) same(o Statuses) bool {
	return slices.Equal(s.Accepted, o.Accepted) && slices.Equal(s.Rejected, o.Rejected) &&
		slices.Equal(s.Forbidden, o.Forbidden) && slices.Equal(s.Unavailable, o.Unavailable)
}

// pathText checks what a request line can carry (RFC 9112 3.2.1).
func (d *decoder) pathText(at, path string) {
	if !strings.HasPrefix(path, "/") {
		d.at(at, `%q: a path starts with "/"`, path)
		return
	}
	for _, r := range path {
		if r <= ' ' || r == '#' || r >= 0x7f {
			d.in(at, string(r), "%q cannot stand in a request line: percent-encode it", r)
			return
		}
	}
	fixed, err := expandPath(path, Vars{})
	if err == nil {
		if _, err := url.ParseRequestURI(fixed); err != nil {
			d.at(at, "%q is not a path", path)
		}
	}
}

func (d *decoder) headers(path string, headers map[string]string, known []string) {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		at := path + "." + name
		lower := strings.ToLower(name)
		switch first, twice := seen[lower]; {
		case !isToken(name):
			d.atKey(at, "%q cannot name a header field", name)
		case twice:
			d.atKey(at, "the same header field as %q", first)
		case slices.Contains([]string{"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te", "trailer"}, lower):
			d.atKey(at, "%s belongs to the connection and is ours to send", name)
		}
		seen[lower] = name
		if hasControl(headers[name]) {
			d.at(at, "a header value has no line breaks or other control characters")
		}
		d.template(at, headers[name], d.cookiesIn(at, lower, headers[name], known))
	}
}

// cookiesIn is what the header field may use: {cookies} in a Cookie header, and there as
// cookies of their own.
func (d *decoder) cookiesIn(at, name, value string, known []string) []string {
	if name != "cookie" {
		return known
	}
	for pair := range strings.SplitSeq(value, ";") {
		if pair = strings.TrimSpace(pair); pair != allCookies && strings.Contains(pair, allCookies) {
			d.in(at, allCookies, "stands for whole cookies, between semicolons: a={credential}; {cookies}")
		}
	}
	return append(slices.Clone(known), "cookies")
}

// isToken says whether s can name a header field (RFC 9110 5.6.2).
func isToken(s string) bool {
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return s != ""
}

func (d *decoder) body(path string, s *Step, known []string) {
	at := path + ".body"
	switch {
	case s.Body == "":
		return
	case s.Method == "GET" || s.Method == "HEAD":
		d.atKey(at, "a %s request has no body", s.Method)
		return
	case s.contentType() == "":
		d.atKey(at, "needs a Content-Type header beside it: it decides how values are escaped")
		return
	}
	d.template(at, s.Body, known)
	if !isJSON(s.contentType()) {
		return
	}
	// Subtle: a placeholder outside of quotes would let a value add JSON of its
	// own. With a letter in its place the body is then no longer JSON; {n} is
	// always a number and may stand there.
	sample := Vars{}
	for _, name := range known {
		sample[name] = "x"
	}
	sample["n"] = "1"
	text, err := expand(s.Body, sample, jsonEscape)
	if err == nil && !json.Valid([]byte(text)) {
		d.at(at, "is not JSON once it is filled in (placeholders belong in quotes): %s", text)
	}
}

// answerPlace checks one place in a response.
func (d *decoder) answerPlace(at string, src Source, method string) {
	var given []string
	for _, f := range []struct{ name, value string }{{"json", src.JSON}, {"cookie", src.Cookie}, {"header", src.Header}} {
		if f.value != "" {
			given = append(given, f.name)
		}
	}
	if src.Match != "" {
		d.expression(at+".match", src.Match)
	}
	if len(given) == 0 && src.Match != "" {
		if method == "HEAD" {
			d.at(at, "the answer to a HEAD request has no body")
		}
		return
	}
	if len(given) != 1 {
		what := "none of json, cookie and header, and no match"
		if len(given) > 1 {
			what = strings.Join(given, " and ")
		}
		d.atKey(at, "has %s: name exactly one place", what)
		return
	}
	switch {
	case src.JSON != "":
		if method == "HEAD" {
			d.at(at, "the answer to a HEAD request has no body")
		}
		if _, good, err := parseJSONPath(src.JSON); err != nil {
			d.in(at+".json", src.JSON[good:], "%v", err)
		}
	case src.Cookie != "" && !isToken(src.Cookie):
		d.at(at+".cookie", "%q cannot name a cookie", src.Cookie)
	case src.Header != "" && !isToken(src.Header):
		d.at(at+".header", "%q cannot name a header field", src.Header)
	}
}

// expression checks a regular expression.
func (d *decoder) expression(at, text string) {
	re, err := regexp.Compile(text)
	switch {
	case err != nil:
		d.at(at, "%v", err)
	case re.NumSubexp() != 1:
		d.at(at, "has %d groups: put what is wanted, and nothing else, in parentheses ((?:...) is no group)", re.NumSubexp())
	}
}
