package report

import (
	"fmt"
	"strings"

	"authbench/report/number"
	"authbench/results"
)

// ranOn is where one run was made, and the command that repeats it.
type ranOn struct {
	Run     *results.Run
	Machine [][2]string
	Command string
	Blocks  string
}

func environmentSection(v *view) any {
	var out []ranOn
	for _, s := range v.Sources {
		out = append(out, ranOn{s.Run, environment(s.Run), command(s.Run), blocks(s.Run)})
	}
	return out
}

// environment lists the machine and the servers.
func environment(run *results.Run) [][2]string {
	e := run.Environment
	cores := func(c []int) string {
		if len(c) == 0 {
			return "any core"
		}
		return "core " + strings.Trim(strings.ReplaceAll(fmt.Sprint(c), " ", ", "), "[]")
	}
	rows := [][2]string{
		{"CPU", fmt.Sprintf("%s, %s", orElse(e.CPU, "unknown"), number.Count(e.Cores, "core"))},
		{"Memory", number.MiB(float64(e.MemoryB)) + " MiB"},
		{"System", strings.TrimSpace(e.OS + " " + e.Kernel)},
		{"Virtualisation", orElse(e.Virtual, "none found, or it cannot be told")},
		{"Go", e.Go},
		{"Load engine", e.Engine},
		{"Placement", fmt.Sprintf("generator %s; target %s; store %s", cores(e.Placement.Loadgen), cores(e.Placement.Target), cores(e.Placement.Store))},
	}
	if line := stillness(run); line != "" {
		rows = append(rows, [2]string{"Stillness", line})
	}
	for _, st := range e.Stores {
		name := fmt.Sprintf("%s %s, as the server reports it", st.Product, st.Version)
		if st.StandIn {
			name = fmt.Sprintf("Stand-in: %s %s, not a real %s", st.Product, st.Version, st.Kind)
		}
		var set []string
		for _, k := range sortedKeys(st.Settings) {
			set = append(set, k+" = "+st.Settings[k])
		}
		name += fmt.Sprintf("; brought up by: %s, network: %s", st.Provider, st.Network)
		if len(set) > 0 {
			name += "; " + strings.Join(set, ", ")
		}
		rows = append(rows, [2]string{"Store: " + st.Kind, name})
	}
	return append(rows, [2]string{"authbench", strings.TrimSpace(run.Tool.Version + " " + run.Tool.Commit)})
}
