package claims

import (
	"fmt"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
)

// The primary metrics: what conclusions may be drawn from.
var primaries = [...]string{"p50", "cpu"}

// duel is every plain token beside every session that has a store.
type duel struct {
	costs
	tokens, sessions []*evidence.Arm
	count            [4]int      // pairs and metrics by the standing of the token
	told             [4][]string // in words: "jwt-hs256 beside session-redis (p50 and CPU)"
}

// duelOf holds tokens against sessions, or says why it cannot be.
func duelOf(b *evidence.Board) (duel, *Finding) {
	c, unfit := costsOf(b)
	if unfit != nil {
		return duel{}, unfit
	}
	d := duel{costs: c, tokens: c.arms(plainToken), sessions: c.arms(storedSession)}
	const command = "authbench bench --arm session-redis --arm session-mysql --arm jwt-hs256 --arm jwt-rs256 --arm jwt-es256"
	switch {
	case len(d.tokens) == 0:
		f := c.without(plainToken, "token arm", command)
		return d, &f
	case len(d.sessions) == 0:
		f := c.without(storedSession, "session arm with a store", command)
		return d, &f
	}
	for _, t := range d.tokens {
		won := [4][]string{}
		for _, s := range d.sessions {
			metrics := [4][]string{}
			for _, m := range primaries {
				p := c.place(t, s, m)
				metrics[p] = append(metrics[p], strings.ReplaceAll(m, "cpu", "CPU"))
				d.count[p]++
			}
			for p, list := range metrics {
				if len(list) > 0 {
					won[p] = append(won[p], fmt.Sprintf("%s (%s)", s.Name, listing(list)))
				}
			}
		}
		for p, list := range won {
			if len(list) > 0 {
				d.told[p] = append(d.told[p], t.Name+" beside "+listing(list))
			}
		}
	}
	return d, nil
}

// says prints every arm of the duel beside the baseline.
func (d *duel) says() string {
	var parts []string
	for _, a := range append(append([]*evidence.Arm(nil), d.tokens...), d.sessions...) {
		if text := d.figures(a, primaries[:]...); a.Name != d.Run.Baseline && text != "" {
			parts = append(parts, text)
		}
	}
	text := fmt.Sprintf("Beside %s: %s.", d.Run.Baseline, strings.Join(parts, "; "))
	if len(d.sessions) > 1 {
		text += fmt.Sprintf(" Two other arms are told apart where %s lies between them.", d.Run.Baseline)
	}
	return text
}

func (d *duel) cites() []Cite {
	var out []Cite
	for _, a := range append(append([]*evidence.Arm(nil), d.tokens...), d.sessions...) {
		if a.Name != d.Run.Baseline {
			out = append(out, d.citeCompared(a, primaries[:]...)...)
		}
	}
	return out
}

// verdict is how the duel ends for who says that tokens are quicker, or, turned,
// sessions.
func (d *duel) verdict(turned bool) Finding {
	says, cites := d.says(), d.cites()
	pro, con, even, open := d.count[below], d.count[above], d.count[level], d.count[unsettled]
	if turned {
		pro, con = con, pro
	}
	switch {
	case pro > 0 && con+even > 0:
		return found(Depends, cites, says).on("%s", d.onWhat())
	case open > 0 || pro+con+even == 0:
		return missing(fmt.Sprintf("inconclusive: %d of %d comparisons are not settled", open, open+pro+con+even),
			"authbench bench --blocks 24").near(cites, "%s", says)
	case pro > 0:
		return found(Supported, cites, says)
	}
	return found(Contradicted, cites, says)
}

// onWhat names both sides.
func (d *duel) onWhat() string {
	var parts []string
	for _, side := range []struct {
		word string
		list []string
	}{{"Tokens win:", d.told[below]}, {"Sessions win:", d.told[above]}, {"Equivalent:", d.told[level]}, {"Not settled:", d.told[unsettled]}} {
		if len(side.list) > 0 {
			parts = append(parts, side.word+" "+strings.Join(side.list, ", "))
		}
	}
	return "algorithm, store and metric. " + strings.Join(parts, ". ")
}

// tokensFaster: C16.
func tokensFaster(b *evidence.Board) Finding {
	d, unfit := duelOf(b)
	if unfit != nil {
		return *unfit
	}
	return d.verdict(false)
}

// sessionsFaster: C46. Its database is MySQL, and so is one of our stores.
func sessionsFaster(b *evidence.Board) Finding {
	d, unfit := duelOf(b)
	if unfit != nil {
		return *unfit
	}
	return d.verdict(true)
}

// lowersLatency: C11. It speaks of distributed environments: as long as the round
// trip to the store is that of one machine, it can be said to depend, and no more.
func lowersLatency(b *evidence.Board) Finding {
	d, unfit := duelOf(b)
	if unfit != nil {
		return *unfit
	}
	var pro, con, says []string
	var cites []Cite
	for _, t := range d.tokens {
		cmp, _, ok := d.Compared(t.Name, "p50")
		if !ok {
			continue
		}
		switch d.beside(t, "p50") {
		case below:
			pro = append(pro, t.Name+", "+inside(cmp.Ratio.Lo, cmp.Ratio.Hi))
		case above, level:
			con = append(con, t.Name)
		}
		if text := d.figures(t, "p50"); text != "" {
			says = append(says, text)
		}
		cites = append(cites, d.citeCompared(t, "p50")...)
	}
	text := fmt.Sprintf("Beside %s, with the store on the same machine: %s.", d.Run.Baseline, strings.Join(says, "; "))
	if far := d.breakEven(); far != "" {
		text += " " + far
	}
	switch {
	case len(says) == 0:
		return missing("no token arm was compared with "+d.Run.Baseline, "authbench bench --baseline session-redis")
	case len(pro) > 0 && len(con) > 0:
		return found(Depends, cites, text).on("the algorithm and the round trip to the store: lower here with %s; not lower with %s. The round trip was not varied", listing(pro), listing(con))
	}
	return missing("it is about distributed environments, and the round trip to the store was not varied", "").near(cites, "%s", text)
}

// inside says where the interval of a ratio lies beside the claimed 30 to 50 %.
func inside(lo, hi float64) string {
	switch {
	case lo >= .5 && hi <= .7:
		return "by 30 to 50 %"
	case hi < .5:
		return "by more than 50 %"
	case lo > .7:
		return "by less than 30 %"
	}
	return "by an amount whose interval reaches beyond 30 to 50 %"
}

// breakEven is arithmetic, and says so.
func (d *duel) breakEven() string {
	var parts []string
	for _, e := range d.BreakEvens() {
		if e.Missing == "" && e.Session.Name == d.Run.Baseline && d.beside(e.Token, "p50") == above && e.Lo > 0 {
			parts = append(parts, fmt.Sprintf("%s to %s µs longer for %s", number.Micros(e.Lo), number.Micros(e.Hi), e.Token.Name))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("By arithmetic, not by measurement, the medians are equal where the round trip is %s.", listing(parts))
}
