package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

const tryPoolSizes = "authbench run early-warning --arm session-redis --set how=pool-sizes"

// poolsMatter: C36. The same load over pools of several sizes: how many uses have to wait
// for a connection with one, and with the most? Without that, pools under faults.
func poolsMatter(b *evidence.Board) Finding {
	list, unfit := placedOf(b, "early-warning", "pool-sizes", "with pools of several sizes", tryPoolSizes, func(c *trialCase) bool { return session(c.Ref) })
	if unfit != nil {
		f := poolsNeeded(b)
		if f.Status == NotMeasured {
			f.Would = tryPoolSizes
		}
		return f
	}
	var cites []Cite
	var pro, con, open, says []string
	for _, p := range list {
		least, most := outermost(p.table)
		few, ok := p.table.Cell(least, "had to wait")
		many, also := p.table.Cell(most, "had to wait")
		if !ok || !also || least == most || few.Low == nil || few.High == nil || many.Low == nil || many.High == nil {
			continue
		}
		cites = append(cites, p.cite("pool-sizes"))
		text := fmt.Sprintf("of the uses of %s %s had to wait with a pool of %s, %s with %s", p.Arm, spanned(few), least, spanned(many), most)
		if slow, ok := p.value(least, "mean wait"); ok {
			text += fmt.Sprintf(" (those with %s for %s%sms in the mean)", least, number.Short(slow), number.NBSP)
		}
		if failed, ok := p.table.Cell(least, "not ok"); ok && failed.Value != nil {
			text += fmt.Sprintf("; with %s %s were not ok", least, spanned(failed))
		}
		says = append(says, text)
		switch {
		case *few.Low > *many.High:
			pro = append(pro, p.Arm)
		case *few.High < 1:
			con = append(con, p.Arm)
		default:
			open = append(open, p.Arm)
		}
	}
	told := "At the same load, " + strings.Join(says, "; ") + "."
	switch {
	case len(cites) == 0:
		return missing("no arm was tried with more than one size of pool", tryPoolSizes)
	case len(pro) > 0 && len(con)+len(open) == 0:
		return found(Supported, cites, told)
	case len(con) > 0 && len(pro)+len(open) == 0:
		return found(Contradicted, cites, told)
	case len(pro) > 0 && len(con) > 0:
		return found(Depends, cites, told).on("the store: it holds of %s, not of %s", listing(pro), listing(con))
	}
	return missing("inconclusive: the intervals overlap", tryPoolSizes).near(cites, "%s", told)
}

// outermost are the rows with the smallest and the largest X.
func outermost(t *results.Table) (least, most string) {
	rows := slices.DeleteFunc(slices.Clone(t.Rows), func(r results.Row) bool { return r.X == nil })
	if len(rows) == 0 {
		return "", ""
	}
	by := func(a, b results.Row) int { return int(*a.X - *b.X) }
	return slices.MinFunc(rows, by).Label, slices.MaxFunc(rows, by).Label
}

const tryWarnings = "authbench run early-warning --arm session-redis --set how=eviction && authbench run early-warning --arm session-redis --set how=pool"

// timeoutsAndWarnings: C44 has two halves. That sessions end at their idle and absolute
// timeouts is seen on clocks that the test sets; that evictions and full pools warn, by
// how long before users their signals move.
func timeoutsAndWarnings(b *evidence.Board) Finding {
	list, unfit := placedOf(b, "early-warning", "signals", "of sessions", tryWarnings, func(c *trialCase) bool {
		return session(c.Ref) && slices.Contains([]string{"pool", "eviction"}, c.setting("how", ""))
	})
	if unfit != nil {
		return *unfit
	}
	var cites []Cite
	var says, early, late []string
	seen := map[string]bool{}
	for _, p := range list {
		how := p.setting("how", "")
		name, lead, ok := p.earliest(map[string]string{"pool": "pool: ", "eviction": "redis: keys evicted"}[how])
		if !ok { // nobody suffered
			continue
		}
		seen[how] = true
		cites = append(cites, p.cite("signals"))
		where := how + " on " + p.Arm
		if lead > 0 {
			early = append(early, where)
			says = append(says, fmt.Sprintf("%s: %q moved %s before users suffered", where, name, seconds(lead)))
		} else {
			late = append(late, where)
			says = append(says, fmt.Sprintf("%s: no signal moved before users suffered", where))
		}
	}
	told := strings.Join(says, "; ") + "."
	if !seen["pool"] || !seen["eviction"] {
		return missing("it takes an eviction and a pool that runs full, under which users suffer", tryWarnings).near(cites, "%s", told)
	}
	ends, kept, endCites := endsOfSessions(b)
	if ends == "" {
		return missing("the timeouts were not tried", tryTimeouts).near(cites, "%s", told)
	}
	cites, told = append(cites, endCites...), told+" "+ends
	switch {
	case !kept:
		return found(Contradicted, cites, told)
	case len(late) == 0:
		return found(Supported, cites, told)
	case len(early) == 0:
		return found(Contradicted, cites, told)
	}
	return found(Depends, cites, told).on("what goes wrong: there is a warning of %s, none of %s", listing(early), listing(late))
}

// earliest is the signal, of those that begin with prefix, that moved first, and by how
// many seconds it came before users suffered. ok is false where they did not.
func (p placed) earliest(prefix string) (name string, lead float64, ok bool) {
	for _, r := range p.table.Rows {
		if !strings.HasPrefix(r.Label, prefix) {
			continue
		}
		if _, broke := p.value(r.Label, "users suffer"); !broke {
			continue
		}
		ok = true
		if v, moved := p.value(r.Label, "lead"); moved && (name == "" || v > lead) {
			name, lead = r.Label, v
		}
	}
	return name, lead, ok
}

// endsOfSessions says when sessions ended; kept is whether that was when they promise.
func endsOfSessions(b *evidence.Board) (says string, kept bool, cites []Cite) {
	list, unfit := placedOf(b, "lifetime", "ends", "of sessions", tryTimeouts, func(c *trialCase) bool { return session(c.Ref) })
	if unfit != nil {
		return "", false, nil
	}
	kept = true
	var parts []string
	for _, p := range list {
		met := 0
		for _, r := range p.table.Rows {
			ended, ok := p.value(r.Label, "ended after")
			promised, also := p.value(r.Label, "promised")
			if ok && also && ended == promised {
				met++
			}
		}
		kept = kept && met == len(p.table.Rows)
		parts = append(parts, fmt.Sprintf("%s in %s", p.Arm, number.Of(int64(met), int64(len(p.table.Rows)))))
		cites = append(cites, p.cite("ends"))
	}
	return fmt.Sprintf("Of ways to use a session, it ended to the millisecond at its idle or absolute timeout: %s.", listing(parts)), kept, cites
}
