package testbed

import (
	"time"

	"authbench/results"
)

// Sample is one reading of one side: the CPU that its processes have used since
// they began, exited threads included, and the memory that they hold now.
type Sample struct {
	CPU   time.Duration // nanoseconds of the process clock
	RSS   int64         // bytes
	Known bool          // false: it cannot be read from here
}

// add is the sum of two processes of one side; it is known only if both are.
func (s Sample) add(o Sample) Sample {
	return Sample{s.CPU + o.CPU, s.RSS + o.RSS, s.Known && o.Known}
}

func (s Sample) process(before Sample, requests int64) results.Process {
	if !s.Known || !before.Known {
		return results.Process{}
	}
	cpu := s.CPU - before.CPU
	p := results.Process{CPUNS: cpu.Nanoseconds(), RSSBytes: s.RSS, Known: true}
	if requests > 0 {
		p.CPUPerRequest = float64(cpu.Nanoseconds()) / float64(requests)
	}
	return p
}

// Usage is what each side has spent. CPU only grows while a testbed lives, also
// when nodes come and go: the difference of two readings is what was spent
// between them.
type Usage struct {
	Target, Store, Link, Loadgen Sample
}

// Sub is what was spent since before, and the memory held now.
func (u Usage) Sub(before Usage) Usage {
	diff := func(a, b Sample) Sample { return Sample{a.CPU - b.CPU, a.RSS, a.Known && b.Known} }
	return Usage{
		diff(u.Target, before.Target), diff(u.Store, before.Store),
		diff(u.Link, before.Link), diff(u.Loadgen, before.Loadgen),
	}
}

// PerRequest is a difference as run.json has it; requests is how many were answered.
func (u Usage) PerRequest(requests int64) results.Usage {
	zero := Sample{Known: true}
	return results.Usage{
		Target: u.Target.process(zero, requests), Store: u.Store.process(zero, requests),
		Link: u.Link.process(zero, requests), Loadgen: u.Loadgen.process(zero, requests),
	}
}
