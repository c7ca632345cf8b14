package diff

import (
	"fmt"
	"slices"
	"strings"

	"authbench/results"
)

// shared is which arms two runs have.
type shared struct{ both, lost, added []string }

// armsOf sorts the arms of two runs; duplicates of the baseline are there for the A/A
// check only. wanted are all that the caller asked for, or none.
func armsOf(old, new *results.Run, wanted []string) (shared, error) {
	var s shared
	a, b := armNames(old), armNames(new)
	for _, name := range wanted {
		if !slices.Contains(a, name) && !slices.Contains(b, name) {
			return s, fmt.Errorf("neither run has an arm %q; OLD has %s", name, strings.Join(a, ", "))
		}
	}
	want := func(name string) bool { return len(wanted) == 0 || slices.Contains(wanted, name) }
	for _, name := range a {
		switch {
		case !want(name):
		case slices.Contains(b, name):
			s.both = append(s.both, name)
		default:
			s.lost = append(s.lost, name)
		}
	}
	for _, name := range b {
		if want(name) && !slices.Contains(a, name) {
			s.added = append(s.added, name)
		}
	}
	if len(s.both) == 0 {
		return s, fmt.Errorf("no arm is in both runs: OLD has %s, NEW has %s", strings.Join(a, ", "), strings.Join(b, ", "))
	}
	return s, nil
}

func armNames(run *results.Run) []string {
	var names []string
	for _, a := range run.Arms {
		if !a.Duplicate {
			names = append(names, a.Name)
		}
	}
	return names
}

// controlOf is the arm without authentication, or "".
func controlOf(run *results.Run) string {
	for _, a := range run.Arms {
		if a.Mechanism == "none" || a.Name == "control" {
			return a.Name
		}
	}
	return ""
}

// whyMissing is what a run says of an arm that it could not measure.
func whyMissing(run *results.Run, arm string) string {
	for _, m := range run.NotMeasured {
		if m.Arm == arm {
			return ": " + m.Reason
		}
	}
	return ""
}
