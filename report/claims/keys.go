package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
)

const tryRotation = "authbench run key-rotation --arm jwt-es256"

// rotationUses is how many uses it takes to say that no good token is refused.
const rotationUses = 20_000

// rotated is a change of keys under load.
type rotated struct {
	placed
	uses, refused, falseRejects int64
}

func rotatedIn(p placed) rotated {
	figure := func(column string) int64 {
		v, _ := p.value("all", column)
		return int64(v)
	}
	return rotated{p, figure("uses"), figure("refused"), figure("false rejects")}
}

func (r rotated) tell(n int64) string {
	return fmt.Sprintf("%s on %s %s", r.Arm, r.how(), number.Of(n, r.uses))
}

// rotationWithoutDowntime: C39. With overlap: the new key is published before it signs,
// and the old one verifies as long as its tokens live. What it is without is told
// beside it.
func rotationWithoutDowntime(b *evidence.Board) Finding {
	list, unfit := placedOf(b, "key-rotation", "rotation", "of tokens", tryRotation, func(*trialCase) bool { return true })
	if unfit != nil {
		return *unfit
	}
	var with, without []string
	var cites []Cite
	var uses, bad int64
	for _, p := range list {
		r := rotatedIn(p)
		switch keys, _, _ := r.fact("rotation.keys"); {
		case r.how() == "no-overlap" && r.uses > 0:
			without = append(without, r.tell(r.refused))
			cites = append(cites, r.cite("rotation-cost"))
		case slices.Contains([]string{"overlap", "schedule", "migrate"}, r.how()) && r.uses > 0 && keys >= 2:
			with = append(with, r.tell(r.falseRejects))
			uses, bad = uses+r.uses, bad+r.falseRejects
			cites = append(cites, r.cite("rotation-false-rejects"))
		}
	}
	if len(with) == 0 {
		return missing("no keys were changed with an overlap while tokens were in use", tryRotation)
	}
	says := fmt.Sprintf("Good tokens refused with overlap: %s.", listing(with))
	if len(without) > 0 {
		says += fmt.Sprintf(" One key in the place of another at once: %s.", listing(without))
	}
	switch {
	case bad > 0:
		return found(Contradicted, cites, says)
	case uses < rotationUses:
		return missing(fmt.Sprintf("none was refused in %s uses, and it takes %s to say so", number.Integer(uses), number.Integer(rotationUses)), tryRotation).near(cites, "%s", says)
	}
	return found(Supported, cites, says)
}

// signedPrivatelyVerifiedPublicly: C07. A verifier that fetches public keys holds no
// private one, and can log nobody in; with HS256 there is one key for both.
func signedPrivatelyVerifiedPublicly(b *evidence.Board) Finding {
	list, unfit := placedOf(b, "key-rotation", "keys-held", "of tokens", tryRotation, func(*trialCase) bool { return true })
	if unfit != nil {
		return *unfit
	}
	var public, secret, broken []string
	var cites []Cite
	told := map[string]bool{} // arms
	for _, p := range list {
		if told[p.Arm] {
			continue
		}
		shared := p.Ref.Settings["algorithm"] == "HS256"
		nodes, private := 0, 0
		for _, row := range p.table.Rows {
			if shared == strings.HasPrefix(row.Label, "verifier") || row.Label == "issuer" {
				continue
			}
			keys, _ := p.value(row.Label, "keys")
			own, ok := p.value(row.Label, "private keys")
			status, _ := p.value(row.Label, "log-in")
			if ok && keys > 0 {
				nodes++
			}
			if own > 0 || status == 200 {
				private++
			}
		}
		if nodes == 0 {
			continue
		}
		told[p.Arm] = true
		cites = append(cites, p.cite("keys held"))
		switch {
		case shared && private == nodes:
			secret = append(secret, p.Arm)
		case private == 0:
			public = append(public, p.Arm)
		default:
			broken = append(broken, p.Arm)
		}
	}
	var says []string
	if len(public) > 0 {
		says = append(says, fmt.Sprintf("Nodes that verify hold public keys only, and can issue nothing: %s.", listing(public)))
	}
	if len(secret) > 0 {
		says = append(says, fmt.Sprintf("Every node that verifies holds the key that signs, and logs users in with it: %s.", listing(secret)))
	}
	switch {
	case len(broken) > 0:
		return found(Contradicted, cites, append(says, fmt.Sprintf("A node that verifies could issue: %s.", listing(broken)))...)
	case len(public) > 0 && len(secret) > 0:
		return found(Depends, cites, says...).on("the algorithm: %s verify with a public key, %s with the secret that signs", listing(public), listing(secret))
	case len(public) > 0:
		return found(Supported, cites, says...)
	case len(secret) > 0:
		return found(Contradicted, cites, says...)
	}
	return missing("no table says what a node that verifies holds", tryRotation)
}
