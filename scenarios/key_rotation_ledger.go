package scenarios

import (
	"authbench/results"
	"authbench/scenarios/checker"
)

// keyLedger is what is known of tokens and keys, to judge uses by. Instants are those
// of the history.
type keyLedger struct {
	tokens  map[string]heldToken // by the name of the credential
	removed map[string]removal   // by kid
	// news are kids that signed without having been published ahead: from and by when
	// verifiers have to know them.
	news map[string]news
}

// heldToken is a token that was issued.
type heldToken struct {
	end      int64 // exp + leeway
	kid, alg string
}

// removal of a key: it took effect on the issuer between the two.
type removal struct{ asked, acked int64 }

// news of a key: it began to sign at since, and is known everywhere by due.
type news struct{ since, due int64 }

func newKeyLedger() keyLedger {
	return keyLedger{tokens: map[string]heldToken{}, removed: map[string]removal{}, news: map[string]news{}}
}

// keyCounts are the uses on one node.
type keyCounts struct {
	uses         int64 // of good tokens, answered yes or no
	falseRejects int64 // of these: no
	early        int64 // no, while the node could not know the key yet: not among uses
	failed       int64 // neither yes nor no
	forged       int64 // of tokens that nobody issued, answered yes or no
	forgedIn     int64 // of these: yes

	// Of tokens whose key was removed, sent after that was acknowledged and complete
	// before the token's end.
	removedUses int64
	removedIn   int64 // accepted
	beyond      int64 // accepted, and sent later than the bound after it
	tested      int64 // sent later than the bound
	window      int64 // from the acknowledgement to the last accepted one; -1: none was

	known map[string]int64 // by kid of news: from its since to when the node first said yes
	kids  map[string]bool  // that it accepted
	algs  map[string]bool
	worst []checker.Op // the first false rejects
}

// judge sorts the uses by node. bound is how long a removed key may go on there.
func (l *keyLedger) judge(ops []checker.Op, nodes int, bound func(node int) int64) []keyCounts {
	counts := make([]keyCounts, nodes)
	for i := range counts {
		counts[i] = keyCounts{window: -1, known: map[string]int64{}, kids: map[string]bool{}, algs: map[string]bool{}}
	}
	for i := range ops {
		op := &ops[i]
		if op.Kind != checker.Use || op.Node < 0 || op.Node >= nodes {
			continue
		}
		c := &counts[op.Node]
		yes, no := op.Outcome == results.OK, op.Outcome == results.Rejected
		t, issued := l.tokens[op.Credential]
		switch {
		case !issued:
			c.stranger(yes, no)
		case op.Complete >= t.end: // it may have ended by itself
		case !yes && !no:
			c.failed++
		default:
			l.good(c, op, t, yes, bound(op.Node))
		}
	}
	return counts
}

func (c *keyCounts) stranger(yes, no bool) {
	if yes || no {
		c.forged++
	}
	if yes {
		c.forgedIn++
	}
}

// good judges a use of a token that had not ended.
func (l *keyLedger) good(c *keyCounts, op *checker.Op, t heldToken, yes bool, bound int64) {
	if yes {
		c.kids[t.kid], c.algs[t.alg] = true, true
	}
	n, isNew := l.news[t.kid]
	if isNew && yes {
		if first, ok := c.known[t.kid]; !ok || op.Complete-n.since < first {
			c.known[t.kid] = max(0, op.Complete-n.since)
		}
	}
	if r, gone := l.removed[t.kid]; gone && op.Complete >= r.asked {
		if op.Invoke > r.acked { // before, nobody can tell
			c.afterRemoval(op, yes, r, bound)
		}
		return
	}
	if isNew && !yes && op.Invoke < n.due {
		c.early++
		return
	}
	c.uses++
	if !yes {
		c.falseRejects++
		if len(c.worst) < 3 {
			c.worst = append(c.worst, *op)
		}
	}
}

func (c *keyCounts) afterRemoval(op *checker.Op, yes bool, r removal, bound int64) {
	c.removedUses++
	late := op.Invoke > r.acked+bound
	if late {
		c.tested++
	}
	if !yes {
		return
	}
	c.removedIn++
	c.window = max(c.window, op.Invoke-r.acked)
	if late {
		c.beyond++
	}
}

// add sums two nodes up.
func (c keyCounts) add(o keyCounts) keyCounts {
	c.uses += o.uses
	c.falseRejects += o.falseRejects
	c.early += o.early
	c.failed += o.failed
	c.forged += o.forged
	c.forgedIn += o.forgedIn
	c.removedUses += o.removedUses
	c.removedIn += o.removedIn
	c.beyond += o.beyond
	c.tested += o.tested
	c.window = max(c.window, o.window)
	c.worst = append(c.worst, o.worst...)
	return c
}
