package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
)

const tryBrowser = "authbench run csrf --arm session-redis --arm jwt-es256"

// crossed is what a browser did with forged requests for one arm.
type crossed struct{ placed }

// crossedOf lists the arms of a kind that stood before a browser.
func crossedOf(b *evidence.Board, what string, keep func(*trialCase) bool) ([]crossed, *Finding) {
	list, unfit := placedOf(b, "csrf", "forged", what, tryBrowser, keep)
	if unfit != nil {
		return nil, unfit
	}
	var out []crossed
	for _, p := range list {
		out = append(out, crossed{p})
	}
	return out, nil
}

// The beginnings and ends of the table's rows.
const (
	otherSite     = "another site, "
	inStorage     = "in local storage"
	noSameSite    = "no SameSite"
	withSameSites = "SameSite="
)

// ways are the rows of requests from another site.
func (c crossed) ways() (rows []string) {
	for _, r := range c.table.Rows {
		if strings.HasPrefix(r.Label, otherSite) {
			rows = append(rows, r.Label)
		}
	}
	return rows
}

// stored is the row of a credential in local storage.
func (c crossed) stored() (row string, ok bool) {
	for _, row := range c.ways() {
		if strings.HasPrefix(row, otherSite+inStorage) {
			return row, true
		}
	}
	return "", false
}

// sameSite is the row of a cookie with that SameSite.
func (c crossed) sameSite(value string) (row string, ok bool) {
	for _, row := range c.ways() {
		if strings.HasSuffix(row, withSameSites+value) {
			return row, true
		}
	}
	return "", false
}

// tells says how many of the forged requests had the credential: "jwt-es256 (in local
// storage, sent in a header) 0 of 18".
func (c crossed) tells(row, column string) string {
	return fmt.Sprintf("%s (%s) %s", c.Arm, strings.TrimPrefix(row, otherSite), number.Of(c.count(row, column), c.count(row, "tried")))
}

// notSentByItself: C34. Nothing but a script of the shop's own puts a token into a header.
func notSentByItself(b *evidence.Board) Finding {
	list, unfit := crossedOf(b, "with a credential in a header", func(c *trialCase) bool { return true })
	if unfit != nil {
		return *unfit
	}
	var says []string
	var cites []Cite
	attached := int64(0)
	for _, c := range list {
		row, ok := c.stored()
		if !ok {
			continue
		}
		for _, r := range c.table.Rows { // a neighbour's as well
			attached += c.count(r.Label, "with the credential")
		}
		says = append(says, c.tells(row, "with the credential"))
		cites = append(cites, c.cite("forged requests"))
	}
	if len(says) == 0 {
		return missing("no arm with a credential in a header stood before a browser", tryBrowser)
	}
	told := "Of the requests that pages of another site had a browser send, so many had the credential: " + listing(says) + "."
	if attached > 0 {
		return found(Contradicted, cites, told)
	}
	return found(Supported, cites, told)
}

// storageMoreOpen: C23. A token in local storage against a cookie with SameSite.
func storageMoreOpen(b *evidence.Board) Finding {
	list, unfit := crossedOf(b, "", func(*trialCase) bool { return true })
	if unfit != nil {
		return *unfit
	}
	var stored, cookies []string
	var cites []Cite
	most := int64(0) // requests with a token from local storage
	least := int64(-1)
	for _, c := range list {
		if row, ok := c.stored(); ok {
			most = max(most, c.count(row, "with the credential"))
			stored = append(stored, c.tells(row, "with the credential"))
			cites = append(cites, c.cite("forged requests"))
			continue
		}
		for _, value := range []string{"Lax", "Strict"} {
			if row, ok := c.sameSite(value); ok {
				if n := c.count(row, "with the credential"); least < 0 || n < least {
					least = n
				}
				cookies = append(cookies, c.tells(row, "with the credential"))
			}
		}
		cites = append(cites, c.cite("forged requests"))
	}
	if len(stored) == 0 || len(cookies) == 0 {
		return missing("it takes a token in local storage and a cookie with SameSite before a browser", tryBrowser)
	}
	told := fmt.Sprintf("Of the requests that pages of another site had a browser send, so many had the credential: %s; %s.", listing(stored), listing(cookies))
	if most > least {
		return found(Supported, cites, told)
	}
	return found(Contradicted, cites, told, "What a script can read is another matter: that is C24.")
}

// exposedByNature: C41. At a shop that looks at the credential alone, whether there is
// something to forge depends on SameSite; at the arm itself on its defence, too.
func exposedByNature(b *evidence.Board) Finding {
	list, unfit := crossedOf(b, "with sessions", func(c *trialCase) bool { return session(c.Ref) })
	if unfit != nil {
		return *unfit
	}
	var open, shut, says []string
	var cites []Cite
	var changed, tried int64
	for _, c := range list {
		cites = append(cites, c.cite("forged requests"))
		for _, row := range c.ways() {
			_, way, _ := strings.Cut(row, ": ")
			if way == "" {
				way = strings.TrimPrefix(row, otherSite+"in a cookie, ")
			}
			changed, tried = changed+c.count(row, "changed"), tried+c.count(row, "tried")
			says = append(says, c.tells(row, "would have changed"))
			if c.count(row, "would have changed") > 0 {
				open = append(open, way)
			} else {
				shut = append(shut, way)
			}
		}
	}
	slices.Sort(open)
	slices.Sort(shut)
	open, shut = slices.Compact(open), slices.Compact(shut)
	told := fmt.Sprintf("Of the requests that pages of another site had a browser send, so many would have changed something at a shop that looks at the session alone: %s. At the arms as they are, with their defence, %s did.",
		listing(says), number.Of(changed, tried))
	switch {
	case len(open) > 0 && len(shut) > 0:
		return found(Depends, cites, told).on("SameSite: changes can be forged with %s, not with %s (but for those that the browser lets through, such as a link, and for neighbours on the same site)", listing(open), listing(shut))
	case len(open) > 0:
		return missing("no cookie with SameSite=Lax or Strict stood beside it", tryBrowser).near(cites, "%s", told)
	}
	return missing("no cookie with SameSite=None stood beside it", tryBrowser).near(cites, "%s", told)
}

// builtIn: C45. The cookie is HttpOnly: does the browser keep it from forged requests?
func builtIn(b *evidence.Board) Finding {
	list, unfit := crossedOf(b, "with sessions", func(c *trialCase) bool { return session(c.Ref) })
	if unfit != nil {
		return *unfit
	}
	var says []string
	var cites []Cite
	attached := int64(0)
	for _, c := range list {
		row, ok := c.sameSite("None")
		if !ok || c.flag("as the arm sets it", "read by a script") != "no" { // it is not HttpOnly
			continue
		}
		attached += c.count(row, "with the credential")
		says = append(says, c.tells(row, "with the credential"))
		cites = append(cites, c.cite("forged requests"))
	}
	if len(says) == 0 {
		return missing("no cookie with HttpOnly and SameSite=None stood before a browser", tryBrowser)
	}
	told := "No script could read the cookie. Of the requests that pages of another site had a browser send, so many had it: " + listing(says) + "."
	if attached > 0 {
		return found(Contradicted, cites, told, "HttpOnly keeps scripts from reading; what is attached is decided by SameSite.")
	}
	return found(Supported, cites, told)
}

// flag is what the table of attributes says, "" where it says nothing.
func (c crossed) flag(row, column string) string {
	return saysCell(c.trialCase, "attributes", row, column)
}

func saysCell(c *trialCase, table, row, column string) string {
	t := lastTable(c, table)
	if t == nil {
		return ""
	}
	cell, _ := t.Cell(row, column)
	return cell.Text
}

// storedSecurely: C24.
func storedSecurely(b *evidence.Board) Finding {
	list, unfit := crossedOf(b, "with a token in local storage", func(c *trialCase) bool {
		return saysCell(c, "scripts", "local storage", "read") != ""
	})
	if unfit != nil {
		return *unfit
	}
	var read, kept []string
	var cites []Cite
	for _, c := range list {
		text := c.Arm
		if saysCell(c.trialCase, "scripts", "local storage", "used elsewhere") == "yes" {
			text += " (which was then accepted elsewhere)"
		}
		if saysCell(c.trialCase, "scripts", "local storage", "read") == "yes" {
			read = append(read, text)
		} else {
			kept = append(kept, c.Arm)
		}
		cites = append(cites, c.cite("scripts"))
	}
	if len(read) == 0 {
		return found(Supported, cites, "A script in the page did not get hold of the token of "+listing(kept)+".")
	}
	told := "A script in the page read the token of " + listing(read) + "."
	others, _ := crossedOf(b, "", func(c *trialCase) bool { return saysCell(c, "scripts", "cookie, HttpOnly", "read") != "" })
	for _, c := range others {
		if saysCell(c.trialCase, "scripts", "cookie, HttpOnly", "read") == "no" {
			told += fmt.Sprintf(" It could not read the HttpOnly cookie of %s", c.Arm)
			if saysCell(c.trialCase, "scripts", "cookie, HttpOnly", "used from the page") == "yes" {
				told += ", but act as the user from the page"
			}
			told += "."
			cites = append(cites, c.cite("scripts"))
			break
		}
	}
	return found(Contradicted, cites, told)
}

// flagsNeeded: C25. A flag is needed if its lack lets something through.
func flagsNeeded(b *evidence.Board) Finding {
	list, unfit := crossedOf(b, "with a cookie", func(c *trialCase) bool { return lastTable(c, "attributes") != nil })
	if unfit != nil {
		return *unfit
	}
	var says, idle []string
	var cites []Cite
	for _, c := range list {
		needed, useless := c.lacks()
		says = append(says, fmt.Sprintf("%s: %s", c.Arm, strings.Join(append(needed, useless...), ", ")))
		idle = append(idle, useless...)
		cites = append(cites, c.cite("attributes of the cookie"))
		if len(needed)+len(useless) < 3 {
			return missing("not every flag was left out of the cookie before a browser", tryBrowser).near(cites, "%s.", strings.Join(says, "; "))
		}
	}
	told := "What the browser did without each. " + strings.Join(says, "; ") + "."
	audited, more := auditOf(b, "G1", "a cookie was set otherwise by")
	if audited != "" {
		told += " In a probe (G1), " + audited + "."
	}
	cites = append(cites, more...)
	if len(idle) > 0 {
		return found(Depends, cites, told).on("the flag: nothing came of the lack of %s", listing(idle))
	}
	return found(Supported, cites, told)
}

// lacks says what came of the lack of each flag, in words: with an effect, and without.
func (c crossed) lacks() (needed, useless []string) {
	add := func(flag, known string, opened bool, what string) {
		switch {
		case known == "":
		case opened:
			needed = append(needed, "without "+flag+" "+what)
		default:
			useless = append(useless, flag)
		}
	}
	read := c.flag("without HttpOnly", "read by a script")
	add("HttpOnly", read, read == "yes", "a script read it")
	plain := c.flag("without Secure", "sent without TLS")
	what := "it was sent without TLS"
	if c.flag("without Secure", "kept") == "no" {
		what = "the browser refused it for its name (__Host-), and under another name sent it without TLS"
		plain = c.flag("without __Host- and Secure", "sent without TLS")
	}
	add("Secure", plain, plain == "yes", what)
	if row, ok := c.sameSite("None"); ok {
		n := c.count(row, "would have changed")
		add("SameSite", "yes", n > 0, fmt.Sprintf("(None) %s forged requests would have made a change without another defence", number.Of(n, c.count(row, "tried"))))
	}
	return needed, useless
}
