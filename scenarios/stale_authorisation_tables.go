package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// The checks on what becomes of a role that was taken away.
const (
	CheckStaleRoles   = "stale-roles"   // uses granted by a role later than the arm promises
	CheckForbidden    = "forbidden"     // a live credential without the role was answered otherwise than by 403
	CheckRenewedRoles = "renewed-roles" // a credential that was handed out after the change had the role
)

// report writes what was measured into the trial.
func (s *stale) report() {
	t := newTable("stale", "The role admin was taken from users who were logged in, and what needs it was asked for with their credentials until it was refused.",
		results.Column{Name: "roles"},
		results.Column{Name: "stale for", Unit: "s", Meaning: "the last use that was let in began so long after the change was acknowledged, at most; the interval ends with the first refusal"},
		results.Column{Name: "promised", Meaning: "how long the role may be granted"},
		results.Column{Name: "users", Meaning: "who lost the role, and were followed"},
		results.Column{Name: "asked", Meaning: "uses that began after the change"},
		results.Column{Name: "granted", Meaning: "of those"},
		results.Column{Name: "beyond", Meaning: "granted later than promised"},
	)
	for _, g := range s.groups {
		c := g.counts()
		addRow(t, g.label, c.staleFor(), word("%s", g.promised(s.c)), counted(c.users), counted(c.asked), counted(c.granted), counted(c.beyond))
		s.tell("stale."+strings.ReplaceAll(g.label, " ", "-"), "s", c.last.Seconds(),
			"Roles %s: %d of %d uses were granted after the role was taken away, the last %.2f s after.", g.label, c.granted, c.asked, c.last.Seconds())
	}
	s.chaos()
	s.t.keep(t)
	s.t.judge(s.staleVerdict())
	s.t.judge(forbiddenVerdict(s.plain, s.misled))
	s.t.judge(renewedVerdict(s.renewed, slices.Sorted(maps.Keys(s.kinds))))
}

// followed is what became of all users of a group.
type followed struct {
	users, asked, granted, late, beyond int64
	last, refused                       time.Duration
	open, bounded                       bool
}

func (g *roleGroup) counts() followed {
	c := followed{bounded: true}
	for _, h := range g.holders {
		if h.asked == 0 { // stepped up: the old credential is gone
			continue
		}
		c.users++
		c.asked, c.granted, c.late, c.beyond = c.asked+h.asked, c.granted+h.granted, c.late+h.late, c.beyond+h.beyond
		c.last, c.refused = max(c.last, h.last), max(c.refused, h.refused)
		c.open, c.bounded = c.open || h.open, c.bounded && h.bounded
	}
	return c
}

// staleFor is the longest that a role was granted after the change.
func (c followed) staleFor() results.Cell {
	if c.asked == 0 {
		return none("nothing was asked")
	}
	cell := figure(c.last.Seconds())
	if c.open {
		cell.Text = "and on"
		return cell
	}
	low, high := c.last.Seconds(), c.refused.Seconds()
	cell.Low, cell.High = &low, &high
	return cell
}

// promised says in words how long a role may be granted.
func (g *roleGroup) promised(c *contract.Contract) string {
	p := g.promises
	text := "nothing"
	switch p.StaleRoles {
	case "":
	case "directory":
		text = "not at all"
	case "credential":
		text = "until the session ends"
		switch {
		case p.Lifetime != "" && p.Leeway != "":
			text = fmt.Sprintf("until exp + leeway (%s + %s)", p.Lifetime, p.Leeway)
		case p.Lifetime != "":
			text = fmt.Sprintf("until its end (%s)", p.Lifetime)
		}
	default:
		text = "for " + p.StaleRoles
	}
	if b := c.Promises.Bound(); g.out && b.Declared && !b.Expiry {
		text = "after the log-out: " + b.String()
	}
	return text
}

// staleVerdict judges all ways together.
func (s *stale) staleVerdict() results.Verdict {
	v := results.Verdict{Check: CheckStaleRoles, Unit: "uses", Bound: number(0)}
	var late, beyond int64
	var open []string
	for _, g := range s.groups {
		c := g.counts()
		late, beyond = late+c.late, beyond+c.beyond
		if !c.bounded {
			open = append(open, g.label)
		}
	}
	v.Measured = number(float64(beyond))
	v.Reason = fmt.Sprintf("granted after the role may not be any more, of %d uses then", late)
	if len(open) > 0 {
		v.Reason += "; nothing that ends is promised of roles " + strings.Join(open, " and ")
	}
	switch {
	case beyond > 0:
		v.Status = results.Fail
	case late > 0:
		v.Status = results.Pass
	case len(open) == len(s.groups):
		v.Status, v.Measured, v.Bound, v.Reason = results.NotApplicable, nil, nil, "nothing is promised (promises.stale_roles)"
	default:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "nothing was asked after a role might not be granted any more"
	}
	return v
}

// forbiddenVerdict: who has not got a role is known all the same.
func forbiddenVerdict(plain survivors, misled int64) results.Verdict {
	v := results.Verdict{Check: CheckForbidden, Status: results.Pass, Unit: "uses", Bound: number(0)}
	bad := plain.all - plain.accepted + misled
	v.Measured = number(float64(bad))
	v.Reason = fmt.Sprintf("%d of %d uses by users who never had the role were forbidden (403); %d of live credentials that had lost it were called no good (401)", plain.accepted, plain.all, misled)
	switch {
	case plain.all == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "no user without the role asked"
	case bad > 0:
		v.Status = results.Fail
	}
	return v
}

// renewedVerdict: whoever looks a role up again must find that it is gone.
func renewedVerdict(renewed survivors, kinds []string) results.Verdict {
	v := results.Verdict{Check: CheckRenewedRoles, Status: results.Pass, Unit: "uses", Measured: number(float64(renewed.accepted)), Bound: number(0)}
	v.Reason = fmt.Sprintf("granted, of %d with credentials handed out after the change, by %s", renewed.all, strings.ReplaceAll(strings.Join(kinds, ", "), "_", "-"))
	switch {
	case renewed.all == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "no credential was handed out after the change"
	case renewed.accepted > 0:
		v.Status = results.Fail
	}
	return v
}
