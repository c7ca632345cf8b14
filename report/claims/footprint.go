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
	tryFootprint = "authbench run session-footprint --arm session-redis --arm session-mysql --arm session-memory"
	tryRevoked   = "authbench run session-footprint --arm jwt-es256+denylist --set how=revoke"
)

// crowd is an arm under populations that grow, with one size of profile.
type crowd struct {
	placed
	first, last results.Row // populations that were reached
}

// crowdsOf lists the sessions whose population was made to grow.
func crowdsOf(b *evidence.Board) ([]crowd, *Finding) {
	list, unfit := casesOf(b, "session-footprint", "with sessions", func(c *trialCase) bool { return session(c.Ref) && c.how() == "grow" })
	if unfit != nil {
		unfit.Would = tryFootprint
		return nil, unfit
	}
	var out []crowd
	for _, c := range list {
		for _, t := range c.Trials {
			for i := range t.Chaos.Tables {
				table := &t.Chaos.Tables[i]
				if !strings.HasPrefix(table.Name, "footprint-") {
					continue
				}
				reached := slices.DeleteFunc(slices.Clone(table.Rows), func(r results.Row) bool { return len(r.Cells) == 0 || r.Cells[0].Value == nil })
				if len(reached) > 0 {
					out = append(out, crowd{placed{c, table}, reached[0], reached[len(reached)-1]})
				}
			}
		}
	}
	if len(out) == 0 {
		f := missing("no population of sessions was weighed", tryFootprint)
		return nil, &f
	}
	return out, nil
}

func (c crowd) profile() string { return strings.TrimPrefix(c.table.Name, "footprint-") + " B" }

// slower says whether uses among the largest population took longer than among the
// smallest: both p50 and p99 may say so.
func (c crowd) slower() bool {
	return slices.ContainsFunc([]string{"p50", "p99"}, func(column string) bool {
		a, _ := c.table.Cell(c.first.Label, column)
		z, _ := c.table.Cell(c.last.Label, column)
		return apart(a, z)
	})
}

// weight is what a session takes, at the largest population.
func (c crowd) weight() float64 {
	v, _ := c.value(c.last.Label, "a session")
	return v
}

// manySessions: C17. Two things are claimed, and need not go together.
func manySessions(b *evidence.Board) Finding {
	list, unfit := crowdsOf(b)
	if unfit != nil {
		return *unfit
	}
	var says, slow, same, grow, flat []string
	var cites []Cite
	for _, c := range list {
		name := c.Arm + " with " + c.profile()
		text := fmt.Sprintf("%s: %s bytes a session at %s", name, number.Integer(int64(c.weight())), c.last.Label)
		if c.weight() > 0 {
			grow = append(grow, name)
		} else {
			flat = append(flat, name)
		}
		if c.first.Label != c.last.Label && !brief(c.trialCase) {
			p99 := func(r results.Row) string {
				cell, _ := c.table.Cell(r.Label, "p99")
				if cell.Value == nil {
					return "n/a"
				}
				return number.Short(*cell.Value)
			}
			text += fmt.Sprintf(", p99 %s µs at %s and %s at %s", p99(c.first), c.first.Label, p99(c.last), c.last.Label)
			if c.slower() {
				slow = append(slow, name)
			} else {
				same = append(same, name)
			}
		}
		says = append(says, text)
		cites = append(cites, c.cite("footprint"))
	}
	told := strings.Join(says, "; ") + "."
	switch {
	case len(slow)+len(same) == 0:
		return missing("bytes a session were weighed, but whether responses slow down takes several populations", tryFootprint).near(cites, "%s", told)
	case len(grow) == 0:
		return found(Contradicted, cites, told)
	case len(same) == 0 && len(flat) == 0:
		return found(Supported, cites, told)
	case len(slow) == 0:
		return found(Depends, cites, told).on("what is meant: memory grows with the users, and no slowdown was seen")
	}
	return found(Depends, cites, told).on("the store: uses slowed down with %s, not with %s", listing(slow), listing(same))
}

// entrySize says what a log-out leaves in the store of a denylist.
func entrySize(b *evidence.Board, denies kind) (says string, cites []Cite) {
	list, unfit := placedOf(b, "session-footprint", "revoked", "", tryRevoked, func(c *trialCase) bool { return denies(c.Ref) })
	if unfit != nil {
		return "", nil
	}
	var parts []string
	for _, p := range list {
		for _, r := range p.table.Rows {
			if v, ok := p.value(r.Label, "in the stores"); ok {
				parts = append(parts, fmt.Sprintf("%s %s bytes (%s log-outs)", p.Arm, number.Integer(int64(v)), r.Label))
				cites = append(cites, p.cite("revoked"))
			}
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return "A log-out adds to the list, until the token has expired: " + listing(parts) + ".", cites
}
