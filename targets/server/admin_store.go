package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Limits of one asking. The whole of it stays below the harness's own patience.
const (
	maxPings    = 10_000
	maxEvery    = time.Second
	rttPatience = 4 * time.Second
)

// storeRTT is what a node says of the way to its store, in nanoseconds.
type storeRTT struct {
	Store string `json:"store"`
	N     int    `json:"n"` // round trips made: fewer than asked for where time ran out
	Min   int64  `json:"min_ns"`
	P50   int64  `json:"p50_ns"`
	P90   int64  `json:"p90_ns"`
	Max   int64  `json:"max_ns"`
	// CPU is what one round trip costs this process, the mean of all; 0 where the
	// platform has no process clock.
	CPU int64 `json:"cpu_ns"`
}

// getStoreRTT pings the store n times over the pool that uses share with nobody
// else now, one after the other. With every the next begins no sooner than that
// after the last began: at the rate of some load, the caches and the processor are as
// cold as that load finds them.
//
//	GET /store/rtt?n=200&every=1ms
//	    {"store":"redis","n":200,"min_ns":21000,"p50_ns":31000,"p90_ns":44000,"max_ns":90000,"cpu_ns":11000}
//
// A ping is one round trip: PING to Redis, COM_PING to MySQL. A node without a store
// answers 404, one whose store does not answer 503.
func (s *Server) getStoreRTT(w http.ResponseWriter, r *http.Request) {
	if len(s.backing) == 0 {
		adminProblem(w, http.StatusNotFound, "this node has no store")
		return
	}
	n, every, err := rttQuery(r.URL.Query())
	if err != nil {
		adminProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	answer, err := measureRTT(r.Context(), s.backing[0].Ping, n, every)
	if err != nil {
		adminProblem(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	answer.Store = s.settings.Store
	adminAnswer(w, answer)
}

func rttQuery(q url.Values) (n int, every time.Duration, err error) {
	n = 100
	if text := q.Get("n"); text != "" {
		if n, err = strconv.Atoi(text); err != nil || n < 1 || n > maxPings {
			return 0, 0, fmt.Errorf("n %.20q: want 1 to %d", text, maxPings)
		}
	}
	if text := q.Get("every"); text != "" {
		if every, err = time.ParseDuration(text); err != nil || every < 0 || every > maxEvery {
			return 0, 0, fmt.Errorf("every %.20q: want a duration up to %v", text, maxEvery)
		}
	}
	return n, every, nil
}

// measureRTT times n calls of ping, at least one.
func measureRTT(ctx context.Context, ping func(context.Context) error, n int, every time.Duration) (storeRTT, error) {
	took := make([]int64, 0, n)
	cpu := time.Duration(0)
	for end := time.Now().Add(rttPatience); len(took) < n; {
		spent, begin := processCPU(), time.Now()
		if err := ping(ctx); err != nil {
			return storeRTT{}, fmt.Errorf("ping %d of the store: %w", len(took)+1, err)
		}
		now := time.Now()
		cpu += processCPU() - spent
		took = append(took, now.Sub(begin).Nanoseconds())
		if now.After(end) {
			break
		}
		time.Sleep(begin.Add(every).Sub(now)) // until then; none where it is past
	}
	slices.Sort(took)
	// Nearest rank: the smallest value that so many are not above.
	rank := func(percent int) int64 { return took[(len(took)*percent+99)/100-1] }
	return storeRTT{
		N: len(took), Min: took[0], P50: rank(50), P90: rank(90), Max: took[len(took)-1],
		CPU: cpu.Nanoseconds() / int64(len(took)),
	}, nil
}
