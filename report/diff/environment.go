package diff

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"authbench/results"
)

// Difference is something in which two runs were not alike.
type Difference struct {
	What    string `json:"what"`
	Old     string `json:"old"`
	New     string `json:"new"`
	Matters bool   `json:"matters"` // numbers depend on it: the runs are not compared
}

// environments lists the differences of two runs.
//
// What matters: the processor, how many cores and who ran on which, the engine that
// measured, the stores with their versions and settings, all of the load, the
// settings of the arms, and the major version of the kernel. What is noted: the rest
// of the kernel, the operating system, memory, Go and authbench itself, because these
// may be the very change that is to be looked at, and how much was measured.
func environments(old, new *results.Run, arms []string) []Difference {
	d := differences{}
	a, b := old.Environment, new.Environment
	d.matters("CPU", a.CPU, b.CPU)
	d.matters("cores", strconv.Itoa(a.Cores), strconv.Itoa(b.Cores))
	d.matters("virtualisation", a.Virtual, b.Virtual)
	d.matters("kernel, major version", major(a.Kernel), major(b.Kernel))
	d.matters("load engine", a.Engine, b.Engine)
	d.matters("cores of the generator", fmt.Sprint(a.Placement.Loadgen), fmt.Sprint(b.Placement.Loadgen))
	d.matters("cores of the target", fmt.Sprint(a.Placement.Target), fmt.Sprint(b.Placement.Target))
	d.matters("cores of the stores", fmt.Sprint(a.Placement.Store), fmt.Sprint(b.Placement.Store))
	d.stores(a.Stores, b.Stores)
	d.workload(old.Workload, new.Workload)
	for _, name := range arms {
		d.arm(armNamed(old, name), armNamed(new, name))
	}
	d.noted("kernel", a.Kernel, b.Kernel)
	d.noted("operating system", a.OS, b.OS)
	d.noted("memory", strconv.FormatInt(a.MemoryB, 10), strconv.FormatInt(b.MemoryB, 10))
	d.noted("Go", a.Go, b.Go)
	d.noted("authbench", tool(old.Tool), tool(new.Tool))
	d.noted("profile", old.Profile, new.Profile)
	d.noted("blocks", strconv.Itoa(old.Workload.Blocks), strconv.Itoa(new.Workload.Blocks))
	return d
}

type differences []Difference

func (d *differences) add(what, old, new string, matters bool) {
	if old != new {
		*d = append(*d, Difference{what, known(old), known(new), matters})
	}
}

func (d *differences) matters(what, old, new string) { d.add(what, old, new, true) }
func (d *differences) noted(what, old, new string)   { d.add(what, old, new, false) }

func known(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func major(version string) string {
	first, _, _ := strings.Cut(version, ".")
	return first
}

func tool(t results.Tool) string { return strings.TrimSpace(t.Version + " " + t.Commit) }

func (d *differences) stores(old, new []results.Store) {
	kinds := map[string][2]results.Store{}
	for i, side := range [][]results.Store{old, new} {
		for _, s := range side {
			k := kinds[s.Kind]
			k[i] = s
			kinds[s.Kind] = k
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		a, b := kinds[kind][0], kinds[kind][1]
		d.matters(kind, a.Product+" "+a.Version, b.Product+" "+b.Version)
		d.matters(kind+", provider", a.Provider, b.Provider)
		d.matters(kind+", network", a.Network, b.Network)
		d.matters(kind+", a stand-in", strconv.FormatBool(a.StandIn), strconv.FormatBool(b.StandIn))
		d.settings(kind, a.Settings, b.Settings)
	}
}

// settings lists those that differ, by name.
func (d *differences) settings(of string, old, new map[string]string) {
	keys := map[string]bool{}
	for k := range old {
		keys[k] = true
	}
	for k := range new {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		d.matters(of+", "+k, old[k], new[k])
	}
}

func (d *differences) workload(a, b results.Workload) {
	span := func(ns int64) string { return time.Duration(ns).String() }
	d.matters("scenario", a.Scenario, b.Scenario)
	d.matters("requests/s", fmt.Sprintf("%g", a.Rate), fmt.Sprintf("%g", b.Rate))
	d.matters("arrivals", a.Arrivals, b.Arrivals)
	d.matters("users", strconv.Itoa(a.Users), strconv.Itoa(b.Users))
	d.matters("popularity", a.Popularity, b.Popularity)
	d.matters("connections", strconv.Itoa(a.Connections), strconv.Itoa(b.Connections))
	d.matters("warm-up", span(a.WarmupNS), span(b.WarmupNS))
	d.matters("steady", span(a.SteadyNS), span(b.SteadyNS))
	d.matters("saturated", span(a.SaturateNS), span(b.SaturateNS))
	d.matters("connections, saturated", strconv.Itoa(a.SaturateConns), strconv.Itoa(b.SaturateConns))
	d.matters("timeout", span(a.TimeoutNS), span(b.TimeoutNS))
	d.matters("in-flight cap", strconv.Itoa(a.InFlightCap), strconv.Itoa(b.InFlightCap))
}

func (d *differences) arm(a, b results.Arm) {
	d.matters(a.Name+", mechanism", a.Mechanism, b.Mechanism)
	d.matters(a.Name+", needs", strings.Join(a.Needs, " "), strings.Join(b.Needs, " "))
	d.settings(a.Name, a.Settings, b.Settings)
}

// armNamed is the arm of that name, or one with the name only.
func armNamed(run *results.Run, name string) results.Arm {
	i := slices.IndexFunc(run.Arms, func(a results.Arm) bool { return a.Name == name })
	if i < 0 {
		return results.Arm{Name: name}
	}
	return run.Arms[i]
}
