package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/perf/benchfmt"

	"authbench/report/evidence"
	"authbench/results"
)

// synthesised is a run on disk that every format can read.
func synthesised(t *testing.T, blocks, perTrial int, edit func(*results.Run)) Input {
	t.Helper()
	_, dir := synthetic(t, t.TempDir(), syntheticArms(), blocks, perTrial, edit)
	run, h := open(t, dir)
	return Input{Board: evidence.Read(evidence.Source{Run: run, Histograms: h}), Dir: dir}
}

func written(t *testing.T, write func(io.Writer, Input) error, in Input) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCSV(t *testing.T) {
	in := synthesised(t, 2, 500, func(run *results.Run) {
		tr := &run.Trials[0]
		tr.Error, tr.Arm = "=cmd|' /C calc'!A0\nsecond line, with a comma", "@arm"
		run.Arms = append(run.Arms, results.Arm{Name: "@arm"})
		n := run.Trials[1].Accounting.Scheduled
		run.Trials[1].Accounting.OK, run.Trials[1].Accounting.Timeout = n/4, n-n/4
		run.Trials[1].Latency.P50, run.Trials[1].Latency.P99 = nil, nil
		run.Trials[2].Login = nil
		run.Trials[3].Usage.Store.Known = false
	})
	raw := written(t, CSV, in)
	if n := strings.Count(raw, "\r\n"); n != 1+len(in.Run.Trials) || n != strings.Count(raw, "\n") {
		t.Errorf("%d lines end as RFC 4180 has it, of %d", n, strings.Count(raw, "\n"))
	}
	rows, err := csv.NewReader(strings.NewReader(raw)).ReadAll()
	if err != nil || len(rows) != 1+len(in.Run.Trials) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	cell := func(row int, name string) string {
		t.Helper()
		i := slices.Index(rows[0], name)
		if i < 0 {
			t.Fatalf("no column %s in %v", name, rows[0])
		}
		return rows[1+row][i]
	}
	for _, c := range []struct {
		row        int
		name, want string
	}{
		{0, "arm", "'@arm"},
		{0, "error", "'=cmd|' /C calc'!A0 second line, with a comma"},
		{1, "steady_latency_p50_ns", "Inf"},
		{1, "steady_latency_p99_ns", "Inf"},
		{1, "steady_latency_p99_9_ns", ""}, // 500 arrivals do not support it
		{2, "login_latency_p50_ns", ""},
		{2, "login_scheduled", ""},
		{3, "steady_store_cpu_ns_per_request", ""},
		{3, "saturate_offered_per_second", ""}, // a closed loop offers nothing
		{4, "steady_latency_p50_ns", strconv.FormatInt(*in.Run.Trials[4].Latency.P50, 10)},
		{4, "steady_scheduled", "500"},
		{4, "duplicate_of_baseline", strconv.FormatBool(in.Run.Trials[4].Arm == "session-redis~aa")},
	} {
		if got := cell(c.row, c.name); got != c.want {
			t.Errorf("row %d, %s: %q, want %q", c.row, c.name, got, c.want)
		}
	}
	for i, name := range rows[0] {
		if slices.Index(rows[0], name) != i {
			t.Errorf("two columns are called %s", name)
		}
	}
}

// TestBenchFmtIsRead by the package that benchstat reads with.
func TestBenchFmtIsRead(t *testing.T) {
	in := synthesised(t, 3, 500, func(run *results.Run) {
		run.Trials[0].Validity = results.Validity{Status: results.ValidityInvalid, Reasons: []string{"the generator\nwas saturated"}}
		for i := range run.Trials {
			if run.Trials[i].Arm == "jwt-rs256" {
				run.Trials[i].Arm = "mine/v-2"
			}
		}
		run.Arms = append(run.Arms, results.Arm{Name: "mine/v-2"})
	})
	text := written(t, BenchFmt, in)
	if !strings.Contains(text, "is invalid: the generator was saturated\n") {
		t.Error("nothing is said of the invalid trial")
	}
	r := benchfmt.NewReader(strings.NewReader(text), "test")
	lines, arms := map[string]int{}, map[string]bool{}
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(rec)
		case *benchfmt.Result:
			base, parts := rec.Name.Parts()
			lines[string(base)]++
			arms[string(parts[len(parts)-1])] = true
			for _, v := range rec.Values {
				if r.Units().GetBetter(v.Unit) == 0 {
					t.Errorf("which way is better is not said of %s", v.Unit)
				}
			}
			if rec.GetConfig("cpu") == "" || rec.GetConfig("redis") == "" {
				t.Errorf("configuration: %v", rec.Config)
			}
		}
	}
	if n := len(in.Run.Trials); r.Err() != nil || lines["Steady"] != n-1 || lines["Saturate"] != n || lines["Login"] != n {
		t.Errorf("%v of %d trials, %v", lines, n, r.Err())
	}
	if !arms["/arm=mine_v_2"] || !arms["/arm=session-redis~aa"] || len(arms) != 8 {
		t.Errorf("arms %v", arms)
	}
}

// TestBenchstat runs the tool on it: every arm has its row, or its column.
func TestBenchstat(t *testing.T) {
	in := synthesised(t, 6, 500, func(run *results.Run) {
		for i := range run.Trials { // one that fails
			if tr := &run.Trials[i]; tr.Arm == "jwt-rs256" {
				tr.Accounting.OK, tr.Accounting.Timeout = 100, 400
				tr.Latency.P50, tr.Latency.P90, tr.Latency.P99 = nil, nil, nil
			}
		}
	})
	file := filepath.Join(t.TempDir(), "new.txt")
	if err := os.WriteFile(file, []byte(written(t, BenchFmt, in)), 0o644); err != nil {
		t.Fatal(err)
	}
	benchstat := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "go", append([]string{"tool", "benchstat"}, args...)...)
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("benchstat %v: %v\n%s", args, err, errs.String())
		}
		return out.String()
	}
	rows := benchstat(file)
	columns := benchstat("-col", "/arm", "-filter", ".unit:p50-latency-sec", file)
	for _, a := range in.Run.Arms {
		for _, phase := range []string{"Steady", "Saturate", "Login"} {
			if !strings.Contains(rows, phase+"/arm="+a.Name+" ") {
				t.Errorf("no row of %s, %s", phase, a.Name)
			}
		}
		if !strings.Contains(columns, a.Name+" ") {
			t.Errorf("no column of %s in\n%s", a.Name, columns)
		}
	}
	if strings.Contains(rows, "NaN") {
		t.Error("benchstat prints what is no number")
	}
	// 5 s is the timeout.
	if slow := regexp.MustCompile(`(?m)^Steady/arm=jwt-rs256 +5\.000 `); !slow.MatchString(rows) {
		t.Errorf("an arm that fails does not look slow:\n%s", rows)
	}
}

func TestHLog(t *testing.T) {
	in := synthesised(t, 2, 500, nil)
	whole, err := os.ReadFile(filepath.Join(in.Dir, results.HistogramsFile))
	if err != nil || written(t, HLog, in) != string(whole) {
		t.Errorf("not the log as it is, %v", err)
	}
	in.Arm, in.Operation = "jwt-es256", "use"
	r := hdrhistogram.NewHistogramLogReader(strings.NewReader(written(t, HLog, in)))
	n := 0
	for {
		h, err := r.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			break
		}
		n++
		if h.TotalCount() != 500 || !strings.HasPrefix(h.Tag(), "jwt-es256.use.ok.latency.b") {
			t.Errorf("%s: %d", h.Tag(), h.TotalCount())
		}
	}
	if n != 2 {
		t.Errorf("%d histograms", n)
	}
	in.Operation = "login" // of which the log has none
	if strings.Contains(written(t, HLog, in), "Tag=") {
		t.Error("histograms of another operation")
	}
}

// TestHGRM compares with the distribution that hdrhistogram-go draws.
func TestHGRM(t *testing.T) {
	in := synthesised(t, 2, 500, nil)
	in.Arm = "jwt-es256"
	text := written(t, HGRM, in)
	all, err := results.Histograms(in.Dir, results.AllBlocks)
	if err != nil {
		t.Fatal(err)
	}
	h := all.Histogram(results.Tag{Arm: "jwt-es256", Operation: "use", Outcome: results.OK, Metric: "latency"})
	var theirs bytes.Buffer
	if _, err := h.PercentilesPrint(&theirs, 5, 1e6); err != nil {
		t.Fatal(err)
	}
	mine, want := hgrmLines(t, text), hgrmLines(t, theirs.String())
	if len(mine) != len(want) {
		t.Fatalf("%d lines, hdrhistogram-go has %d\n%s\n%s", len(mine), len(want), text, theirs.String())
	}
	for i := range want {
		if math.Abs(mine[i][0]-want[i][0]) > .0006 || math.Abs(mine[i][1]-want[i][1]) > 1e-6 || mine[i][2] != want[i][2] {
			t.Errorf("line %d: %v, want %v", i+1, mine[i], want[i])
		}
	}
	footer := func(s, name string) string {
		_, rest, _ := strings.Cut(s, "#["+name)
		return strings.SplitN(rest, "\n", 2)[0]
	}
	if footer(text, "Buckets") != footer(theirs.String(), "Buckets") {
		t.Errorf("%q, %q", footer(text, "Buckets"), footer(theirs.String(), "Buckets"))
	}
	if !strings.HasPrefix(text, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n") {
		t.Errorf("%q", text[:60])
	}
}

// hgrmLines are value, percentile and count of every line.
func hgrmLines(t *testing.T, text string) [][3]float64 {
	t.Helper()
	var out [][3]float64
	for _, line := range strings.Split(text, "\n")[1:] {
		f := strings.Fields(line)
		if len(f) < 3 || strings.HasPrefix(line, "#") {
			continue
		}
		var v [3]float64
		for i := range v {
			var err error
			if v[i], err = strconv.ParseFloat(f[i], 64); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, v)
	}
	return out
}

// TestHGRMRanksWhatFailed: half of the arrivals time out, and no percentile above 50
// has a value.
func TestHGRMRanksWhatFailed(t *testing.T) {
	in := synthesised(t, 2, 500, func(run *results.Run) {
		for i := range run.Trials {
			a := &run.Trials[i].Accounting
			a.Scheduled, a.Timeout = 1000, 500
		}
	})
	in.Arm = "jwt-es256"
	text := written(t, HGRM, in)
	lines := hgrmLines(t, text)
	last := lines[len(lines)-1]
	if last[1] > .5 || last[1] < .4 || last[2] > 1000 || !strings.Contains(text, "#[Not ok  =         1000") || !strings.Contains(text, "Total count    =         2000]") {
		t.Errorf("%v\n%s", last, text)
	}
}

func TestSelections(t *testing.T) {
	in := synthesised(t, 1, 400, nil)
	for _, c := range []struct {
		write          func(io.Writer, Input) error
		arm, operation string
		want           string
	}{
		{HGRM, "", "", "choose it with --arm; there is control, session-memory, session-redis"},
		{HGRM, "nobody", "", `no arm "nobody"; there is control`},
		{HLog, "nobody", "", `no arm "nobody"`},
		{HLog, "", "logout", "there is use, login, saturate"},
	} {
		in.Arm, in.Operation = c.arm, c.operation
		err := c.write(io.Discard, in)
		var choice *SelectionError
		if !errors.As(err, &choice) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: %v", c.arm, c.operation, err)
		}
	}
	in.Arm, in.Operation = "control", "saturate"
	if err := HGRM(io.Discard, in); err == nil || !strings.Contains(err.Error(), "there is no distribution") {
		t.Errorf("a phase without histograms: %v", err)
	}
	in.Operation = ""
	for i := range in.Run.Trials {
		in.Run.Trials[i].Validity.Status = results.ValidityInvalid
	}
	if err := HGRM(io.Discard, in); err == nil || !strings.Contains(err.Error(), "no trial of control has a usable") {
		t.Errorf("invalid trials: %v", err)
	}
	if err := HLog(io.Discard, Input{Board: in.Board}); err == nil {
		t.Error("a log of nowhere")
	}
}
