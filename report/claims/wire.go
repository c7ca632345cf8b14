package claims

import (
	"fmt"

	"authbench/report/evidence"
	"authbench/report/number"
)

// wire is how many bytes a request has, as written by the generator: exact counts,
// so that the least and the most of the trials say all.
type wire struct {
	tokens, sessions []*evidence.Arm
	says             string
	cites            []Cite
}

func wireOf(b *evidence.Board) (wire, *Finding) {
	c, unfit := costsOf(b)
	if unfit != nil {
		return wire{}, unfit
	}
	const command = "authbench bench --arm session-redis --arm jwt-hs256 --arm jwt-rs256 --arm jwt-es256"
	w := wire{tokens: c.arms(token), sessions: c.arms(session)}
	switch {
	case len(w.tokens) == 0:
		f := c.without(token, "token arm", command)
		return w, &f
	case len(w.sessions) == 0:
		f := c.without(session, "session arm", command)
		return w, &f
	}
	var parts []string
	for _, a := range append(append([]*evidence.Arm(nil), w.sessions...), w.tokens...) {
		parts = append(parts, a.Name+" "+number.Short(a.RequestBytes.Value))
		w.cites = append(w.cites, c.cite(a, "request bytes", a.Steady))
	}
	w.says = fmt.Sprintf("Bytes a request, headers included: %s.", listing(parts))
	return w, nil
}

// verdict is Supported where every token is larger than every session.
func (w wire) verdict(what string) Finding {
	var larger, not []string
	for _, t := range w.tokens {
		bigger := true
		for _, s := range w.sessions {
			bigger = bigger && t.RequestBytes.Min > s.RequestBytes.Max
		}
		text := fmt.Sprintf("%s %s", t.Name, number.Short(t.RequestBytes.Value))
		if bigger {
			larger = append(larger, text)
		} else {
			not = append(not, text)
		}
	}
	switch {
	case len(not) == 0:
		return found(Supported, w.cites, w.says, what)
	case len(larger) == 0:
		return found(Contradicted, w.cites, w.says, what)
	}
	return found(Depends, w.cites, w.says, what).on("the token: larger than every session %s; not larger %s", listing(larger), listing(not))
}

// sizes: C50.
func sizes(b *evidence.Board) Finding {
	w, unfit := wireOf(b)
	if unfit != nil {
		return *unfit
	}
	return w.verdict("The tokens carry a subject and what a verifier needs, no further claims.")
}

// sizeCosts: C12, as far as bytes go.
func sizeCosts(b *evidence.Board) Finding {
	w, unfit := wireOf(b)
	if unfit != nil {
		return *unfit
	}
	return w.verdict("What larger claims cost in time, and when they are refused with 431, was not measured.")
}
