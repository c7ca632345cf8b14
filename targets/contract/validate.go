package contract

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// validate records everything that is well-formed and still cannot be meant.
func (d *decoder) validate(c *Contract) {
	d.name(c)
	d.reached(c)
	d.tls(c)
	d.settings(c)
	d.secrets(c)
	d.promises(c)
	d.users(c)
	d.statuses("statuses", c.Statuses.over(defaultStatuses()))
	d.steps(c)
	d.probe(c)
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
		good = good && (letter || i > 0 && strings.ContainsRune("._+~@-", r))
	}
	if !good {
		d.at("name", "%q: a name is letters, digits and . _ + ~ @ - (it names files and tags)", c.Name)
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
	known := append([]string{"self", "dir", "redis_url", "mysql_dsn", "keys_dir"}, slices.Collect(maps.Keys(c.Settings))...)
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
		d.template("start.env."+key, s.Env[key], append(withListen, slices.Collect(maps.Keys(c.Secrets))...))
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
var ours = [...]string{"self", "dir", "listen", "redis_url", "mysql_dsn", "keys_dir", "set", "n", "username", "password", "new_password", "cookies"}

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
		case "login_limit":
			_, _, err = p.Guesses()
		case "max_sessions":
			if n, bad := strconv.Atoi(value); bad != nil || n < 1 {
				err = fmt.Errorf("%q is not a number of sessions", value)
			}
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
