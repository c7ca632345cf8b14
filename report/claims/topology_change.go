package claims

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
)

const (
	rollingCommand = "authbench run rolling-restart --arm session-memory --arm session-redis"
	staleCommand   = "authbench run stale-authorisation --arm session-redis --arm jwt-es256 --arm jwt-es256+epoch"
)

// changed is one thing that happened to sessions, and whether they survived it.
type changed struct {
	*trialCase
	after           string
	asked, accepted int64
}

func (c changed) says() string {
	return fmt.Sprintf("%s kept %s after a %s", c.name(), number.Of(c.accepted, c.asked), c.after)
}

// changesDisrupt: C04. A change of address, a node that is replaced, a store that is
// restarted: what share of the sessions survives?
func changesDisrupt(b *evidence.Board) Finding {
	store := rebootDisrupts(b)
	list, unfit := placedOf(b, "rolling-restart", "survival", "with sessions", rollingCommand, func(c *trialCase) bool { return session(c.Ref) })
	if unfit != nil {
		return store
	}
	var lost, kept []changed
	for _, p := range list {
		for _, r := range p.table.Rows {
			c := changed{p.trialCase, r.Label, p.count(r.Label, "asked"), p.count(r.Label, "accepted")}
			switch {
			case c.asked == 0:
			case c.accepted < c.asked:
				lost = append(lost, c)
			default:
				kept = append(kept, c)
			}
		}
	}
	if len(lost)+len(kept) == 0 {
		return store
	}
	var parts []string
	var cites []Cite
	for _, c := range append(slices.Clone(lost), kept...) {
		parts = append(parts, c.says())
		if cite := c.cite("survival"); !slices.ContainsFunc(cites, func(o Cite) bool { return o.String() == cite.String() }) {
			cites = append(cites, cite)
		}
	}
	says := strings.Join(parts, "; ") + "."
	losing, keeping := words(lost), words(kept)
	if store.Status != NotMeasured {
		cites, says = append(cites, store.Cites...), says+" "+strings.TrimSuffix(store.Says, onlyStore)
		switch store.Status {
		case Supported:
			losing = append(losing, "the restart of a store")
		case Contradicted:
			keeping = append(keeping, "the restart of a store")
		case Depends:
			losing, keeping = append(losing, "a store that forgets"), append(keeping, "one that does not")
		}
	}
	switch {
	case len(keeping) == 0:
		return found(Supported, cites, says)
	case len(losing) == 0:
		return found(Contradicted, cites, says)
	}
	return found(Depends, cites, says).on("where sessions are kept: they were lost by %s, and not by %s", listing(losing), listing(keeping))
}

// words names what happened, and to whom: "a restart of the node (session-memory)".
func words(list []changed) []string {
	var out []string
	arms := map[string][]string{}
	for _, c := range list {
		if !slices.Contains(arms[c.after], c.Arm) {
			arms[c.after] = append(arms[c.after], c.Arm)
		}
	}
	for _, after := range slices.Sorted(maps.Keys(arms)) {
		out = append(out, fmt.Sprintf("a %s (%s)", after, strings.Join(arms[after], ", ")))
	}
	return out
}

// Rows of the table of roles.
const (
	rolesKept     = "in the credential"
	rolesLookedUp = "looked up"
	rolesOut      = "in the credential, and logged out"
)

// rolesInTokens: C42. A role that was taken away goes on where a token has it, unless
// the token ends with the role.
func rolesInTokens(b *evidence.Board) Finding {
	list, unfit := placedOf(b, "stale-authorisation", "stale", "with tokens", staleCommand, func(c *trialCase) bool { return token(c.Ref) })
	if unfit != nil {
		return *unfit
	}
	var parts, ended []string
	var cites []Cite
	stale, fresh := 0, 0
	for _, p := range list {
		text, granted := p.staleFor(rolesKept)
		if text == "" {
			continue
		}
		if granted {
			stale++
		} else {
			fresh++
		}
		text = p.name() + " " + text
		if t, _ := p.staleFor(rolesLookedUp); t != "" {
			text += ", looked up " + t
		}
		if t, still := p.staleFor(rolesOut); t != "" {
			text += ", with a log-out everywhere " + t
			if !still {
				ended = append(ended, p.Arm)
			}
		}
		parts, cites = append(parts, text), append(cites, p.cite("stale"))
	}
	if len(parts) == 0 {
		return missing("no token with roles in it was tried", staleCommand)
	}
	says := "A role that was taken away was granted: " + strings.Join(parts, "; ") + "."
	if text, more := rolesInSessions(b); text != "" {
		says, cites = says+" "+text, append(cites, more...)
	}
	switch {
	case stale == 0:
		return found(Contradicted, cites, says)
	case fresh+len(ended) == 0:
		return found(Supported, cites, says)
	}
	return found(Depends, cites, says).on("whether a token can be ended when a role goes: with %s a log-out everywhere ended the role at once; else it goes on until the token ends", listing(ended))
}

// staleFor says how long a role was still granted in a way: "for 2.9 s".
func (p placed) staleFor(row string) (says string, granted bool) {
	c, ok := p.table.Cell(row, "stale for")
	if !ok || c.Value == nil {
		return "", false
	}
	n, asked := p.count(row, "granted"), p.count(row, "asked")
	if n == 0 {
		return fmt.Sprintf("not once (0 of %s)", number.Count(int(asked), "use")), false
	}
	return fmt.Sprintf("for %s s", number.Short(*c.Value)), true
}

// rolesInSessions says that it is copying a role that lets it go stale, not the token.
func rolesInSessions(b *evidence.Board) (string, []Cite) {
	list, unfit := placedOf(b, "stale-authorisation", "stale", "", "", func(c *trialCase) bool { return session(c.Ref) })
	if unfit != nil {
		return "", nil
	}
	var parts []string
	var cites []Cite
	for _, p := range list {
		if text, _ := p.staleFor(rolesKept); text != "" {
			parts, cites = append(parts, p.name()+" "+text), append(cites, p.cite("stale"))
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return "Sessions that copy roles at log-in do no better: " + listing(parts) + ".", cites
}
