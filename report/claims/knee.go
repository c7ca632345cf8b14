package claims

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

const kneeCommand = "authbench run store-knee --arm session-redis --arm session-mysql --arm jwt-es256"

// filled are the ramps of store-knee, by who was full.
type filled struct {
	store, node []string // arm and share, at which rates
	both        []string // that share a core, in much the same parts
	whole       int      // of them, with a store that could use a whole core
	ratios      []string // node cores to fill one of the store
	open        []string // where it is not known who was full
	cites       []Cite
}

// filledOf reads the knees of sessions in a store.
func filledOf(b *evidence.Board) (*filled, *Finding) {
	list, unfit := placedOf(b, "store-knee", "knee", "with sessions in a store", kneeCommand, func(c *trialCase) bool { return storedSession(c.Ref) })
	if unfit != nil {
		return nil, unfit
	}
	f := &filled{}
	for _, p := range list {
		for _, r := range p.table.Rows {
			f.row(p, r)
		}
		f.ratio(p)
		f.cites = append(f.cites, p.cite("knee by share of a core"))
	}
	return f, nil
}

// ratio is by the CPU of a use with the largest share.
func (f *filled) ratio(p placed) {
	_, most := outermost(p.table)
	node, ok := p.value(most, "node CPU")
	store, also := p.value(most, "store CPU")
	if ok && also && store > 0 {
		f.ratios = append(f.ratios, fmt.Sprintf("%s for %s (%s%sµs in the node, %s in the store)",
			number.Times(node/store), p.Arm, number.Short(node), number.NBSP, number.Short(store)))
	}
}

func (f *filled) row(p placed, r results.Row) {
	full, _ := p.table.Cell(r.Label, "who is full")
	met, ok := p.value(r.Label, "met")
	missed, also := p.value(r.Label, "missed")
	has := r.Label + " of a core"
	if r.Label == "whole" {
		has = "a whole core"
	}
	where := p.Arm + " with " + has
	if !ok || !also || !slices.Contains([]string{"store", "node", "node and store"}, full.Text) {
		f.open = append(f.open, where)
		return
	}
	if r.Label == "whole" {
		f.whole++
	}
	text := fmt.Sprintf("%s (between %s and %s uses a second)", where, rounded(met), rounded(missed))
	switch full.Text {
	case "store":
		f.store = append(f.store, text)
	case "node":
		f.node = append(f.node, text)
	default:
		f.both = append(f.both, text)
	}
}

// rounded prints a rate.
func rounded(perSecond float64) string { return number.Integer(int64(math.Round(perSecond))) }

// text is what was measured.
func (f *filled) text() string {
	var says []string
	if len(f.store) > 0 {
		says = append(says, "As load was raised the store was full first for "+listing(f.store)+".")
	}
	if len(f.node) > 0 {
		says = append(says, "The node was full first for "+listing(f.node)+".")
	}
	if len(f.both) > 0 {
		says = append(says, "Neither was first for "+listing(f.both)+": they took much the same part of the core that both had.")
	}
	if f.whole > 0 {
		says = append(says, "Where node and store have one core between them, it is the one that takes clearly more of it.")
	}
	if len(f.ratios) > 0 {
		says = append(says, "Cores of nodes that it takes to fill one core of the store, by CPU of a use: "+listing(f.ratios)+".")
	}
	return strings.Join(says, " ")
}

// storeIsBottleneck: C02. A store that has a share of a core is what a small instance, or
// one behind many nodes, is to a node. Only beside a store with a core of its own does it
// show whether it is the store as such.
func storeIsBottleneck(b *evidence.Board) Finding {
	f, unfit := filledOf(b)
	if unfit != nil {
		return sharedCore(b, unfit.Why)
	}
	switch {
	case len(f.store)+len(f.node)+len(f.both) == 0:
		return missing("it is not known what was full first for "+listing(f.open), kneeCommand)
	case len(f.store) > 0 && len(f.node)+len(f.both) > 0:
		return found(Depends, f.cites, f.text()).on("how much CPU the store has beside its nodes: it was full first in %s, the node in %s, and neither in %d",
			number.Count(len(f.store), "case"), number.Count(len(f.node), "case"), len(f.both))
	case len(f.store) == 0:
		return found(Contradicted, f.cites, f.text())
	case f.whole == 0:
		return missing("the store was tried with a share of a core only, and not with a whole one", kneeCommand).near(f.cites, "%s", f.text())
	}
	return found(Supported, f.cites, f.text())
}

// untouched says what tokens did beside a store that was limited.
func untouched(b *evidence.Board) (says string, cites []Cite) {
	list, unfit := placedOf(b, "store-knee", "knee", "", "", func(c *trialCase) bool { return plainToken(c.Ref) })
	if unfit != nil {
		return "", nil
	}
	var parts []string
	for _, p := range list {
		for _, r := range p.table.Rows {
			ops, ok := p.value(r.Label, "store operations")
			met, also := p.value(r.Label, "met")
			if ok && also && r.Label != "whole" {
				parts = append(parts, fmt.Sprintf("%s met %s uses a second beside a store with %s of a core, and caused %s store operations a use",
					p.Arm, rounded(met), r.Label, number.Short(ops)))
				cites = append(cites, p.cite("knee beside a store that is limited"))
			}
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return "Tokens: " + listing(parts) + ".", cites
}

// moveWhenFull: C49. That a store runs out, and that tokens go on, is one half. "Only" is
// the other, and the distance to the store is its rival: tokens that are sooner although
// the store is far from full are another reason.
func moveWhenFull(b *evidence.Board) Finding {
	f, unfit := filledOf(b)
	afar, none := distances(b)
	if unfit != nil {
		return besideDistance(sharedCore(b, unfit.Why), afar)
	}
	if len(f.store) == 0 {
		return besideDistance(missing("no store was full in these runs", kneeCommand).near(f.cites, "%s", f.text()), afar)
	}
	says, cites := f.text(), f.cites
	if text, more := untouched(b); text != "" {
		says, cites = says+" "+text, append(cites, more...)
	}
	if none != nil {
		return missing("when a store cannot take the look-ups is measured; whether anything else speaks for a move is not", distanceCommand).near(cites, "%s", says)
	}
	s := soonerOf(afar)
	cites = append(cites, s.cites...)
	pairs := s.below + s.above + s.open
	far := fmt.Sprintf("With stores that were far from full, tokens were sooner in %d of %d pairs of arm and round trip, and later in %d. %s", s.below, pairs, s.above, s.text())
	switch {
	case s.below == 0 && s.above == 0:
		return missing("inconclusive: whether tokens are sooner beside a store that is far from full is not settled", distanceCommand).near(cites, "%s", says+" "+far)
	case s.below == 0:
		return found(Supported, cites, says, far)
	case s.above == 0:
		return found(Contradicted, cites, says, far)
	}
	return found(Depends, cites, says, far).on("the round trip to the store: far away tokens are sooner while the store is idle, so that distance is a reason, too; nearby only a store that is full is one")
}

// besideDistance adds what distance has to say to a finding that nothing was measured.
func besideDistance(f Finding, afar []distance) Finding {
	if len(afar) == 0 {
		return f
	}
	s := soonerOf(afar)
	if s.below == 0 {
		return f
	}
	return f.near(append(f.Cites, s.cites...), "%s", strings.TrimSpace(f.Says+" With stores that were far from full, tokens were sooner in "+
		fmt.Sprintf("%d of %d pairs of arm and round trip, so that distance is a reason, too. ", s.below, s.below+s.above+s.open)+s.text()))
}
