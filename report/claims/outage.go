package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// outage is a case in which a store failed, with what users saw.
type outage struct {
	*evidence.Tried // both of the others have it
	*trialCase
	evidence.Outage
}

// disturbed lists the cases in which a store failed and the load was measured,
// whatever the scenario.
func disturbed(b *evidence.Board, keep func(*trialCase) bool) []*outage {
	var out []*outage
	for _, scenario := range []string{"redis-outage", "mysql-outage", "eviction", "pool-exhaustion"} {
		list, unfit := casesOf(b, scenario, "", keep)
		if unfit != nil {
			continue
		}
		for _, c := range list {
			if o, ok := c.Outage(); ok && o.During.Blocks > 0 {
				out = append(out, &outage{c.Tried, c, o})
			}
		}
	}
	return out
}

// noOutage says why there is none to judge.
func noOutage(b *evidence.Board, scenario, command string, keep func(*trialCase) bool) Finding {
	_, unfit := casesOf(b, scenario, "of sessions under such a fault", keep)
	if unfit == nil {
		return missing("no case of "+scenario+" measured what users saw", command)
	}
	unfit.Would = command
	return *unfit
}

func pick(list []*outage, keep func(*outage) bool) []*outage {
	return slices.DeleteFunc(slices.Clone(list), func(o *outage) bool { return !keep(o) })
}

// met says what users saw: "session-redis (kill-empty): users saw 291 unavailable;
// log-ins 0 of 20; afterwards 70 of 70 live refused; recovery 305 ms".
func (o *outage) met() string {
	text := fmt.Sprintf("%s: users saw %s", o.name(), o.Saw())
	for _, t := range []struct {
		what string
		n    results.Tries
	}{{"log-ins", o.LoginsDuring}, {"log-outs", o.LogoutsDuring}} {
		if all := t.n.OK + t.n.Failed; all > 0 {
			text += fmt.Sprintf(", %s %s", t.what, number.Of(t.n.OK, all))
		}
	}
	if o.LiveAsked > 0 {
		text += fmt.Sprintf(", afterwards %s live refused", number.Of(o.Lost, o.LiveAsked))
	}
	if o.Recover != "–" && o.Recover != "0" {
		text += ", recovery " + o.Recover
	}
	return text
}

func tellOutages(list []*outage, what string) (says string, cites []Cite) {
	var parts []string
	for _, o := range list {
		parts = append(parts, o.met())
		cites = append(cites, o.cite(what))
	}
	return strings.Join(parts, "; ") + ".", cites
}

func cases(list []*outage) string {
	var words []string
	for _, o := range list {
		words = append(words, o.name())
	}
	return listing(words)
}

// split judges a claim by outages that agree and others that do not.
func split(pro, con []*outage, what, on string) Finding {
	says, cites := tellOutages(append(slices.Clone(pro), con...), what)
	switch {
	case len(pro) > 0 && len(con) > 0:
		return found(Depends, cites, says).on("%s: it holds of %s, not of %s", on, cases(pro), cases(con))
	case len(pro) > 0:
		return found(Supported, cites, says)
	}
	return found(Contradicted, cites, says)
}

// onlyStore is what a run without restarts of nodes leaves open.
const onlyStore = " This is the restart of a store; that of a node and a change of network were not measured."

// rebootDisrupts: C04, as far as the reboot of a store goes.
func rebootDisrupts(b *evidence.Board) Finding {
	keep := func(c *trialCase) bool {
		return session(c.Ref) && len(c.Ref.Needs) > 0 && slices.Contains([]string{"kill", "kill-empty", "restore-old"}, c.Fault)
	}
	list := pick(disturbed(b, keep), func(o *outage) bool { return o.LiveAsked > 0 })
	if len(list) == 0 {
		return noOutage(b, "redis-outage", "authbench run redis-outage --arm session-redis --set fault=kill", keep)
	}
	f := split(pick(list, func(o *outage) bool { return o.Lost > 0 }), pick(list, func(o *outage) bool { return o.Lost == 0 }),
		"live credentials refused", "whether the store comes back with its data")
	f.Says += onlyStore
	return f
}

// partitions are faults by which a store is there and cannot be reached.
func partition(fault string) bool {
	return slices.Contains([]string{"blackhole", "blackhole-up", "blackhole-down", "refuse", "reset", "connect-hang", "flap"}, fault)
}

// sessionsSuffer: C32.
func sessionsSuffer(b *evidence.Board) Finding {
	keep := func(c *trialCase) bool {
		return session(c.Ref) && len(c.Ref.Needs) > 0 && (c.Scenario == "eviction" || partition(c.Fault))
	}
	list := disturbed(b, keep)
	if len(list) == 0 {
		return noOutage(b, "eviction", "authbench run eviction --arm session-redis", keep)
	}
	hurt := func(o *outage) bool {
		return o.Lost > 0 || o.During.WronglyOut+o.After.WronglyOut > 0 || o.During.Accounting.NotOK() > 0
	}
	f := split(pick(list, hurt), pick(list, func(o *outage) bool { return !hurt(o) }), "uses during the fault", "the arm and the fault")
	seen := map[bool]bool{}
	for _, o := range list {
		seen[o.Scenario == "eviction"] = true
	}
	if !seen[true] {
		f.Says += " Eviction was not measured."
	} else if !seen[false] {
		f.Says += " A partition was not measured."
	}
	return f
}

// outageDegrades: C37. Graceful is: nobody wrongly in, no live user thrown out, and
// service again without a restart.
func outageDegrades(b *evidence.Board) Finding {
	keep := func(c *trialCase) bool { return session(c.Ref) && slices.Contains(c.Ref.Needs, "redis") }
	list := pick(disturbed(b, keep), func(o *outage) bool { return o.Scenario == "redis-outage" })
	if len(list) == 0 {
		return noOutage(b, "redis-outage", "authbench run redis-outage --arm session-redis --arm session-redis+mysql", keep)
	}
	graceful := func(o *outage) bool {
		in := o.During.WronglyIn + o.After.WronglyIn + o.Resurrected
		out := o.During.WronglyOut + o.After.WronglyOut + o.Lost
		return in == 0 && out == 0 && !o.Recovered.Open
	}
	return split(pick(list, graceful), pick(list, func(o *outage) bool { return !graceful(o) }), "uses during the fault", "the fault, whether the store keeps its data, and what stands behind it")
}

// poolsNeeded: C36. The same slow store, with the pool of the arm and with a small
// one: do more uses fail?
func poolsNeeded(b *evidence.Board) Finding {
	const command = "authbench run pool-exhaustion --arm session-redis --set fault=delay && authbench run redis-outage --arm session-redis --set fault=delay"
	keep := func(c *trialCase) bool { return session(c.Ref) && len(c.Ref.Needs) > 0 }
	all := disturbed(b, keep)
	small := pick(all, func(o *outage) bool { return o.Scenario == "pool-exhaustion" })
	if len(small) == 0 {
		return noOutage(b, "pool-exhaustion", command, keep)
	}
	for _, s := range small {
		i := slices.IndexFunc(all, func(o *outage) bool {
			return o.Scenario != s.Scenario && o.Arm == s.Arm && o.Fault == s.Fault && o.same(s.trialCase, "pool", "store")
		})
		if i >= 0 {
			return pools(s, all[i], command)
		}
	}
	says, cites := tellOutages(small, "uses during the fault")
	return missing("one size of pool was tried under each fault, and it takes two", command).near(cites, "%s", says)
}

func pools(small, large *outage, command string) Finding {
	cites := []Cite{small.cite("uses during the fault"), large.cite("uses during the fault")}
	type side struct{ lo, hi float64 }
	var sides []side
	var parts []string
	for _, o := range []*outage{small, large} {
		bad, all := o.During.Accounting.NotOK(), o.During.Accounting.Scheduled
		if all == 0 {
			return missing("nothing was asked during the fault", command)
		}
		lo, hi, err := stat.Wilson(int(bad), int(all), stat.Level)
		if err != nil {
			return missing(err.Error(), command)
		}
		sides = append(sides, side{lo, hi})
		parts = append(parts, fmt.Sprintf("%s uses not ok with a pool of %s [%s, %s]", number.Of(bad, all),
			o.setting("pool", "the arm's own size"), number.Percent(lo), number.Percent(hi)))
	}
	says := fmt.Sprintf("%s: %s.", small.name(), listing(parts))
	switch {
	case sides[0].lo > sides[1].hi:
		return found(Supported, cites, says)
	case sides[0].hi < sides[1].lo:
		return found(Contradicted, cites, says)
	}
	return missing("inconclusive: the intervals overlap", command).near(cites, "%s", says)
}
