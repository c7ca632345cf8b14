package results

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newRun() *Run {
	return &Run{
		Started:  began,
		Profile:  "quick",
		Baseline: "session-redis",
		Arms:     []Arm{{Name: "control"}, {Name: "session-redis"}},
		Workload: Workload{Arrivals: "poisson"},
	}
}

func newTrial(arm string, block int) Trial {
	t := Trial{Arm: arm, Block: block, Started: began}
	t.Accounting = Accounting{Scheduled: 10, OK: 8, Timeout: 2}
	t.Saturate = &Measurement{Accounting: Accounting{Scheduled: 5, OK: 5}}
	return t
}

// encodedHistogram is one interval with the given values in nanoseconds.
func encodedHistogram(t testing.TB, values ...int64) Histogram {
	t.Helper()
	h := hdrhistogram.New(HistogramMin, HistogramMax, HistogramDigits)
	for _, v := range values {
		if err := h.RecordValue(v); err != nil {
			t.Fatal(err)
		}
	}
	data, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	return Histogram{
		Operation: "use", Metric: "latency", Outcome: OK, LengthNS: 1e9,
		Max: h.Max(), Count: h.TotalCount(), Data: string(data),
	}
}

func mustCreate(t *testing.T, root string) *Writer {
	t.Helper()
	w, err := Create(root, "bench", newRun())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func mustAdd(t *testing.T, w *Writer, trial Trial, hists ...Histogram) {
	t.Helper()
	if err := w.Add(trial, []PhaseHistograms{{Started: began.Add(time.Minute), Histograms: hists}}); err != nil {
		t.Fatal(err)
	}
}

func TestWriteAndOpen(t *testing.T) {
	root := t.TempDir()
	w := mustCreate(t, root)
	mustAdd(t, w, newTrial("control", 1), encodedHistogram(t, 100, 200))
	mustAdd(t, w, newTrial("session-redis", 1), encodedHistogram(t, 300))

	// While it runs, what is on disk is complete and says that it is partial.
	run, _, err := Open(w.Dir())
	if err != nil || !run.Partial || len(run.Trials) != 2 {
		t.Fatalf("while running: partial %t, %d trials, %v", run.Partial, len(run.Trials), err)
	}
	if _, err := os.Lstat(filepath.Join(root, "latest")); err == nil {
		t.Fatal("latest leads to a run that has not finished")
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{w.Dir(), filepath.Join(w.Dir(), RunFile), filepath.Join(root, "latest")} {
		run, dir, err := Open(path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if run.Partial || run.ID != "20260301T120000Z-bench" || len(run.Trials) != 2 || run.Trials[1].Arm != "session-redis" {
			t.Errorf("%s: partial %t, id %q, trials %+v", path, run.Partial, run.ID, run.Trials)
		}
		if filepath.Base(dir) != run.ID {
			t.Errorf("%s: dir %s", path, dir)
		}
	}
	if err := w.Add(newTrial("control", 2), nil); err == nil {
		t.Error("a trial was added to a closed run")
	}
	left, _ := filepath.Glob(filepath.Join(w.Dir(), ".*"))
	if len(left) > 0 {
		t.Errorf("temporary files left: %v", left)
	}
}

func TestAbortKeepsTheFinishedTrials(t *testing.T) {
	for _, trials := range []int{0, 1} {
		root := t.TempDir()
		w := mustCreate(t, root)
		for range trials {
			mustAdd(t, w, newTrial("control", 1))
		}
		if err := w.Abort("interrupted by the user"); err != nil {
			t.Fatal(err)
		}
		run, _, err := Open(filepath.Join(root, "latest"))
		if err != nil || !run.Partial || run.PartialReason != "interrupted by the user" || len(run.Trials) != trials {
			t.Errorf("%d trials: %+v, %v", trials, run, err)
		}
	}
}

func TestTwoRunsWithinOneSecond(t *testing.T) {
	root := t.TempDir()
	a, b := mustCreate(t, root), mustCreate(t, root)
	if a.Dir() == b.Dir() {
		t.Fatalf("both write to %s", a.Dir())
	}
	for _, w := range []*Writer{a, b} {
		if err := w.Finish(); err != nil {
			t.Fatal(err)
		}
	}
	run, _, err := Open(filepath.Join(root, "latest"))
	if err != nil || run.ID != filepath.Base(b.Dir()) {
		t.Errorf("latest is %v, %v", run, err)
	}
}

func TestLatestWithoutSymlinks(t *testing.T) {
	root := t.TempDir()
	w := mustCreate(t, root)
	if err := w.Finish(); err != nil { // leaves a link that the file then replaces
		t.Fatal(err)
	}
	noLinks := func(string, string) error { return errors.ErrUnsupported }
	if err := setLatestWith(root, w.run.ID, noLinks); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Lstat(filepath.Join(root, "latest"))
	if err != nil || !fi.Mode().IsRegular() {
		t.Fatalf("latest is %v, %v", fi, err)
	}
	run, dir, err := Open(filepath.Join(root, "latest"))
	if err != nil || filepath.Base(dir) != run.ID {
		t.Fatalf("%s, %v", dir, err)
	}
}

func TestLatestIsNotTakenFromSomebodyElse(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "latest", "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := mustCreate(t, root).Finish(); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("error %v", err)
	}
}

func TestAddRefuses(t *testing.T) {
	broken := newTrial("control", 1)
	broken.Saturate.Accounting.OK++
	foreign := newTrial("control", 1)
	foreign.WrongSubject = 1
	miscounted := encodedHistogram(t, 1, 2, 3)
	miscounted.Count = 4
	wide := hdrhistogram.New(1, 1000, 2)
	_ = wide.RecordValue(5)
	data, _ := wide.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	otherGeometry := encodedHistogram(t, 5)
	otherGeometry.Data = string(data)
	spaced := encodedHistogram(t, 1)
	spaced.Operation = "log in"

	for _, c := range []struct {
		name  string
		trial Trial
		hist  *Histogram
		want  string
	}{
		{"unaccounted arrivals", broken, nil, "block 1, saturate: accounting: 5 arrivals scheduled, 6 resolved"},
		{"wrong subjects that are no errors", foreign, nil, "named another user"},
		{"a histogram that lost a value", newTrial("control", 1), &miscounted, "holds 3 values, 4 were recorded"},
		{"another geometry", newTrial("control", 1), &otherGeometry, "not be lossless"},
		{"a tag with a space", newTrial("control", 1), &spaced, "single words"},
		{"an arm with a comma", newTrial("a,b", 1), ptr(encodedHistogram(t, 1)), "commas"},
		{"block 0", newTrial("control", 0), ptr(encodedHistogram(t, 1)), "blocks count from 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := mustCreate(t, t.TempDir())
			before, _ := os.ReadFile(filepath.Join(w.Dir(), RunFile))
			var phases []PhaseHistograms
			if c.hist != nil {
				phases = []PhaseHistograms{{Started: began, Histograms: []Histogram{encodedHistogram(t, 7), *c.hist}}}
			}
			err := w.Add(c.trial, phases)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			after, _ := os.ReadFile(filepath.Join(w.Dir(), RunFile))
			log, _ := os.ReadFile(filepath.Join(w.Dir(), HistogramsFile))
			if string(after) != string(before) || strings.Contains(string(log), "Tag=") {
				t.Error("the refused trial left traces on disk")
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestPhasesDoNotShareATag(t *testing.T) {
	w := mustCreate(t, t.TempDir())
	h := []Histogram{encodedHistogram(t, 1)}
	err := w.Add(newTrial("control", 1), []PhaseHistograms{{Started: began, Histograms: h}, {Started: began, Histograms: h}})
	if err == nil {
		t.Fatal("steady and saturate were recorded under one tag")
	}
	err = w.Add(newTrial("control", 1), []PhaseHistograms{{Started: began, Histograms: h}, {Operation: "saturate", Started: began, Histograms: h}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, name := range []string{"", "../x", "a/b", ".hidden", `a\b`} {
		if _, err := Create(t.TempDir(), name, newRun()); err == nil {
			t.Errorf("name %q was accepted", name)
		}
	}
	run := newRun()
	run.Arms[0].Name = "my arm"
	if _, err := Create(t.TempDir(), "bench", run); err == nil {
		t.Error("an arm name with a space was accepted")
	}
}

func TestHistogramsMergeLosslessly(t *testing.T) {
	w := mustCreate(t, t.TempDir())
	first, second := encodedHistogram(t, 1000, 2000, 50_000_000_000), encodedHistogram(t, 1000)
	second.StartNS = 1e9
	late := encodedHistogram(t, 9)
	late.Outcome = Timeout
	mustAdd(t, w, newTrial("control", 1), first, second, late)
	mustAdd(t, w, newTrial("control", 2), encodedHistogram(t, 3000))

	per, err := Histograms(w.Dir(), PerBlock)
	if err != nil {
		t.Fatal(err)
	}
	tag := Tag{"control", "use", OK, "latency", 1}
	if len(per) != 3 || per.Histogram(tag).TotalCount() != 4 || per.Histogram(tag).ValueAtQuantile(50) != 1000 {
		t.Errorf("per block: %v", per)
	}
	all, err := Histograms(w.Dir(), AllBlocks)
	tag.Block = 0
	if err != nil || len(all) != 2 || all[tag].TotalCount() != 5 || all[tag].ValueAtQuantile(100) < 50_000_000_000 {
		t.Errorf("all blocks: %v, %v", all, err)
	}
	tag.Outcome = Timeout
	if all[tag].TotalCount() != 1 {
		t.Error("outcomes were mixed")
	}
	none, err := Histograms(w.Dir(), func(t Tag) (Tag, bool) { return t, false })
	if err != nil || len(none) != 0 {
		t.Errorf("filtered: %v, %v", none, err)
	}
}

// TestLogIsReadableByTheReferenceReader holds the format to hdrhistogram-go's
// own reader, a port of the Java one.
func TestLogIsReadableByTheReferenceReader(t *testing.T) {
	w := mustCreate(t, t.TempDir())
	h := encodedHistogram(t, 5_000_000, 7_000_000)
	h.StartNS = 2e9
	mustAdd(t, w, newTrial("session-redis", 1), h)
	f, err := os.Open(filepath.Join(w.Dir(), HistogramsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := hdrhistogram.NewHistogramLogReader(f).NextIntervalHistogram()
	if err != nil || got == nil {
		t.Fatalf("%v, %v", got, err)
	}
	wantStart := began.Add(62 * time.Second).UnixMilli()
	if got.Tag() != "session-redis.use.ok.latency.b01" || got.TotalCount() != 2 ||
		got.StartTimeMs() != wantStart || got.EndTimeMs() != wantStart+1000 {
		t.Errorf("tag %q, count %d, start %d (want %d), end %d", got.Tag(), got.TotalCount(), got.StartTimeMs(), wantStart, got.EndTimeMs())
	}
}

func TestDamagedLog(t *testing.T) {
	w := mustCreate(t, t.TempDir())
	mustAdd(t, w, newTrial("control", 1), encodedHistogram(t, 1, 2), encodedHistogram(t, 3))
	path := filepath.Join(w.Dir(), HistogramsFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSpace(string(whole)), "\n")
	last := lines[len(lines)-1]
	for _, c := range []struct{ name, last, want string }{
		{"cut off", last[:len(last)-10], "cut off"},
		{"payload damaged", last[:len(last)-10] + "\n", "damaged histogram"},
		{"no tag", "0,1,2,HIST\n", "instead of"},
		{"bad tag", "Tag=control.use.ok,0,1,2,HIST\n", "not arm.operation"},
		{"bad outcome", "Tag=control.use.fine.latency.b01,0,1,2,HIST\n", `unknown outcome "fine"`},
		{"bad number", "Tag=control.use.ok.latency.b01,x,1,2,HIST\n", "not a number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			damaged := strings.Join(lines[:len(lines)-1], "") + c.last
			if err := os.WriteFile(path, []byte(damaged), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := Histograms(w.Dir(), AllBlocks)
			var le *LogError
			if !errors.As(err, &le) || le.Line != len(lines) || le.Intact != 1 || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v", err)
			}
			if got[Tag{"control", "use", OK, "latency", 0}].TotalCount() != 2 {
				t.Errorf("the intact line is lost: %v", got)
			}
		})
	}
}

func TestDamagedRun(t *testing.T) {
	w := mustCreate(t, t.TempDir())
	mustAdd(t, w, newTrial("control", 1))
	mustAdd(t, w, newTrial("session-redis", 1))
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.Dir(), RunFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := string(b)
	cut := strings.LastIndex(whole, `"arm": "session-redis"`)
	replaceLast := func(old, repl string) string {
		i := strings.LastIndex(whole, old)
		return whole[:i] + repl + whole[i+len(old):]
	}
	for _, c := range []struct {
		name, content, want string
		trials              int // -1: nothing can be saved
	}{
		{"truncated", whole[:cut], "ends in the middle", 1},
		{"truncated at once", whole[:20], "ends in the middle", -1},
		{"empty", "", "ends in the middle", -1},
		{"garbage within", replaceLast(`"block": 1`, `"block": #`), "invalid character", 1},
		{"wrong type", replaceLast(`"block": 1`, `"block": "one"`), "block cannot be a string", 1},
		{"counts that do not add up", replaceLast(`"timeout": 2`, `"timeout": 3`), "accounting", 1},
		{"a list", "[]", "not a JSON object", -1},
		{"another program's", `{"hello": 1}`, "not a run of authbench", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(c.content), 0o644); err != nil {
				t.Fatal(err)
			}
			run, _, err := Open(path)
			var de *DamagedError
			if !errors.As(err, &de) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), RunFile) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			switch {
			case c.trials < 0 && run != nil:
				t.Errorf("saved %+v", run)
			case c.trials > 0 && (run == nil || len(run.Trials) != c.trials || !run.Partial || run.Profile != "quick"):
				t.Errorf("saved %+v", run)
			}
		})
	}
}

func TestNewerSchema(t *testing.T) {
	_, err := Decode([]byte(`{"schema_version": 99, "trials": "a shape of the future"}`), "x/run.json")
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Version != 99 {
		t.Fatalf("error %v", err)
	}
	if run, err := Decode([]byte(`{"schema_version": 99, "trials": []}`), "x/run.json"); !errors.As(err, &newer) || run != nil {
		t.Fatalf("a run whose fields may mean something else: %v, %v", run, err)
	}
	// What a later version adds is not an error.
	if _, err := Decode([]byte(`{"schema_version": 1, "added_later": true}`), "x/run.json"); err != nil {
		t.Fatal(err)
	}
}

func TestOpenMissing(t *testing.T) {
	_, _, err := Open(filepath.Join(t.TempDir(), "latest"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("error %v", err)
	}
}

func TestTag(t *testing.T) {
	for _, tag := range []Tag{
		{"control", "use", OK, "latency", 1},
		{"my.own.service", "login", ConnectError, "service", 128},
		{"session-redis~aa", "saturate", Rejected, "latency", 12},
	} {
		got, err := ParseTag(tag.String())
		if err != nil || got != tag {
			t.Errorf("%s: %+v, %v", tag, got, err)
		}
	}
}
