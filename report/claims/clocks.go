package claims

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// skewed is what a sweep of skews showed, against true time.
type skewed struct {
	placed
	leeway                         time.Duration
	within, withinOf               int64 // live credentials refused, clocks apart by no more than the leeway
	beyond, beyondOf               int64 // the same, apart by more
	longer, longerOf               int64 // ended ones accepted, at any skew
	withinSkews, beyondSkews, zero int
}

// skewsIn reads a table of skews.
func skewsIn(p placed) skewed {
	s := skewed{placed: p}
	s.leeway, _ = time.ParseDuration(p.setting("leeway", "0s"))
	for _, r := range p.table.Rows {
		refused, of := p.counts(r.Label, "wrongly refused")
		accepted, ended := p.counts(r.Label, "wrongly accepted")
		switch {
		case r.X == nil:
			continue
		case *r.X == 0:
			s.zero++
		case max(*r.X, -*r.X) <= s.leeway.Seconds():
			s.withinSkews++
		default:
			s.beyondSkews++
			s.beyond, s.beyondOf = s.beyond+refused, s.beyondOf+of
			s.longer, s.longerOf = s.longer+accepted, s.longerOf+ended
			continue
		}
		s.within, s.withinOf = s.within+refused, s.withinOf+of
		s.longer, s.longerOf = s.longer+accepted, s.longerOf+ended
	}
	return s
}

// counts are a count and of how many it is.
func (p placed) counts(row, column string) (n, of int64) {
	c, ok := p.table.Cell(row, column)
	if !ok || c.Value == nil {
		return 0, 0
	}
	words := strings.Fields(c.Text)
	if len(words) == 2 && words[0] == "of" {
		of, _ = strconv.ParseInt(words[1], 10, 64)
	}
	return int64(*c.Value), of
}

const trySkews = "authbench run clock-skew --arm jwt-es256 --set how=sweep"

// goesOnUnderSkew: C38. It goes on as long as clocks differ by less than what is
// forgiven.
func goesOnUnderSkew(b *evidence.Board) Finding {
	list, unfit := placedOf(b, "clock-skew", "sweep", "of tokens", trySkews, func(c *trialCase) bool { return token(c.Ref) })
	if unfit != nil {
		return *unfit
	}
	var cites []Cite
	var parts []string
	var within, beyond int64
	for _, p := range list {
		s := skewsIn(p)
		if s.withinOf == 0 || s.beyondOf == 0 {
			continue
		}
		cites = append(cites, p.cite("sweep"))
		within, beyond = within+s.within, beyond+s.beyond+s.longer
		parts = append(parts, fmt.Sprintf("%s, leeway %s: %s live tokens wrongly refused with a node off by no more than that, %s by more; %s expired ones accepted",
			p.Arm, s.leeway, number.Of(s.within, s.withinOf), number.Of(s.beyond, s.beyondOf), number.Of(s.longer, s.longerOf)))
	}
	if len(cites) == 0 {
		return missing("no live token was used under skews on both sides of the leeway", trySkews)
	}
	says := "Of uses, against true time: " + strings.Join(parts, "; ") + "."
	switch {
	case within > 0:
		return found(Contradicted, cites, says)
	case beyond > 0:
		return found(Depends, cites, says).on("by how much clocks differ: up to the leeway no live token is refused; beyond it live ones are refused or expired ones accepted, for as long as the difference")
	}
	return found(Supported, cites, says)
}

const tryTimeouts = "authbench run lifetime --arm jwt-es256 --arm session-redis --set how=timeouts"

// sessionsExtend: C18. What use did to the end of a credential.
func sessionsExtend(b *evidence.Board) Finding {
	list, unfit := placedOf(b, "lifetime", "ends", "in which the end of a credential is searched for", tryTimeouts, func(c *trialCase) bool { return c.Ref.Mechanism != "none" })
	if unfit != nil {
		return *unfit
	}
	var cites []Cite
	var parts []string
	fixed, extended := map[bool][]string{}, map[bool][]string{} // by whether it is a session
	for _, p := range list {
		unused, ok := p.value("not used", "ended after")
		if !ok || len(p.table.Rows) < 2 {
			continue
		}
		longest := unused
		for _, r := range p.table.Rows {
			if v, ok := p.value(r.Label, "ended after"); ok {
				longest = max(longest, v)
			}
		}
		isSession := !token(p.Ref) && p.Ref.Mechanism != "hybrid"
		if longest > unused {
			extended[isSession] = append(extended[isSession], p.Arm)
			parts = append(parts, fmt.Sprintf("%s ended after %s unused, and after %s in use", p.Arm, seconds(unused), seconds(longest)))
		} else {
			fixed[isSession] = append(fixed[isSession], p.Arm)
			parts = append(parts, fmt.Sprintf("%s ended after %s however it was used", p.Arm, seconds(unused)))
		}
		cites = append(cites, p.cite("ends"))
	}
	says := "On clocks set by the test: " + listing(parts) + "."
	tokens, sessions := len(fixed[false])+len(extended[false]), len(fixed[true])+len(extended[true])
	switch {
	case tokens == 0 || sessions == 0:
		return missing("it takes a token and a session", tryTimeouts).near(cites, "%s", says)
	case len(extended[false]) > 0 || len(extended[true]) == 0:
		return found(Contradicted, cites, says)
	case len(fixed[true]) > 0:
		return found(Depends, cites, says).on("where the session is kept: use extends %s, not %s", listing(extended[true]), listing(fixed[true]))
	}
	return found(Supported, cites, says)
}

// seconds prints a time of a table: 1.3 s, 15m5s, 12h.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Minute {
		return number.Lasted(d.Nanoseconds())
	}
	text := d.Round(time.Second).String()
	if short, whole := strings.CutSuffix(text, "m0s"); whole {
		text = strings.TrimSuffix(short+"m", "h0m")
		if !strings.HasSuffix(text, "m") {
			text += "h"
		}
	}
	return text
}

const tryLives = "authbench run lifetime --arm jwt-es256 --arm jwt-es256+denylist"

// swept is what lives of an access token come to.
type swept struct {
	placed
	grows bool // the longer the life, the longer a token works after its log-out
}

func sweptOf(b *evidence.Board) ([]swept, *Finding) {
	list, unfit := placedOf(b, "lifetime", "lives", "with access tokens of several lives", tryLives, func(c *trialCase) bool { return c.Ref.Mechanism != "none" })
	if unfit != nil {
		return nil, unfit
	}
	var out []swept
	for _, p := range list {
		lived := slices.DeleteFunc(slices.Clone(p.table.Rows), func(r results.Row) bool { return r.X == nil || p.said(r.Label, "longest exposure") != "" })
		if len(lived) < 2 {
			continue
		}
		first, last := lived[0], lived[len(lived)-1]
		short, ok := p.value(first.Label, "longest exposure")
		long, also := p.value(last.Label, "longest exposure")
		if ok && also {
			out = append(out, swept{p, long-short > (*last.X-*first.X)/2})
		}
	}
	if len(out) == 0 {
		f := missing("no life was lived through", tryLives)
		return nil, &f
	}
	return out, nil
}

// said are the words of a cell.
func (p placed) said(row, column string) string {
	c, _ := p.table.Cell(row, column)
	return c.Text
}

// at says what a life comes to: "15m: up to 901 s (reckoned), refreshing 0.2 % of the CPU".
func (s swept) at(label string) (text string, share float64, ok bool) {
	longest, ok := s.value(label, "longest exposure")
	if !ok {
		return "", 0, false
	}
	text = fmt.Sprintf("%s: up to %s", label, seconds(longest))
	if said := s.said(label, "longest exposure"); said != "" {
		text += " (" + said + ")"
	}
	if share, ok = s.value(label, "refreshing"); ok {
		percent := number.Short(share)
		if share < .01 {
			percent = "below 0.01"
		}
		text += fmt.Sprintf(", refreshing %s%s%% of the CPU", percent, number.NBSP)
	}
	return text, share, ok
}

// cheap is the share of the CPU below which refreshing is no reason for a longer life.
const cheap = 5.0

// fifteenMinutes: C14. A rule about a price: exposure is bought with refreshes.
func fifteenMinutes(b *evidence.Board) Finding {
	list, unfit := sweptOf(b)
	if unfit != nil {
		f := quarterOfAnHour(b)
		f.Why, f.Would = "no run swept lifetimes against the cost of refreshing", tryLives
		return f
	}
	var cites []Cite
	var parts, grow, bounded []string
	dear := false
	for _, s := range list {
		var lives []string
		for _, label := range []string{"1m", "15m", "24h"} {
			text, share, ok := s.at(label)
			if ok {
				lives = append(lives, text)
			}
			dear = dear || label == "15m" && share >= cheap
		}
		cites = append(cites, s.cite("lives"))
		if s.grows {
			grow = append(grow, s.Arm)
			parts = append(parts, s.Arm+", "+strings.Join(lives, "; "))
		} else {
			bounded = append(bounded, s.Arm)
			longest, _ := s.value("15m", "longest exposure")
			parts = append(parts, fmt.Sprintf("%s: up to %s at every life", s.Arm, seconds(longest)))
		}
	}
	says := "A token worked after the log-out of its owner: " + strings.Join(parts, ". ") + "."
	switch {
	case len(grow) == 0:
		return missing("only arms were tried whose log-out ends a token before it expires", tryLives).near(cites, "%s", says)
	case len(bounded) > 0:
		return found(Depends, cites, says).on("whether anything but expiry ends a token: it does not with %s, and it does with %s, where a long life exposes nobody", listing(grow), listing(bounded))
	case dear:
		return found(Depends, cites, says).on("how often a user uses a token: refreshing is a noticeable part of the CPU at 15 min already")
	}
	return found(Supported, cites, says, "A longer life adds exposure and saves next to nothing.")
}

// shortExpiryLimits: C20. An access token that was stolen dies with its expiry; one that
// makes new ones does not.
func shortExpiryLimits(b *evidence.Board) Finding {
	f := expiryLimits(b)
	list, unfit := sweptOf(b)
	if unfit != nil || f.Status == Contradicted {
		return f
	}
	var says []string
	var cites []Cite
	if f.Status == Supported {
		says, cites = append(says, f.Says), f.Cites
	}
	for _, s := range list {
		if !s.grows {
			continue
		}
		beyond, reason, ok := s.verdict("exposure")
		if !ok {
			continue
		}
		cites = append(cites, s.cite("lives"))
		var lives []string
		for _, r := range s.table.Rows {
			if longest, ok := s.value(r.Label, "longest exposure"); ok && s.said(r.Label, "longest exposure") == "" {
				lives = append(lives, fmt.Sprintf("%s with a life of %s", seconds(longest), r.Label))
			}
		}
		says = append(says, fmt.Sprintf("%s worked after a log-out for up to %s.", s.Arm, listing(lives)))
		if beyond > 0 {
			return found(Contradicted, cites, append(says, fmt.Sprintf("%d uses were accepted beyond expiry and leeway, %s.", int(beyond), reason))...)
		}
	}
	if len(cites) == 0 {
		return f
	}
	again, told, more := refreshedAgain(b)
	if len(again) > 0 {
		return found(Depends, append(cites, more...), append(says, told...)...).on("what is stolen: an access token ends with its expiry, but a refresh token that can be traded in again makes new ones (%s)", listing(again))
	}
	return found(Supported, append(cites, more...), append(says, told...)...)
}

// refreshedAgain are the arms that traded a used refresh token in once more, with no
// grace to excuse it.
func refreshedAgain(b *evidence.Board) (again, told []string, cites []Cite) {
	list, unfit := placedOf(b, "lifetime", "grace", "with refresh tokens that are played again", "", func(*trialCase) bool { return true })
	if unfit != nil {
		return nil, nil, nil
	}
	for _, p := range list {
		var accepted, of int64
		for _, r := range p.table.Rows {
			n, all := p.counts(r.Label, "accepted outside")
			accepted, of = accepted+n, of+all
		}
		if of == 0 {
			continue
		}
		if accepted > 0 {
			again = append(again, p.Arm)
		}
		told = append(told, fmt.Sprintf("%s accepted %s refresh tokens that had been traded in before.", p.Arm, number.Of(accepted, of)))
		cites = append(cites, p.cite("grace"))
	}
	return again, told, cites
}
