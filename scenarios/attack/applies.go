package attack

import (
	"strings"

	"authbench/targets/contract"
)

// Each of these says why a case does not apply to a target, or "".

// signed: what proves who somebody is is a signed token.
func signed(t *Target) string {
	switch t.Contract.Mechanism {
	case "token", "hybrid":
		return ""
	}
	return "its credential is no signed token"
}

// looked: the credential is an id that the target looks up.
func looked(t *Target) string {
	if t.Contract.Mechanism == "session" {
		return ""
	}
	return "its credential is no session id"
}

// inCookie: a browser attaches the credential by itself.
func inCookie(t *Target) string {
	if cookieOf(t.Contract) != "" {
		return ""
	}
	return "its credential is in no cookie"
}

// cookieOf is the name of the cookie that carries the credential when it is used, or "".
func cookieOf(c *contract.Contract) string {
	for name, value := range c.Use.Headers {
		if !strings.EqualFold(name, "Cookie") {
			continue
		}
		for pair := range strings.SplitSeq(value, ";") {
			name, v, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.Contains(v, "{credential}") {
				return name
			}
		}
	}
	return ""
}

// authenticated: there is anything to prove at all.
func authenticated(t *Target) string {
	if t.Contract.Mechanism != "none" {
		return ""
	}
	return "it does not authenticate"
}

// first is the first reason not to apply.
func first(reasons ...func(*Target) string) func(*Target) string {
	return func(t *Target) string {
		for _, reason := range reasons {
			if why := reason(t); why != "" {
				return why
			}
		}
		return ""
	}
}

// has says why a step that the contract may leave out is needed.
func has(name string, step func(c *contract.Contract) *contract.Step) func(*Target) string {
	return func(t *Target) string {
		if step(t.Contract) != nil {
			return ""
		}
		return "its contract has no " + name + " step"
	}
}
