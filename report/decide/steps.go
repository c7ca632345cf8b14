package decide

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// steps are the values to try, nearest first, for each direction. Only values at
// which something can change are tried: those that the arms declare or showed.
func (d *decider) steps(f Field, r *Requirements) [][]string {
	at := f.Get(r)
	switch f.Key {
	case "clients":
		var out [][]string
		for _, kind := range clientKinds() {
			list := slices.DeleteFunc(slices.Clone(r.Clients), func(s string) bool { return s == kind })
			if len(list) == len(r.Clients) {
				list = append(list, kind)
			}
			if len(list) > 0 {
				out = append(out, []string{strings.Join(list, ",")})
			}
		}
		return out
	case "store_dies.logged_out_may_return":
		return around(returns(), at, slices.Index(returns(), at))
	case "revocation.window":
		return lengths(at, d.each(func(c *candidate) (Length, bool) { d, _, ok := c.bound(); return d, ok }))
	case "store_dies.users_may_stay_in":
		return lengths(at, d.each((*candidate).unchecked))
	case "store_dies.keep_answering":
		return lengths(at, append(d.each((*candidate).answers), Length{}))
	case "store_dies.unavailable_at_most":
		return d.shares(at)
	case "load.request_bytes":
		return d.sizes(at)
	case "load.p99":
		return lengths(at, d.p99s(r))
	case "deployment.nodes", "deployment.regions":
		if at == "1" {
			return [][]string{{"2"}}
		}
		return [][]string{{"1"}}
	case "deployment.store_round_trip":
		return trips(r.RoundTrip)
	}
	if f.Kind == yesNo {
		return [][]string{{strconv.FormatBool(at != "true")}}
	}
	return nil // nothing turns on it
}

// around are the words below and above the one at i, nearest first.
func around(words []string, at string, i int) [][]string {
	below := slices.Clone(words[:max(i, 0)])
	slices.Reverse(below)
	above := slices.DeleteFunc(slices.Clone(words[max(i, 0):]), func(w string) bool { return w == at })
	return [][]string{below, above}
}

func (d *decider) each(get func(*candidate) (Length, bool)) []Length {
	var out []Length
	for _, c := range d.candidates {
		if l, ok := get(c); ok {
			out = append(out, l)
		}
	}
	return out
}

// lengths are lengths of time, sorted, with any at the end.
func lengths(at string, of []Length) [][]string {
	var here Length
	if setLength(&here, true)(at) != nil {
		return nil
	}
	of = append(of, here, Length{Any: true})
	slices.SortFunc(of, func(a, b Length) int {
		if a.Any != b.Any {
			return map[bool]int{true: 1, false: -1}[a.Any]
		}
		return cmp.Compare(a.D, b.D)
	})
	var words []string
	for _, l := range of {
		words = append(words, l.String())
	}
	words = slices.Compact(words)
	return around(words, at, slices.Index(words, here.String()))
}

// shares are the shares of uses that went without an answer, rounded up to what
// would allow them.
func (d *decider) shares(at string) [][]string {
	here, err := parsePercent(at)
	if err != nil {
		return nil
	}
	all := []float64{0, here, 1}
	for _, c := range d.candidates {
		for _, p := range c.outages() {
			all = append(all, math.Ceil(1000*unansweredShare(p))/1000)
		}
	}
	slices.Sort(all)
	var words []string
	for _, v := range all {
		words = append(words, strconv.FormatFloat(100*v, 'f', -1, 64)+" %")
	}
	words = slices.Compact(words)
	return around(words, at, slices.Index(words, at))
}

func (d *decider) sizes(at string) [][]string {
	var all []int
	for _, c := range d.candidates {
		if c.cost != nil && c.cost.RequestBytes.Missing == "" {
			all = append(all, int(math.Ceil(c.cost.RequestBytes.Max)))
		}
	}
	if n, err := strconv.Atoi(at); err == nil {
		all = append(all, n)
	}
	slices.Sort(all)
	var words []string
	for _, n := range all {
		words = append(words, strconv.Itoa(n))
	}
	words = append(slices.Compact(words), "any")
	return around(words, at, slices.Index(words, at))
}

// p99s are the limits at which the answer about an arm changes: the ends of the
// intervals, rounded up to whole microseconds.
func (d *decider) p99s(r *Requirements) []Length {
	var out []Length
	for _, c := range d.candidates {
		if c.cost == nil {
			continue
		}
		if e, err := c.farP99(r.RoundTrip); err == nil && e.Bounded {
			for _, v := range []float64{e.Lo, e.Hi} {
				out = append(out, Length{D: (time.Duration(math.Ceil(v)) + time.Microsecond).Truncate(time.Microsecond)})
			}
		}
	}
	return out
}

// farthest is more than half way round the earth and back, in glass, with detours.
const farthest = 400 * time.Millisecond

// trips are round trips below and above the one at hand.
func trips(at time.Duration) [][]string {
	var below, above []string
	for trip := farthest; trip >= 20*time.Microsecond; trip /= 2 {
		if trip < at {
			below = append(below, duration(trip))
		} else if trip > at {
			above = append(above, duration(trip))
		}
	}
	slices.Reverse(above)
	if at > 0 {
		below = append(below, "0s")
	}
	return [][]string{below, above}
}
