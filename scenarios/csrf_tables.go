package scenarios

import (
	"fmt"

	"authbench/results"
)

// The checks of scenario csrf.
const (
	CheckForged    = "forged-changes" // changes that another site's page made in the user's name
	CheckReadable  = "answers-read"   // answers for the user that such a page could read
	CheckOwnChange = "own-change"     // the control: the user can make it
)

// modeWords are the kinds of cookie as columns.
func modeWords(mode string) string {
	switch mode {
	case siteOwn:
		return "the arm’s own"
	case siteDefault:
		return "none given"
	}
	return mode
}

func (x *crossSite) conclude() {
	x.countTable()
	x.requestTable()
	x.lootTable()
	if x.cookie != "" {
		x.flagTable()
		x.ageTable()
	}
	x.csrfVerdicts()
	x.csrfTold()
}

// counts are what was forged with one kind of cookie.
type counts struct{ tried, sent, attached, would, changed, read int }

// count counts what was forged on pages of a host.
func (a attempts) count(from string) (n counts) {
	for _, one := range a.all {
		if one.from != from {
			continue
		}
		for _, c := range []struct {
			is bool
			n  *int
		}{{true, &n.tried}, {one.sent, &n.sent}, {one.attached, &n.attached}, {one.would, &n.would}, {one.changed, &n.changed}, {one.read, &n.read}} {
			if c.is {
				*c.n++
			}
		}
	}
	return n
}

// kindOf says what carries the credential.
func (x *crossSite) kindOf(mode string) string {
	switch {
	case x.cookie == "":
		return "in local storage, sent in a header"
	case mode == siteOwn && x.own == siteDefault:
		return "in a cookie, as the arm has it: no SameSite"
	case mode == siteOwn:
		return "in a cookie, as the arm has it: SameSite=" + x.own
	case mode == siteDefault:
		return "in a cookie, no SameSite"
	}
	return "in a cookie, SameSite=" + mode
}

func (x *crossSite) countTable() {
	table := newTable("forged", "Requests that pages of another site, and of a neighbour on the shop’s own site, had the browser of a user send who was logged in. Without a defence is at a shop that looks at the credential alone: the same request, with the right CSRF token and type of body, and no word of where it is from.",
		results.Column{Name: "from, and where the credential is"},
		results.Column{Name: "tried"},
		results.Column{Name: "sent", Meaning: "the browser asks first for others (CORS)"},
		results.Column{Name: "with the credential"},
		results.Column{Name: "would have changed", Meaning: "without a defence"},
		results.Column{Name: "changed", Meaning: "the user’s state"},
		results.Column{Name: "read", Meaning: "by the page"})
	for _, from := range []struct{ host, words string }{{attackerHost, "another site, "}, {siblingHost, "a neighbour, "}} {
		for _, f := range x.found {
			n := f.count(from.host)
			addRow(table, from.words+x.kindOf(f.mode), counted(n.tried), counted(n.sent), counted(n.attached), counted(n.would), counted(n.changed), counted(n.read))
		}
	}
	x.t.keep(table)
}

// fateOf is what became of a forged request, in a word.
func fateOf(a attempt) string {
	switch {
	case a.changed:
		return "CHANGED"
	case a.read:
		return "READ"
	case !a.sent:
		return "not sent"
	case a.would:
		return "refused"
	case a.attached:
		return "attached"
	}
	return "without"
}

func (x *crossSite) requestTable() {
	modes := []string{siteOwn, "None", "Lax", "Strict", siteDefault}
	var columns []results.Column
	for _, mode := range modes {
		columns = append(columns, results.Column{Name: modeWords(mode)})
	}
	columns[len(columns)-1].Meaning = "and just set"
	table := newTable("requests", "What the browser did with each of them, by SameSite of the cookie. Attached: it sent the credential along; refused: likewise, and only the shop’s defence stood against a change; without: it sent no credential; not sent: it asked first, and was not allowed.",
		results.Column{Name: "forged request"}, columns...)
	for i, f := range forgeries() {
		var cells []results.Cell
		for _, mode := range modes {
			cells = append(cells, x.fateCell(mode, i))
		}
		addRow(table, f.words, cells...)
	}
	x.t.keep(table)
}

func (x *crossSite) fateCell(mode string, i int) results.Cell {
	if mode == x.own {
		mode = siteOwn
	}
	for _, f := range x.found {
		if f.mode == mode {
			return word("%s", fateOf(f.all[i]))
		}
	}
	if x.cookie == "" {
		return word("–") // there is no cookie
	}
	return none("not measured")
}

func yes(b bool) results.Cell {
	if b {
		return word("yes")
	}
	return word("no")
}

func (x *crossSite) lootTable() {
	table := newTable("scripts", "What a script can do that somebody has put into a page of the shop’s own, by where the credential is.",
		results.Column{Name: "kept in"},
		results.Column{Name: "read", Meaning: "the credential"},
		results.Column{Name: "used elsewhere", Meaning: "by who was sent it"},
		results.Column{Name: "used from the page", Meaning: "for the user’s data"},
		results.Column{Name: "changed from the page", Meaning: "with what it knows"})
	for _, l := range x.loot {
		addRow(table, l.where, yes(l.read), yes(l.elsewhere), yes(l.used), yes(l.changed))
	}
	x.t.keep(table)
}

func (x *crossSite) flagTable() {
	table := newTable("attributes", "What the browser did with the cookie when it lacked something, and whether it took one of its name for the shop that another host of the same site had set.",
		results.Column{Name: "cookie"},
		results.Column{Name: "kept", Meaning: "by the browser"},
		results.Column{Name: "read by a script"},
		results.Column{Name: "sent without TLS"},
		results.Column{Name: "planted by a neighbour", Meaning: "one of its name"})
	for _, f := range x.flags {
		addRow(table, f.name, yes(f.kept), yes(f.read), yes(f.inPlain), yes(f.planted))
	}
	x.t.keep(table)
}

func (x *crossSite) ageTable() {
	table := newTable("age", "Is a cookie without SameSite attached, as it ages? Browsers that take it for Lax make an exception for POST while it is new.",
		results.Column{Name: "age", Unit: "s"},
		results.Column{Name: "link, GET"}, results.Column{Name: "form, POST"})
	for i, a := range x.aged {
		label := "just set"
		if i > 0 {
			label = fmt.Sprintf("%.0f s", a.age.Seconds())
		}
		addAt(table, a.age.Seconds(), label, yes(a.link.attached), yes(a.form.attached))
	}
	x.t.keep(table)
}

func (x *crossSite) csrfVerdicts() {
	var sum counts
	for _, f := range x.found {
		for _, from := range []string{attackerHost, siblingHost} {
			n := f.count(from)
			sum.tried, sum.changed, sum.read = sum.tried+n.tried, sum.changed+n.changed, sum.read+n.read
		}
		for _, a := range f.all {
			if a.changed {
				x.breach(CheckForged, "%s from %s, credential %s: it changed the user’s state, status %d", a.words, a.from, x.kindOf(f.mode), a.status)
			}
			if a.read {
				x.breach(CheckReadable, "%s from %s, credential %s: the page read the answer, status %d", a.words, a.from, x.kindOf(f.mode), a.status)
			}
		}
	}
	own := results.Verdict{Check: CheckOwnChange, Status: results.Pass, Reason: x.control}
	if x.control != "" {
		own.Status = results.Unknown
	}
	x.t.judge(own)
	x.t.judge(x.csrfVerdict(CheckForged, sum.changed, sum.tried, "changed something"))
	x.t.judge(x.csrfVerdict(CheckReadable, sum.read, sum.tried, "could be read"))
}

func (x *crossSite) csrfVerdict(check string, wrong, tried int, what string) results.Verdict {
	v := results.Verdict{Check: check, Status: results.Pass, Measured: number(float64(wrong)), Bound: number(0), Unit: "forged requests"}
	switch {
	case wrong > 0:
		v.Status, v.Reason = results.Fail, fmt.Sprintf("%d of %d %s", wrong, tried, what)
	case x.control != "":
		v.Status, v.Measured, v.Reason = results.Unknown, nil, x.control+", so that a refusal says nothing"
	}
	return v
}

func (x *crossSite) breach(check, format string, args ...any) {
	c := x.t.chaos()
	c.Violations = append(c.Violations, results.Violation{Check: check, Summary: fmt.Sprintf(format, args...), Events: []results.Event{}})
}

func (x *crossSite) csrfTold() {
	n, near := x.found[0].count(attackerHost), x.found[0].count(siblingHost)
	x.tell("csrf.attached", "", float64(n.attached), "%s sent %d of %d requests that pages of another site had forged, and attached the credential (%s) to %d: %d changed anything, %d would have without a defence. Of %d of a neighbour on the same site it attached it to %d: %d and %d.",
		x.browser.Product(), n.sent, n.tried, x.kindOf(siteOwn), n.attached, n.changed, n.would, near.tried, near.attached, near.changed, near.would)
	for _, l := range x.loot[:1] {
		got := "did not get hold of the credential"
		if l.read {
			got = "read the credential"
			if l.elsewhere {
				got += ", which was then accepted elsewhere"
			}
		}
		use := "could not use it from the page"
		if l.used {
			use = "could act as the user from the page"
		}
		x.tell("csrf.script", "", one(l.read), "A script in a page of the shop’s own (credential in %s) %s, and %s.", l.where, got, use)
	}
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
