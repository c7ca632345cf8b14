package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"authbench/report/evidence"
	"authbench/results"
)

// candidate is an arm that could be chosen, with all that the runs show of it.
type candidate struct {
	name   string
	arm    results.Arm   // as it ran where its cost was measured, else in the first run that has it
	run    *results.Run  // where the declaration is from; nil: no run has the arm
	cost   *evidence.Arm // nil: its cost was not measured
	none   string        // why it was not measured at all
	proofs []proof       // its trials under revocations and faults
	scores map[int]score // by block
}

// named is how a command names it: a bundled arm, or the file of a contract.
func (c *candidate) named() string {
	if file := c.arm.Contract; file != "" && file != c.name {
		return "-f " + file
	}
	return "--arm " + c.name
}

// proof is one trial, the run that it is of, and the verdicts on it.
type proof struct {
	run *results.Run
	*results.Trial
	verdicts []results.Verdict
}

// Cite points at what was measured.
type Cite struct {
	Run      string `json:"run"`
	Scenario string `json:"scenario,omitempty"`
	Fault    string `json:"fault,omitempty"`
	Block    int    `json:"block,omitempty"` // 0: all of them
	Figure   string `json:"figure"`
}

// String is "run ID, revocation, block 3: figure".
func (c Cite) String() string {
	parts := []string{"run " + c.Run}
	if c.Scenario != "" {
		parts = append(parts, c.Scenario)
	}
	if c.Fault != "" {
		parts = append(parts, "fault "+c.Fault)
	}
	if c.Block > 0 {
		parts = append(parts, fmt.Sprintf("block %d", c.Block))
	}
	return strings.Join(parts, ", ") + ": " + c.Figure
}

func (p proof) cite(format string, args ...any) Cite {
	return Cite{Run: p.run.ID, Scenario: p.Scenario, Fault: p.Chaos.Fault, Block: p.Block, Figure: fmt.Sprintf(format, args...)}
}

// candidates are the arms of all runs that authenticate, those of the comparison of
// costs first. A duplicate of the baseline is no choice.
func candidates(b *evidence.Board) []*candidate {
	var out []*candidate
	find := func(name string) *candidate {
		for _, c := range out {
			if c.name == name {
				return c
			}
		}
		out = append(out, &candidate{name: name})
		return out[len(out)-1]
	}
	runs := []*results.Run{b.Run}
	for _, s := range b.Sources {
		if s.Run != b.Run {
			runs = append(runs, s.Run)
		}
	}
	duplicate := map[string]bool{}
	for _, run := range runs {
		for _, a := range run.Arms {
			duplicate[a.Name] = duplicate[a.Name] || a.Duplicate
			if a.Duplicate || a.Mechanism == "none" || a.Name == "control" {
				continue
			}
			if c := find(a.Name); c.run == nil {
				c.arm, c.run = a, run
			}
		}
	}
	for _, run := range runs {
		for _, m := range run.NotMeasured {
			if !duplicate[m.Arm] && m.Arm != "control" {
				if c := find(m.Arm); c.none == "" {
					c.none = m.Reason
				}
			}
		}
	}
	for _, c := range out {
		if a := b.Arm(c.name); a != nil && len(a.All) > 0 {
			c.cost = a
		}
		c.gather(b)
	}
	return out
}

// gather collects the trials of the arm that were completed.
func (c *candidate) gather(b *evidence.Board) {
	for _, s := range b.Sources {
		for i := range s.Run.Trials {
			if t := &s.Run.Trials[i]; t.Arm == c.name && t.Chaos != nil {
				c.proofs = append(c.proofs, proof{s.Run, t, verdictsOn(s.Run, t)})
			}
		}
	}
}

// verdictsOn are those on the trial. One that is about the whole run counts for each
// of its trials.
func verdictsOn(run *results.Run, t *results.Trial) []results.Verdict {
	var out []results.Verdict
	for _, v := range run.Verdicts {
		if v.Scenario == t.Scenario && v.Arm == t.Arm && v.Fault == t.Chaos.Fault && (v.Block == 0 || v.Block == t.Block) {
			out = append(out, v)
		}
	}
	return out
}

// passed says whether the check was made on the trial and passed.
func (p proof) passed(check string) bool {
	made := false
	for _, v := range p.verdicts {
		if v.Check == check {
			made = true
			if v.Status != results.Pass {
				return false
			}
		}
	}
	return made && p.Error == ""
}

// asConfigured says whether the trial ran with the settings that bear on promises
// as the arm has them. shorter lets life and leeway differ: that a token is refused
// when it has expired is shown by a short one too.
func (c *candidate) asConfigured(p proof, shorter bool) bool {
	keys := []string{"revocation_bound", "on_store_unreachable", "cache_for", "check_every", "refresh_lifetime", "refresh_grace", "max_skew", "algorithm", "revocation"}
	if !shorter {
		keys = append(keys, "lifetime", "leeway")
	}
	own := c.arm.Settings
	if i := slices.IndexFunc(p.run.Arms, func(a results.Arm) bool { return a.Name == c.name }); i >= 0 {
		own = p.run.Arms[i].Settings
	}
	for _, k := range keys {
		ran := own[k]
		if changed, ok := p.Chaos.Settings[k]; ok {
			ran = changed
		}
		if ran != c.arm.Settings[k] {
			return false
		}
	}
	return true
}

// standIn says whether the trial ran on a store that is not the real one.
func (p proof) standIn(needs []string) bool {
	return slices.ContainsFunc(p.run.Environment.Stores, func(s results.Store) bool {
		return s.StandIn && slices.Contains(needs, s.Kind)
	})
}

// usable are the completed trials of the arm as configured, on real stores.
func (c *candidate) usable(shorter bool, keep func(proof) bool) []proof {
	var out []proof
	for _, p := range c.proofs {
		if p.Error == "" && !p.standIn(c.arm.Needs) && c.asConfigured(p, shorter) && keep(p) {
			out = append(out, p)
		}
	}
	return out
}

// revocations are the trials in which somebody was logged out, and no fault was
// in the way.
func (c *candidate) revocations(how ...string) []proof {
	return c.usable(true, func(p proof) bool {
		r := p.Chaos.Revocation
		return p.Scenario == "revocation" && p.Chaos.Fault == "" && r != nil && r.Revocations > 0 && slices.Contains(how, p.Chaos.Settings["how"])
	})
}

// outages are the trials in which the store was seen to be away.
func (c *candidate) outages() []proof {
	return c.usable(false, func(p proof) bool {
		return during(p) != nil && p.fault(func(f results.Fault) bool { return f.Unreachable })
	})
}

// cutOff are the trials in which somebody was logged out while a node was seen to
// have no way to the store, and the declared bound was kept.
func (c *candidate) cutOff() []proof {
	return c.usable(false, func(p proof) bool {
		r := p.Chaos.Revocation
		return p.Scenario == "revocation" && r != nil && r.Revocations > 0 && p.passed("bound-violations") &&
			p.fault(func(f results.Fault) bool { return f.Unreachable })
	})
}

// losses are the trials in which the store was seen to lose data; old: in which
// it came back with older data.
func (c *candidate) losses(old bool) []proof {
	return c.usable(false, func(p proof) bool {
		return p.Chaos.Outage != nil && p.fault(func(f results.Fault) bool { return f.DataLoss }) && (p.Chaos.Fault == "restore-old") == old
	})
}

func (p proof) fault(is func(results.Fault) bool) bool {
	return slices.ContainsFunc(p.Chaos.Faults, func(f results.Fault) bool { return f.ConfirmedNS != nil && is(f) })
}

// during is the stage of the trial in which the fault acted, or nil.
func during(p proof) *results.Stage {
	if p.Chaos.Outage == nil {
		return nil
	}
	for i := range p.Chaos.Outage.Stages {
		if s := &p.Chaos.Outage.Stages[i]; s.Name == "during" && s.Accounting.Scheduled > 0 {
			return s
		}
	}
	return nil
}

// What the arm declares.

// bound is how long a revoked credential may go on, by declaration. expires says
// that it is until the credential's own end.
func (c *candidate) bound() (d Length, expires, declared bool) {
	promises := c.arm.Promises
	switch text := strings.Join(strings.Fields(promises["revocation_bound"]), " "); text {
	case "":
		return Length{Any: true}, false, false
	case "exp", "exp + leeway":
		life, err := time.ParseDuration(promises["lifetime"])
		if err != nil {
			return Length{Any: true}, true, false
		}
		if text != "exp" {
			leeway, err := time.ParseDuration(promises["leeway"])
			if err != nil {
				return Length{Any: true}, true, false
			}
			life += leeway
		}
		return Length{D: life}, true, true
	default:
		fixed, err := time.ParseDuration(text)
		if err != nil || fixed < 0 {
			return Length{Any: true}, false, false
		}
		return Length{D: fixed}, false, true
	}
}

// boundWords says the bound as the arm declares it.
func (c *candidate) boundWords() string {
	d, expires, declared := c.bound()
	switch {
	case !declared:
		return "declares no revocation bound"
	case expires:
		return fmt.Sprintf("declares %s as its revocation bound: %s (life %s, leeway %s)", c.arm.Promises["revocation_bound"], d, c.arm.Promises["lifetime"], orNone(c.arm.Promises["leeway"]))
	}
	return "declares a revocation bound of " + d.String()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// unchecked is how long credentials are accepted, by declaration, while the store
// that knows of revocations is away.
func (c *candidate) unchecked() (Length, bool) {
	switch word := c.arm.Promises["on_store_unreachable"]; word {
	case "503", "fallback":
		return Length{}, true
	case "open":
		return Length{Any: true}, true
	case "unaffected": // nobody is asked: what was revoked goes on to its end
		d, _, declared := c.bound()
		return d, declared
	default:
		return stale(word)
	}
}

// answers is how long live credentials go on being accepted, by declaration, while
// the store is away.
func (c *candidate) answers() (Length, bool) {
	word := c.arm.Promises["on_store_unreachable"]
	switch {
	case len(c.arm.Needs) == 0 && word != "":
		return Length{Any: true}, true // there is no store to be away
	case word == "503":
		return Length{}, true
	case word == "open" || word == "fallback":
		return Length{Any: true}, true
	case word == "unaffected" && c.arm.Promises["refresh"] == "stateless":
		return Length{Any: true}, true
	case word == "unaffected": // to the end of the token: refreshing takes the store
		life, err := time.ParseDuration(c.arm.Promises["lifetime"])
		return Length{D: life}, err == nil
	default:
		return stale(word)
	}
}

// stale reads stale(T).
func stale(word string) (Length, bool) {
	inner, ok := strings.CutPrefix(word, "stale(")
	if !ok {
		return Length{Any: true}, false
	}
	d, err := time.ParseDuration(strings.TrimSuffix(inner, ")"))
	return Length{D: d}, err == nil && d >= 0
}

// token says whether the credential says by itself whose it is, to who has a key.
func (c *candidate) token() bool {
	return slices.Contains([]string{"token", "hybrid", "sealed"}, c.arm.Mechanism)
}

// oneSecret says whether who can verify a credential of that algorithm can also make
// one: a MAC, or a cookie that is sealed with one key.
func oneSecret(alg string) bool { return strings.HasPrefix(alg, "HS") || strings.HasSuffix(alg, "GCM") }

// cookie says whether the credential is a cookie, if that is known.
func (c *candidate) cookie() (cookie, known bool) {
	if _, ok := c.arm.Settings["same_site"]; ok {
		return true, true
	}
	return false, c.token() && c.arm.Settings["algorithm"] != ""
}

// inNode says whether sessions live in the memory of a node.
func (c *candidate) inNode() bool {
	return c.arm.Mechanism == "session" && (c.arm.Settings["store"] == "memory" || c.arm.Settings["store"] == "" && len(c.arm.Needs) == 0)
}

// parts counts what has to be run beside the requests: the node, each store, and
// a key ring.
func (c *candidate) parts() int {
	n := 1 + len(c.arm.Needs)
	if c.token() {
		n++
	}
	return n
}
