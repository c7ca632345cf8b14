package scenarios

import (
	"fmt"
	"math"
	"slices"
	"time"

	"authbench/results/stat"
)

// rttAt is what one window measured: medians and CPU times of one use, nanoseconds.
type rttAt struct {
	ok                  bool    // false: the window was left out
	p50                 float64 // response time
	node, store         float64 // CPU of one use
	ops                 float64 // store operations of one use
	trip                float64 // round trip to the store, measured at the node; tokens have none
	pingNode, pingStore float64 // CPU of one such round trip
	cpu, counted        bool    // the CPU times are known; the store counts
}

// meanWindow is the mean of the windows that are evidence; not ok without any.
func meanWindow(list []rttAt) rttAt {
	mean, n := rttAt{cpu: true, counted: true}, 0.0
	for _, at := range list {
		if !at.ok {
			continue
		}
		n++
		mean.ok, mean.cpu, mean.counted = true, mean.cpu && at.cpu, mean.counted && at.counted
		for _, v := range []struct {
			sum *float64
			add float64
		}{
			{&mean.p50, at.p50},
			{&mean.node, at.node},
			{&mean.store, at.store},
			{&mean.ops, at.ops},
			{&mean.trip, at.trip},
			{&mean.pingNode, at.pingNode},
			{&mean.pingStore, at.pingStore},
		} {
			*v.sum += (v.add - *v.sum) / n
		}
	}
	return mean
}

// rttBlock is one block: the session at every distance, the nearest first, and tokens.
type rttBlock struct {
	at     []rttAt
	tokens map[string]rttAt
}

func (b rttBlock) token(name string, get func(rttAt) float64) float64 {
	return rttFigure(b.tokens[name], get)
}

func (b rttBlock) session(i int, get func(rttAt) float64) float64 { return rttFigure(b.at[i], get) }

func rttFigure(at rttAt, get func(rttAt) float64) float64 {
	if !at.ok {
		return math.NaN()
	}
	return get(at)
}

func atP50(at rttAt) float64  { return at.p50 }
func atNode(at rttAt) float64 { return at.node }
func atTrip(at rttAt) float64 { return at.trip }

// nearPoint is how far away a store may be for its point to count for the line: what a
// data centre has. Farther ones say nothing of tens of microseconds.
const nearPoint = time.Millisecond

// line is the session's median over the round trip within the block, through the near
// points that have a link: base + slope * trip (Theil and Sen). A line is what there is
// to expect: a use waits for its store as often as it asks, and does nothing else that
// depends on the distance. It makes use of all these points, and one bad window does not
// move it. from is where the first of them is.
func (b rttBlock) line(points []rttPoint) (slope, base, from float64, ok bool) {
	var x, y []float64
	for i, at := range b.at {
		if at.ok && !points[i].direct && points[i].added <= nearPoint {
			x, y = append(x, at.trip), append(y, at.p50)
		}
	}
	trend, err := stat.TheilSen(x, y, stat.Level)
	if err != nil || trend.Slope <= 0 {
		return 0, 0, 0, false
	}
	var rests []float64
	for i := range x {
		rests = append(rests, y[i]-trend.Slope*x[i])
	}
	return trend.Slope, middle(rests), slices.Min(x), true
}

// even is the round trip at which the session's median is that of the token. Between
// the direct point and the nearest with a link it is interpolated, as the link takes time
// of its own beside what it adds, and nothing can be measured there: the two need not lie
// on one line. Beyond it is the line's. A token that is quicker than the session with
// its store at hand is level nowhere; the line's slope then says where it would be.
func (b rttBlock) even(points []rttPoint, token string) float64 {
	slope, base, from, ok := b.line(points)
	level, direct := b.token(token, atP50), b.at[0]
	if !ok || !direct.ok || math.IsNaN(level) {
		return math.NaN()
	}
	corner := base + slope*from // the session's median there
	switch {
	case level <= direct.p50:
		return direct.trip - (direct.p50-level)/slope
	case level >= corner:
		return (level - base) / slope
	}
	return direct.trip + (from-direct.trip)*(level-direct.p50)/(corner-direct.p50)
}

// predicted is the same from processor time and the round trip alone, without a look at
// response times. Both arms read the request and write the same answer, x:
//
//	token:   T = x + verifying            CPU(token)   = x + verifying
//	session: T = x + own work + look-up   CPU(session) = x + own work + client
//
// own work is to hash the id and check the record, client is what the node's client of
// the store spends on one operation. A look-up takes client + way + what the store spends
// on it. The round trip R that the node measures by pings is client + way + what the store
// spends on a ping, so a look-up takes R + (looking up - answering a ping). The two arms
// are level where
//
//	R = CPU(token) - (CPU(session) - client) - (looking up - answering)
//
// CPU(token) and CPU(session) are those of the nodes per use, looking up that of the
// store per use, all within the windows at the common rate: at that rate caches and
// processor are as cold as they are when a response time is measured, at saturation
// they are not. client and answering are the CPU of node and store per ping, at the
// same pace (see getStoreRTT of the node). What it leaves out is waiting for the processor behind other uses: where it
// is busy for a share r of the time, the median is what the 0.5/(1-r) quantile would be
// without, so the rate is kept low. Time in which a side is neither running nor asked for
// the pings see, too.
func (b rttBlock) predicted(points []rttPoint, token string) float64 {
	var beyond []float64 // what a look-up costs beside the round trip
	for i, at := range b.at {
		if at.ok && at.cpu && at.pingNode > 0 && points[i].added <= nearPoint {
			beyond = append(beyond, at.node-at.pingNode+at.store-at.pingStore)
		}
	}
	if len(beyond) == 0 {
		return math.NaN()
	}
	return b.token(token, atNode) - middle(beyond)
}

// reckoned is the same from the medians at the direct point: as much further away as the
// token takes longer there, for every operation.
func (b rttBlock) reckoned(token string) float64 {
	direct := b.at[0]
	if !direct.ok || !direct.counted || direct.ops <= 0 {
		return math.NaN()
	}
	return direct.trip + (b.token(token, atP50)-direct.p50)/direct.ops
}

// middle is the median; NaN of nothing.
func middle(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// over estimates a figure from the blocks that have it.
func (x *rttRun) over(get func(rttBlock) float64) stat.Estimate {
	var list []float64
	for _, b := range x.blocks {
		if v := get(b); !math.IsNaN(v) && !math.IsInf(v, 0) {
			list = append(list, v)
		}
	}
	e, err := stat.Location(list, stat.Level)
	if err != nil {
		return stat.Estimate{Value: math.NaN()}
	}
	return e
}

// rttEven is where one token is level with the session. Nanoseconds of round trip.
type rttEven struct {
	token                           string
	measured, predicted, difference stat.Estimate // difference: measured less predicted, by block
	reckoned                        stat.Estimate
	slower                          stat.Estimate // the session less the token, at the direct point
	status                          string
	agrees                          string // "yes", "no"; "" where it cannot be said
}

// What there is to say of a break-even.
const (
	evenAt     = "level at"
	evenPast   = "already past at 0"
	evenBeyond = "beyond the furthest point"
	evenOpen   = "inconclusive"
	evenTooFew = "too few blocks"
)

// An interval is too wide where it is wider than both.
const (
	tooWideShare = 0.25
	tooWide      = 20 * time.Microsecond
)

func (x *rttRun) even(token string) rttEven {
	last := len(x.points) - 1
	e := rttEven{
		token:     token,
		measured:  x.over(func(b rttBlock) float64 { return b.even(x.points, token) }),
		predicted: x.over(func(b rttBlock) float64 { return b.predicted(x.points, token) }),
		difference: x.over(func(b rttBlock) float64 {
			return b.even(x.points, token) - b.predicted(x.points, token)
		}),
		reckoned: x.over(func(b rttBlock) float64 { return b.reckoned(token) }),
		slower:   x.over(func(b rttBlock) float64 { return b.session(0, atP50) - b.token(token, atP50) }),
	}
	furthest := x.over(func(b rttBlock) float64 { return b.session(last, atP50) - b.token(token, atP50) })
	width := e.measured.Hi - e.measured.Lo
	switch {
	case !e.measured.Bounded || !e.slower.Bounded || !furthest.Bounded:
		e.status = evenTooFew
	case e.slower.Lo > 0:
		e.status = evenPast
	case furthest.Hi < 0:
		e.status = evenBeyond
	case width > float64(tooWide.Nanoseconds()) && width > tooWideShare*math.Abs(e.measured.Value):
		e.status = evenOpen
	default:
		e.status = evenAt
	}
	e.agree(x.over(func(b rttBlock) float64 { return b.session(0, atTrip) }), x.over(func(b rttBlock) float64 { return b.session(last, atTrip) }))
	return e
}

// agree says whether the prediction comes to the same: where a round trip was named, the
// two intervals overlap, or the estimates lie no further apart than half the width of the
// widest interval that is named; where none was, the prediction lies on the same side.
// Without the second, one of a few tokens would miss by chance now and then.
func (e *rttEven) agree(nearest, furthest stat.Estimate) {
	if !e.predicted.Bounded {
		return
	}
	same := false
	switch e.status {
	case evenAt:
		near := max(float64(tooWide.Nanoseconds()), tooWideShare*math.Abs(e.measured.Value)) / 2
		same = e.predicted.Lo <= e.measured.Hi && e.measured.Lo <= e.predicted.Hi || math.Abs(e.predicted.Value-e.measured.Value) <= near
	case evenPast:
		same = e.predicted.Lo <= nearest.Hi
	case evenBeyond:
		same = e.predicted.Hi >= furthest.Lo
	default:
		return
	}
	e.agrees = map[bool]string{true: "yes", false: "no"}[same]
}

// says puts it into words.
func (e *rttEven) says(direct float64) string {
	us := func(ns float64) string { return fmt.Sprintf("%.1f us", ns/1e3) }
	span := func(s stat.Estimate) string {
		if !s.Bounded {
			return us(s.Value)
		}
		return fmt.Sprintf("%s [%.1f, %.1f]", us(s.Value), s.Lo/1e3, s.Hi/1e3)
	}
	var text string
	switch e.status {
	case evenAt:
		text = fmt.Sprintf("%s is level with the session at a round trip of %s, and answers sooner beyond", e.token, span(e.measured))
	case evenPast:
		text = fmt.Sprintf("%s answers sooner at any distance: directly, at a round trip of %s, the session takes %s more", e.token, us(direct), span(e.slower))
	case evenBeyond:
		text = e.token + " answers later at every distance that was tried"
	case evenOpen:
		text = fmt.Sprintf("%s against the session is inconclusive: level at %s, an interval wider than 20 us and 25 %%", e.token, span(e.measured))
	default:
		return fmt.Sprintf("%s against the session: too few blocks for an interval (%d), so no break-even is named", e.token, e.measured.N)
	}
	switch e.agrees {
	case "yes":
		text += fmt.Sprintf("; CPU times and the round trip predict %s, which agrees", span(e.predicted))
	case "no":
		text += fmt.Sprintf("; CPU times and the round trip predict %s, which does not agree", span(e.predicted))
	}
	return text
}
