package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"authbench/results"
)

func TestOctaves(t *testing.T) {
	for _, digits := range []int{2, 5, 6, binDigits} {
		next := int64(0)
		for bucket := range 40 << digits {
			from, to := octaveRange(bucket, digits)
			if from != next || to < from || float64(to-from) > float64(from)/float64(int64(1)<<digits) {
				t.Fatalf("%d digits: bucket %d is %d..%d after %d", digits, bucket, from, to, next-1)
			}
			if to > results.HistogramMax {
				break
			}
			if octave(from, digits) != bucket || octave(to, digits) != bucket || math.Abs(octaveAt(float64(from), digits)-float64(bucket)) > 1e-6 {
				t.Fatalf("%d digits: %d..%d is not in bucket %d", digits, from, to, bucket)
			}
			next = to + 1
		}
	}
}

// TestMomentRanksEveryArrival: against sorted values, up to the width of a bucket.
func TestMomentRanksEveryArrival(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 40 {
		var m moment
		var values []int64
		for range n {
			v := int64(math.Exp(8 + 8*rng.Float64()))
			values = append(values, v)
			m.add(&results.Interval{Tag: results.Tag{Outcome: results.OK}, Max: v, Count: 1, Buckets: []results.Bucket{{From: v, To: v, N: 1}}})
		}
		bad := int64(n % 7)
		m.add(&results.Interval{Tag: results.Tag{Outcome: results.Unavailable}, Count: bad, Buckets: []results.Bucket{{From: 1, To: 1, N: bad}}})
		slices.Sort(values)
		for _, q := range []float64{.01, .25, .5, .75, .99, 1} {
			got := m.quantile(q)
			rank := int(math.Ceil(q*float64(int64(n)+bad) - 1e-9))
			switch {
			case int64(n)+bad == 0:
				if !math.IsNaN(got) {
					t.Errorf("a quantile of nothing: %v", got)
				}
			case max(rank, 1) > n:
				if !math.IsInf(got, 1) {
					t.Errorf("%d ok, %d not: quantile %v is %v", n, bad, q, got)
				}
			default:
				if want := float64(values[max(rank, 1)-1]); got < want || got > want*1.008 {
					t.Errorf("%d ok, %d not: quantile %v is %v, want %v", n, bad, q, got, want)
				}
			}
		}
	}
}

// TestEmbeddedBins reads back what the script reads.
func TestEmbeddedBins(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, digits := range []int{5, 6} {
		var b bins
		want := map[int]int64{}
		for range 500 {
			v, n := int64(math.Exp(24*rng.Float64())), 1+rng.Int64N(90)
			b.add(v, n)
			want[octave(v, digits)] += n
		}
		bucket := 0
		for token := range strings.SplitSeq(encodeBins(&b, digits), " ") {
			n, err := strconv.ParseInt(token, 36, 64)
			if err != nil {
				t.Fatal(err)
			}
			if n < 0 {
				bucket -= int(n)
				continue
			}
			if want[bucket] != n {
				t.Fatalf("%d digits: %d in bucket %d, want %d", digits, n, bucket, want[bucket])
			}
			delete(want, bucket)
			bucket++
		}
		if len(want) > 0 {
			t.Errorf("%d digits: %d buckets are not there", digits, len(want))
		}
	}
	if s := encodeBins(&bins{}, 6); s != "" {
		t.Errorf("nothing is %q", s)
	}
}

// TestTracksHoldEveryArrival: however a run is cut into slots, nothing is lost.
func TestTracksHoldEveryArrival(t *testing.T) {
	for name, m := range map[string]madeUp{
		"short trials": {arms: arms8()[:2], blocks: 3, seconds: 3, rate: 100},
		"long trials":  {arms: arms8()[:2], blocks: 3, seconds: 90, rate: 10},
	} {
		t.Run(name, func(t *testing.T) {
			run, dir := m.write(t)
			heat, panels := costTracks(run)
			if err := fill(run, intervalsOf(dir), distinct(heat, panels)); err != nil {
				t.Fatal(err)
			}
			for _, tr := range distinct(heat, panels) {
				if got, want := tr.whole().scheduled(), int64(m.blocks*m.seconds*m.rate); got != want {
					t.Errorf("%s, pooled %t: %d arrivals, want %d", tr.arm, tr.pooled, got, want)
				}
				if n := len(tr.slots); n > maxSlots || n != tr.perBlock*map[bool]int{true: 1, false: m.blocks}[tr.pooled] {
					t.Errorf("%s, pooled %t: %d slots", tr.arm, tr.pooled, n)
				}
				for i, v := range tr.perSecond((*moment).scheduled) {
					if math.Abs(v-float64(m.rate)) > 1e-9 {
						t.Errorf("%s, pooled %t: %v a second in slot %d of %d, want %d", tr.arm, tr.pooled, v, i, len(tr.slots), m.rate)
					}
				}
				if share := tr.cpu[0]; (share == nil) != (m.seconds < 5) || share != nil && (share[0] < .2 || share[len(share)-1] > .25) {
					t.Errorf("%s: CPU %v", tr.arm, share)
				}
				if tr.arm == "control" && tr.cpu[1] != nil {
					t.Error("control has the CPU of a store that it does not use")
				}
			}
		})
	}
}

// TestIntervalsFindTheirSlot: a trial whose first intervals have no arrivals is placed
// by when its window began, not by the first line.
func TestIntervalsFindTheirSlot(t *testing.T) {
	run, dir := madeUp{arms: arms8()[:1], blocks: 1, seconds: 6, rate: 300, chaos: true}.write(t)
	run.Trials[0].Timeline.Started = run.Trials[0].Timeline.Started.Add(-300 * time.Millisecond)
	run.Trials[0].DurationNS += 300e6
	tracks, _ := faultTracks(run)
	if err := fill(run, intervalsOf(dir), tracks); err != nil {
		t.Fatal(err)
	}
	var got []int64
	for i := range 5 {
		got = append(got, tracks[0].slots[i].scheduled())
	}
	if !slices.Equal(got, []int64{0, 0, 0, 30, 30}) {
		t.Errorf("arrivals by slot: %v", got)
	}
	// 1,370 ms after a zero that lies 250 ms before the window, of 6.3 s.
	if f := tracks[0].faults()[0]; math.Abs(f.Requested-100*1.12/6.3) > .01 || math.Abs(f.Recovered-100*2.7/6.3) > .01 {
		t.Errorf("the fault stands at %+v", f)
	}
}

func TestFaultsAsFarAsTheyGot(t *testing.T) {
	run, dir := madeUp{arms: arms8()[:1], blocks: 1, seconds: 6, rate: 300, chaos: true}.write(t)
	f := &run.Trials[0].Chaos.Faults[0]
	for _, step := range []struct {
		cut  *(*int64)
		want string
	}{{&f.RecoveredNS, "never seen to be over"}, {&f.RecoverNS, "seen to act at 1.19"}, {&f.ConfirmedNS, "never seen to act"}} {
		*step.cut = nil
		page := timePage(t, readOverTime("t", run, intervalsOf(dir), noMark))
		if !strings.Contains(page, step.want) || strings.Contains(page, "NaN") {
			t.Errorf("the page does not say %q, or says NaN", step.want)
		}
	}
}

// TestOnlyWhatMattersIsDrawn: of many faults those that broke a promise, in the order of
// the run; the page says that there are more.
func TestOnlyWhatMattersIsDrawn(t *testing.T) {
	run := &results.Run{}
	for i := range 40 {
		trial := results.Trial{Arm: fmt.Sprintf("arm%d", i), Block: i + 1}
		trial.DurationNS, trial.Timeline = 5e9, &results.Timeline{}
		trial.Accounting = results.Accounting{Scheduled: 100, OK: 100 - int64(i)/2, Unavailable: int64(i) / 2}
		trial.Chaos = &results.Chaos{Faults: []results.Fault{{Name: "kill"}}}
		switch {
		case i == 3:
			trial.Chaos.Violations = []results.Violation{{}}
		case i == 20:
			trial.Chaos.Faults = nil
		case i > 36:
			trial.Timeline = nil
		}
		run.Trials = append(run.Trials, trial)
	}
	tracks, left := faultTracks(run)
	if len(tracks) != faultPanels || tracks[0].arm != "arm3" || tracks[1].arm != "arm12" || tracks[faultPanels-1].arm != "arm36" {
		t.Errorf("%d tracks from %s, %s", len(tracks), tracks[0].arm, tracks[1].arm)
	}
	if !strings.HasPrefix(left, "3 trials with a fault did not note") || !strings.Contains(left, "12 more trials") {
		t.Errorf("left: %s", left)
	}
}

// TestTimeSaysWhatIsMissing: no log, a damaged one, nothing in it; and names that are
// markup stay text.
func TestTimeSaysWhatIsMissing(t *testing.T) {
	run, dir := madeUp{arms: []string{`<script>alert(1)</script>`, `"><img`}, blocks: 2, seconds: 3, rate: 200}.write(t)
	if page := timePage(t, readOverTime("t", run, intervalsOf(dir), noMark)); strings.Contains(page, "<script>alert") || strings.Contains(page, `"><img`) {
		t.Error("markup got through")
	}
	if o := readOverTime("t", run, nil, noMark); o.Heat != nil || o.Panels != nil || o.Note == "" {
		t.Errorf("%+v", o)
	}
	path := filepath.Join(dir, results.HistogramsFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)*2/3], 0o644); err != nil {
		t.Fatal(err)
	}
	o := readOverTime("t", run, intervalsOf(dir), noMark)
	if o.Heat == nil || !strings.Contains(o.Note, "damaged") || !strings.Contains(timePage(t, o), "damaged") {
		t.Errorf("half a log: %+v", o)
	}
	if o := readOverTime("t", &results.Run{}, intervalsOf(dir), noMark); o.Heat != nil || o.Panels != nil {
		t.Errorf("a run without trials: %+v", o)
	}
}

// TestInvalidTrialsAreNotDrawn: they feed no other number either.
func TestInvalidTrialsAreNotDrawn(t *testing.T) {
	run, dir := madeUp{arms: arms8()[:2], blocks: 2, seconds: 3, rate: 200}.write(t)
	run.Trials[0].Validity.Status = results.ValidityInvalid
	o := readOverTime("t", run, intervalsOf(dir), noMark)
	if got := len(o.Heat.Rows); got != 3 {
		t.Errorf("%d rows of arm and block, want 3", got)
	}
	if what := o.Panels.Panels[0].What; !strings.HasPrefix(what, "600 arrivals, all ok.") {
		t.Errorf("%s", what)
	}
}

// fullRun is as large as runs get: 12 blocks of 8 arms, 120 s each.
func fullRun() madeUp { return madeUp{arms: arms8(), blocks: 12, seconds: 120, rate: 2000} }

// TestFullRunFits: the page of a full run stays small, and is the same every time.
func TestFullRunFits(t *testing.T) {
	m := fullRun()
	m.blocks = 3 // already more intervals than columns: more of them make no difference
	run, dir := m.write(t)
	page := wholePage(t, run, steadyHistograms(t, dir), dir)
	savePage(t, "full.html", page)
	if len(page) > 3<<20 {
		t.Errorf("%d KB; the page shall stay below 3 MB", len(page)>>10)
	}
	if again := wholePage(t, run, steadyHistograms(t, dir), dir); again != page {
		t.Error("drawn twice, it differs")
	}
}

// steadyHistograms are those that the report command reads.
func steadyHistograms(t testing.TB, dir string) results.Series {
	t.Helper()
	h, err := results.Histograms(dir, func(tag results.Tag) (results.Tag, bool) {
		return tag, tag.Operation == "use" && tag.Metric == "latency" && tag.Outcome == results.OK
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestManyFaultsFit: as many panels as there may be, of trials as long as they get.
func TestManyFaultsFit(t *testing.T) {
	run, dir := madeUp{arms: arms8(), blocks: 4, seconds: 20, rate: 300, chaos: true}.write(t)
	page := timePage(t, readOverTime("t", run, intervalsOf(dir), noMark))
	if len(page) > 3<<19 {
		t.Errorf("%d KB for the sections of time alone; the page shall stay below 3 MB", len(page)>>10)
	}
}

// BenchmarkFullRun is all that the report command does with a full run.
func BenchmarkFullRun(b *testing.B) {
	_, dir := fullRun().write(b)
	b.ResetTimer()
	for b.Loop() {
		run, _, err := results.Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(wholePage(b, run, steadyHistograms(b, dir), dir))), "page-B")
	}
}
