package contract

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// cookie is a name and a value, as they stand in Cookie and Set-Cookie: nothing is
// unescaped, so that what goes back is what came ("s%3Aid.signature").
type cookie struct{ name, value string }

// setCookie reads a Set-Cookie field as browsers do (RFC 6265 5.2).
func setCookie(h Header) (cookie, bool) {
	if !strings.EqualFold(h.Name, "Set-Cookie") {
		return cookie{}, false
	}
	pair, _, _ := strings.Cut(h.Value, ";")
	name, value, ok := strings.Cut(pair, "=")
	c := cookie{strings.TrimSpace(name), strings.TrimSpace(value)}
	return c, ok && c.name != ""
}

// deletes says whether a Set-Cookie field ends its cookie; Max-Age goes before Expires
// (RFC 6265 5.3).
func deletes(field string) bool {
	ended := false
	_, attributes, _ := strings.Cut(field, ";")
	for a := range strings.SplitSeq(attributes, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(a), "=")
		switch strings.ToLower(name) {
		case "max-age":
			return value == "0" || strings.HasPrefix(value, "-")
		case "expires":
			at, err := http.ParseTime(value)
			ended = err == nil && at.Before(time.Now())
		}
	}
	return ended
}

// jar is the cookies that a browser holds, in the order in which it got them. Paths and
// domains are not looked at: there is one target.
type jar []cookie

// jarOf reads the value of a Cookie header.
func jarOf(header string) jar {
	var j jar
	for pair := range strings.SplitSeq(header, ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok {
			j = append(j, cookie{name, value})
		}
	}
	return j
}

// with is j after an answer with these fields.
func (j jar) with(header []Header) jar {
	out := slices.Clone(j)
	for _, h := range header {
		c, ok := setCookie(h)
		if !ok {
			continue
		}
		i := slices.IndexFunc(out, func(o cookie) bool { return o.name == c.name })
		switch ended := deletes(h.Value); {
		case i < 0 && !ended:
			out = append(out, c)
		case i >= 0 && ended:
			out = slices.Delete(out, i, i+1)
		case i >= 0:
			out[i] = c
		}
	}
	return out
}

// without is j less the cookies of these names.
func (j jar) without(names []string) jar {
	return slices.DeleteFunc(slices.Clone(j), func(c cookie) bool { return slices.Contains(names, c.name) })
}

// String is the value of a Cookie header.
func (j jar) String() string {
	pairs := make([]string, len(j))
	for i, c := range j {
		pairs[i] = c.name + "=" + c.value
	}
	return strings.Join(pairs, "; ")
}

// named are the cookies that some step extracts: {cookies} is the others.
func (c *Contract) named() []string {
	var names []string
	for _, s := range c.allSteps() {
		for _, src := range s.Extract {
			if src.Cookie != "" {
				names = append(names, src.Cookie)
			}
		}
	}
	return names
}

// allSteps are the steps that there are, with those before them.
func (c *Contract) allSteps() []*Step {
	var out []*Step
	for _, s := range []*Step{&c.Login, &c.Use, c.Refresh, c.Revoke, c.RevokeAll, c.Password, c.StepUp, c.Storeless, c.Restricted} {
		if s == nil {
			continue
		}
		for i := range s.Before {
			out = append(out, &s.Before[i])
		}
		out = append(out, s)
	}
	return out
}
