package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authbench/results"
)

func runVerb(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, func(string) string { return "" }, &out, &errs)
	return code, out.String(), errs.String()
}

// sign notes the digests of what is there, as the writer does when a run ends.
func sign(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{results.HistogramsFile, results.RunFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(data), name)
	}
	if err := os.WriteFile(filepath.Join(dir, results.DigestsFile), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestVerifyTheReferenceRun: every number of the committed run comes out of its
// histograms again, every verdict out of its numbers.
func TestVerifyTheReferenceRun(t *testing.T) {
	dir := sign(t, copyRun(t, publishedRun(t), t.TempDir(), nil))
	if code, _, _ := runReport(t, dir, "--format", "html", "--output", filepath.Join(dir, "report.html")); code != exitDone {
		t.Fatal("no report")
	}
	code, stdout, stderr := runVerb(t, "verify", dir, "--format", "json")
	var doc struct{ Findings []results.Finding }
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil || len(doc.Findings) < 1000 {
		t.Fatalf("exit %d, %d findings, %v, %s", code, len(doc.Findings), err, stderr)
	}
	want := exitDone
	for _, f := range doc.Findings {
		switch {
		case f.Status == results.Same:
		case f.Status == results.NotRecomputable && !strings.HasPrefix(f.About, "steady"): // of the promises that bench tries besides
		case f.Status == results.Unchecked && f.Check == results.CheckVerdict: // a check younger than the run
			want = exitUnknown
		default:
			t.Errorf("%+v", f)
		}
	}
	if code != want {
		t.Errorf("exit %d, want %d", code, want)
	}
}

func TestVerifyFindsTampering(t *testing.T) {
	published := publishedRun(t)
	for _, c := range []struct {
		name   string
		change func(*results.Run) // of run.json, digests made anew
		damage func(t *testing.T, dir string)
		code   int
		want   string
	}{
		{"a byte of the log", nil, func(t *testing.T, dir string) {
			spoil(t, filepath.Join(dir, results.HistogramsFile), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}, exitBroken, "histograms.hlog: sha256 is"},
		{"a byte of run.json", nil, func(t *testing.T, dir string) {
			spoil(t, filepath.Join(dir, results.RunFile), func(b []byte) []byte { return bytes.Replace(b, []byte("AMD"), []byte("BMD"), 1) })
		}, exitBroken, "run.json: sha256 is"},
		{"a log cut off", nil, func(t *testing.T, dir string) {
			spoil(t, filepath.Join(dir, results.HistogramsFile), func(b []byte) []byte { return b[:len(b)/2] })
		}, exitBroken, "the last line is cut off"},
		{"run.json cut off", nil, func(t *testing.T, dir string) {
			spoil(t, filepath.Join(dir, results.RunFile), func(b []byte) []byte { return b[:len(b)/2] })
		}, exitBroken, "the file ends in the middle"},
		{"a quantile", func(r *results.Run) { *r.Trials[7].Latency.P99 -= 1000 }, nil, exitBroken, "response time: p99: "},
		{"a verdict", func(r *results.Run) { r.Verdicts[0].Status = results.Fail }, nil, exitBroken, "fail in run.json, pass recomputed"},
		{"a drift", func(r *results.Run) {
			for i := range r.Trials {
				if tr := &r.Trials[i]; tr.Arm == r.Baseline && tr.Chaos == nil {
					*tr.Latency.P50 += int64(tr.Block) * 50_000
				}
			}
		}, nil, exitBroken, "steady, session-redis, drift: pass in run.json, fail recomputed"},
		{"no digests", nil, func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, results.DigestsFile)) }, exitUnknown, "no digest was noted"},
		{"no log", nil, func(t *testing.T, dir string) {
			os.Remove(filepath.Join(dir, results.HistogramsFile))
			os.Remove(filepath.Join(dir, results.DigestsFile))
		}, exitUnknown, "quantiles cannot be recomputed"},
		{"revocations", func(r *results.Run) {
			r.Workload.Scenario = "revocation"
			r.Verdicts = []results.Verdict{{Scenario: "revocation", Arm: "jwt-hs256", Check: "time-to-reject", Block: 3, Status: results.Pass}}
		}, nil, exitDone, "revocation, jwt-hs256, time-to-reject, block 3: it was drawn from the history"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := sign(t, copyRun(t, published, t.TempDir(), c.change))
			if c.damage != nil {
				c.damage(t, dir)
			}
			code, stdout, stderr := runVerb(t, "verify", dir)
			if code != c.code || !strings.Contains(stdout, c.want) {
				t.Errorf("exit %d, %s\n%s", code, stderr, stdout)
			}
		})
	}
}

func TestVerifyUsage(t *testing.T) {
	for _, args := range [][]string{{"verify", filepath.Join(t.TempDir(), "none")}, {"verify", "a", "b"}, {"verify", publishedRun(t), "--format", "xml"}} {
		if code, _, stderr := runVerb(t, args...); code != exitUsage || stderr == "" {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
}
