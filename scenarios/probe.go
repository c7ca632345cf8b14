package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"authbench/scenarios/attack"
	"authbench/scenarios/fault"
	"authbench/targets/contract"
)

// Probe tries what an attacker would try, over the wire: the cases of package attack, and
// before them the walk through the steps of the contract.
func Probe() Scenario {
	return Scenario{
		Name:    "probe",
		Summary: "what an attacker would try, over the wire: forged tokens, fixed sessions, replays, requests from other sites, leaks",
		Params: []Param{
			{Key: "only", Default: "all", Meaning: "classes of attack, cases or walk, with commas: A,D4 (authbench probe --list)"},
			{Key: "nodes", Default: "2", Meaning: "nodes; the first is the one that is attacked"},
			{Key: "samples", Default: "100000", Meaning: "random ids that are drawn, to look for a defect"},
			{Key: "rate", Default: "0", Meaning: "requests a second, at most; 0 is no limit"},
			{Key: "wait", Default: "0s", Meaning: "longest wait for a revocation bound to pass, in the walk"},
		},
		Settings: func(c *contract.Contract, _ Values) map[string]string { return ProbeSettings(c) },
		Limit:    probeLimit,
		Run:      runProbe,
	}
}

// ProbeSettings are settings of a bundled arm that a probe changes: with its limit on wrong
// passwords, which comparisons of costs do without, there is one to be tried.
func ProbeSettings(c *contract.Contract) map[string]string {
	const limit = "login_limit_account"
	if value, ok := c.Settings[limit]; !ok || value != "none" || c.Start == nil {
		return nil
	}
	return map[string]string{limit: "5/1m"}
}

// probeLimit is more than other cases have: a probe of everything draws many samples.
const probeLimit = 10 * time.Minute

func runProbe(ctx context.Context, t *Trial) error {
	v := t.Values
	p := Probing{Nodes: v.number("nodes"), Samples: v.number("samples"), Rate: float64(v.number("rate")), Wait: v.duration("wait")}
	var err error
	if p.Walk, p.Classes, err = ProbeOnly(v["only"]); err != nil {
		return fmt.Errorf("--set only=%s: %w", v["only"], err)
	}
	report, err := p.Started(ctx, t)
	if err != nil {
		return err
	}
	t.probed(report)
	return nil
}

// ProbeOnly reads what to try: names of classes and cases and the word walk, with commas
// between them; "" and "all" are everything.
func ProbeOnly(list string) (walk bool, classes []attack.Class, err error) {
	if list == "" || list == "all" {
		classes, err = attack.Select(nil)
		return true, classes, err
	}
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "walk" {
			walk = true
			continue
		}
		names = append(names, name)
	}
	if len(names) > 0 {
		classes, err = attack.Select(names)
	}
	return walk, classes, err
}

// Probing is how a target is probed.
type Probing struct {
	Walk    bool           // through the steps of the contract, first
	Classes []attack.Class // what is tried then
	Nodes   int            // of a target that is started
	Samples int            // as in attack.Target
	Rate    float64        // requests a second at most; 0: no limit
	Timeout time.Duration  // of one request; 0: 2 s
	Wait    time.Duration  // for a revocation bound to pass, in the walk
	Until   time.Time      // when it has to end; zero: no end
	// Checked and Tried, when not nil, are called as results are made.
	Checked func(contract.Check)
	Tried   func(attack.Result)
}

// At probes a target that runs already, with what its contract tells of it.
func (p Probing) At(ctx context.Context, node *contract.Client) (*attack.Report, error) {
	node.Pace = paceOf(node.Contract.Cap())
	m, err := Material(ctx, nil, node.Contract)
	if err != nil {
		return nil, fmt.Errorf("what its contract tells for a probe: %w", err)
	}
	return p.probe(ctx, []*contract.Client{node}, m)
}

// Started starts nodes of the trial's arm, on links to their stores and with admin planes
// where it has such, probes them and stops them.
func (p Probing) Started(ctx context.Context, t *Trial) (report *attack.Report, err error) {
	c := t.Arm.Contract
	ours := c.Start != nil
	r, err := t.setUp(ctx, setup{nodes: max(1, p.Nodes), fault: fault.Fault{NeedsLink: ours}, admin: ours && c.Start.Admin})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	m, err := Material(ctx, r.nodes, c)
	if err != nil {
		return nil, fmt.Errorf("what is known of the nodes: %w", err)
	}
	if m.Outage == nil {
		m.Outage = r.cutStores()
	}
	if ours && c.Start.Admin {
		m.Disable = r.disable
	}
	var nodes []*contract.Client
	for i := range r.nodes {
		client := r.client(i)
		if p.Timeout > 0 {
			client.Timeout = p.Timeout
		}
		nodes = append(nodes, client)
	}
	if report, err = p.probe(ctx, nodes, m); err != nil {
		return report, err
	}
	return report, r.nodesAlive()
}

func (p Probing) probe(ctx context.Context, nodes []*contract.Client, m attack.Material) (*attack.Report, error) {
	t := attack.NewTarget(nodes, m, p.Rate)
	t.Samples = p.Samples
	var walk *contract.Report
	if p.Walk {
		var err error
		if walk, err = t.Walk(ctx, contract.WalkOptions{MaxWait: p.Wait, Each: p.Checked}); err != nil {
			return nil, err
		}
	}
	report, err := attack.Run(ctx, t, attack.Options{Classes: p.Classes, Until: p.Until, Each: p.Tried})
	report.Walk = walk
	return report, err
}

// cutStores takes the stores away from all nodes at once; nil where they have none.
func (r *rig) cutStores() func(ctx context.Context) (restore func() error, err error) {
	var cuts []func(context.Context) (func() error, error)
	for _, links := range r.links {
		if len(links) == 0 {
			continue
		}
		if cut := outageOf(r.t.Testbed, links); cut != nil {
			cuts = append(cuts, cut)
		}
	}
	if len(cuts) == 0 {
		return nil
	}
	return func(ctx context.Context) (func() error, error) {
		var restores []func() error
		all := func() error {
			var errs []error
			for _, restore := range restores {
				errs = append(errs, restore())
			}
			return errors.Join(errs...)
		}
		for _, cut := range cuts {
			restore, err := cut(ctx)
			if err != nil {
				return nil, errors.Join(err, all())
			}
			restores = append(restores, restore)
		}
		return all, nil
	}
}

// disable takes a user's account away, or gives it back: nodes have a directory each.
func (r *rig) disable(ctx context.Context, user string, disabled bool) error {
	for i, n := range r.nodes {
		if err := n.Admin().Do(ctx, http.MethodPost, "/users/"+url.PathEscape(user), map[string]bool{"disabled": disabled}, nil); err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
	}
	return nil
}
