package scenarios

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"authbench/results"
	"authbench/results/stat"
)

// accepted: at a rate that no arm is saturated by, every use is accepted, at every
// distance. A window in which uses fail says nothing of distance.
func (x *rttRun) accepted() results.Verdict {
	const bound = .01
	bad := x.asked.Scheduled - x.asked.OK
	share := ratio(float64(bad), float64(x.asked.Scheduled))
	v := results.Verdict{
		Check: "accepted", Status: results.Pass, Measured: number(share), Bound: number(bound), Unit: "share not ok",
		Reason: fmt.Sprintf("%d of %d uses were accepted, %d windows left out", x.asked.OK, x.asked.Scheduled, len(x.left)),
	}
	switch {
	case x.asked.Scheduled == 0:
		v.Status, v.Measured = results.Unknown, nil
	case share > bound:
		v.Status = results.Fail
	}
	return v
}

// storeOps: a session asks its store at every use, a token never does.
func (x *rttRun) storeOps() results.Verdict {
	v := results.Verdict{Check: CheckStoreOps, Status: results.Pass, Bound: number(1), Unit: "operations per use"}
	least, most, seen := math.Inf(1), 0.0, false
	for _, b := range x.blocks {
		for _, at := range b.at {
			if at.ok && at.counted {
				least, seen = min(least, at.ops), true
			}
		}
		for _, at := range b.tokens {
			most = max(most, at.ops)
		}
	}
	if !seen {
		v.Status, v.Reason = results.Unknown, "the store's counters could not be read"
		return v
	}
	v.Measured = number(least)
	v.Reason = fmt.Sprintf("sessions at least %.3f, tokens at most %.3f", least, most)
	// A sweep of expired sessions, once a minute, is no operation of a use.
	if least < .99 || most > .01 {
		v.Status = results.Fail
	}
	return v
}

// delayed: no round trip is shorter than what the link adds. One that is was not
// measured through the link.
func (x *rttRun) delayed() results.Verdict {
	v := results.Verdict{Check: "delayed", Status: results.Pass, Bound: number(0), Unit: "us"}
	least := math.Inf(1)
	for i, p := range x.points {
		for _, b := range x.blocks {
			if b.at[i].ok && !p.direct {
				least = min(least, b.at[i].trip-float64(p.added.Nanoseconds()))
			}
		}
	}
	if math.IsInf(least, 0) {
		v.Status, v.Reason = results.Unknown, "no window through the link is valid"
		return v
	}
	v.Measured, v.Reason = number(least*micro), "least that a measured round trip exceeds the delay by"
	if least < 0 {
		v.Status = results.Invalid
	}
	return v
}

// farEnough is a round trip beside which all else that a use takes is little.
const farEnough = 5 * time.Millisecond

// waits: at the furthest point a use waits for its store once for every operation that
// the store counts, as far as that can be told on a noisy machine. One that answered
// without asking would take less than the round trip; one whose look-ups stand in a
// queue, or wait more often than they ask, twice as long. Noise only adds, so the least
// disturbed block tells.
func (x *rttRun) waits() results.Verdict {
	const least, most = .9, 1.5
	v := results.Verdict{Check: "waits", Status: results.Pass, Bound: number(most), Unit: "round trips per operation"}
	last := len(x.points) - 1
	if x.points[last].added < farEnough {
		v.Status, v.Bound, v.Reason = results.NotApplicable, nil, fmt.Sprintf("no point is %v away", farEnough)
		return v
	}
	waits := math.Inf(1)
	for _, b := range x.blocks {
		if far := b.at[last]; far.ok && far.counted && far.ops > 0 {
			waits = min(waits, far.p50/far.trip/far.ops)
		}
	}
	if math.IsInf(waits, 0) {
		v.Status, v.Reason = results.Unknown, fmt.Sprintf("no window at %s is valid, or the store does not count", x.points[last].label)
		return v
	}
	v.Measured = number(waits)
	v.Reason = fmt.Sprintf("median over round trip at %s, the least of the blocks; at least %g", x.points[last].label, least)
	if waits < least || waits > most {
		v.Status = results.Fail
	}
	return v
}

// settled: every break-even is named with an interval at most 20 us or 25 % wide, and
// is what CPU times and the round trip predict.
func (x *rttRun) settled(evens []rttEven) results.Verdict {
	v := results.Verdict{Check: "break-even", Status: results.Pass, Unit: "us"}
	if asked, least := max(1, x.t.Values.number("blocks")), stat.BlocksNeeded(1, stat.Alpha); asked < least {
		v.Status = results.NotApplicable
		v.Reason = fmt.Sprintf("%d blocks were asked for, and %d give an interval: no break-even is named", asked, least)
		return v
	}
	for _, s := range x.t.Testbed.Stores() {
		if s.Kind == x.kind && s.StandIn {
			v.Status, v.Reason = results.NotApplicable, "the store is a stand-in, of which no verdict is drawn"
			return v
		}
	}
	if !slices.ContainsFunc(evens, func(e rttEven) bool { return !math.IsNaN(e.predicted.Value) }) {
		v.Status, v.Reason = results.Unknown, "CPU times are not known, so nothing is predicted"
		return v
	}
	var parts []string
	worst := 0.0
	for _, e := range evens {
		parts = append(parts, fmt.Sprintf("%s %s", e.token, e.status))
		if e.agrees != "" {
			parts[len(parts)-1] += map[string]string{"yes": ", as predicted", "no": ", which is not what is predicted"}[e.agrees]
		}
		if e.status == evenAt {
			worst = max(worst, math.Abs(e.difference.Value))
		}
		switch {
		case e.agrees == "no":
			v.Status = results.Fail
		case e.agrees == "" && v.Status != results.Fail:
			v.Status = results.Unknown
		}
	}
	v.Measured = number(worst * micro)
	v.Reason = "largest difference between measured and predicted; " + strings.Join(parts, "; ")
	return v
}
