package checker

import (
	"cmp"
	"slices"

	"authbench/results"
)

// trades is what was counted of refresh tokens.
type trades struct{ replayed, refusedReplays int }

// replays counts what became of refresh tokens that were presented more than
// once: how many at the same time, how many lineages came of it, and how often
// one that had been traded in already worked again.
func (b *book) replays() ([]results.Fact, trades) {
	byToken := map[string][]*Op{}
	var order []string
	for _, i := range b.order {
		op := &b.h.Ops[i]
		if op.Kind != Refresh || op.Presented == "" {
			continue
		}
		if byToken[op.Presented] == nil {
			order = append(order, op.Presented)
		}
		byToken[op.Presented] = append(byToken[op.Presented], op)
	}
	var t trades
	parallel, lineages := 0, 0
	for _, token := range order {
		ops := byToken[token]
		traded := int64(forever) // when it was certainly traded in
		handed := map[string]bool{}
		for _, op := range ops {
			again := op.Invoke > traded
			switch op.Outcome {
			case results.OK:
				traded = min(traded, op.Complete)
				if again {
					t.replayed++
				} else {
					handed[op.Handed] = true
				}
			case results.Rejected:
				if again {
					t.refusedReplays++
				}
			}
		}
		if n := atOnce(ops); n > 1 {
			parallel = max(parallel, n)
			lineages = max(lineages, len(handed))
		}
	}
	if len(order) == 0 {
		return nil, t
	}
	facts := []results.Fact{
		{Name: "refresh.replays-accepted", Unit: "uses", Value: number(t.replayed), Text: "Uses of a refresh token that had been traded in already and worked again."},
		{Name: "refresh.replays-refused", Unit: "uses", Value: number(t.refusedReplays), Text: "Uses of a refresh token that had been traded in already and were refused."},
	}
	if parallel > 1 {
		facts = append(facts,
			results.Fact{Name: "refresh.parallel", Unit: "uses", Value: number(parallel), Text: "Most uses of one refresh token at the same time."},
			results.Fact{Name: "refresh.lineages", Unit: "lineages", Value: number(lineages), Text: "Most different successors that one refresh token got when it was used several times at once."})
	}
	return facts, t
}

// atOnce is how many of the operations, given by invoke, were open at one instant.
func atOnce(ops []*Op) int {
	ends := make([]int64, len(ops))
	for i, op := range ops {
		ends[i] = op.Complete
	}
	slices.SortFunc(ends, cmp.Compare[int64])
	most, ended := 0, 0
	for i, op := range ops {
		for ended < len(ends) && ends[ended] < op.Invoke {
			ended++
		}
		most = max(most, i+1-ended)
	}
	return most
}
