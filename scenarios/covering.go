package scenarios

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"authbench/scenarios/fault"
	"authbench/targets/contract"
)

//go:embed covering.tsv
var coveringTable string

// Row is one line of the covering table: a case that a profile runs.
type Row struct {
	Profiles []string
	Scenario string
	Arm      string
	Set      map[string]string
}

// CampaignProfile is a preset of which cases to run.
type CampaignProfile struct{ Name, Summary string }

// CampaignProfiles lists the presets, shortest first.
func CampaignProfiles() []CampaignProfile {
	return []CampaignProfile{
		{"smoke", "the essential promises, at most 90 s on two cores"},
		{"quick", "every scenario, arm and fault at least once, at most 10 min on two cores"},
		{"default", "the same with more users, more revocations and longer faults"},
		{"full", "every scenario for every arm under every fault: hours"},
	}
}

// Covering is what a profile runs, in order.
func Covering(profile string) ([]Row, error) {
	if profile == "full" {
		return product(), nil
	}
	rows, err := parseCovering(coveringTable)
	if err != nil {
		return nil, fmt.Errorf("covering table: %w", err)
	}
	from := profile
	if profile == "default" {
		from = "quick"
	}
	var chosen []Row
	for _, r := range rows {
		if !slices.Contains(r.Profiles, from) {
			continue
		}
		if profile == "default" {
			r.Set = atLength(r)
		}
		chosen = append(chosen, r)
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no profile is called %q", profile)
	}
	return chosen, nil
}

// parseCovering reads lines of profiles, scenario, arm and settings, between tabs.
func parseCovering(table string) ([]Row, error) {
	var rows []Row
	for i, line := range strings.Split(strings.TrimRight(table, "\n"), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) < 3 || len(f) > 4 {
			return nil, fmt.Errorf("line %d has %d fields, want 3 or 4", i+1, len(f))
		}
		r := Row{Profiles: strings.Split(f[0], ","), Scenario: f[1], Arm: f[2], Set: map[string]string{}}
		if len(f) == 4 {
			for _, kv := range strings.Fields(f[3]) {
				key, value, ok := strings.Cut(kv, "=")
				if !ok {
					return nil, fmt.Errorf("line %d: %q is not key=value", i+1, kv)
				}
				r.Set[key] = value
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// atLength takes back what makes a row short: the sizes. What it is about stays.
func atLength(r Row) map[string]string {
	set := map[string]string{}
	for key, value := range r.Set {
		switch key {
		case "users", "revocations", "over", "nodes", "rate", "before", "during", "after", "storm", "revoked", "leaving", "costs",
			"calm", "points", "against", "blocks", "repeats", "window", "warmup", "rounds",
			"services", "hold", "life", "samples", "shares", "steps", "objective", "cost", "cookies", "age":
		default:
			set[key] = value
		}
	}
	if r.Scenario == "revocation" {
		set["users"], set["revocations"], set["over"] = "1200", "1000", "10s"
	}
	return set
}

// product is everything that there is.
func product() []Row {
	var rows []Row
	add := func(s Scenario, arm string, set map[string]string) {
		rows = append(rows, Row{Profiles: []string{"full"}, Scenario: s.Name, Arm: arm, Set: set})
	}
	for _, s := range All() {
		if s.Params == nil { // bench's
			continue
		}
		for _, arm := range contract.Arms() {
			varied := false
			for _, p := range s.Params {
				if p.Key != "fault" && p.Key != "how" {
					continue
				}
				varied = true
				for _, word := range p.Words {
					add(s, arm, map[string]string{p.Key: word})
				}
			}
			if !varied {
				add(s, arm, nil)
			}
		}
	}
	return rows
}

// Named is the scenario of that name.
func Named(name string) (Scenario, error) {
	var names []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Scenario{}, fmt.Errorf("no scenario is called %q (scenarios: %s)", name, strings.Join(names, ", "))
}

// strikes says whether a fault is one of that kind of store.
func strikes(name, kind string) bool {
	f, ok := fault.ByName(name)
	return ok && slices.Contains(f.Stores, kind)
}
