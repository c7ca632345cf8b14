package decide

import (
	"fmt"
	"strings"

	"authbench/report/number"
	"authbench/results"
)

// tryOutage is the command that shows what an arm does without its store.
func (c *candidate) tryOutage(fault string) string {
	store := "redis"
	if len(c.arm.Needs) > 0 {
		store = c.arm.Needs[0]
	}
	return fmt.Sprintf("authbench run %s-outage %s --set fault=%s", store, c.named(), fault)
}

// storeless is about arms that no outage can reach.
func (c *candidate) storeless(what string) Check {
	return meets(Declared, "it needs no store: %s", what)
}

func judgeStayIn(c *candidate, r *Requirements) Check {
	unchecked, declared := c.unchecked()
	word := c.arm.Promises["on_store_unreachable"]
	tried, cut := c.outages(), c.cutOff()
	switch {
	case !declared:
		return notShown(c.tryOutage("kill"), "it does not declare what it does while its store is away")
	case !r.StayIn.Holds(unchecked):
		check := excluded(Declared, "it declares %s while its store is away: revoked credentials may be accepted for %s", word, lengthWord(unchecked))
		if word == "unaffected" {
			check.Reason = fmt.Sprintf("it asks nobody: it %s", c.boundWords())
		}
		return check.citing(wronglyIn(tried)...)
	case len(c.arm.Needs) == 0:
		return c.storeless("nothing is accepted that a store would have to be asked about")
	case len(tried)+len(cut) == 0:
		return notShown(c.tryOutage("kill"), "it declares %s, and no trial of these runs took its store away", word)
	}
	if cites := wronglyIn(tried); len(cites) > 0 && unchecked == (Length{}) {
		return excluded(Measured, "it let in revoked credentials while its store was away").citing(cites...)
	}
	var cites []Cite
	for _, p := range tried {
		s := during(p)
		cites = append(cites, p.cite("%s of %s uses of revoked credentials let in while the store was away", number.Integer(s.WronglyIn), number.Integer(s.RevokedAsked)))
	}
	for _, p := range cut {
		cites = append(cites, leaked(p, false))
	}
	return meets(Measured, "it declares %s while its store is away, and kept to it", word).citing(cites...)
}

func answeredWord(l Length) string {
	if l == (Length{}) {
		return "with 503 as long as the store is away"
	}
	return "for " + lengthWord(l) + " only"
}

func lengthWord(l Length) string {
	if l.Any {
		return "any length of time"
	}
	return "up to " + l.String()
}

// wronglyIn are the outages in which revoked credentials were let in.
func wronglyIn(tried []proof) []Cite {
	var cites []Cite
	for _, p := range tried {
		if s := during(p); s.WronglyIn > 0 {
			cites = append(cites, p.cite("%s uses of revoked credentials let in while the store was away", number.Integer(s.WronglyIn)))
		}
	}
	return cites
}

func judgeThrownOut(c *candidate, _ *Requirements) Check {
	word := c.arm.Promises["on_data_loss"]
	var lost, kept []Cite
	for _, p := range append(c.losses(false), c.losses(true)...) {
		o := p.Chaos.Outage
		cite := p.cite("%s live credentials refused once the store had lost its data", number.Of(o.SessionsLost, o.LiveAsked))
		switch {
		case o.LiveAsked == 0:
		case o.SessionsLost > 0:
			lost = append(lost, cite)
		default:
			kept = append(kept, cite)
		}
	}
	switch {
	case len(lost) > 0:
		return excluded(Measured, "users were thrown out when the store lost its data").citing(lost...)
	case word == "logged-out":
		return excluded(Declared, "it declares logged-out when its data is lost").citing(kept...)
	case len(c.arm.Needs) == 0 && word != "":
		return c.storeless("no loss of data can throw anybody out")
	case len(kept) == 0:
		return notShown(c.tryOutage("kill-empty"), "no trial of these runs made its store lose data")
	}
	return meets(Measured, "nobody was thrown out when the store lost its data").citing(kept...)
}

func judgeReturn(c *candidate, r *Requirements) Check {
	kinds := []lossKind{{false, "on_data_loss", "kill-empty", "when the store has lost its data"}}
	if r.Return == Never {
		kinds = append(kinds, lossKind{true, "on_old_data", "restore-old", "when older data was put back"})
	}
	out := meets(Measured, "no logged-out credential came back")
	for _, k := range kinds {
		check := c.returned(k)
		switch {
		case check.Status == Excluded:
			return check
		case check.Status == NotShown:
			out = check
		case out.Status == Meets:
			out.By, out.Reason = check.By, check.Reason
			out.Cites = append(out.Cites, check.Cites...)
		}
	}
	return out
}

// lossKind is a way to lose data.
type lossKind struct {
	old                  bool
	promise, fault, when string
}

func (c *candidate) returned(k lossKind) Check {
	var back, away []Cite
	for _, p := range c.losses(k.old) {
		o := p.Chaos.Outage
		cite := p.cite("%s logged-out credentials accepted again", number.Of(o.Resurrected, o.RevokedAsked))
		switch {
		case o.RevokedAsked == 0:
		case o.Resurrected > 0:
			back = append(back, cite)
		default:
			away = append(away, cite)
		}
	}
	word := c.arm.Promises[k.promise]
	switch {
	case len(back) > 0:
		return excluded(Measured, "logged-out credentials came back %s", k.when).citing(back...)
	case len(c.arm.Needs) == 0:
		return c.storeless("there is no data from which a credential could come back")
	case word == "revoked-lives-again":
		return excluded(Declared, "it declares %s %s", word, k.when).citing(away...)
	case len(away) == 0:
		return notShown(c.tryOutage(k.fault), "no trial of these runs shows what comes back %s", k.when)
	}
	return meets(Measured, "no logged-out credential came back %s", k.when).citing(away...)
}

func judgeAnswers(c *candidate, r *Requirements) Check {
	lasts, declared := c.answers()
	word := c.arm.Promises["on_store_unreachable"]
	tried := c.outages()
	switch {
	case !declared:
		return notShown(c.tryOutage("kill"), "it does not declare what it does while its store is away")
	case !lasts.Holds(r.KeepAnswering):
		says := "declares " + word
		if word == "unaffected" {
			says = fmt.Sprintf("needs the store to refresh, and its tokens live %s", c.arm.Promises["lifetime"])
		}
		return excluded(Declared, "it %s: live credentials are answered %s", says, answeredWord(lasts)).citing(unanswered(tried)...)
	case len(c.arm.Needs) == 0:
		return c.storeless("there is none to be away")
	case len(tried) == 0:
		return notShown(c.tryOutage("kill"), "it declares %s, and no trial of these runs took its store away", word)
	}
	if untried := c.untried(tried); untried != "" {
		return notShown(fmt.Sprintf("authbench run %s-outage %s --set fault=kill", untried, c.named()), "no trial of these runs took its %s away", untried)
	}
	worst, at := 0.0, tried[0]
	for _, p := range tried {
		if share := unansweredShare(p); share > worst {
			worst, at = share, p
		}
	}
	if worst > r.UnavailableMost {
		return excluded(Measured, "%s of the uses went without an answer", percentWord(worst)).citing(unanswered([]proof{at})...)
	}
	return meets(Measured, "it declares %s while its store is away, and at most %s of the uses went without an answer", word, percentWord(worst)).citing(unanswered(tried)...)
}

// untried is a store of the arm that no trial took away, or "".
func (c *candidate) untried(tried []proof) string {
	for _, kind := range c.arm.Needs {
		if len(c.arm.Needs) == 1 {
			return ""
		}
		found := false
		for _, p := range tried {
			found = found || p.Chaos.Settings["store"] == kind || p.fault(func(f results.Fault) bool { return strings.Contains(f.On, kind) })
		}
		if !found {
			return kind
		}
	}
	return ""
}

// unansweredShare is the share of uses of live credentials that were not answered
// with a yes while the store was away.
func unansweredShare(p proof) float64 {
	a := during(p).Accounting
	return float64(a.Scheduled-a.OK) / float64(a.Scheduled)
}

func unanswered(tried []proof) []Cite {
	var cites []Cite
	for _, p := range tried {
		s := during(p)
		cites = append(cites, p.cite("%s uses of live credentials ok in %s without the store, %s unavailable", number.Of(s.Accounting.OK, s.Accounting.Scheduled), number.Span(s.DurationNS/1e6*1e6), number.Integer(s.Unavailable)))
	}
	return cites
}
