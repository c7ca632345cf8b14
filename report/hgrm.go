package report

import (
	"bufio"
	"fmt"
	"io"
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"

	"authbench/results"
)

const (
	hgrmTicks = 5   // lines for every halving of the distance to 100 %, as in HdrHistogram's own output
	hgrmUnit  = 1e6 // nanoseconds in a millisecond
	// hgrmBuckets and hgrmSubBuckets describe the geometry of every histogram of a run.
	hgrmBuckets, hgrmSubBuckets = 26, 2048
)

// HGRM writes the distribution of the response time of one arm and operation, all
// blocks together, as HdrHistogram's outputPercentileDistribution does. Values are
// milliseconds, to the nanosecond.
//
// Every scheduled arrival is ranked. What did not end ok is slower than everything
// that did, so the lines end where these begin, and a footer says how many they are.
// Invalid trials are left out.
func HGRM(w io.Writer, in Input) error {
	if in.Arm == "" {
		if len(in.Run.Arms) != 1 {
			return &SelectionError{"one distribution is of one arm: choose it with --arm; there is " + runArms(in.Run)}
		}
		in.Arm = in.Run.Arms[0].Name
	}
	if in.Operation == "" {
		in.Operation = "use"
	}
	if err := checkSelection(in); err != nil {
		return err
	}
	d, err := readDistribution(in)
	if err != nil {
		return err
	}
	return d.write(w)
}

// hgrm is one distribution.
type hgrm struct {
	ok        *hdrhistogram.Histogram
	scheduled int64
	trials    int
	about     string
}

func readDistribution(in Input) (hgrm, error) {
	d := hgrm{about: fmt.Sprintf("Arm = %s, operation = %s", in.Arm, in.Operation)}
	counted := map[int]bool{} // blocks
	for i := range in.Run.Trials {
		t := &in.Run.Trials[i]
		m := trialPhase(t, in.Operation)
		if t.Arm != in.Arm || t.Error != "" || !m.Usable() {
			continue
		}
		counted[t.Block] = true
		d.scheduled += m.Accounting.Scheduled
		d.trials++
	}
	series, err := results.Histograms(in.Dir, func(t results.Tag) (results.Tag, bool) {
		ok := in.wants(t) && t.Metric == "latency" && t.Outcome == results.OK && counted[t.Block]
		t.Block = 0
		return t, ok
	})
	if err != nil {
		return d, err
	}
	d.ok = series.Histogram(results.Tag{Arm: in.Arm, Operation: in.Operation, Outcome: results.OK, Metric: "latency"})
	switch {
	case d.trials == 0:
		return d, fmt.Errorf("no trial of %s has a usable %q", in.Arm, in.Operation)
	case d.ok == nil:
		return d, fmt.Errorf("nothing that ended ok was recorded of %s, %q: there is no distribution", in.Arm, in.Operation)
	case d.ok.TotalCount() > d.scheduled:
		return d, fmt.Errorf("%s holds %d response times of %s, run.json has %d arrivals: they do not belong together",
			results.HistogramsFile, d.ok.TotalCount(), in.Arm, d.scheduled)
	}
	return d, nil
}

// trialPhase is the phase of a trial whose histograms have the operation; nil without
// one.
func trialPhase(t *results.Trial, operation string) *results.Measurement {
	switch operation {
	case "login":
		return t.Login
	case "saturate":
		return t.Saturate
	}
	return &t.Measurement
}

func (d hgrm) write(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")
	level, seen, last := 0.0, int64(0), 0.0
	for _, bar := range d.ok.Distribution() {
		if bar.Count == 0 {
			continue
		}
		seen += bar.Count
		last = float64(bar.To) / hgrmUnit
		for level < 100 && 100*float64(seen)/float64(d.scheduled) >= level {
			fmt.Fprintf(out, "%12.6f %2.12f %10d %14.2f\n", last, level/100, seen, 1/(1-level/100))
			level = nextLevel(level)
			if seen == d.scheduled {
				break // one line leads to the last value, and one says that it is the last
			}
		}
	}
	notOK := d.scheduled - seen
	if notOK == 0 {
		fmt.Fprintf(out, "%12.6f %2.12f %10d\n", last, 1.0, seen)
	}
	fmt.Fprintf(out, "#[Mean    = %12.6f, StdDeviation   = %12.6f]\n", d.ok.Mean()/hgrmUnit, d.ok.StdDev()/hgrmUnit)
	fmt.Fprintf(out, "#[Max     = %12.6f, Total count    = %12d]\n", float64(d.ok.Max())/hgrmUnit, d.scheduled)
	fmt.Fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", hgrmBuckets, hgrmSubBuckets)
	fmt.Fprintf(out, "#[%s, trials = %d, unit = ms]\n", d.about, d.trials)
	if notOK > 0 {
		fmt.Fprintf(out, "#[Not ok  = %12d: ranked as slower than all above, of which mean, deviation and max are]\n", notOK)
	}
	return out.Flush()
}

// nextLevel halves its steps with every halving of the distance to 100 %.
func nextLevel(level float64) float64 {
	halvings := math.Floor(math.Log2(100/(100-level))) + 1
	return level + 100/(hgrmTicks*math.Exp2(halvings))
}
