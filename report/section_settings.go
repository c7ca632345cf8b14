package report

import (
	"slices"

	"authbench/report/evidence"
)

func settingsSection(v *view) any {
	var out []*evidence.Arm
	add := func(list []*evidence.Arm) {
		for _, a := range list {
			if !slices.ContainsFunc(out, func(o *evidence.Arm) bool { return o.Name == a.Name }) {
				out = append(out, a)
			}
		}
	}
	if v.Cost != nil {
		add(v.Arms)
	}
	if v.Held != nil {
		add(v.Held.Arms)
	}
	return out
}
