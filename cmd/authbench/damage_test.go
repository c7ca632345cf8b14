package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authbench/results"
)

// publishedRun is the committed reference run.
func publishedRun(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", "..", "results", "published", "*-bench", results.RunFile))
	if err != nil || len(found) == 0 {
		t.Fatalf("no published run: %v", err)
	}
	return filepath.Dir(found[0])
}

// copyRun copies the evidence of a run, with change made to run.json.
func copyRun(t testing.TB, from, to string, change func(*results.Run)) string {
	t.Helper()
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{results.RunFile, results.HistogramsFile} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == results.RunFile && change != nil {
			var run results.Run
			if err := json.Unmarshal(b, &run); err != nil {
				t.Fatal(err)
			}
			change(&run)
			if b, err = json.MarshalIndent(&run, "", "  "); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// spoil changes the bytes of a file.
func spoil(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReportOfDamage: a clear error, a code that is not 0, and whatever is intact.
func TestReportOfDamage(t *testing.T) {
	log := func(change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) { spoil(t, filepath.Join(dir, results.HistogramsFile), change) }
	}
	run := func(change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) { spoil(t, filepath.Join(dir, results.RunFile), change) }
	}
	for _, c := range []struct {
		name   string
		damage func(*testing.T, string)
		format string
		code   int
		stderr string
		stdout string // what is intact
	}{
		{"cut off, text", run(func(b []byte) []byte { return b[:len(b)*3/4] }), "text", exitBroken, "the file ends in the middle", "Partial run: run.json is damaged"},
		{"cut off, csv", run(func(b []byte) []byte { return b[:len(b)*3/4] }), "csv", exitBroken, "the file ends in the middle", "run,scenario,arm,"},
		{"corrupted", run(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"scheduled": 400`), []byte(`"scheduled": 4x0`), 2)
		}), "benchfmt", exitBroken, "run.json:", "Unit p50-latency-ns"},
		{"an arrival lost", run(func(b []byte) []byte { return bytes.Replace(b, []byte(`"ok": 400`), []byte(`"ok": 399`), 1) }), "text", exitBroken, "400 arrivals scheduled, 399 resolved", "Partial run"},
		{"newer", run(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"schema_version": 1`), []byte(`"schema_version": 99`), 1)
		}), "text", exitBroken, "schema version 99; this authbench reads up to 1: use a newer one", ""},
		{"something else", run(func([]byte) []byte { return []byte(`{"name": "another tool"}`) }), "text", exitBroken, "not a run of authbench", ""},
		{"not JSON", run(func([]byte) []byte { return []byte("hello") }), "json", exitBroken, "run.json:1:", ""},
		{"empty", run(func([]byte) []byte { return nil }), "json", exitBroken, "the file ends in the middle", ""},
		{"a log cut off, text", log(func(b []byte) []byte { return b[:len(b)-50] }), "text", exitBroken, "the last line is cut off", "histogram log is damaged"},
		{"a log cut off, hlog", log(func(b []byte) []byte { return b[:len(b)-50] }), "hlog", exitBroken, "the last line is cut off", "Tag=control.use.ok.latency.b01"},
		{"a log cut off, hgrm", log(func(b []byte) []byte { return b[:len(b)-50] }), "hgrm", exitBroken, "the last line is cut off", ""},
		{"no log, text", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, results.HistogramsFile)) }, "text", exitDone, "", "histogram log is missing"},
		{"no log, hlog", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, results.HistogramsFile)) }, "hlog", exitBroken, "histograms.hlog: no such file", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyRun(t, syntheticRun, t.TempDir(), nil)
			c.damage(t, dir)
			args := []string{dir, "--format", c.format}
			if c.format == "hgrm" {
				args = append(args, "--arm", "control")
			}
			code, stdout, stderr := runReport(t, args...)
			flat := strings.Join(strings.Fields(stdout), " ")
			if code != c.code || !strings.Contains(stderr, c.stderr) || !strings.Contains(flat, c.stdout) || c.stdout == "" && stdout != "" {
				t.Errorf("exit %d, stdout %.300q, stderr %q", code, flat, stderr)
			}
		})
	}
}

// TestOutputIsWholeOrAsItWas: a file that cannot be written is an error, and nothing
// is left beside it.
func TestOutputIsWholeOrAsItWas(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "trials.csv")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.csv")
	if err := os.Symlink(file, link); err != nil {
		t.Skip(err)
	}
	if code, _, stderr := runReport(t, syntheticRun, "--format", "csv", "--output", link); code != exitDone {
		t.Fatal(stderr)
	}
	b, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(b, []byte("run,")) {
		t.Errorf("%.40q, %v", b, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
	code, _, stderr := runReport(t, syntheticRun, "--format", "csv", "--output", filepath.Join(dir, "none", "x.csv"))
	if code != exitBroken || !strings.Contains(stderr, "write ") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if code, _, stderr := runReport(t, syntheticRun, "--format", "csv", "--output", os.DevNull); code != exitDone {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatal("the null device is gone")
	}
}

func TestSeveralRuns(t *testing.T) {
	other := copyRun(t, syntheticRun, t.TempDir(), func(r *results.Run) { r.ID = "another" })
	code, stdout, stderr := runReport(t, syntheticRun, other, "--format", "csv")
	if code != exitDone || strings.Count(stdout, "\r\nanother,") != 6 || strings.Count(stdout, "\n") != 13 {
		t.Errorf("exit %d, %s\n%s", code, stderr, stdout)
	}
}
