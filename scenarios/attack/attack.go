// Package attack tries what an attacker would try, over the wire, against any target
// that a contract describes: one file a class of attack. What is sent depends on the
// contract and on what the starter of the target knows (Material); a case that has
// neither says so, and never passes for it.
package attack

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Class is a letter of the catalogue.
type Class struct {
	Letter string // "A"
	Title  string // "signature and key"
	Cases  []Case
}

// Case is one attack in all its variations. Its id never changes its meaning.
type Case struct {
	ID    string // "A1": the letter of the class and a number
	Title string // "alg none, without a signature"
	// Reference is where it is written that the target has to withstand it:
	// "RFC 8725 3.1; ASVS 5.0 9.1.1".
	Reference string
	// Applies says why the case has no meaning for a target, or "".
	Applies func(t *Target) string
	// Needs says what is missing to try it on this target, or "": it is then unknown, not
	// inapplicable. Nil: nothing.
	Needs func(t *Target) string
	// Try sends the variations and tallies the answers. An error means that it could not
	// be tried.
	Try func(ctx context.Context, t *Target, y *Tally) error
}

// All lists the classes. Adding one is its file and a line here; adding a case is a
// line in the list of its class.
func All() []Class {
	return []Class{
		{"A", "signature and key", signatureCases()},
		{"B", "parser", parserCases()},
		{"C", "claims", claimCases()},
		{"D", "revocation", revocationCases()},
		{"E", "refresh", refreshCases()},
		{"F", "session identifier", sessionCases()},
		{"G", "cookies and CSRF", cookieCases()},
		{"H", "exposure", exposureCases()},
		{"I", "store", storeCases()},
	}
}

// Select is what of the classes is named: a letter, or the id of a case. No name is all of
// them; a name of nothing is an error that lists what there is.
func Select(names []string) ([]Class, error) {
	var out []Class
	used := map[string]bool{}
	for _, class := range All() {
		picked := class
		picked.Cases = nil
		for _, c := range class.Cases {
			by := slices.IndexFunc(names, func(n string) bool {
				return strings.EqualFold(n, class.Letter) || strings.EqualFold(n, c.ID)
			})
			if by >= 0 {
				used[names[by]] = true
			}
			if by >= 0 || len(names) == 0 {
				picked.Cases = append(picked.Cases, c)
			}
		}
		if len(picked.Cases) > 0 {
			out = append(out, picked)
		}
	}
	for _, n := range names {
		if !used[n] {
			return nil, fmt.Errorf("%q is neither a class of attacks nor a case: there are %s", n, ids())
		}
	}
	return out, nil
}

// ids lists the catalogue: "A (A1 A3 ...), B (...)".
func ids() string {
	var parts []string
	for _, class := range All() {
		var list []string
		for _, c := range class.Cases {
			list = append(list, c.ID)
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", class.Letter, strings.Join(list, " ")))
	}
	return strings.Join(parts, ", ")
}
