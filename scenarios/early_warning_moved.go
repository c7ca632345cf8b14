package scenarios

import (
	"math"
	"slices"
	"time"

	"authbench/loadgen"
	"authbench/results"
)

// When have users begun to suffer? The promise is that 99 % of the uses end ok within
// a time: one that fails is as bad as one that is late. It is looked at after every
// interval of the recording, over the uses that fell due in the sloWindow before. It
// broke where the last stretch begins that lasts to the end and that sloRelief good
// looks running do not interrupt, each of which is of a whole window: a stall of the
// machine in the calm is not what the trouble did.
const (
	sloWindow = time.Second
	sloShare  = 0.01 // of the uses may be bad
	sloLeast  = 50   // uses that a look needs
	sloRelief = 3
)

// useSlot is what became of the uses that fell due in one interval.
type useSlot struct {
	end       int64 // in the history
	all, good int
}

// useSlots sorts the uses of a recording; zero is when it began, in the history. Of
// what was never sent the exchanges know nothing: it is in what was scheduled.
func useSlots(rec *loadgen.Recording, zero int64, slo time.Duration) []useSlot {
	var slots []useSlot
	for _, s := range rec.Seconds {
		slots = append(slots, useSlot{end: zero + int64(s.Start+s.Length), all: int(s.Accounting.Scheduled)})
	}
	for _, e := range rec.Exchanges {
		if e.Outcome != results.OK || e.Done-e.Due > slo {
			continue
		}
		due := zero + int64(e.Due)
		i, _ := slices.BinarySearchFunc(slots, due, func(s useSlot, t int64) int {
			if s.end <= t {
				return -1
			}
			return 1
		})
		if i < len(slots) {
			slots[i].good++
		}
	}
	return slots
}

// brokeForGood is the end of the first bad window of that stretch, or nil.
func brokeForGood(slots []useSlot, from, to int64) *int64 {
	var broke *int64
	good := 0 // looks running, going backwards
	for i := len(slots) - 1; i >= 0; i-- {
		at := slots[i].end
		if at > to || at-int64(sloWindow) < from {
			continue
		}
		switch {
		case sloBad(slots[:i+1], at-int64(sloWindow)):
			broke, good = &at, 0
		case broke == nil: // the end was good
			return nil
		default:
			if good++; good == sloRelief {
				return broke
			}
		}
	}
	return broke
}

// sloBad looks at the uses due since then. Where there are too few it cannot tell.
func sloBad(slots []useSlot, since int64) bool {
	all, good := 0, 0
	for i := len(slots) - 1; i >= 0 && slots[i].end > since; i-- {
		all, good = all+slots[i].all, good+slots[i].good
	}
	return all >= sloLeast && float64(all-good) > sloShare*float64(all)
}

// sloBadWithin says whether any look in that time was bad.
func sloBadWithin(slots []useSlot, from, to int64) bool {
	for i, s := range slots {
		if s.end-int64(sloWindow) >= from && s.end <= to && sloBad(slots[:i+1], s.end-int64(sloWindow)) {
			return true
		}
	}
	return false
}

// When has a signal moved? Of a counter the rate between two looks counts, of a gauge
// the value; of either the middle one of three looks running, so that one late look
// at a busy node is no signal. What that was until warningTimes.usual is usual, and it
// has moved when it exceeds
//
//	max(highest x limitFactor, mean + limitSD standard deviations, floor)
//
// which takes two of three looks. A counter of what does not happen (indicator.never),
// and did not, has moved with its first step.
const (
	limitFactor = 1.5
	limitSD     = 4
)

// movement is what a signal did.
type movement struct {
	indicator
	usual  float64 // highest
	limit  float64
	at     *int64  // when it was seen to have moved, after the trouble began; nil: never
	value  float64 // then
	before bool    // it had moved in the calm already: a false alarm
}

type signalPoint struct {
	at    int64
	value float64
}

// movementOf judges a signal; ok is false where the arm or the store has no such
// metric.
func movementOf(s indicator, readings []metricsRead, times warningTimes) (m movement, ok bool) {
	var points []signalPoint
	last, lastAt, known := 0.0, int64(0), false
	for i := range readings {
		v, ok := readings[i].value(s)
		if !ok {
			continue
		}
		at := readings[i].at
		switch {
		case !s.counter():
			points = append(points, signalPoint{at, v})
		case known && at > lastAt:
			points = append(points, signalPoint{at, (v - last) / time.Duration(at-lastAt).Seconds()})
		}
		last, lastAt, known = v, at, true
	}
	m = movement{indicator: s}
	still := s.never && !slices.ContainsFunc(points, func(p signalPoint) bool { return p.at <= times.usual && p.value > 0 })
	if !still {
		points = middles(points)
	}
	m.usual, m.limit = usual(points, times.usual, s.floor)
	for _, p := range points {
		switch {
		case p.at <= times.usual || p.value <= m.limit:
		case p.at <= times.began:
			m.before = true
		case m.at == nil:
			m.at, m.value = &p.at, p.value
		}
	}
	return m, len(points) > 0
}

// middles is the middle one of every three points running, at the last of them.
func middles(points []signalPoint) []signalPoint {
	var out []signalPoint
	for i := 2; i < len(points); i++ {
		three := []float64{points[i-2].value, points[i-1].value, points[i].value}
		slices.Sort(three)
		out = append(out, signalPoint{points[i].at, three[1]})
	}
	return out
}

// usual is the highest of what came until then, and the limit.
func usual(points []signalPoint, until int64, floor float64) (highest, limit float64) {
	var sum, squares, n float64
	for _, p := range points {
		if p.at > until {
			break
		}
		highest = max(highest, p.value)
		sum, squares, n = sum+p.value, squares+p.value*p.value, n+1
	}
	if n == 0 {
		return 0, floor
	}
	mean := sum / n
	sd := math.Sqrt(max(0, squares/n-mean*mean))
	return highest, max(highest*limitFactor, mean+limitSD*sd, floor)
}
