package scenarios

import (
	"slices"
	"strings"
	"testing"

	"authbench/results"
	"authbench/scenarios/attack"
)

// TestProbe: what is sound passes, and what has a defect fails the cases that it is
// about, over the whole chain of nodes, links, admin planes and store.
func TestProbe(t *testing.T) {
	only := "only=walk,A1,A8,C1,D1,D4,D12,E1,F1,F6,F7,G3,H4,H5,I1,I2 samples=1000"
	runCases(t, Probe(), []caseOf{
		{"sessions in Redis", "", "session-redis", only, ""},
		{"tokens with a list", "", "jwt-es256+denylist", only, ""},
		{"tokens", "", "jwt-hs256", only, ""},
		{"a list of bytes", "denylist keyed by bytes", "jwt-es256+denylist", "only=D1", "D1"},
		{"401 for a store that is away", "401 on store failure", "session-redis", "only=I1", "I1"},
	}, func(t *testing.T, c caseOf, trial *Trial) {
		class := "D revocation"
		if c.fails == "I1" {
			class = "I store"
		}
		passed, failed := figureOf(t, trial, "cases", class, "passed"), figureOf(t, trial, "cases", class, "failed")
		if c.fails == "" && (failed != 0 || passed == 0) || c.fails != "" && failed != 1 {
			t.Errorf("%v passed, %v failed", passed, failed)
		}
		if told := trial.chaos().Violations; (c.fails != "") != (len(told) == 1) || len(told) == 1 && told[0].Check != c.fails {
			t.Errorf("violations: %+v", told)
		}
	})
}

func TestProbeOnly(t *testing.T) {
	for _, tt := range []struct {
		list string
		walk bool
		ids  string // the first and the last case; "": none
		bad  bool
	}{
		{"", true, "A1 I2", false},
		{"all", true, "A1 I2", false},
		{"walk", true, "", false},
		{"A", false, "A1 A", false},
		{"walk, d4", true, "D4 D4", false},
		{"X1", false, "", true},
		{"A1,,B1", false, "", true},
	} {
		walk, classes, err := ProbeOnly(tt.list)
		if (err != nil) != tt.bad || err == nil && walk != tt.walk {
			t.Errorf("%q: %v, %v", tt.list, walk, err)
			continue
		}
		first, last, _ := strings.Cut(tt.ids, " ")
		var cases []attack.Case
		for _, c := range classes {
			cases = append(cases, c.Cases...)
		}
		if (len(cases) == 0) != (tt.ids == "") {
			t.Errorf("%q: %d cases", tt.list, len(cases))
		} else if len(cases) > 0 && (cases[0].ID != first || !strings.HasPrefix(cases[len(cases)-1].ID, last)) {
			t.Errorf("%q: %s to %s", tt.list, cases[0].ID, cases[len(cases)-1].ID)
		}
	}
}

// TestProbed: what a report of a probe becomes. No data is never a pass.
func TestProbed(t *testing.T) {
	report := &attack.Report{Cases: []attack.Result{
		{ID: "A1", Class: "signature and key", Title: "alg none", Status: results.Pass, Tried: 10},
		{ID: "A3", Class: "signature and key", Title: "another", Status: results.Fail, Sent: "this", Got: "200", Want: "refused", Reference: "RFC 8725 3.2", Tried: 4, Wrong: 2},
		{ID: "D1", Class: "revocation", Status: results.Unknown, Reason: "no clock"},
		{ID: "D2", Class: "revocation", Status: results.NotApplicable, Reason: "no password"},
	}, Sent: []attack.Sent{{Request: "GET /me", Count: 14}}}
	trial := &Trial{Values: Values{}}
	trial.probed(report)
	var got []string
	for _, v := range trial.Verdicts {
		got = append(got, v.Check+" "+v.Status)
		if known := v.Measured != nil; known != (v.Status == results.Pass || v.Status == results.Fail) {
			t.Errorf("%s is %s, and has a measurement: %t", v.Check, v.Status, known)
		}
	}
	if want := []string{"A1 pass", "A3 fail", "D1 unknown", "D2 not_applicable"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, part := range []string{"another: ", "sent this, got 200, want refused", "RFC 8725 3.2"} {
		if v := trial.Result.Chaos.Violations; len(v) != 1 || !strings.Contains(v[0].Summary, part) {
			t.Errorf("violations %+v, want one with %q", v, part)
		}
	}
	if n := figureOf(t, trial, "cases", "A signature and key", "variations"); n != 14 {
		t.Errorf("%v variations", n)
	}
	if cell, ok := trial.Result.Chaos.Tables[1].Cell("A3 another", "got"); !ok || cell.Text != "200" {
		t.Errorf("failures: %+v", trial.Result.Chaos.Tables[1])
	}
}
