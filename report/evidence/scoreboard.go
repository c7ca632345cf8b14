package evidence

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"authbench/results"
	"authbench/results/stat"
)

// Row is one arm on the scoreboard: what it costs, and what became of what it
// promises. Every number that is not there says why.
type Row struct {
	Arm     *Arm    // that of the comparison of costs; of an arm that is not in it, that of the promises
	Latency []Score // of Board.Levels, in nanoseconds
	Rate    Rate
	CPU     Score // per request at saturation, target and store together, nanoseconds
	Target  Value // of that, the target's
	Store   Value // and the stores'
	Request Value // bytes on the wire
	Answer  Value // likewise
	Failed  Share // of the arrivals under steady load, those that did not end ok

	Window   *Revoked // what log-outs did without a fault; nil: NoWindow says why
	NoWindow string
	Outage   *Outage // what the loss of its store did; nil: NoOutage says why
	NoOutage string
	Outages  int // disturbances of its stores that were tried, the one shown included

	// Otherwise is in what the arm was put to the test otherwise than it was benched:
	// "lifetime 2s instead of 15m"; mostly "".
	Otherwise string
}

// Score is a number of an arm with its comparison to the baseline, if it has one.
type Score struct {
	Value
	Against *stat.Comparison // nil: not compared
	Status  string           // what may be said of it; "" of the duplicate
}

// Rate is the highest rate at which an arm met an objective.
type Rate struct {
	*results.Knee // nil: Missing says why
	Missing       string
}

// Share is k of n with its 95 % interval (Wilson 1927). Of none it is the rule of
// three instead: Lo is 0 and Hi about 3/n.
type Share struct {
	K, N    int64
	Lo, Hi  float64
	Missing string // why there is none; empty otherwise
}

// ShareOf counts k of n; n of 0 is no share.
func ShareOf(k, n int64) Share {
	s := Share{K: k, N: n}
	var err error
	switch {
	case n == 0:
		s.Missing = "nothing was asked"
	case k == 0:
		s.Hi, err = stat.NoneIn(int(n), stat.Level)
	default:
		s.Lo, s.Hi, err = stat.Wilson(int(k), int(n), stat.Level)
	}
	if err != nil {
		s.Missing = err.Error()
	}
	return s
}

// Scoreboard has a row an arm: those of the comparison of costs first, then those
// that were only put to the test.
func (b *Board) Scoreboard() []Row {
	var rows []Row
	for _, a := range b.Arms {
		rows = append(rows, b.row(a))
	}
	if b.Promises == nil {
		return rows
	}
	for _, a := range b.Promises.Arms {
		if b.Arm(a.Name) == nil {
			rows = append(rows, b.row(a))
		}
	}
	return rows
}

func (b *Board) row(a *Arm) Row {
	r := Row{Arm: a, Rate: b.highest(a)}
	r.Window, r.NoWindow = b.window(a)
	r.Outage, r.Outages, r.NoOutage = b.outage(a)
	if b.Arm(a.Name) == nil { // it was put to the test, and nothing else
		none := Missing("costs not measured: authbench bench --arm %s", a.Name)
		for range b.Levels {
			r.Latency = append(r.Latency, Score{Value: none})
		}
		r.CPU.Value, r.Target, r.Store, r.Request, r.Answer = none, none, none, none, none
		r.Failed.Missing = none.Missing
		return r
	}
	for i, l := range b.Levels {
		r.Latency = append(r.Latency, b.score(a, a.Latency[i], l.Name))
	}
	r.CPU = b.score(a, a.SatSum, "cpu")
	r.Target, r.Store, r.Request, r.Answer = a.SatTarget, a.SatStore, a.RequestBytes, a.ResponseBytes
	r.Failed = failed(a)
	if b.Promises != nil {
		r.Otherwise = otherwise(b.Promises.Arm(a.Name), a)
	}
	return r
}

// otherwise lists the promises that tried made in other words than benched.
func otherwise(tried, benched *Arm) string {
	if tried == nil || len(tried.Promises) == 0 {
		return ""
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(differences(tried.Promises, benched.Promises))) {
		out = append(out, fmt.Sprintf("%s %s instead of %s", k, cmp.Or(tried.Promises[k], "none"), cmp.Or(benched.Promises[k], "none")))
	}
	return strings.Join(out, ", ")
}

// score is a value with its comparison. A merged value is of another kind than
// what was compared by block, so it stands alone.
func (b *Board) score(a *Arm, v Value, metric string) Score {
	s := Score{Value: v}
	if v.Missing != "" || v.Merged {
		return s
	}
	if c, status, ok := b.Compared(a.Name, metric); ok {
		s.Against, s.Status = &c, status
	}
	return s
}

// failed is over the trials that can be used. The interval is as if every arrival
// failed by itself; failures come together, so it is rather too narrow.
func failed(a *Arm) Share {
	var k, n int64
	for _, t := range a.Steady {
		k, n = k+t.Accounting.Scheduled-t.Accounting.OK, n+t.Accounting.Scheduled
	}
	if n == 0 {
		return Share{Missing: a.none()}
	}
	return ShareOf(k, n)
}

func (b *Board) highest(a *Arm) Rate {
	i := slices.IndexFunc(b.Run.Knees, func(k results.Knee) bool { return k.Arm == a.Name })
	if i >= 0 {
		return Rate{Knee: &b.Run.Knees[i]}
	}
	return Rate{Missing: "not measured: authbench bench --knee"}
}

// valid leaves out the trials whose evidence is not to be trusted; nil where
// nothing remains.
func (g *Tried) valid() *Tried {
	kept := *g
	kept.Trials = slices.DeleteFunc(slices.Clone(g.Trials), func(t *results.Trial) bool {
		return t.Error != "" || t.Validity.Status == results.ValidityInvalid
	})
	if len(kept.Trials) == 0 {
		return nil
	}
	return &kept
}

// window is what plain log-outs did: one credential, no fault. Of several
// settings it is the one in which credentials went on longest.
func (b *Board) window(a *Arm) (*Revoked, string) {
	if b.Promises == nil {
		return nil, "not measured: authbench run revocation"
	}
	var worst *Revoked
	invalid := false
	for _, g := range b.Promises.Tried {
		how := g.settings()["how"]
		if g.Arm != a.Name || g.Scenario != "revocation" || g.Fault != "" || how != "" && how != "logout" {
			continue
		}
		kept := g.valid()
		if kept == nil {
			invalid = true
			continue
		}
		if r, ok := kept.Revoked(); ok && r.Revocations > 0 && (worst == nil || longer(r.Accepted, worst.Accepted)) {
			worst = &r
		}
	}
	switch {
	case worst != nil:
		return worst, ""
	case invalid:
		return nil, "no trial is valid"
	}
	return nil, b.Promises.why("revocation", a)
}

func longer(a, b Spread) bool { return a.Open && !b.Open || a.Open == b.Open && a.Hi > b.Hi }

func notRun(scenario string, a *Arm) string {
	return "not measured: authbench run " + scenario + " --arm " + a.Name
}

// why is the reason for which nothing is known of an arm in a scenario: the
// verdict that says so, or that it was not run.
func (p *Promises) why(scenario string, a *Arm) string {
	for _, v := range p.Run.Verdicts {
		if v.Scenario == scenario && v.Arm == a.Name && v.Check == "applicable" && v.Reason != "" {
			return v.Reason
		}
	}
	return notRun(scenario, a)
}

// plainest are the faults to show where several were tried: a store that is gone
// says most, one that is slow least. What is not listed comes behind.
func plainest() []string {
	return []string{"kill", "kill-empty", "stop", "refuse", "blackhole", "reset"}
}

// outage is what the loss of its store did, by the plainest fault that was tried
// without changes to what the arm declares.
func (b *Board) outage(a *Arm) (shown *Outage, tried int, missing string) {
	scenario := "redis-outage"
	if len(a.Needs) > 0 {
		scenario = a.Needs[0] + "-outage"
	}
	switch {
	case len(a.Needs) == 0 && a.Missing == "":
		return nil, 0, NoStore
	case b.Promises == nil:
		return nil, 0, "not measured: authbench run --all"
	}
	place := func(fault string) int {
		if i := slices.Index(plainest(), fault); i >= 0 {
			return i
		}
		return len(plainest())
	}
	missing = b.Promises.why(scenario, a)
	for _, g := range b.Promises.Tried {
		if g.Arm != a.Name || g.Scenario != "redis-outage" && g.Scenario != "mysql-outage" {
			continue
		}
		kept := g.valid()
		if kept == nil {
			missing = "no trial is valid"
			continue
		}
		o, ok := kept.Outage()
		if !ok {
			continue
		}
		tried++
		if shown == nil || place(o.Fault) < place(shown.Fault) {
			shown = &o
		}
	}
	if shown != nil {
		missing = ""
	}
	return shown, tried, missing
}
