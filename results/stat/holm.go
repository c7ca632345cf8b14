package stat

import (
	"cmp"
	"fmt"
	"slices"
)

// Holm adjusts the p values of m comparisons that are judged together (Holm
// 1979): the k-th smallest becomes the largest of (m-j+1) p(j) over j <= k, at
// most 1. To claim every comparison whose adjusted p is at most alpha makes even
// one false claim with probability at most alpha, however they depend on each
// other. The order of the input is kept. A p that is no probability is an error.
func Holm(p []float64) ([]float64, error) {
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("p[%d] is %v", i, v)
		}
	}
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	out := make([]float64, len(p))
	least := 0.0
	for k, i := range order {
		least = max(least, min(1, float64(len(p)-k)*p[i]))
		out[i] = least
	}
	return out, nil
}
