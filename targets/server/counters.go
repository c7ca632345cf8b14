package server

import (
	"strconv"
	"sync/atomic"

	"authbench/targets/store"
)

// counters are bare atomics, found by index: counting a request must not cost a
// label look-up. The metrics page reads them when it is asked for.
type counters struct {
	requests   [routes][statuses]atomic.Uint64
	rejections tally // by reason
	storeErrs  tally // by kind of failure
	refreshes  tally // by result
	limited    tally // passwords not looked at, by which limit
	loggingIn  atomic.Int64
	// hashesRefused are passwords not looked at because too many others were.
	hashesRefused atomic.Uint64
	turnedAway    atomic.Uint64
	sweptTotal    atomic.Uint64
}

const (
	firstStatus = 100
	statuses    = 500 // 100 to 599
)

// tally counts by the words of a list. It never changes after it was made; what is
// not on the list is "other", or not counted.
type tally map[string]*atomic.Uint64

func newTally(words ...string) tally {
	t := tally{}
	for _, w := range words {
		t[w] = new(atomic.Uint64)
	}
	return t
}

func (t tally) add(word string) {
	n := t[word]
	if n == nil {
		n = t["other"]
	}
	if n != nil {
		n.Add(1)
	}
}

// read hands every count over, zeros too: a rate needs the point before the first.
func (t tally) read(emit emit) {
	for word, n := range t {
		emit(float64(n.Load()), word)
	}
}

// rejectionReasons are the words that mechanisms use, and "other".
func rejectionReasons() []string {
	return []string{
		"absent", "malformed", "unknown-session", "wrong-password", "wrong-type", "crit-header",
		"wrong-algorithm", "unknown-key", "bad-signature", "expired", "not-yet-valid", "wrong-claims",
		"revoked", "reused", "disabled", "other",
	}
}

func newCounters() *counters {
	return &counters{
		rejections: newTally(rejectionReasons()...),
		storeErrs:  newTally(store.Failures()...),
		refreshes:  newTally("ok", "again", "reused", "rejected", "error"),
		limited:    newTally("account", "address"),
	}
}

func (c *counters) request(r route, status int) {
	if i := status - firstStatus; i >= 0 && i < statuses {
		c.requests[r][i].Add(1)
	}
}

func (c *counters) rejection(reason string) { c.rejections.add(reason) }
func (c *counters) storeError(err error)    { c.storeErrs.add(store.Failure(err)) }
func (c *counters) refused()                { c.turnedAway.Add(1) }
func (c *counters) swept(n int)             { c.sweptTotal.Add(uint64(n)) }

// answered is how often that route was answered with a status from first to last.
func (c *counters) answered(r route, first, last int) uint64 {
	var n uint64
	for status := first; status <= last; status++ {
		n += c.requests[r][status-firstStatus].Load()
	}
	return n
}

// each calls f for every request counter that has counted.
func (c *counters) each(f func(route, code string, n uint64)) {
	for r := range routes {
		for i := range statuses {
			if n := c.requests[r][i].Load(); n > 0 {
				f(r.String(), strconv.Itoa(firstStatus+i), n)
			}
		}
	}
}
