package checker

import (
	"cmp"
	"slices"
)

// kill is one operation that ends credentials.
type kill struct {
	op     int32 // index into History.Ops
	invoke int64
	// acked is when it was acknowledged; forever: it is not known to have taken
	// effect, and may do so at any time after invoke.
	acked int64
	// by is the rejection that stands for the acknowledgement; -1: none needed.
	by int32
}

// kills are the operations that can end the same credentials: those of one
// credential, or those of all of a user's.
type kills struct {
	list []kill  // by invoke
	soon []int32 // soon[i]: of list[i:], the one acknowledged first
	end  []int32 // end[i]: of list[:i+1], the one that ends last
	next []int32 // the second of these; -1: there is one only
	open []int32 // those that are not acknowledged
}

func (k *kills) index() {
	slices.SortStableFunc(k.list, func(a, b kill) int { return cmp.Compare(a.invoke, b.invoke) })
	n := len(k.list)
	k.soon, k.end, k.next, k.open = make([]int32, n), make([]int32, n), make([]int32, n), nil
	best := int32(-1)
	for i := n - 1; i >= 0; i-- {
		if best < 0 || k.list[i].acked <= k.list[best].acked {
			best = int32(i)
		}
		k.soon[i] = best
	}
	first, second := int32(-1), int32(-1)
	for i := range k.list {
		switch at := k.list[i].acked; {
		case first < 0 || at >= k.list[first].acked:
			first, second = int32(i), first
		case second < 0 || at >= k.list[second].acked:
			second = int32(i)
		}
		k.end[i], k.next[i] = first, second
		if k.list[i].acked == forever {
			k.open = append(k.open, int32(i))
		}
	}
}

// until is how many of the list were invoked at or before t.
func (k *kills) until(t int64) int {
	n, _ := slices.BinarySearchFunc(k.list, t, func(one kill, t int64) int {
		if one.invoke <= t {
			return -1
		}
		return 1
	})
	return n
}

// firm is, of those invoked after t, the one that was acknowledged first.
func (k *kills) firm(t int64) (kill, bool) {
	i := k.until(t)
	if i == len(k.list) {
		return kill{}, false
	}
	one := k.list[k.soon[i]]
	return one, one.acked != forever
}

// may says whether one that was invoked by then may have taken effect at born or
// later. The operation except does not count: it made the credential.
func (k *kills) may(by, born int64, except int32) bool {
	i := k.until(by)
	if i == 0 {
		return false
	}
	last := k.end[i-1]
	if k.list[last].op == except {
		last = k.next[i-1]
	}
	return last >= 0 && k.list[last].acked >= born
}

// unknown is the latest of those invoked by then of which it is not known whether
// they took effect.
func (k *kills) unknown(by int64, except int32) (kill, bool) {
	n, _ := slices.BinarySearchFunc(k.open, by, func(i int32, t int64) int {
		if k.list[i].invoke <= t {
			return -1
		}
		return 1
	})
	for n--; n >= 0; n-- {
		if one := k.list[k.open[n]]; one.op != except {
			return one, true
		}
	}
	return kill{}, false
}
