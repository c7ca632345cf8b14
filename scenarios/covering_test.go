package scenarios

import (
	"slices"
	"testing"

	"authbench/scenarios/fault"
	"authbench/targets/contract"
)

// TestCovering holds the table to what it says of itself.
func TestCovering(t *testing.T) {
	rows, err := Covering("quick")
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) > 150 { // some four seconds each, in ten minutes
		t.Errorf("%d rows, at most 150", len(rows))
	}
	seen := map[string]bool{}
	for _, r := range rows {
		seen[r.Scenario], seen[r.Arm] = true, true
		s, err := Named(r.Scenario)
		if err != nil {
			t.Fatal(err)
		}
		cs, err := NewCase(s, Target{r.Arm, func(set map[string]string) (*contract.Contract, error) { return contract.Arm(r.Arm, set) }}, r.Set)
		if err != nil {
			t.Errorf("%s, %s: %v", r.Scenario, r.Arm, err)
			continue
		}
		if cs.Reason != "" && r.Arm != "control" {
			t.Errorf("%s, %s cannot take part: %s", r.Scenario, r.Arm, cs.Reason)
		}
		trial := Trial{Values: cs.Values}
		seen[trial.Fault()] = true
		seen[r.Scenario+" how="+cs.Values["how"]] = true
	}
	for _, s := range All() {
		if s.Params != nil && !seen[s.Name] {
			t.Errorf("scenario %s is in no row", s.Name)
		}
		for _, p := range s.Params {
			for _, word := range p.Words {
				if p.Key == "how" && !seen[s.Name+" how="+word] && !seen[s.Name+" how=all"] {
					t.Errorf("scenario %s with how=%s is in no row", s.Name, word)
				}
			}
		}
	}
	for _, arm := range contract.Arms() {
		if !seen[arm] {
			t.Errorf("arm %s is in no row", arm)
		}
	}
	for _, f := range fault.All() {
		if !seen[f.Name] {
			t.Errorf("fault %s is in no row", f.Name)
		}
	}
}

func TestCoveringProfiles(t *testing.T) {
	sizes := map[string]int{}
	for _, p := range CampaignProfiles() {
		rows, err := Covering(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		sizes[p.Name] = len(rows)
	}
	if sizes["smoke"] == 0 || sizes["smoke"] >= sizes["quick"] || sizes["quick"] != sizes["default"] || sizes["default"] >= sizes["full"] {
		t.Errorf("%v", sizes)
	}
	if _, err := Covering("nonsense"); err == nil {
		t.Error("profile nonsense is one")
	}
	// Default runs the same at full length: what a row is about stays.
	quick, _ := Covering("quick")
	full, _ := Covering("default")
	for i := range quick {
		for _, key := range []string{"how", "cut", "fault", "devices", "lifetime", "cut_at"} {
			if quick[i].Set[key] != full[i].Set[key] {
				t.Errorf("row %d: %s=%s in quick, %s in default", i+1, key, quick[i].Set[key], full[i].Set[key])
			}
		}
	}
}

func TestParseCovering(t *testing.T) {
	rows, err := parseCovering("# a comment\nsmoke,quick\trevocation\tsession-redis\tnodes=2 over=1s\nquick\teviction\thybrid\n")
	if err != nil || len(rows) != 2 || rows[0].Set["over"] != "1s" || !slices.Equal(rows[0].Profiles, []string{"smoke", "quick"}) {
		t.Errorf("%+v, %v", rows, err)
	}
	for _, bad := range []string{"quick\trevocation", "quick\ta\tb\tc\td", "quick\ta\tb\tnodes"} {
		if _, err := parseCovering(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
