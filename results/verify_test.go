package results

import (
	"bytes"
	"encoding/json"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// written is a finished run of two trials whose numbers come from its histograms,
// some of the arrivals not ok.
func written(t *testing.T) string {
	t.Helper()
	w := mustCreate(t, t.TempDir())
	for i, arm := range []string{"control", "session-redis"} {
		var values []int64
		for v := range int64(4000) {
			values = append(values, 100_000+v*(17+int64(i)))
		}
		trial := newTrial(arm, 1)
		trial.Accounting = Accounting{Scheduled: 4010, OK: 4000, Timeout: 10}
		trial.Saturate, trial.Login = nil, nil
		trial.Latency, trial.Service = ranked(values, 4010), ranked(values, 4000)
		late := encodedHistogram(t, 5e9, 5e9, 5e9, 5e9, 5e9, 5e9, 5e9, 5e9, 5e9, 5e9)
		late.Outcome = Timeout
		ok, rest, service := exactly(t, values[:1500]), exactly(t, values[1500:]), exactly(t, values)
		service.Metric = "service"
		mustAdd(t, w, trial, ok, rest, service, late)
	}
	w.run.Verdicts = judged(w.run)
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	return w.Dir()
}

// exactly is a histogram with the exact maximum beside it, as the generator writes it.
func exactly(t *testing.T, values []int64) Histogram {
	h := encodedHistogram(t, values...)
	h.Max = values[len(values)-1]
	return h
}

// ranked are the quantiles of sorted values among n arrivals, by the definition and
// the width of the buckets alone.
func ranked(values []int64, n int64) Quantiles {
	most := values[len(values)-1]
	q := Quantiles{Count: n}
	for _, v := range values {
		q.Mean += float64(v) / float64(len(values))
	}
	at := func(tenThousandths int64) *int64 {
		rank := (n*tenThousandths + 9999) / 10000
		if rank > int64(len(values)) {
			return nil
		}
		v := min(top(values[rank-1]), most)
		return &v
	}
	q.P50, q.P90, q.P95, q.P99, q.P999, q.P9999 = at(5000), at(9000), at(9500), at(9900), at(9990), at(9999)
	if n == int64(len(values)) {
		q.Max = &most
	}
	return q
}

// top is the largest value in the bucket of v: 3 digits are 2,048 steps in the first
// bucket, and half as many in every further power of two.
func top(v int64) int64 {
	shift := bits.Len64(uint64(v)|2047) - 11
	return (v>>shift+1)<<shift - 1
}

// judged is what a scenario would say: a verdict an arm.
func judged(run *Run) []Verdict {
	var out []Verdict
	for _, trial := range run.Trials {
		n := float64(trial.Accounting.NotOK())
		out = append(out, Verdict{Scenario: "steady", Arm: trial.Arm, Check: "errors", Status: Fail, Measured: &n, Unit: "arrivals"})
	}
	return out
}

func verify(t *testing.T, dir string, judge func(*Run) []Verdict) map[string][]Finding {
	t.Helper()
	run, _, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string][]Finding{}
	for _, f := range Verify(dir, run, judge) {
		by[f.Status] = append(by[f.Status], f)
	}
	return by
}

func TestVerify(t *testing.T) {
	dir := written(t)
	if err := os.WriteFile(filepath.Join(dir, "report.html"), []byte("written later"), 0o644); err != nil {
		t.Fatal(err)
	}
	by := verify(t, dir, judged)
	if len(by[Differs])+len(by[Unchecked])+len(by[NotRecomputable]) > 0 || len(by[Same]) != 2+1+2*(1+1+4)+2 {
		t.Errorf("%+v", by)
	}
	added := func(run *Run) []Verdict {
		return append(judged(run), Verdict{Scenario: "steady", Arm: "control", Check: "made later", Status: Pass})
	}
	if by := verify(t, dir, added); len(by[Unchecked]) != 1 || len(by[Differs]) > 0 {
		t.Errorf("a check that was made up later: %+v", by)
	}
	if by := verify(t, dir, nil); len(by[NotRecomputable]) != 2 || len(by[Differs]) > 0 {
		t.Errorf("without the history: %+v", by)
	}
}

// edit changes run.json as text would be changed.
func edit(t *testing.T, dir string, change func(*Run)) {
	t.Helper()
	run, _, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	change(run)
	b, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, RunFile), b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeDigests(dir); err != nil { // not even the digests tell
		t.Fatal(err)
	}
}

func TestVerifyFindsWhatWasChanged(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Run)
		check  string
		words  string
	}{
		{"a quantile", func(r *Run) { *r.Trials[1].Latency.P99-- }, CheckQuantiles, "p99: "},
		{"a failing quantile", func(r *Run) { r.Trials[0].Latency.P999 = r.Trials[0].Latency.P99 }, CheckQuantiles, "p99.9"},
		{"the maximum", func(r *Run) { *r.Trials[0].Service.Max-- }, CheckQuantiles, "max: "},
		{"the mean", func(r *Run) { r.Trials[0].Latency.Mean *= .99 }, CheckMean, "recomputed"},
		{"an error hidden", func(r *Run) { a := &r.Trials[0].Accounting; a.OK, a.Timeout = 4010, 0 }, CheckCounts, "in the log"},
		{"errors of another kind", func(r *Run) { a := &r.Trials[0].Accounting; a.Rejected, a.Timeout = 10, 0 }, CheckCounts, "in the log"},
		{"a verdict", func(r *Run) { r.Verdicts[0].Status = Pass }, CheckVerdict, "pass in run.json, fail recomputed"},
		{"a figure of a verdict", func(r *Run) { n := 9.0; r.Verdicts[0].Measured = &n }, CheckVerdict, "measured 9 in run.json, 10 recomputed"},
		{"a verdict removed", func(r *Run) { r.Verdicts = r.Verdicts[1:] }, CheckVerdict, "missing in run.json"},
		{"a trial removed", func(r *Run) { r.Trials, r.Verdicts = r.Trials[:1], r.Verdicts[:1] }, CheckLog, "run.json has no such trial"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := written(t)
			edit(t, dir, c.change)
			for _, f := range verify(t, dir, judged)[Differs] {
				if f.Check == c.check && strings.Contains(f.Detail, c.words) {
					return
				}
			}
			t.Errorf("not found: %+v", verify(t, dir, judged)[Differs])
		})
	}
}

// TestVerifyFindsEveryFlippedByte of a sample of them, in both files.
func TestVerifyFindsEveryFlippedByte(t *testing.T) {
	dir := written(t)
	for _, name := range evidence() {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(whole); at += 1 + len(whole)/40 {
			b := bytes.Clone(whole)
			b[at] ^= 1
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
			differs := false
			for _, f := range checkDigests(dir) {
				differs = differs || f.About == name && f.Status == Differs
			}
			if !differs {
				t.Errorf("%s: byte %d", name, at)
			}
		}
		if err := os.WriteFile(path, whole[:len(whole)-1], 0o644); err != nil {
			t.Fatal(err)
		}
		if f := checkDigests(dir); f[0].Status != Differs && f[1].Status != Differs {
			t.Errorf("%s: the last byte is missing, and %+v", name, f)
		}
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestVerifyWithoutEvidence(t *testing.T) {
	dir := written(t)
	os.Remove(filepath.Join(dir, DigestsFile))
	if by := verify(t, dir, judged); len(by[Unchecked]) != 2 || len(by[Differs]) > 0 {
		t.Errorf("an older run: %+v", by)
	}
	log := filepath.Join(dir, HistogramsFile)
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, b[:len(b)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if by := verify(t, dir, judged); len(by[Differs]) != 1 || by[Differs][0].Check != CheckLog {
		t.Errorf("a log cut off: %+v", by)
	}
	os.Remove(log)
	if by := verify(t, dir, judged); len(by[Differs]) > 0 || len(by[Unchecked]) != 3 {
		t.Errorf("no log: %+v", by)
	}
	if err := os.WriteFile(filepath.Join(dir, DigestsFile), []byte("nonsense\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if f := checkDigests(dir); len(f) != 1 || f[0].Status != Differs {
		t.Errorf("%+v", f)
	}
}

// TestSha256sumReadsTheDigests: who does not trust this program has another.
func TestSha256sumReadsTheDigests(t *testing.T) {
	tool, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Skip("no sha256sum here")
	}
	cmd := exec.CommandContext(t.Context(), tool, "--check", "--strict", DigestsFile)
	cmd.Dir = written(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAbortedRunsHaveDigests(t *testing.T) {
	w := mustCreate(t, t.TempDir())
	if _, err := os.Stat(filepath.Join(w.Dir(), DigestsFile)); err == nil {
		t.Error("digests of a run that goes on")
	}
	if err := w.Abort("interrupted"); err != nil {
		t.Fatal(err)
	}
	for _, f := range checkDigests(w.Dir()) {
		if f.Status != Same {
			t.Errorf("%+v", f)
		}
	}
	if d, err := Digest(w.Dir()); err != nil || len(d) != 64 {
		t.Errorf("%q, %v", d, err)
	}
}

func TestCopyLog(t *testing.T) {
	dir := written(t)
	whole, err := os.ReadFile(filepath.Join(dir, HistogramsFile))
	if err != nil {
		t.Fatal(err)
	}
	var all, one bytes.Buffer
	if n, err := CopyLog(&all, dir, func(Tag) bool { return true }); err != nil || n != 8 || !bytes.Equal(all.Bytes(), whole) {
		t.Errorf("%d intervals, %v", n, err)
	}
	if n, err := CopyLog(&one, dir, func(t Tag) bool { return t.Arm == "control" && t.Outcome == OK }); err != nil || n != 3 || strings.Contains(one.String(), "session-redis") {
		t.Errorf("%d intervals, %v", n, err)
	}
	if err := os.WriteFile(filepath.Join(dir, HistogramsFile), whole[:len(whole)-20], 0o644); err != nil {
		t.Fatal(err)
	}
	var cut bytes.Buffer
	if n, err := CopyLog(&cut, dir, func(Tag) bool { return true }); err == nil || n != 7 || !bytes.HasPrefix(whole, cut.Bytes()) {
		t.Errorf("%d intervals, %v", n, err)
	}
}
