package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// distance is a session whose store was moved away step by step, beside tokens.
type distance struct {
	*trialCase
	*evidence.Distance
}

const distanceCommand = "authbench run store-rtt --arm session-redis --arm session-mysql"

// distances lists what may be judged: with real stores and enough blocks for intervals.
func distances(b *evidence.Board) ([]distance, *Finding) {
	list, unfit := casesOf(b, evidence.ScenarioDistance, "", func(*trialCase) bool { return true })
	if unfit != nil {
		unfit.Would = distanceCommand
		return nil, unfit
	}
	var out []distance
	for _, c := range list {
		for _, t := range c.Trials {
			d, ok := evidence.ReadDistance(t)
			if ok && slices.ContainsFunc(d.Points, func(p evidence.DistancePoint) bool { return p.P50.Low != nil }) {
				out = append(out, distance{c, d})
			}
		}
	}
	if len(out) == 0 {
		f := missing("store-rtt had too few blocks for an interval", distanceCommand)
		return nil, &f
	}
	return out, nil
}

// sooner counts pairs of a token and a session at one round trip by what the interval
// of their ratio says, and words the far and the near ones.
type sooner struct {
	below, above, open int
	says               []string
	cites              []Cite
	lowered            map[string][]string // by how much, as C11 has it, to where
}

// distant is the round trip, in microseconds, from which on two machines are apart: half
// a millisecond, the least of the catalogue's.
const distant = 500

func soonerOf(list []distance) *sooner {
	s := &sooner{lowered: map[string][]string{}}
	for _, d := range list {
		for i := range d.Tokens {
			t := &d.Tokens[i]
			var parts []string
			for k, p := range d.Points {
				r, ok := d.Ratio(t.Arm, p)
				if !ok || r.Low == nil || r.High == nil {
					continue
				}
				s.count(*r.Low, *r.High)
				if p.Trip >= distant {
					by := inside(*r.Low, *r.High)
					if *r.High >= 1 {
						by = "not lower, or not settled"
					}
					s.lowered[by] = append(s.lowered[by], fmt.Sprintf("%s beside %s at %s", t.Arm, d.Session, trip(p)))
				}
				if k == 0 || k == len(d.Points)-1 {
					parts = append(parts, fmt.Sprintf("%s at %s", times(r), trip(p)))
				}
			}
			if len(parts) > 0 {
				s.says = append(s.says, fmt.Sprintf("%s beside %s: %s; %s", t.Arm, d.Session, strings.Join(parts, " and "), evenWords(t)))
			}
		}
		s.cites = append(s.cites, d.cite("p50 by round trip, paired by block"))
	}
	return s
}

func (s *sooner) count(low, high float64) {
	switch {
	case high < 1:
		s.below++
	case low > 1:
		s.above++
	default:
		s.open++
	}
}

// text is what was measured, in a sentence a pair.
func (s *sooner) text() string {
	return "p50 of the token as a share of the session's, by round trip to the store: " + strings.Join(s.says, ". ") + "."
}

func trip(p evidence.DistancePoint) string {
	if p.Trip >= 1000 {
		return number.Short(p.Trip/1000) + number.NBSP + "ms"
	}
	return number.Short(p.Trip) + number.NBSP + "µs"
}

func times(c results.Cell) string {
	text := "×" + number.Times(*c.Value)
	if c.Low != nil && c.High != nil {
		text += fmt.Sprintf("%s[%s, %s]", number.NBSP, number.Times(*c.Low), number.Times(*c.High))
	}
	return text
}

// evenWords says where the two are level: "level at 120 µs [112, 128]".
func evenWords(t *evidence.DistanceToken) string {
	if !t.Named() || t.Measured.Value == nil || t.Measured.Low == nil || t.Measured.High == nil {
		return t.Status
	}
	return fmt.Sprintf("level at %s%sµs [%s, %s]", number.Short(*t.Measured.Value), number.NBSP, number.Short(*t.Measured.Low), number.Short(*t.Measured.High))
}

// byDistance adds to a finding what distance has to say of who is quicker: its own
// verdict where the finding has none, and "it depends" where the two are at odds.
func byDistance(turned bool, costs judge) judge {
	return func(b *evidence.Board) Finding {
		f := costs(b)
		list, unfit := distances(b)
		if unfit != nil {
			return f
		}
		s := soonerOf(list)
		cpuBelow, cpuAbove, cpuSays := cpuOf(list)
		pro, con := s.below+cpuBelow, s.above+cpuAbove
		if turned {
			pro, con = con, pro
		}
		status := Contradicted
		switch {
		case pro == 0 && con == 0:
			return f
		case pro > 0 && con > 0:
			status = Depends
		case pro > 0:
			status = Supported
		}
		if f.Status != NotMeasured && f.Status != status {
			status = Depends
		}
		out := found(status, append(s.cites, f.Cites...), s.text(), cpuSays, f.Says)
		if status == Depends {
			out = out.on("the round trip to the store, algorithm and metric: by p50 the token is sooner in %d of %d pairs of arm and round trip, by CPU in %d of %d%s",
				s.below, s.below+s.above+s.open, cpuBelow, cpuBelow+cpuAbove, prefixed(". In the comparison of costs: ", f.On))
		}
		return out
	}
}

func prefixed(with, text string) string {
	if text == "" {
		return ""
	}
	return with + text
}

// cpuOf compares CPU per use: that of the token's node with that of node and store.
func cpuOf(list []distance) (below, above int, says string) {
	var parts []string
	for _, d := range list {
		for _, t := range d.Tokens {
			c := t.CPU
			if c.Value == nil || c.Low == nil || c.High == nil {
				continue
			}
			switch {
			case *c.High < 1:
				below++
			case *c.Low > 1:
				above++
			}
			parts = append(parts, fmt.Sprintf("%s %s of %s", t.Arm, times(c), d.Session))
		}
	}
	if len(parts) == 0 {
		return 0, 0, ""
	}
	return below, above, "CPU per use, node and store: " + listing(parts) + "."
}

// lowersAfar: C11. "Distributed" is a store at least half a millisecond away. By
// how much latency is lowered there is what the claim is about.
func lowersAfar(b *evidence.Board) Finding {
	list, unfit := distances(b)
	if unfit != nil {
		f := lowersLatency(b)
		if f.Status == NotMeasured && f.Would == "" {
			f.Would = distanceCommand
		}
		return f
	}
	s := soonerOf(list)
	if len(s.lowered) == 0 {
		return missing("no round trip was half a millisecond or longer", distanceCommand).near(s.cites, "%s", s.text())
	}
	claimed := s.lowered[inside(.5, .7)]
	var parts []string
	for _, by := range []string{inside(.5, .7), inside(.1, .2), inside(.8, .9), inside(.2, .9), "not lower, or not settled"} {
		if n := len(s.lowered[by]); n > 0 {
			parts = append(parts, fmt.Sprintf("%s in %d", by, n))
		}
	}
	says := fmt.Sprintf("At round trips of half a millisecond and more the median is lowered %s of the pairs of arm and round trip.", listing(parts))
	switch {
	case len(s.lowered) == 1 && len(claimed) > 0:
		return found(Supported, s.cites, says, s.text())
	case len(claimed) == 0 && len(s.lowered[inside(.2, .9)]) == 0:
		return found(Contradicted, s.cites, says, s.text())
	}
	return found(Depends, s.cites, says, s.text()).on("the algorithm and the round trip: by 30 to 50 %% for %s", orNone(claimed))
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none with certainty"
	}
	return listing(list)
}
