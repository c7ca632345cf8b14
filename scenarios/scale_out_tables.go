package scenarios

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/results/stat"
)

// CheckCutOff is about uses that got no answer, or none that makes sense, although
// every node that they went to was there.
const CheckCutOff = "cut-off"

// CheckEfficiency is about throughput by the number of nodes.
const CheckEfficiency = "efficiency"

// report writes what was measured into the trial.
func (o *scaleOut) report() {
	for _, routing := range []loadgen.Routing{loadgen.RoundRobin, loadgen.Sticky} {
		if slices.ContainsFunc(o.loads, func(l scaled) bool { return l.routing == routing }) {
			o.t.keep(o.byNodes(routing))
		}
	}
	o.newcomers()
	o.t.keep(o.capacity())
	o.t.judge(errorsVerdict(o.loads))
	o.t.judge(efficiencyVerdict(o.cores, o.saturated))
}

// tableOf names the table of a routing: round-robin, sticky.
func tableOf(routing loadgen.Routing) string {
	if routing == loadgen.RoundRobin {
		return "round-robin"
	}
	return string(routing)
}

// byNodes is the table of one routing.
func (o *scaleOut) byNodes(routing loadgen.Routing) *results.Table {
	title := "A use goes to each node in turn, whoever it is of."
	if routing == loadgen.Sticky {
		title = "A use goes to the node on which its user logged in."
	}
	t := newTable(tableOf(routing), title+" The same load whatever the number of nodes.", results.Column{Name: "nodes", Unit: "nodes"},
		results.Column{Name: "uses"},
		results.Column{Name: "refused", Unit: "%", Meaning: "share of the uses that were answered as if the credential were no good"},
		results.Column{Name: "expected", Unit: "%", Meaning: "the share that has to be refused where a node knows its own sessions only"},
		results.Column{Name: "errors", Meaning: "neither accepted nor refused"},
		results.Column{Name: "CPU of the nodes", Unit: "us", Meaning: "a use, all nodes together"},
		results.Column{Name: "CPU of the stores", Unit: "us", Meaning: "a use"},
		results.Column{Name: "store operations", Meaning: "a use, as the stores counted them"},
	)
	t.Draw = "CPU of the nodes"
	for _, l := range o.loads {
		if l.routing != routing && l.nodes > 1 {
			continue
		}
		answered := l.acc.OK + l.acc.Rejected
		target, store := perUse(l.used.Target.CPU, answered, l.used.Target.Known), perUse(l.used.Store.CPU, answered, l.used.Store.Known)
		ops := none("a store does not count")
		if l.counted {
			ops = figure(ratio(float64(l.ops), float64(answered)))
		}
		addAt(t, float64(l.nodes), howMany(l.nodes, "node"), counted(answered), proportion(l.acc.Rejected, answered),
			figure(100*o.expected(l)), counted(l.acc.Scheduled-answered), target, store, ops)
	}
	return t
}

// expected is the share of uses that go to a node which cannot know them: with N nodes
// in turn, all but one in N.
func (o *scaleOut) expected(l scaled) float64 {
	if !keepsApart(o.c) || l.routing != loadgen.RoundRobin {
		return 0
	}
	return 1 - 1/float64(l.nodes)
}

func perUse(d time.Duration, uses int64, known bool) results.Cell {
	if !known {
		return none("not ours to read")
	}
	if uses == 0 {
		return none("nothing was answered")
	}
	return figure(float64(d.Nanoseconds()) / 1e3 / float64(uses))
}

// proportion is a proportion in percent with its 95 % interval (Wilson).
func proportion(k, n int64) results.Cell {
	lo, hi, err := stat.Wilson(int(k), int(n), stat.Level)
	if err != nil {
		return none("nothing was answered")
	}
	c := figure(100 * float64(k) / float64(n))
	lo, hi = 100*lo, 100*hi
	c.Low, c.High = &lo, &hi
	return c
}

func howMany(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// newcomers tells of the nodes that came later.
func (o *scaleOut) newcomers() {
	if len(o.joined) == 0 {
		return
	}
	t := newTable("new-nodes", "A node is started while users are logged in. Its first requests are credentials that other nodes handed out. Times have a resolution of 10 ms.",
		results.Column{Name: "node"},
		results.Column{Name: "ready after", Unit: "ms", Meaning: "from the start of the process until it says that it is ready"},
		results.Column{Name: "first 200 after", Unit: "ms", Meaning: "from the start of the process until it accepted a credential of before"},
		results.Column{Name: "asked", Meaning: "credentials of before"},
		results.Column{Name: "accepted", Meaning: "of those"},
	)
	var asked, accepted int64
	for i, c := range o.joined {
		first := none("it accepted none")
		if c.accepted > 0 {
			first = inMillis(c.first)
		}
		addRow(t, fmt.Sprintf("node %d", i+2), inMillis(c.ready), first, counted(c.asked), counted(c.accepted))
		asked, accepted = asked+c.asked, accepted+c.accepted
	}
	o.t.keep(t)
	o.tell("newcomers.accepted", "credentials", float64(accepted), "Nodes that were started later accepted %d of %d credentials that others had handed out before.", accepted, asked)
}

func inMillis(d time.Duration) results.Cell { return figure(float64(d.Microseconds()) / 1e3) }

// capacity is the throughput by number of nodes, where it can be had.
func (o *scaleOut) capacity() *results.Table {
	t := newTable("capacity", "Throughput of a closed loop over all nodes, and how much of it a further node adds.", results.Column{Name: "nodes", Unit: "nodes"},
		results.Column{Name: "throughput", Unit: "1/s"},
		results.Column{Name: "efficiency", Meaning: "throughput of N nodes over N times that of one"},
	)
	var done []int
	for _, l := range o.loads {
		if slices.Contains(done, l.nodes) {
			continue
		}
		done = append(done, l.nodes)
		rate, ok := o.saturated[l.nodes]
		if !ok {
			why := none("too few cores")
			if o.cores >= l.nodes+spare {
				why = none("not asked for")
			}
			addAt(t, float64(l.nodes), howMany(l.nodes, "node"), why, why)
			continue
		}
		addAt(t, float64(l.nodes), howMany(l.nodes, "node"), figure(rate), figure(ratio(rate, float64(l.nodes)*o.saturated[1])))
	}
	return t
}

// efficiencyVerdict reports what the last node that could be measured added; no arm
// promises any of it.
func efficiencyVerdict(cores int, saturated map[int]float64) results.Verdict {
	v := results.Verdict{Check: CheckEfficiency, Status: results.NotApplicable}
	most := 0
	for n := range maps.Keys(saturated) {
		most = max(most, n)
	}
	if most < 2 || saturated[1] == 0 {
		v.Reason = fmt.Sprintf("it takes a core for each of 2 nodes, one for the generator and one for the stores, and there are %d: only answers are judged", cores)
		return v
	}
	e := saturated[most] / (float64(most) * saturated[1])
	v.Status, v.Measured = results.Pass, number(math.Round(1000*e)/1000)
	v.Reason = fmt.Sprintf("throughput of %d nodes over %d times that of one; reported, not judged", most, most)
	return v
}

// errorsVerdict counts what no node is allowed while all are there: connections that
// break, and answers that are none. That a store was too slow (503) is counted with the
// errors of the tables.
func errorsVerdict(loads []scaled) results.Verdict {
	v := results.Verdict{Check: CheckCutOff, Status: results.Pass, Unit: "uses", Bound: number(0)}
	var bad, all int64
	for _, l := range loads {
		bad, all = bad+l.acc.ConnectError+l.acc.ProtocolError, all+l.acc.Scheduled
	}
	v.Measured, v.Reason = number(float64(bad)), fmt.Sprintf("broken connections and answers that are none, of %d uses", all)
	switch {
	case all == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "nothing was asked"
	case bad > 0:
		v.Status = results.Fail
	}
	return v
}
