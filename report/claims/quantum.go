package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

const tryAlgorithms = "authbench run algorithms --arm jwt-es256"

// today is the algorithm that the post-quantum ones are held against.
const today = "ES256"

// cookieLimit is the column with what a token leaves of a cookie.
const cookieLimit = "browsers, a cookie"

// quantumSafe: C15. What comes next nobody measures; whether it works now, and at what
// price, is another matter. Sizes are exact; times are told where the run may say so.
func quantumSafe(b *evidence.Board) Finding {
	list, unfit := placedOf(b, "algorithms", "algorithms", "with ML-DSA", tryAlgorithms, func(*trialCase) bool { return true })
	if unfit != nil {
		return *unfit
	}
	p := list[len(list)-1]
	room := lastTable(p.trialCase, "room")
	var safe []string
	for _, r := range p.table.Rows {
		if strings.HasPrefix(r.Label, "ML-DSA") {
			safe = append(safe, r.Label)
		}
	}
	if len(safe) == 0 || room == nil {
		return missing("no token was signed with ML-DSA", tryAlgorithms)
	}
	cites := []Cite{p.cite("algorithms")}
	bytes, known := p.value(today, "token")
	if !known {
		return missing("there is no "+today+" beside it", tryAlgorithms)
	}
	says := []string{fmt.Sprintf("A token of %s has %s bytes.", today, number.Integer(int64(bytes)))}
	var fit, not []string
	for _, name := range safe {
		says = append(says, p.priceOf(name))
		if broken := brokenBy(room, name); len(broken) > 0 {
			not = append(not, fmt.Sprintf("%s (%s)", name, listing(broken)))
		} else {
			fit = append(fit, name)
		}
	}
	refused, _, known := p.verdict("tokens-accepted")
	told := strings.Join(says, " ")
	switch {
	case !known:
		return missing("whether its tokens are accepted was not settled", tryAlgorithms).near(cites, "%s", told)
	case refused > 0:
		return found(Contradicted, cites, told, "Good tokens were refused.")
	case len(not) == 0:
		return found(Supported, cites, told, "Every token was accepted, and breaks no limit on its way.")
	}
	on := "where the token travels: every one was accepted in a header of this server, and limits on its way are broken by " + listing(not)
	if len(fit) > 0 {
		on += "; none by " + listing(fit)
	}
	return found(Depends, cites, told).on("%s", on)
}

// priceOf is what an algorithm costs: "ML-DSA-44: 3,700 bytes, 210 µs to check instead of 90".
func (p placed) priceOf(name string) string {
	bytes, _ := p.value(name, "token")
	text := fmt.Sprintf("%s: %s bytes", name, number.Integer(int64(bytes)))
	if keys, ok := p.value(name, "key set"); ok {
		text += fmt.Sprintf(", %s of key set", number.Integer(int64(keys)))
	}
	if brief(p.trialCase) {
		return text + "."
	}
	for _, c := range []struct{ column, words string }{{"issue a token", "to issue"}, {"check a token", "to check"}} {
		this, ok := p.value(name, c.column)
		that, known := p.value(today, c.column)
		if ok && known {
			text += fmt.Sprintf(", %s µs %s instead of %s", number.Short(this), c.words, number.Short(that))
		}
	}
	return text + "."
}

// brokenBy lists the limits that a token does not fit.
func brokenBy(room *results.Table, name string) []string {
	var out []string
	for _, c := range room.Columns {
		if cell, ok := room.Cell(name, c.Name); ok && c.Unit == "bytes left" && cell.Value != nil && *cell.Value < 0 {
			out = append(out, c.Name)
		}
	}
	// A cookie is what readers ask about first.
	slices.SortStableFunc(out, func(a, b string) int {
		if (a == cookieLimit) == (b == cookieLimit) {
			return 0
		}
		if a == cookieLimit {
			return -1
		}
		return 1
	})
	return out
}
