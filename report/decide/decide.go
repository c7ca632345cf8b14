package decide

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// The kinds of an outcome.
const (
	Recommended = "recommended" // one arm
	TooClose    = "too close"   // several, of which none is better than every other
	Unranked    = "not ranked"  // several meet all requirements, and their cost was not measured
	Nobody      = "nobody"      // no arm was shown to meet all requirements
	Unsigned    = "unsigned"    // the run forbids any recommendation
)

// Outcome is the answer.
type Outcome struct {
	Kind   string   `json:"kind"`
	Arms   []string `json:"arms"`             // those it is about, sorted but for the best
	Reason string   `json:"reason,omitempty"` // of Unsigned
}

// Key tells two outcomes apart.
func (o Outcome) Key() string {
	return o.Kind + ": " + strings.Join(slices.Sorted(slices.Values(o.Arms)), ", ")
}

// Words is the outcome as the end of a sentence.
func (o Outcome) Words() string {
	names := strings.Join(o.Arms, ", ")
	switch o.Kind {
	case Recommended:
		return names
	case TooClose:
		return "too close to call between " + names
	case Unranked:
		return "open between " + names + ", whose cost was not measured"
	case Nobody:
		return "no arm that is shown to meet everything"
	}
	return "no decision"
}

// would begins a sentence on what the outcome would be.
func (o Outcome) would() string {
	if o.Kind == Nobody {
		return "No arm would be shown to meet everything"
	}
	return "It would be " + o.Words()
}

// Option is one arm, held against the requirements.
type Option struct {
	Arm        string            `json:"arm"`
	Summary    string            `json:"summary"`
	Status     string            `json:"status"` // Meets, Excluded or NotShown
	Checks     []Check           `json:"checks"`
	Settings   map[string]string `json:"settings"`
	Promises   map[string]string `json:"promises"`
	Notes      []string          `json:"notes"`
	Capacity   *Capacity         `json:"capacity,omitempty"`
	NotCosted  bool              `json:"cost_not_measured"`
	candidate  *candidate
	notMeasure string
}

// With are the checks of the given status.
func (o Option) With(status string) []Check {
	var out []Check
	for _, c := range o.Checks {
		if c.Status == status {
			out = append(out, c)
		}
	}
	return out
}

// Origin is a run that the decision stands on.
type Origin struct {
	Run     string `json:"run"`
	Path    string `json:"path"`               // as given to the command, or the ID
	Digest  string `json:"sha256_of_run_json"` // "" where it was not given
	Command string `json:"command"`
	Seed    uint64 `json:"seed"`
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Date    string `json:"date"` // the run's, not the clock's
	Machine string `json:"machine"`
	Profile string `json:"profile"`
	Partial bool   `json:"partial"`
	Costs   bool   `json:"costs"` // it is the one in which costs are compared
}

// Decision is everything that follows from the requirements and the runs.
type Decision struct {
	Title        string     `json:"title"`
	Requirements []Asked    `json:"requirements"`
	File         string     `json:"file"`
	FileDigest   string     `json:"sha256_of_file"`
	Outcome      Outcome    `json:"outcome"`
	Options      []Option   `json:"options"`
	Ranking      Ranking    `json:"ranking"`
	Sentences    []string   `json:"sentences"` // of the ranking, and what the runs say of costs
	Flips        []Flip     `json:"flips"`
	Harmless     []Harmless `json:"harmless"`
	Weights      []Range    `json:"weights"`
	NotMeasured  []string   `json:"not_measured"`
	Origins      []Origin   `json:"runs"`

	board *evidence.Board
	req   *Requirements
}

// Asked is one line of the requirements.
type Asked struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Default bool   `json:"default"` // the file does not say
}

// decider holds what does not change with the requirements.
type decider struct {
	board      *evidence.Board
	candidates []*candidate
	unsigned   string
	held       map[heldKey]string // status of an arm under one requirement
}

// heldKey names a requirement by its words: they have all that its judge looks at.
type heldKey struct{ arm, key, asked string }

// File is where a run is kept, to be cited.
type File struct {
	Digest string // SHA-256 of its run.json, in hexadecimal
	Path   string // as given to the command
}

// Decide holds the arms of the runs against the requirements. files are those of the
// runs, by run ID; what is missing is cited as unknown.
func Decide(b *evidence.Board, req *Requirements, files map[string]File) *Decision {
	d := newDecider(b)
	options, ranking, outcome := d.evaluate(req)
	ranking.detail(req)
	out := &Decision{
		Title: cmp.Or(req.Title, "How requests are authenticated"), File: req.File,
		Outcome: outcome, Options: options, Ranking: ranking, board: b, req: req,
	}
	if req.Written != "" {
		sum := sha256.Sum256([]byte(req.Written))
		out.FileDigest = hex.EncodeToString(sum[:])
	}
	for _, f := range Fields() {
		if f.Kind != text {
			out.Requirements = append(out.Requirements, Asked{f.Key, f.Get(req), !req.Given(f.Key)})
		}
	}
	for i := range out.Options {
		o := &out.Options[i]
		o.Capacity = o.candidate.capacity(req)
	}
	out.Sentences = d.sentences(ranking, outcome)
	out.Flips, out.Harmless = d.flips(req, outcome)
	out.Weights = d.ranges(req, outcome)
	out.Origins = origins(b, files)
	out.NotMeasured = d.notMeasured(req, out)
	return out
}

func newDecider(b *evidence.Board) *decider {
	d := &decider{board: b, candidates: candidates(b), unsigned: unsigned(b), held: map[heldKey]string{}}
	for _, c := range d.candidates {
		c.readScores(b.Run)
	}
	return d
}

// unsigned says why the runs carry no recommendation; "" if they do. Without any
// cost there is nothing to accuse: what arms were held to has its own verdicts.
func unsigned(b *evidence.Board) string {
	switch {
	case !evidence.HasCost(b.Run):
		return ""
	case b.Red != "":
		return b.Red
	case b.Run.Profile == "quick":
		return "profile quick promised to name no winner"
	case b.AA.Status != results.Pass:
		return fmt.Sprintf("the A/A check is %s: %s", cmp.Or(b.AA.Status, results.Unknown), cmp.Or(b.AA.Reason, "the baseline was not measured twice"))
	}
	return ""
}

// evaluate holds every arm against the requirements and ranks those that meet them.
func (d *decider) evaluate(r *Requirements) ([]Option, Ranking, Outcome) {
	var options []Option
	var eligible []*candidate
	for _, c := range d.candidates {
		o := Option{
			Arm: c.name, Summary: c.arm.Summary, Settings: c.arm.Settings, Promises: c.arm.Promises, Notes: c.arm.Notes,
			NotCosted: c.cost == nil, candidate: c, notMeasure: c.none,
		}
		o.Status, o.Checks = c.hold(r)
		if o.Status == Meets {
			eligible = append(eligible, c)
		}
		options = append(options, o)
	}
	ranking := d.rank(r, eligible)
	return options, ranking, d.outcome(r, ranking)
}

// hold is the arm against every requirement that is asked.
func (c *candidate) hold(r *Requirements) (string, []Check) {
	status := Meets
	var checks []Check
	for _, k := range constraints() {
		words := k.asked(r)
		if words == "" {
			continue
		}
		check := k.judge(c, r)
		check.Requirement, check.Asked = k.key, words
		checks = append(checks, check)
		switch {
		case check.Status == Excluded:
			status = Excluded
		case check.Status == NotShown && status == Meets:
			status = NotShown
		}
		if c.run == nil { // nothing is known of it: one reason is enough
			break
		}
	}
	return status, checks
}

func (d *decider) outcome(r *Requirements, rk Ranking) Outcome {
	var front, unranked []string
	for _, x := range rk.Arms {
		switch x.Place {
		case Best, AsGood, Unsettled:
			front = append(front, x.Arm)
		case NotRanked:
			unranked = append(unranked, x.Arm)
		}
	}
	switch {
	case d.unsigned != "":
		return Outcome{Kind: Unsigned, Reason: d.unsigned}
	case !r.Asks():
		return Outcome{Kind: Unsigned, Reason: "no requirements were given"}
	case len(rk.Arms) == 0:
		return Outcome{Kind: Nobody}
	case len(rk.Arms) == 1: // the requirements decide, whatever it costs
		return Outcome{Kind: Recommended, Arms: []string{rk.Arms[0].Arm}}
	case len(front) == 0:
		return Outcome{Kind: Unranked, Arms: unranked}
	case len(front) == 1:
		return Outcome{Kind: Recommended, Arms: front}
	}
	return Outcome{Kind: TooClose, Arms: front}
}

// sentences say how those that meet the requirements stand to each other.
func (d *decider) sentences(rk Ranking, o Outcome) []string {
	if o.Kind == Unsigned || len(rk.Arms) == 0 {
		return nil
	}
	var out []string
	for _, x := range rk.Arms[1:] {
		if x.Place != NotRanked {
			out = append(out, x.sentence(rk.Arms[0].Arm, rk.Margin, rk.Needed))
		}
	}
	for _, g := range unranked(rk) {
		if rk.Arms[0].Place == NotRanked {
			break // said by the outcome
		}
		out = append(out, fmt.Sprintf("Not ranked, though every hard requirement is met: %s (%s).", strings.Join(g.arms, ", "), g.why))
	}
	return out
}

// together are arms that are not ranked for the same reason.
type together struct {
	why   string
	arms  []string
	cost  bool     // bench would measure them
	named []string // for that
}

func unranked(rk Ranking) []together {
	var out []together
	for _, x := range rk.Arms {
		if x.Place != NotRanked {
			continue
		}
		i := slices.IndexFunc(out, func(g together) bool { return g.why == x.Missing })
		if i < 0 {
			i = len(out)
			out = append(out, together{why: x.Missing, cost: x.Remedy != ""})
		}
		out[i].arms = append(out[i].arms, x.Arm)
		out[i].named = append(out[i].named, strings.TrimPrefix(x.Remedy, "authbench bench "))
	}
	return out
}

func origins(b *evidence.Board, files map[string]File) []Origin {
	var out []Origin
	for _, s := range b.Sources {
		run := s.Run
		env := run.Environment
		machine := []string{env.CPU, number.Count(env.Cores, "core"), env.Virtual, env.OS, env.Kernel, env.Go}
		for _, st := range env.Stores {
			name := st.Product + " " + st.Version
			if st.StandIn {
				name += " (a stand-in)"
			}
			machine = append(machine, name)
		}
		machine = slices.DeleteFunc(machine, func(s string) bool { return strings.TrimSpace(s) == "" })
		out = append(out, Origin{
			Run: run.ID, Path: cmp.Or(files[run.ID].Path, run.ID), Digest: files[run.ID].Digest, Command: command(run), Seed: run.Seed,
			Version: run.Tool.Version, Commit: run.Tool.Commit, Date: run.Started.UTC().Format("2006-01-02"),
			Machine: strings.Join(machine, ", "), Profile: run.Profile, Partial: run.Partial,
			Costs: run == b.Run && evidence.HasCost(run),
		})
	}
	return out
}

// command is the line that repeats the run, its seed included.
func command(run *results.Run) string {
	var args []string
	seeded := false
	for _, a := range run.Command {
		seeded = seeded || a == "--seed" || strings.HasPrefix(a, "--seed=")
		if a == "" || strings.ContainsAny(a, " \t\n'\"$`\\*?[]{}()<>|&;#!~") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		args = append(args, a)
	}
	if !seeded {
		args = append(args, fmt.Sprintf("--seed %d", run.Seed))
	}
	return strings.Join(args, " ")
}
