package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

const (
	tryClaims   = "authbench run claims-size --arm jwt-es256 --arm session-redis --arm session-sealed"
	tryReadable = "authbench run claims-size --arm jwt-es256 --arm session-sealed --set how=read"
)

// grown is how the cost of an arm grew with the profile that it keeps of a user.
type grown struct {
	placed
	least, most results.Row // the smallest and the largest profile whose uses were accepted
	refused     []string    // profiles whose uses were refused with 431
}

// grownOf lists the arms of a kind whose profile was made to grow.
func grownOf(b *evidence.Board, what string, k kind) ([]grown, *Finding) {
	list, unfit := placedOf(b, "claims-size", "cost", what, tryClaims, func(c *trialCase) bool { return k(c.Ref) })
	if unfit != nil {
		return nil, unfit
	}
	var out []grown
	for _, p := range list {
		g := grown{placed: p}
		for _, r := range p.table.Rows {
			switch share, ok := p.value(r.Label, "refused"); {
			case ok && share > 0:
				g.refused = append(g.refused, r.Label)
			case g.least.Label == "":
				g.least, g.most = r, r
			default:
				g.most = r
			}
		}
		if g.least.Label != g.most.Label {
			out = append(out, g)
		}
	}
	if len(out) == 0 {
		f := missing("no two profiles were accepted "+what, tryClaims)
		return nil, &f
	}
	return out, nil
}

// request is the bytes of a use with the smallest and with the largest profile.
func (g grown) request() (least, most float64) {
	least, _ = g.value(g.least.Label, "request")
	most, _ = g.value(g.most.Label, "request")
	return least, most
}

// tell is what the profile cost: "jwt-es256: 709 bytes a request with a profile of 200 B,
// 5,776 with 4,000 B, ...".
func (g grown) tell() string {
	least, most := g.request()
	text := fmt.Sprintf("%s: %s bytes a request with a profile of %s, %s with %s", g.Arm, number.Integer(int64(least)), g.least.Label, number.Integer(int64(most)), g.most.Label)
	if slower := g.dearer("CPU"); slower != "" {
		text += ", " + slower
	}
	if len(g.refused) > 0 {
		text += fmt.Sprintf("; %s refused with 431", listing(g.refused))
	}
	if limits := lastTable(g.trialCase, "limits"); limits != nil && len(limits.Rows) > 0 {
		if c, ok := limits.Cell(limits.Rows[0].Label, "largest profile"); ok && c.Value != nil {
			text += fmt.Sprintf(", the largest that fits is %s bytes", number.Integer(int64(*c.Value)))
		}
	}
	return text
}

// dearer says that a figure grew, where its intervals lie apart and the run may say so.
func (g grown) dearer(column string) string {
	if brief(g.trialCase) {
		return ""
	}
	a, _ := g.table.Cell(g.least.Label, column)
	z, _ := g.table.Cell(g.most.Label, column)
	if !apart(a, z) {
		return ""
	}
	return fmt.Sprintf("%s µs of CPU instead of %s", number.Short(*z.Value), number.Short(*a.Value))
}

// brief says whether a run promised to draw no conclusions from times.
func brief(c *trialCase) bool { return slices.Contains([]string{"quick", "smoke"}, c.run.Profile) }

// apart says whether all of the interval of z lies above that of a.
func apart(a, z results.Cell) bool {
	return a.Value != nil && z.Value != nil && a.High != nil && z.Low != nil && *z.Low > *a.High
}

// sizeOnTheWire: C12. Bytes are exact counts; what they cost in time is told where it can be.
func sizeOnTheWire(b *evidence.Board) Finding {
	list, unfit := grownOf(b, "with tokens", token)
	if unfit != nil {
		return orGrow(sizeCosts(b))
	}
	var larger, not, says []string
	var cites []Cite
	for _, g := range list {
		if least, most := g.request(); most > least {
			larger = append(larger, g.Arm)
		} else {
			not = append(not, g.Arm)
		}
		says = append(says, g.tell())
		cites = append(cites, g.cite("request bytes"))
	}
	told := strings.Join(says, ". ") + "."
	switch {
	case len(not) == 0:
		return found(Supported, cites, told)
	case len(larger) == 0:
		return found(Contradicted, cites, told)
	}
	return found(Depends, cites, told).on("the arm: requests grew with %s, not with %s", listing(larger), listing(not))
}

// orGrow names the command that measures sizes where a comparison of costs did not.
func orGrow(f Finding) Finding {
	if f.Status == NotMeasured {
		f.Would = tryClaims
	}
	return f
}

// sealedArm is a session that is in the cookie.
func sealedArm(a *evidence.Arm) bool { return a.Mechanism == "sealed" }

// sizesKept: C50. A session id is small whatever is kept with it; a session that is in
// the cookie is not.
func sizesKept(b *evidence.Board) Finding {
	tokens, unfit := grownOf(b, "with tokens", token)
	if unfit != nil {
		return orGrow(sizes(b))
	}
	sessions, unfit := grownOf(b, "with sessions", session)
	if unfit != nil {
		return orGrow(sizes(b))
	}
	var says []string
	var cites []Cite
	note := func(list []grown) (least, most float64) {
		for i, g := range list {
			low, high := g.request()
			if i == 0 {
				least, most = low, high
			}
			least, most = min(least, low), max(most, high)
			says = append(says, g.tell())
			cites = append(cites, g.cite("request bytes"))
		}
		return least, most
	}
	_, session := note(sessions)
	token, _ := note(tokens)
	cookies, _ := grownOf(b, "with sealed sessions", sealedArm)
	_, cookie := note(cookies)
	told := strings.Join(says, ". ") + "."
	switch {
	case token <= session:
		return found(Contradicted, cites, told)
	case cookie > token:
		return found(Depends, cites, told).on("where the session is: an id sends %s bytes whatever is kept with it; the session itself in a cookie up to %s", number.Integer(int64(session)), number.Integer(int64(cookie)))
	}
	return found(Supported, cites, told)
}

// seen is what a holder can read in a credential.
type seen struct {
	placed
	names             float64 // the user's, and named values
	altered, accepted int64
}

func seenIn(p placed) seen {
	row := p.table.Rows[0].Label
	subject, _ := p.value(row, "subject read")
	fields, _ := p.value(row, "fields read")
	return seen{p, subject + fields, p.count(row, "altered"), p.count(row, "accepted")}
}

// signedIsSealed: C47. Both are proof against alteration; can both be read?
func signedIsSealed(b *evidence.Board) Finding {
	list, unfit := placedOf(b, "claims-size", "readable", "that looks into credentials", tryReadable, func(c *trialCase) bool {
		return token(c.Ref) || sealedArm(c.Ref)
	})
	if unfit != nil {
		return *unfit
	}
	var says, open, shut []string
	var cites []Cite
	kinds := map[string]bool{}
	for _, p := range list {
		if len(p.table.Rows) == 0 {
			continue
		}
		s := seenIn(p)
		kinds[p.Ref.Mechanism] = true
		what := "nothing can be read"
		if s.names > 0 {
			what = fmt.Sprintf("the user and %s named values can be read", number.Integer(int64(s.names)-1))
			open = append(open, p.Ref.Mechanism)
		} else {
			shut = append(shut, p.Ref.Mechanism)
		}
		says = append(says, fmt.Sprintf("%s: without a key %s; of %s altered ones %s accepted", p.Arm, what, number.Integer(s.altered), number.Integer(s.accepted)))
		cites = append(cites, p.cite("readable"))
	}
	told := strings.Join(says, ". ") + "."
	switch {
	case !kinds["token"] || !kinds["sealed"]:
		return missing("it takes a signed token beside a session that is sealed in a cookie", tryReadable).near(cites, "%s", told)
	case slices.Contains(open, "token") && !slices.Contains(open, "sealed"):
		return found(Contradicted, cites, told, "What is signed cannot be altered, what is sealed cannot be read either.")
	case slices.Contains(shut, "token") == slices.Contains(shut, "sealed"):
		return found(Supported, cites, told)
	}
	return found(Depends, cites, told).on("the arm: %s can be read, %s cannot", listing(open), listing(shut))
}
