package scenarios

import (
	"fmt"
	"slices"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// byReckoning marks a figure that was not measured at that life.
const byReckoning = "reckoned"

// tellLives lays what was measured at short lives beside what it comes to at those
// that people set. Reckoning is linear: exposure grows with the life by as much, and
// refreshes are one a life.
func (r *rig) tellLives(seen []lived, use, refresh lifeCost) {
	perSecond := float64(max(1, r.t.Values.number("uses")))
	table := newTable("lives", fmt.Sprintf("Access tokens of several lives: how long does one work after the log-out, and what does refreshing add to a use, at %g a second and user?", perSecond),
		results.Column{Name: "life of an access token", Unit: "s"},
		results.Column{Name: "longest exposure", Unit: "s", Meaning: "from the log-out being sent to the first refused use, of users who log out at any age of their token"},
		results.Column{Name: "mean exposure", Unit: "s"},
		results.Column{Name: "refreshes", Unit: "/h", Meaning: "of one user who is active all the time"},
		results.Column{Name: "store operations a use", Meaning: "as the store counted them, refreshing spread over the uses"},
		results.Column{Name: "CPU a use", Unit: "us", Meaning: "of node and store, refreshing spread over the uses"},
		results.Column{Name: "refreshing", Unit: "%", Meaning: "its share in that CPU"})
	table.Draw = "longest exposure"
	row := func(life time.Duration, longest, mean, hourly results.Cell, label string) {
		refreshes := 1 / life.Seconds() / perSecond // a use
		addAt(table, life.Seconds(), contract.Duration(life).String(), longest, mean, hourly,
			amortised(use.ops, refresh.ops, refreshes, label), amortised(use.cpu, refresh.cpu, refreshes, label), share(use.cpu, refresh.cpu, refreshes))
	}
	for _, s := range seen {
		longest, mean, hourly := none("no token was refused in time"), none("no token was refused in time"), none("nothing was refreshed")
		if len(s.exposed) > 0 {
			longest, mean = figure(slices.Max(s.exposed).Seconds()), figure(meanOf(s.exposed).Seconds())
		}
		if s.over > 0 {
			hourly = figure(float64(s.refreshs) / s.over.Hours())
		}
		row(s.life, longest, mean, hourly, "")
	}
	for _, life := range reckonedLives() {
		longest, mean := r.reckon(seen, life)
		hourly := figure(1 / life.Hours())
		hourly.Text = byReckoning
		row(life, longest, mean, hourly, byReckoning)
	}
	r.t.keep(table)
	if b := r.c.Promises.Bound(); b.Expiry {
		r.tell("lives.reckoned", "s", (15*time.Minute + b.Leeway).Seconds(),
			"Up to %s lives were lived through; beyond that exposure is reckoned as life + leeway (%s) at most, and as half of the life + leeway on average, for users who log out at any time.",
			seen[len(seen)-1].life, b.Leeway)
		return
	}
	r.tell("lives.bound", "s", 0, "A log-out ends its tokens before they expire, so that their life does not lengthen the exposure.")
}

// reckon is the exposure at a life that was not lived through.
func (r *rig) reckon(seen []lived, life time.Duration) (longest, mean results.Cell) {
	b := r.c.Promises.Bound()
	if b.Expiry {
		longest, mean = figure((life + b.Leeway).Seconds()), figure((life/2 + b.Leeway).Seconds())
	} else {
		var all []time.Duration
		for _, s := range seen {
			all = append(all, s.exposed...)
		}
		if len(all) == 0 {
			return none("no token was refused in time"), none("no token was refused in time")
		}
		longest, mean = figure(slices.Max(all).Seconds()), figure(meanOf(all).Seconds())
	}
	longest.Text, mean.Text = byReckoning, byReckoning
	return longest, mean
}

func meanOf(all []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(len(all))
}

// amortised spreads what refreshes cost over uses.
func amortised(use, refresh results.Cell, refreshes float64, label string) results.Cell {
	switch {
	case use.Value == nil:
		return use
	case refresh.Value == nil:
		return refresh
	}
	c := figure(*use.Value + refreshes**refresh.Value)
	c.Text = label
	return c
}

// share is that of refreshing in what a use costs, in percent.
func share(use, refresh results.Cell, refreshes float64) results.Cell {
	all := amortised(use, refresh, refreshes, "")
	if all.Value == nil || *all.Value == 0 {
		return none("the CPU clock cannot be read here")
	}
	return figure(100 * refreshes * *refresh.Value / *all.Value)
}

// lifeVerdicts: no token works longer than is promised, and who refreshes when a token
// expires is never turned away.
func lifeVerdicts(seen []lived) []results.Verdict {
	var asked, beyond, exposed, refreshed, failed int
	for _, s := range seen {
		asked, beyond, exposed = asked+s.asked, beyond+s.beyond, exposed+len(s.exposed)
		refreshed, failed = refreshed+s.refreshs, failed+s.failed
	}
	exposure := results.Verdict{
		Check: "exposure", Status: results.Pass, Unit: "uses", Measured: number(float64(beyond)), Bound: number(0),
		Reason: fmt.Sprintf("of %d uses later than is promised, of %d credentials that were logged out", asked, exposed),
	}
	switch {
	case beyond > 0:
		exposure.Status = results.Fail
	case asked == 0:
		exposure.Status, exposure.Measured, exposure.Reason = results.Unknown, nil, "no token was used after the end that is promised"
	}
	refresh := results.Verdict{
		Check: "refreshed-in-time", Status: results.Pass, Unit: "refreshes", Measured: number(float64(failed)), Bound: number(0),
		Reason: fmt.Sprintf("of %d refreshes, each when a token expired, with a use of what it gave", refreshed),
	}
	switch {
	case failed > 0:
		refresh.Status = results.Fail
	case refreshed == 0:
		refresh.Status, refresh.Measured, refresh.Reason = results.Unknown, nil, "nothing was refreshed"
	}
	return []results.Verdict{exposure, refresh}
}
