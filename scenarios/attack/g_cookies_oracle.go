package attack

import (
	"net"
	"strings"
)

// What has to become of a request that a browser may be made to send. This is written
// down apart from any server's code: it knows what a browser sends, and nothing of how a
// target looks at it.

// origin is a value of the Origin header.
type origin struct {
	name, value string
	kind        originKind
}

type originKind int

const (
	ours    originKind = iota // a page of the target's own, or no browser
	foreign                   // a page that is not the target's
	either                    // the target's own, in a form in which it need not be known again
)

// ownOrigin is what a page of the target's own would send.
func ownOrigin(t *Target) string {
	if t.Nodes[0].TLS != nil {
		return "https://" + t.Nodes[0].Host
	}
	return "http://" + t.Nodes[0].Host
}

// origins are the values that are tried.
func origins(own string) []origin {
	scheme, host, _ := strings.Cut(own, "://")
	out := []origin{
		{"nobody (no Origin)", "", ours},
		{"its own origin", own, ours},
		{"its own origin in capitals", strings.ToUpper(scheme) + "://" + strings.ToUpper(host), either},
	}
	other := origin{"its own host by http", "http://" + host, foreign}
	if scheme == "http" || isLoopback(host) {
		// Before a proxy that ends TLS this may well be its own.
		other.kind = either
	}
	if scheme == "http" {
		other.name, other.value = "its own host by https", "https://"+host
	}
	out = append(append(out, other), foreignOrigins(own)...)
	// Its host is the target's own, and no browser names a user in an Origin.
	return append(out, origin{"another host as user name", scheme + "://evil.test@" + host, either})
}

// foreignOrigins are pages that are not the target's: other sites, neighbours, and names
// that a careless comparison takes for its own.
func foreignOrigins(own string) []origin {
	scheme, host, _ := strings.Cut(own, "://")
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, "443"
	}
	otherPort := "1" + port
	if len(port) > 4 {
		otherPort = port[1:]
	}
	return []origin{
		{"another site", "https://evil.test", foreign},
		{"an opaque origin (null)", "null", foreign},
		{"a sibling host", scheme + "://sibling." + host, foreign},
		{"its own host, another port", scheme + "://" + net.JoinHostPort(name, otherPort), foreign},
		{"a host that begins with its name", scheme + "://" + name + ".evil.test", foreign},
		{"a host that ends with its name", scheme + "://evil" + host, foreign},
		{"its own host as user name", scheme + "://" + host + "@evil.test", foreign},
		{"its own host as path", "https://evil.test/" + host, foreign},
		{"its own host as fragment", "https://evil.test#" + own, foreign},
		{"two origins, its own first", own + " https://evil.test", foreign},
		{"an extension of a browser", "chrome-extension://" + name, foreign},
		{"a file", "file://", foreign},
	}
}

func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// sites are the values of Sec-Fetch-Site; none is a user who types an address, and the
// empty one a browser of before 2021 or no browser.
func sites() []string { return []string{"", "same-origin", "none", "same-site", "cross-site"} }

// foreignSite says whether a browser says that another site has sent the request. A
// sibling of the same site is another origin.
func foreignSite(site string) bool { return site == "same-site" || site == "cross-site" }

// cell is one request of the matrix.
type cell struct {
	from     origin
	site     string
	method   string
	override string // in X-HTTP-Method-Override and its like
	token    bool   // with the right CSRF token
}

func (c cell) String() string {
	words := c.method
	if c.override != "" {
		words += " (override: " + c.override + ")"
	}
	words += " from " + c.from.name
	if c.site != "" {
		words += ", " + c.site
	}
	if !c.token {
		words += ", without a CSRF token"
	}
	return words
}

// defences are what a target has been seen to look at. One of them is enough (ASVS 5.0
// 3.5.1); whichever it has must have no hole.
type defences struct{ token, origin, site bool }

// none: whatever a page of another site sends is done.
func (d defences) none() bool { return !d.token && !d.origin && !d.site }

// fate is what has to become of a request.
type fate int

const (
	anyFate  fate = iota // either will do
	done                 // it is the user's own wish
	refused              // 403
	noEffect             // whatever the answer: nothing happens
)

// expects is the oracle. own is the method of the step.
func (d defences) expects(c cell, own string) fate {
	if c.method != own {
		return noEffect
	}
	if !c.token && d.token {
		return refused
	}
	fromAfar := c.from.kind == foreign || foreignSite(c.site)
	// No page can set Sec-Fetch-Site: who looks at it may believe it against an Origin that
	// contradicts it, as net/http's CrossOriginProtection does.
	trusted := d.site && (c.site == "same-origin" || c.site == "none")
	switch {
	case c.from.kind == foreign && trusted:
		return anyFate
	case c.from.kind == foreign && d.origin, foreignSite(c.site) && d.site:
		return refused
	case fromAfar && d.none():
		return refused
	case fromAfar || c.from.kind == either:
		return anyFate
	case c.override != "":
		return anyFate
	}
	return done
}
