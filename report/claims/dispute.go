package claims

import "slices"

// Dispute is claims that cannot all hold, with what was measured of each.
type Dispute []Finding

// Disputes groups the claims that contradict each other, in the order of the
// catalogue: two are in one group if a chain of contradictions leads from one to
// the other.
func Disputes(list []Finding) []Dispute {
	group := make([]int, len(list)) // the first of the group
	for i := range group {
		group[i] = i
	}
	for i, f := range list {
		for _, id := range f.Claim.Contradicts {
			j := slices.IndexFunc(list, func(o Finding) bool { return o.Claim.ID == id })
			if j < 0 {
				continue
			}
			from, to := max(group[i], group[j]), min(group[i], group[j])
			for k := range group {
				if group[k] == from {
					group[k] = to
				}
			}
		}
	}
	var out []Dispute
	for i := range list {
		var d Dispute
		for k, g := range group {
			if g == i {
				d = append(d, list[k])
			}
		}
		if len(d) > 1 {
			out = append(out, d)
		}
	}
	return out
}
