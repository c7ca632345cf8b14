package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authbench/results"
)

func runReport(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), append([]string{"report"}, args...), func(string) string { return "" }, &out, &errs)
	return code, out.String(), errs.String()
}

var syntheticRun = filepath.Join("..", "..", "results", "testdata", "synthetic")

func TestReportFormats(t *testing.T) {
	for format, want := range map[string]string{"html": "<!DOCTYPE html>", "text": "Quick run: estimates only.", "json": "{"} {
		code, stdout, stderr := runReport(t, syntheticRun, "--format", format)
		if code != 0 || !strings.HasPrefix(stdout, want) || stderr != "" {
			t.Errorf("%s: exit %d, %.60q, stderr %q", format, code, stdout, stderr)
		}
	}
	file := filepath.Join(t.TempDir(), "r.html")
	code, stdout, _ := runReport(t, filepath.Join(syntheticRun, results.RunFile), "--format=html", "--output", file)
	b, err := os.ReadFile(file)
	if code != 0 || stdout != "" || err != nil || !bytes.HasPrefix(b, []byte("<!DOCTYPE html>")) {
		t.Errorf("exit %d, stdout %q, %v", code, stdout, err)
	}
}

func TestReportUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{syntheticRun, "--format", "pdf"}, `unknown format "pdf"; there is html, text, json, junit, markdown, events`},
		{[]string{syntheticRun, filepath.Join(t.TempDir(), "none")}, "nothing has been measured here"},
		{[]string{syntheticRun, "--format", "csv", "--arm", "control"}, "--arm and --operation are for hlog and hgrm"},
		{[]string{syntheticRun, "--format", "hgrm"}, "choose it with --arm; there is control, session-redis, jwt-hs256"},
		{[]string{syntheticRun, "--format", "hlog", "--arm", "nobody"}, `no arm "nobody"; there is control`},
		{[]string{filepath.Join("..", "..", "docs")}, "no such file or directory: nothing has been measured here"},
		{[]string{filepath.Join(t.TempDir(), "none")}, "nothing has been measured here"},
		{[]string{"--nonsense"}, "unknown flag"},
	} {
		code, _, stderr := runReport(t, c.args...)
		if code != exitUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit %d, %s", c.args, code, stderr)
		}
	}
}

// TestReportOfADamagedRun: what is intact is rendered, what is not is said, and
// the exit code is not 0.
func TestReportOfADamagedRun(t *testing.T) {
	dir := t.TempDir()
	b, err := os.ReadFile(filepath.Join(syntheticRun, results.RunFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, results.RunFile), b[:len(b)*3/4], 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runReport(t, dir)
	flat := strings.Join(strings.Fields(stdout), " ")
	if code != exitBroken || !strings.Contains(stderr, "ends in the middle") ||
		!strings.Contains(flat, "! Partial run: run.json is damaged") || !strings.Contains(flat, "histogram log is missing") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
}
