package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authbench/results"
)

// slower multiplies the p99 and the p50 of one arm.
func slower(arm string, factor float64) func(*results.Run) {
	return func(run *results.Run) {
		run.ID = "later"
		for i := range run.Trials {
			if t := &run.Trials[i]; t.Arm == arm && t.Chaos == nil {
				*t.Latency.P99 = int64(float64(*t.Latency.P99) * factor)
				*t.Latency.P50 = int64(float64(*t.Latency.P50) * factor)
			}
		}
	}
}

func TestCompare(t *testing.T) {
	old := publishedRun(t)
	later := func(change func(*results.Run)) string { return copyRun(t, old, t.TempDir(), change) }
	double := later(slower("jwt-es256", 2))
	four := later(slower("jwt-es256", 4)) // which the p99 of short windows shows through any noise
	run, _, err := results.Open(old)
	if err != nil {
		t.Fatal(err)
	}
	arms := len(run.Arms) - 1 // without the duplicate
	otherRate := fmt.Sprintf("requests/s  %.0f  2000  matters", run.Workload.Rate)
	for _, c := range []struct {
		name         string
		args         []string
		code         int
		stdout, errs string
	}{
		{"a p50 and p99 four times as long", []string{old, four, "--fail-on", "p50>+10%,p99>+25%"}, exitBroken, "Regressed: 2 regressed", "regressed"},
		{"of another arm", []string{old, double, "--fail-on", "p50>+25%", "--arm", "jwt-rs256"}, exitDone, "Pass: 1 pass of 1 comparison.", ""},
		{"beside control", []string{old, double, "--fail-on", "p50>+25%", "--beside-control", "--arm", "jwt-es256"}, exitBroken, "Judged is the change beside that of control", "regressed"},
		{"noise", []string{old, old, "--fail-on", "p99>+10%"}, exitUnknown, "Cannot tell", "it cannot be told"},
		{"itself", []string{old, old, "--fail-on", "p50>+25%", "--fail-on", "bytes>+1%"}, exitDone, fmt.Sprintf("Pass: %d pass", 2*arms), ""},
		{"no bound", []string{old, double}, exitDone, "No bound was given", ""},
		{"another rate", []string{old, later(func(r *results.Run) { r.Workload.Rate = 2000 }), "--fail-on", "p50>+50%"}, exitInvalid, otherRate, "not compared"},
		{"another rate, anyway", []string{old, later(func(r *results.Run) { r.Workload.Rate = 2000 }), "--fail-on", "p50>+50%", "--anyway"}, exitDone, "Pass", ""},
		{"two arms of one run", []string{old, "--old-arm", "jwt-hs256", "--new-arm", "jwt-es256", "--fail-on", "cpu>+10%"}, exitBroken, "compared by block", "regressed"},
		{"a mistake", []string{old, old, "--fail-on", "p99>10%"}, exitUsage, "", "want a change with its sign"},
		{"one run", []string{old}, exitUsage, "", "say which two arms of it"},
		{"an unknown arm", []string{old, old, "--arm", "nobody"}, exitUsage, "", `neither run has an arm "nobody"`},
		{"an unknown format", []string{old, old, "--format", "xml"}, exitUsage, "", "there is text, markdown, json"},
		{"no run", []string{old, filepath.Join(t.TempDir(), "none")}, exitUsage, "", "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := runVerb(t, append([]string{"compare"}, c.args...)...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.errs) {
				t.Errorf("exit %d, %s\n%s", code, stderr, stdout)
			}
		})
	}
	code, stdout, _ := runVerb(t, "compare", old, double, "--fail-on", "p50>+10%", "--format", "json")
	var doc struct {
		Status string
		Rows   []struct{ Arm, Status string }
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil || code != exitBroken || doc.Status != "regressed" || len(doc.Rows) != arms {
		t.Errorf("exit %d, %+v, %v", code, doc, err)
	}
	file := filepath.Join(t.TempDir(), "summary.md")
	if code, _, stderr := runVerb(t, "compare", old, double, "--fail-on", "p50>+10%", "--format", "markdown", "-o", file); code != exitBroken {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if b, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(b), "**Regressed: 1 regressed") {
		t.Errorf("%s, %v", b, err)
	}
}

// TestCompareRefusesDamage: what is left of a run is no ground for a gate.
func TestCompareRefusesDamage(t *testing.T) {
	dir := copyRun(t, publishedRun(t), t.TempDir(), nil)
	spoil(t, filepath.Join(dir, results.RunFile), func(b []byte) []byte { return b[:len(b)*3/4] })
	code, stdout, stderr := runVerb(t, "compare", publishedRun(t), dir)
	if code != exitBroken || stdout != "" || !strings.Contains(stderr, "the file ends in the middle") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
}
