package scenarios

import (
	"slices"
	"testing"
)

func TestOrderIsAPermutationDrawnFromTheSeed(t *testing.T) {
	const arms = 8
	firsts := make([]int, arms)
	for block := 1; block <= 800; block++ {
		order := Order(7, block, arms)
		if !slices.Equal(order, Order(7, block, arms)) {
			t.Fatalf("block %d: two orders from one seed", block)
		}
		sorted := slices.Sorted(slices.Values(order))
		for i, v := range sorted {
			if i != v {
				t.Fatalf("block %d: %v is not a permutation", block, order)
			}
		}
		firsts[order[0]]++
	}
	// Every arm goes first about 100 times of 800; a fixed or rotating order that
	// favours one would be far outside 60..140 (more than 4 standard deviations).
	for arm, n := range firsts {
		if n < 60 || n > 140 {
			t.Errorf("arm %d goes first in %d of 800 blocks", arm, n)
		}
	}
	if slices.Equal(Order(7, 1, arms), Order(8, 1, arms)) && slices.Equal(Order(7, 2, arms), Order(8, 2, arms)) {
		t.Error("the seed does not change the order")
	}
}

func TestRoundDown(t *testing.T) {
	for _, c := range []struct{ in, want float64 }{
		{2163.9, 2100}, {999, 990}, {10_800, 10_000}, {14, 14}, {9.7, 9.7}, {123456, 120000},
	} {
		if got := roundDown(c.in); got != c.want {
			t.Errorf("roundDown(%v) = %v, want %v", c.in, got, c.want)
		}
	}
}
