package claims

import (
	"fmt"
	"math"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// opsOf are the arms of a kind of which a store has counted the operations under
// steady load.
func (c costs) opsOf(k kind) []*evidence.Arm {
	var out []*evidence.Arm
	for _, a := range c.arms(k) {
		if a.StoreOps.N > 0 {
			out = append(out, a)
		}
	}
	return out
}

// counted prints what the stores counted for an arm: "session-redis 1 a request".
func counted(a *evidence.Arm) string {
	n := ops(a.StoreOps.Min)
	if most := ops(a.StoreOps.Max); most != n {
		n += " to " + most
	}
	return a.Name + " " + n
}

// ops prints a number of operations: 1, 0.03.
func ops(v float64) string {
	if v == math.Trunc(v) {
		return number.Integer(int64(v))
	}
	return number.Short(v)
}

func requests(trials []*results.Trial) string {
	n := int64(0)
	for _, t := range trials {
		n += t.Accounting.OK
	}
	return number.Integer(n)
}

// lookUpEveryRequest: C01. Three things have to be seen: an operation a request,
// work in the store, and latency that an arm without a store does not have.
func lookUpEveryRequest(b *evidence.Board) Finding {
	c, unfit := costsOf(b)
	if unfit != nil {
		return *unfit
	}
	list := c.opsOf(storedSession)
	if len(list) == 0 {
		return c.without(storedSession, "session arm whose store counts operations", "authbench bench --arm session-memory --arm session-redis")
	}
	var cites []Cite
	var asks, spares, took []string
	for _, a := range list {
		if a.StoreOps.Min >= 1 {
			asks = append(asks, counted(a))
		} else {
			spares = append(spares, counted(a))
		}
		cites = append(cites, c.cite(a, "store operations", a.Steady))
	}
	says := "Store operations a request, as the stores counted them: " + listing(append(asks, spares...)) + "."
	switch {
	case len(asks) == 0:
		return found(Contradicted, cites, says)
	case len(spares) > 0:
		return found(Depends, cites, says).on("whether a node answers from a copy of its own: %s without, %s with one", listing(asks), listing(spares))
	}
	for _, a := range list {
		if a.SteadyStore.N > 0 {
			took = append(took, fmt.Sprintf("%s µs for %s", number.Micros(a.SteadyStore.Value), a.Name))
		}
	}
	if len(took) > 0 {
		says += " Each took the store, in CPU, " + listing(took) + "."
	}
	return c.latency(list, says, cites)
}

// latency looks for the time that a look-up adds: beside sessions in the memory of
// the node, or, without these, beside no authentication at all.
func (c costs) latency(list []*evidence.Arm, says string, cites []Cite) Finding {
	free := c.arms(func(a *evidence.Arm) bool { return session(a) && len(a.Needs) == 0 })
	if len(free) == 0 {
		free = c.arms(func(a *evidence.Arm) bool { return a.Mechanism == "none" })
	}
	seen := map[standing]int{}
	for _, f := range free {
		for _, a := range list {
			seen[c.place(f, a, "p50")]++
		}
		if text := c.figures(f, "p50"); text != "" {
			says += fmt.Sprintf(" Without a store: %s of %s.", text, c.Run.Baseline)
			cites = append(cites, c.citeCompared(f, "p50")...)
		}
	}
	switch {
	case seen[below] > 0 && seen[above]+seen[level] == 0:
		return found(Supported, cites, says)
	case seen[above]+seen[level] > 0 && seen[below] == 0:
		return found(Depends, cites, says).on("what is meant: the store is asked at every request, and that adds no latency that these runs could see")
	case seen[below] > 0:
		return found(Depends, cites, says).on("the store: %s", c.figuresOf(list, "p50"))
	}
	return missing("the store is asked at every request, but whether that adds latency is inconclusive", "authbench bench --blocks 24").near(cites, "%s", says)
}

func (c costs) figuresOf(list []*evidence.Arm, metrics ...string) string {
	var parts []string
	for _, a := range list {
		if text := c.figures(a, metrics...); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "; ")
}

// noBackendQuery: C05. A token without revocation asks nobody; one that can be
// revoked may.
func noBackendQuery(b *evidence.Board) Finding {
	c, unfit := costsOf(b)
	if unfit != nil {
		return *unfit
	}
	list := c.opsOf(token)
	if len(list) == 0 || len(c.Run.Environment.Stores) == 0 {
		return c.without(token, "token arm beside a store that counts operations", "authbench bench --arm session-redis --arm jwt-es256")
	}
	var none, some []string
	var cites []Cite
	broken := false
	for _, a := range list {
		if a.StoreOps.Max == 0 {
			none = append(none, fmt.Sprintf("%s 0 in %s requests", a.Name, requests(a.Steady)))
		} else {
			some = append(some, counted(a)+" a request")
			broken = broken || len(a.Needs) == 0
		}
		cites = append(cites, c.cite(a, "store operations", a.Steady))
	}
	says := "Store operations, as the stores counted them: " + listing(append(none, some...)) + "."
	switch {
	case broken || len(none) == 0:
		return found(Contradicted, cites, says)
	case len(some) > 0:
		return found(Depends, cites, says).on("whether a token can be revoked before it expires: %s; %s", listing(none), listing(some))
	}
	return found(Supported, cites, says)
}

// epochForSome: C10. No user is revoked in a comparison of costs: an arm that asks
// for specific users only asks nothing there.
func epochForSome(b *evidence.Board) Finding {
	const command = "authbench bench --arm session-redis --arm jwt-es256+epoch --arm jwt-es256+epoch-local"
	c, unfit := costsOf(b)
	if unfit != nil {
		unfit.Would = command
		return *unfit
	}
	epochs := func(a *evidence.Arm) bool { return strings.HasPrefix(a.Settings["revocation"], "epoch") }
	var every, some []string
	var cites []Cite
	for _, a := range c.opsOf(epochs) {
		if a.StoreOps.Min >= 1 {
			every = append(every, counted(a))
		} else {
			some = append(some, counted(a))
		}
		cites = append(cites, c.cite(a, "store operations", a.Steady))
	}
	says := fmt.Sprintf("Store operations a request with nobody revoked: %s.", listing(append(every, some...)))
	switch {
	case len(every) > 0 && len(some) > 0:
		return found(Depends, cites, says).on("where the epochs are kept: %s asks at every request, %s keeps the revoked users on the node", listing(every), listing(some))
	case len(every) > 0:
		return found(Contradicted, cites, says)
	case len(some) > 0:
		return missing("nobody is revoked in a comparison of costs, so that the share of requests that ask is known for no revoked user only", "").near(cites, "%s", says)
	}
	return c.without(epochs, "arm with epochs", command)
}

// hybridCombines: C13. The benefit of the session is an immediate end, that of the
// token no look-up. How complex it is, is not a measurement.
func hybridCombines(b *evidence.Board) Finding {
	isHybrid := func(a *evidence.Arm) bool { return a.Mechanism == "hybrid" }
	c, unfit := costsOf(b)
	if unfit != nil {
		unfit.Would = "authbench bench --arm session-redis --arm jwt-es256 --arm hybrid"
		return *unfit
	}
	list := c.opsOf(isHybrid)
	if len(list) == 0 {
		return c.without(isHybrid, "hybrid arm", "authbench bench --arm session-redis --arm jwt-es256 --arm hybrid")
	}
	a := list[0]
	cites := append([]Cite{c.cite(a, "store operations", a.Steady)}, c.citeCompared(a, "p50", "cpu")...)
	cost := counted(a) + " store operations a request"
	if text := c.figures(a, "p50", "cpu"); text != "" {
		cost += "; beside " + c.Run.Baseline + ", " + text
	}
	ends, unfit := revocationsOf(b, "of the hybrid", func(r *revoked) bool { return isHybrid(r.Ref) && logout(r) })
	if unfit != nil {
		unfit.Would = "authbench run revocation --arm hybrid"
		return unfit.near(cites, "%s; how fast it ends a log-in is not known.", cost)
	}
	end, more := tell(ends, "bound-violations")
	cites = append(cites, more...)
	immediate := true
	for _, r := range ends {
		immediate = immediate && r.LetThrough == 0
	}
	says := "As token and session at once: " + cost + ". After a log-out: " + end + "."
	switch asks := a.StoreOps.Min >= 1; {
	case immediate && !asks && c.beside(a, "cpu") == below:
		return found(Supported, cites, says)
	case !immediate && asks:
		return found(Contradicted, cites, says)
	}
	return found(Depends, cites, says).on("which benefit is meant: an end at once (%s), or no look-up (%s)", end, cost)
}
