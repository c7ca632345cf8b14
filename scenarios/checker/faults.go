package checker

import (
	"cmp"
	"math"
	"slices"
)

// forever is the instant that does not come.
const forever = math.MaxInt64

// later adds two stretches of time and stays at forever instead of running over.
func later(at, by int64) int64 {
	if by > 0 && at > forever-by {
		return forever
	}
	if by < 0 && at < math.MinInt64-by {
		return math.MinInt64
	}
	return at + by
}

// over is when the fault was seen to be over.
func (f *Fault) over() int64 {
	if f.Recovered <= 0 {
		return forever
	}
	return f.Recovered
}

// span is a closed stretch of time.
type span struct{ begin, end int64 }

// spans are stretches of time that are asked about often.
type spans struct {
	list   []span  // by begin
	latest []int64 // latest[i] is the latest end of the first i+1
}

func (s *spans) add(begin, end int64) { s.list = append(s.list, span{begin, end}) }

func (s *spans) index() {
	slices.SortFunc(s.list, func(a, b span) int { return cmp.Compare(a.begin, b.begin) })
	s.latest = make([]int64, len(s.list))
	end := int64(math.MinInt64)
	for i, one := range s.list {
		end = max(end, one.end)
		s.latest[i] = end
	}
}

// reach is the latest end of those that had begun at t.
func (s *spans) reach(t int64) (end int64, any bool) {
	n, _ := slices.BinarySearchFunc(s.list, t, func(one span, t int64) int {
		if one.begin <= t {
			return -1
		}
		return 1
	})
	if n == 0 {
		return 0, false
	}
	return s.latest[n-1], true
}

// touch says whether one of them has an instant in [x, y].
func (s *spans) touch(x, y int64) bool {
	end, any := s.reach(y)
	return any && end >= x
}

// cover says whether one of them contains [x, y].
func (s *spans) cover(x, y int64) bool {
	end, any := s.reach(x)
	return any && end >= y
}

// weather is what one node was exposed to.
type weather struct {
	faults  []Fault
	away    spans // the store may have been away or erring
	down    spans // it certainly was, the whole time
	loss    spans // what it held may have gone
	excuses spans // keys, clocks or programs were disturbed
	all     spans // anything may have been active
}

func newWeather(faults []Fault) *weather {
	w := &weather{faults: faults}
	for i := range faults {
		f := &faults[i]
		w.all.add(f.Requested, f.over())
		if f.Unreachable {
			w.away.add(f.Requested, f.over())
			if f.Confirmed > 0 && !f.Intermittent {
				end := f.Recover
				if end <= 0 {
					end = f.over()
				}
				w.down.add(f.Confirmed, end)
			}
		}
		if f.DataLoss {
			w.loss.add(f.Requested, f.over())
		}
		if f.Excuses {
			w.excuses.add(f.Requested, f.over())
		}
	}
	for _, s := range []*spans{&w.away, &w.down, &w.loss, &w.excuses, &w.all} {
		s.index()
	}
	return w
}

// lostBefore says whether data of a credential that was born then may have gone
// in a loss that was over before x, or in one that left the store reachable.
func (w *weather) lostBefore(born, x, y int64) bool {
	return slices.ContainsFunc(w.faults, func(f Fault) bool {
		return f.DataLoss && f.Requested <= y && f.over() >= born && (!f.Unreachable || f.over() < x)
	})
}

// lastCheck is the latest instant at which a node that met a fault in [x, y] may
// still have reached its store.
func (w *weather) lastCheck(x, y int64) int64 {
	last := int64(math.MinInt64)
	for i := range w.faults {
		f := &w.faults[i]
		if !f.Unreachable || f.Requested > y || f.over() < x {
			continue
		}
		if f.Confirmed <= 0 || f.Intermittent {
			return forever
		}
		last = max(last, f.Confirmed)
	}
	return last
}

// climate is the weather of every node.
type climate struct {
	everywhere *weather // of nodes that no fault names
	byNode     map[int]*weather
}

func newClimate(faults []Fault) *climate {
	reaching := func(node int, named bool) []Fault {
		var out []Fault
		for _, f := range faults {
			if f.Nodes == nil || named && slices.Contains(f.Nodes, node) {
				out = append(out, f)
			}
		}
		return out
	}
	c := &climate{everywhere: newWeather(reaching(0, false)), byNode: map[int]*weather{}}
	for _, f := range faults {
		for _, n := range f.Nodes {
			if c.byNode[n] == nil {
				c.byNode[n] = newWeather(reaching(n, true))
			}
		}
	}
	return c
}

// at is the weather of a node.
func (c *climate) at(node int) *weather {
	if w := c.byNode[node]; w != nil {
		return w
	}
	return c.everywhere
}
