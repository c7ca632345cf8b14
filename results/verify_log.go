package results

import (
	"maps"
	"slices"
)

// recorded is what a log holds of one series: counts by the top of their bucket.
// It is a hundredth of the size of a histogram of our geometry.
type recorded struct {
	counts map[int64]int64
	max    int64 // exact: the log has it beside every histogram
}

type recordedLog map[Tag]*recorded

// readRecorded reads a whole log, all of it or none.
func readRecorded(dir string) (recordedLog, error) {
	log := recordedLog{}
	for i, err := range Intervals(dir, nil) {
		if err != nil {
			return nil, err
		}
		r := log[i.Tag]
		if r == nil {
			r = &recorded{counts: map[int64]int64{}}
			log[i.Tag] = r
		}
		for _, b := range i.Buckets {
			r.counts[b.To] += b.N
		}
		r.max = max(r.max, i.Max)
	}
	return log, nil
}

// strangers are series of trials that the run does not have.
func (log recordedLog) strangers(run *Run) []Finding {
	type trial struct {
		arm   string
		block int
	}
	known := map[trial]bool{}
	for _, t := range run.Trials {
		known[trial{t.Arm, t.Block}] = true
	}
	var strange []string
	for tag := range log {
		if !known[trial{tag.Arm, tag.Block}] {
			strange = append(strange, tag.String())
		}
	}
	switch {
	case len(strange) == 0:
		return []Finding{{Check: CheckLog, About: HistogramsFile, Status: Same}}
	case run.Partial:
		return []Finding{{CheckLog, HistogramsFile, Unchecked, "it holds " + slices.Min(strange) + ", a trial that run.json does not have: the run ended while it was stored"}}
	}
	return []Finding{{CheckLog, HistogramsFile, Differs, "it holds " + slices.Min(strange) + ", and run.json has no such trial"}}
}

func (r *recorded) total() int64 {
	if r == nil {
		return 0
	}
	n := int64(0)
	for _, c := range r.counts {
		n += c
	}
	return n
}

// quantiles ranks n arrivals of which r holds those that ended ok; the others count
// as slower than all of them. Rank: the smallest r with r >= q*n. Value: the top of
// its bucket, at most the maximum. It is written apart from what the generator
// does, and has to come to the same.
func (r *recorded) quantiles(n int64) Quantiles {
	q := Quantiles{Count: n}
	if n == 0 || r == nil {
		return q
	}
	tops := slices.Sorted(maps.Keys(r.counts))
	targets := []struct {
		tenThousandths int64
		value          **int64
	}{{5000, &q.P50}, {9000, &q.P90}, {9500, &q.P95}, {9900, &q.P99}, {9990, &q.P999}, {9999, &q.P9999}}
	seen, sum := int64(0), 0.0
	for _, top := range tops {
		c := r.counts[top]
		sum += float64(c) * float64(top)
		seen += c
		for len(targets) > 0 && seen*10000 >= n*targets[0].tenThousandths {
			v := min(top, r.max)
			*targets[0].value = &v
			targets = targets[1:]
		}
	}
	if seen > 0 {
		q.Mean = sum / float64(seen)
	}
	if seen >= n {
		v := r.max
		q.Max = &v
	}
	return q
}
