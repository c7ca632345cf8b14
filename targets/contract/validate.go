package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"authbench/results"
)

// validate records everything that is well-formed and still cannot be meant.
func (d *decoder) validate(c *Contract) {
	d.name(c)
	d.reached(c)
	d.settings(c)
	d.promises(c)
	d.users(c)
	d.statuses("statuses", c.Statuses.over(defaultStatuses()))
	d.steps(c)
}

// at records a problem with the value at path.
func (d *decoder) at(path, format string, args ...any) {
	d.errorf(d.places[path].value, "%s%s", label(path), fmt.Sprintf(format, args...))
}

// atKey records a problem with the key at path.
func (d *decoder) atKey(path, format string, args ...any) {
	d.errorf(d.places[path].key, "%s%s", label(path), fmt.Sprintf(format, args...))
}

// in records a problem with text inside the value at path.
func (d *decoder) in(path, text, format string, args ...any) {
	p := d.places[path]
	d.errorf(d.find(p.value, p.lines, text), "%s%s", label(path), fmt.Sprintf(format, args...))
}

// template checks that every placeholder of the template at path is known.
func (d *decoder) template(path, template string, known []string) {
	for _, name := range placeholders(template) {
		if slices.Contains(known, name) {
			continue
		}
		hint := fmt.Sprintf(" (known: %s)", nameList(known))
		if near := nearest(name, known); near != "" {
			hint = fmt.Sprintf("; did you mean {%s}?", near)
		}
		d.in(path, "{"+name+"}", "nothing is known as {%s} here%s", name, hint)
	}
}

func (d *decoder) name(c *Contract) {
	good := c.Name != ""
	for i, r := range c.Name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		good = good && (letter || i > 0 && strings.ContainsRune("._+~-", r))
	}
	if !good {
		d.at("name", "%q: a name is letters, digits and . _ + ~ - (it names files and tags)", c.Name)
	}
}

// reached checks url, start and ready.
func (d *decoder) reached(c *Contract) {
	switch {
	case c.URL == "" && c.Start == nil:
		d.errorf(span{1, 1, 1}, "neither url nor start: say where the target runs, or how to start it")
	case c.URL != "" && c.Start != nil:
		d.atKey("url", "both url and start: a target either runs already or is started")
	case c.URL != "":
		if _, err := parseBase(c.URL); err != nil {
			d.at("url", "%v", err)
		}
	default:
		d.start(c)
	}
	if c.Ready.Path != "" {
		d.pathText("ready.path", c.Ready.Path)
	}
}

func (d *decoder) start(c *Contract) {
	s := c.Start
	known := append([]string{"self", "redis_url", "mysql_dsn", "keys_dir"}, slices.Collect(maps.Keys(c.Settings))...)
	withListen := append(slices.Clone(known), "listen")
	var texts []string
	for i, arg := range s.Command {
		if arg != "{set}" {
			d.template(fmt.Sprintf("start.command[%d]", i), arg, withListen)
		}
		texts = append(texts, arg)
	}
	for i, arg := range s.Prepare {
		if arg != "{set}" {
			d.template(fmt.Sprintf("start.prepare[%d]", i), arg, known)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Env)) {
		if key == "" || strings.ContainsAny(key, "=\x00 ") {
			d.atKey("start.env."+key, "%q cannot name an environment variable", key)
		}
		d.template("start.env."+key, s.Env[key], withListen)
		texts = append(texts, s.Env[key])
	}
	all := strings.Join(texts, " ")
	if !s.Announces && !strings.Contains(all, "{listen}") {
		d.atKey("start.command", "uses {listen} nowhere: without announces the target has to be told where to listen")
	}
	if s.Admin && !s.Announces {
		d.atKey("start.admin", "needs announces: true, as where the admin plane is has to be announced")
	}
	for _, store := range []struct{ need, placeholder string }{{"redis", "{redis_url}"}, {"mysql", "{mysql_dsn}"}} {
		if strings.Contains(all, store.placeholder) && !slices.Contains(s.Needs, store.need) {
			d.atKey("start", "uses %s and does not list %s in needs", store.placeholder, store.need)
		}
	}
	if asks := []string{"", "always", "sometimes", "never"}; !slices.Contains(asks, s.UseAsks) {
		d.atKey("start.use_asks", "%q is not one of %s", s.UseAsks, strings.Join(asks[1:], ", "))
	}
}

// ours are the placeholders that a setting or an extracted value cannot be called.
var ours = [...]string{"self", "listen", "redis_url", "mysql_dsn", "keys_dir", "set", "n", "username", "password", "new_password"}

func (d *decoder) settings(c *Contract) {
	for _, key := range slices.Sorted(maps.Keys(c.Settings)) {
		switch {
		case !isName(key):
			d.atKey("settings."+key, "a setting is named by lower-case letters, digits and _")
		case slices.Contains(ours[:], key):
			d.atKey("settings."+key, "{%s} has a meaning of its own: choose another name", key)
		}
	}
}

func (d *decoder) promises(c *Contract) {
	written := c.Promises.Map()
	bad := c.Promises.expand(c.Settings)
	for name := range bad {
		d.template("promises."+name, written[name], slices.Collect(maps.Keys(c.Settings)))
	}
	if len(bad) > 0 {
		return
	}
	p := c.Promises
	for name, value := range p.all() {
		var err error
		switch name {
		case "lifetime", "leeway", "idle_timeout", "absolute_timeout", "refresh_grace":
			_, err = ParseDuration(value)
		case "revocation_bound":
			if readable(p.Lifetime) && readable(p.Leeway) { // else reported there
				_, err = p.bound()
			}
		case "on_store_unreachable":
			err = checkStoreUnreachable(value)
		case "stale_roles":
			err = checkStaleRoles(value)
		}
		if err != nil {
			d.at("promises."+name, "%v%s", err, c.because(written[name]))
		}
	}
	switch {
	case p.RevocationBound != "" && c.Mechanism == "none":
		d.at("promises.revocation_bound", "mechanism none has no credential that could be revoked")
	case p.RevocationBound != "" && c.Revoke == nil && c.RevokeAll == nil:
		d.at("promises.revocation_bound", "is promised, and there is no revoke or revoke_all step to hold it to")
	}
	if p.StaleRoles != "" && c.Restricted == nil {
		d.at("promises.stale_roles", "is promised, and there is no restricted step to hold it to")
	}
	if p.RevokeScope != "" && c.Revoke == nil {
		d.at("promises.revoke_scope", "is promised, and there is no revoke step to hold it to")
	}
	if p.RefreshGrace != "" && p.Refresh != "rotating" {
		d.at("promises.refresh_grace", "means something only with refresh: rotating")
	}
	if p.OnStoreUnreachable == "open" && c.Mechanism == "session" {
		d.at("promises.on_store_unreachable", "an opaque session cannot be open: without the store there is no identity to let in")
	}
	if renews := p.Refresh != "" && p.Refresh != "none"; p.Refresh != "" && renews != (c.Refresh != nil) {
		d.at("promises.refresh", "%q contradicts the steps: there is %s refresh step", p.Refresh, map[bool]string{true: "a", false: "no"}[c.Refresh != nil])
	}
}

// readable says whether a promise is a duration, or not made.
func readable(s string) bool {
	_, err := ParseDuration(s)
	return s == "" || err == nil
}

// because names the settings that a promise took its value from.
func (c *Contract) because(template string) string {
	var from []string
	for _, name := range placeholders(template) {
		how := "settings."
		if _, ok := c.changed[name]; ok {
			how = "--set "
		}
		from = append(from, how+name+"="+c.Settings[name])
	}
	if len(from) == 0 {
		return ""
	}
	return " (from " + strings.Join(from, ", ") + ")"
}

func (d *decoder) users(c *Contract) {
	d.template("users.username", c.Users.Username, []string{"n"})
	d.template("users.password", c.Users.Password, []string{"n", "username"})
	if c.Users.Count != 1 && !slices.Contains(placeholders(c.Users.Username), "n") {
		d.at("users.username", "has no {n}: every user would be the same one (say count: 1 if there is only one)")
	}
}

// statuses checks effective lists for a code that means two things.
func (d *decoder) statuses(path string, lists []statusList) {
	meaning := map[int]string{}
	for _, l := range lists {
		for i, code := range l.codes {
			at := fmt.Sprintf("%s.%s[%d]", path, l.name, i)
			switch first, twice := meaning[code]; {
			case !twice:
				meaning[code] = l.name
			case d.places[at].value.line == 0: // of the target's lists: reported there
			case first == l.name:
				d.at(at, "%d stands here twice", code)
			default:
				d.at(at, "%d is already listed as %s: a code means one thing", code, first)
			}
		}
	}
}

// steps checks the steps in the order in which what they extract becomes known.
func (d *decoder) steps(c *Contract) {
	start := []string{"n", "username", "password", "subject"}
	d.step(c, "login", &c.Login, start)
	if _, ok := c.Login.Extract["credential"]; !ok {
		place := "login"
		if c.Login.Extract != nil {
			place = "login.extract"
		}
		d.atKey(place, `extracts no "credential": the other steps have nothing to send`)
	}
	known := append(start, slices.Collect(maps.Keys(c.Login.Extract))...)
	if c.Refresh != nil {
		d.step(c, "refresh", c.Refresh, known)
	}
	d.step(c, "use", &c.Use, known)
	if c.Mechanism != "none" && !slices.ContainsFunc(c.Use.uses(), func(name string) bool { _, ok := c.Login.Extract[name]; return ok }) {
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

func (d *decoder) step(c *Contract, path string, s *Step, known []string) {
	d.pathText(path+".path", s.Path)
	d.template(path+".path", s.Path, known)
	d.headers(path+".headers", s.Headers, known)
	d.body(path, s, known)
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
		case name == "subject" && path != "login":
			d.atKey(at, "only login may say who the user is; to check an answer use subject beside extract")
		case path == "use" || path == "revoke" || path == "revoke_all" || path == "storeless" || path == "restricted":
			d.atKey(at, "nothing uses what %s extracts: it has no later steps", path)
		}
	}
	if s.Subject != nil {
		d.answerPlace(path+".subject", *s.Subject, s.Method)
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
		d.template(at, headers[name], known)
	}
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
	if len(given) != 1 {
		what := "none of json, cookie and header"
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
