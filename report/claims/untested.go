package claims

import (
	"fmt"

	"authbench/report/evidence"
	"authbench/report/number"
)

// sharedCore says what a look-up costs on either side at saturation, where node and store
// share a core and no store was taken to its knee.
func sharedCore(b *evidence.Board, why string) Finding {
	f := missing(why, kneeCommand)
	c, unfit := costsOf(b)
	if unfit != nil {
		return f
	}
	var says []string
	var cites []Cite
	for _, a := range c.arms(storedSession) {
		if a.SatTarget.N > 0 && a.SatStore.N > 0 {
			says = append(says, fmt.Sprintf("%s µs in the node and %s µs in the store for %s", number.Micros(a.SatTarget.Value), number.Micros(a.SatStore.Value), a.Name))
			cites = append(cites, c.cite(a, "cpu", a.Sat))
		}
	}
	if len(says) == 0 {
		return f
	}
	return f.near(cites, "At saturation a use takes, in CPU, %s.", listing(says))
}

// scalesOut has nodes that accept each other's tokens, and no figure by number of
// nodes.
func scalesOut(b *evidence.Board) Finding {
	f := missing("no scenario measures throughput with 1, 2 and 4 nodes, or how soon a new node answers", "")
	list, unfit := casesOf(b, "revocation", "with plain tokens on several nodes", func(c *trialCase) bool {
		return plainToken(c.Ref) && c.nodes() > 1 && c.Fault == ""
	})
	if unfit != nil {
		return f
	}
	var says []string
	var cites []Cite
	for _, c := range list {
		if wrong, asked, ok := c.verdict("false-rejects"); ok && asked != "" {
			says = append(says, fmt.Sprintf("%s %s wrongly refused on %d nodes with one key ring (%s)", c.Arm, number.Count(int(wrong), "use"), c.nodes(), asked))
			cites = append(cites, c.cite("false-rejects"))
		}
	}
	if len(says) == 0 {
		return f
	}
	return f.near(cites, "Nodes that share no sessions took each other's tokens: %s.", listing(says))
}

// quarterOfAnHour has one lifetime, which is no sweep.
func quarterOfAnHour(b *evidence.Board) Finding {
	f := missing("every token arm is measured with one lifetime; no scenario sweeps lifetimes against the cost of refreshing", "")
	list, unfit := revocationsOf(b, "with tokens that expire", func(r *revoked) bool { return token(r.Ref) && r.expires() && r.LetThrough > 0 })
	if unfit != nil {
		return f
	}
	says, cites := tell(list, "time-to-reject")
	return f.near(cites, "With the one lifetime that each ran with, after a log-out: %s.", says)
}
