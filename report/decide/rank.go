package decide

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// score holds the natural logarithms of what one block shows of an arm. What is not
// known is NaN.
type score struct {
	cpu, bytes float64
	p50, ops   float64 // nanoseconds, operations: the round trip is added before the logarithm
}

// readScores takes them from the trials of the arm, by block.
func (c *candidate) readScores(run *results.Run) {
	if c.cost == nil || c.cost.StandIn {
		return
	}
	c.scores = map[int]score{}
	metric := map[string]stat.Metric{}
	for _, m := range stat.Metrics(run.Profile) {
		metric[m.Name] = m
	}
	for _, t := range c.cost.All {
		cpu, okCPU := metric["cpu"].Of(c.cost.Arm, t)
		p50, okP50 := metric["p50"].Of(c.cost.Arm, t)
		s := score{cpu: math.Log(cpu), p50: p50, bytes: math.Log(t.RequestBytes)}
		switch {
		case !okCPU:
			s.cpu = math.NaN()
		case len(c.cost.Needs) == 0 || c.cost.UseAsks == "never":
		case !t.StoreOpsKnown:
			s.ops = math.NaN()
		default:
			s.ops = t.StoreOpsPerRequest
		}
		if !okP50 {
			s.p50, s.bytes = math.NaN(), math.NaN()
		}
		c.scores[t.Block] = s
	}
}

// criterion is what arms are weighed by.
type criterion struct {
	key, noun string
	weight    func(*Requirements) float64
	measured  bool // it needs trials that compare costs
	// log is the logarithm of what less is better of.
	log func(*candidate, score, *Requirements) float64
}

func criteria() []criterion {
	return []criterion{
		{"weights.cpu", "CPU", func(r *Requirements) float64 { return r.CPU }, true, func(_ *candidate, s score, _ *Requirements) float64 { return s.cpu }},
		{"weights.latency", "median response time", func(r *Requirements) float64 { return r.Latency }, true, func(_ *candidate, s score, r *Requirements) float64 {
			far := 0.0
			if r.RoundTrip > 0 { // else operations that were not counted do no harm
				far = float64(r.RoundTrip) * s.ops
			}
			return math.Log(s.p50 + far)
		}},
		{"weights.bytes", "bytes of a request", func(r *Requirements) float64 { return r.Bytes }, true, func(_ *candidate, s score, _ *Requirements) float64 { return s.bytes }},
		{"weights.revocation", "revocation window", func(r *Requirements) float64 {
			if r.Window.Any || r.Window.D == 0 { // nothing to weigh it against, or nothing to weigh
				return 0
			}
			return r.Revocation
		}, false, func(c *candidate, _ score, r *Requirements) float64 {
			d, _, declared := c.bound()
			if !declared {
				return math.NaN()
			}
			return math.Log1p(float64(d.D) / float64(r.Window.D))
		}},
		{"weights.operations", "moving parts", func(r *Requirements) float64 { return r.Operations }, false, func(c *candidate, _ score, _ *Requirements) float64 {
			return math.Log(float64(c.parts()))
		}},
	}
}

// The place of an arm among those that can be ranked.
const (
	Best      = "best"
	Worse     = "worse"      // than the best: Holm over the comparisons with it allows it
	AsGood    = "as good"    // as the best: within the margin of the run
	Unsettled = "unsettled"  // neither
	NotRanked = "not ranked" // its cost was not measured
)

// Ranked is an arm that meets all requirements.
type Ranked struct {
	Arm     string `json:"arm"`
	Place   string `json:"place"`
	Missing string `json:"missing,omitempty"` // why it has no score
	Remedy  string `json:"remedy,omitempty"`
	// Score is the weighted geometric mean of its ratios to Reference; less is
	// better.
	Score Factor `json:"score"`
	// Against is its score over that of the best.
	Against Factor  `json:"against_best"`
	Holm    float64 `json:"p_holm"`
	Blocks  int     `json:"blocks"` // compared with the best; 0: only declarations are weighed
	Parts   []Part  `json:"criteria,omitempty"`
	Exact   bool    `json:"declarations_only"`
	c       *candidate
	logs    map[int]float64
}

// Factor is a ratio with its interval; Bounded is false where the blocks are too
// few for one.
type Factor struct {
	Value   float64 `json:"value"`
	Lo      float64 `json:"lo"`
	Hi      float64 `json:"hi"`
	Bounded bool    `json:"bounded"`
}

// String is "×0.62 [0.60, 0.65]"; what has no spread has no interval.
func (f Factor) String() string {
	if f.Bounded && f.Lo == f.Hi {
		return "×" + number.Times(f.Value)
	}
	return evidence.Factor(f.estimate())
}

func (f Factor) estimate() stat.Estimate {
	return stat.Estimate{Value: f.Value, Interval: stat.Interval{Lo: f.Lo, Hi: f.Hi, Bounded: f.Bounded}}
}

// Part is one criterion of an arm, as a ratio to the reference.
type Part struct {
	Criterion string  `json:"criterion"`
	Weight    float64 `json:"weight"` // share of all weights
	Ratio     Factor  `json:"ratio"`
	By        string  `json:"by"`
}

// Ranking is the arms that meet all requirements, the best first.
type Ranking struct {
	Reference string   `json:"reference"`
	Margin    float64  `json:"margin"`
	Needed    int      `json:"blocks_needed"`
	Arms      []Ranked `json:"arms"`
	ref       *candidate
}

// detail fills in the criteria one by one.
func (rk *Ranking) detail(r *Requirements) {
	used, _ := weighed(r)
	for i := range rk.Arms {
		if x := &rk.Arms[i]; x.Place != NotRanked {
			x.Parts = parts(r, used, x.c, rk.ref)
		}
	}
}

// rank orders the arms by the weighted mean of their logarithms.
func (d *decider) rank(r *Requirements, arms []*candidate) Ranking {
	out := Ranking{Margin: stat.Margin(d.board.Run)}
	used, needsCost := weighed(r)
	var known []Ranked
	for _, c := range arms {
		x := Ranked{Arm: c.name, Place: NotRanked, c: c, logs: map[int]float64{}}
		switch {
		case needsCost && c.cost == nil:
			x.Missing, x.Remedy = "cost not measured", c.tryCost()
		case needsCost && c.cost.StandIn:
			x.Missing = "the store was a stand-in"
		default:
			x.logs, x.Missing = c.weigh(r, used, needsCost)
		}
		if len(x.logs) > 0 {
			known = append(known, x)
			continue
		}
		if x.Missing == "" {
			x.Missing, x.Remedy = "no block shows all that is weighed", c.tryCost()
		}
		out.Arms = append(out.Arms, x)
	}
	if len(known) == 0 {
		return out
	}
	d.order(r, used, known, &out)
	out.Arms = append(known, out.Arms...)
	return out
}

// weighed are the criteria that have a weight; needsCost says that one of them is
// measured.
func weighed(r *Requirements) (used []criterion, needsCost bool) {
	for _, k := range criteria() {
		if k.weight(r) > 0 {
			used = append(used, k)
			needsCost = needsCost || k.measured
		}
	}
	return used, needsCost
}

// weigh is the weighted mean of the logarithms, by block. Where only declarations
// are weighed there is one, of block 0.
func (c *candidate) weigh(r *Requirements, used []criterion, needsCost bool) (map[int]float64, string) {
	blocks := c.scores
	if !needsCost {
		blocks = map[int]score{0: {}}
	}
	out, missing := map[int]float64{}, ""
	for block, s := range blocks {
		sum, total := 0.0, 0.0
		for _, k := range used {
			v := k.log(c, s, r)
			if math.IsNaN(v) || math.IsInf(v, 0) {
				missing = k.noun + " is missing or beyond the timeout in a block"
			}
			sum += k.weight(r) * v
			total += k.weight(r)
		}
		if total > 0 {
			sum /= total
		}
		if !math.IsNaN(sum) && !math.IsInf(sum, 0) {
			out[block] = sum
		}
	}
	return out, missing
}

// order fills in scores and places. The reference is the baseline where it has the
// numbers, though it may not meet the requirements.
func (d *decider) order(r *Requirements, used []criterion, known []Ranked, out *Ranking) {
	_, needsCost := weighed(r)
	ref, refLogs := known[0].c, known[0].logs
	for _, c := range d.candidates {
		if c.name != d.board.Run.Baseline {
			continue
		}
		if logs, _ := c.weigh(r, used, needsCost); len(logs) > 0 {
			ref, refLogs = c, logs
		}
	}
	out.Reference, out.ref = ref.name, ref
	for i := range known {
		known[i].Score = factorOf(paired(known[i].logs, refLogs))
	}
	slices.SortStableFunc(known, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(a.Score.Value, b.Score.Value), strings.Compare(a.Arm, b.Arm))
	})
	best := &known[0]
	best.Place, best.Against, best.Holm, best.Blocks = Best, Factor{1, 1, 1, true}, 1, len(best.logs)
	var p []float64
	for i := range known[1:] {
		x := &known[i+1]
		diff := paired(x.logs, best.logs)
		x.Against, x.Blocks = factorOf(diff), len(diff)
		x.Holm = 1
		if e, err := stat.Location(diff, stat.Level); err == nil {
			x.Holm = e.P
		}
		p = append(p, x.Holm)
	}
	if adjusted, err := stat.Holm(p); err == nil {
		for i, v := range adjusted {
			known[i+1].Holm = v
		}
	}
	out.Needed = stat.BlocksNeeded(max(len(p), 1), stat.Alpha)
	if !needsCost { // declarations have no spread
		best.Blocks, out.Needed = 0, 0
	}
	for i := range known[1:] {
		known[i+1].place(out, needsCost)
	}
}

// place says how an arm stands to the best.
func (x *Ranked) place(out *Ranking, needsCost bool) {
	inside := func(v float64) bool { return v >= 1/(1+out.Margin) && v <= 1+out.Margin }
	if !needsCost {
		x.Blocks, x.Holm, x.Exact = 0, 0, true
		x.Against.Lo, x.Against.Hi, x.Against.Bounded = x.Against.Value, x.Against.Value, true
		x.Place = Worse
		if inside(x.Against.Value) {
			x.Place = AsGood
		}
		return
	}
	switch {
	case x.Blocks < out.Needed:
		x.Place = Unsettled
	case x.Against.Bounded && inside(x.Against.Lo) && inside(x.Against.Hi):
		x.Place = AsGood
	case x.Holm <= stat.Alpha && x.Against.Value > 1:
		x.Place = Worse
	default:
		x.Place = Unsettled
	}
}

// paired are the differences in the blocks that both have, in the order of blocks.
func paired(a, b map[int]float64) []float64 {
	var blocks []int
	for block := range a {
		if _, ok := b[block]; ok {
			blocks = append(blocks, block)
		}
	}
	slices.Sort(blocks)
	out := make([]float64, 0, len(blocks))
	for _, block := range blocks {
		v := a[block] - b[block]
		if math.Abs(v) < 1e-12 { // what is equal is a tie, whatever the order of additions
			v = 0
		}
		out = append(out, v)
	}
	return out
}

// factorOf is the centre of logarithms, as a factor.
func factorOf(logs []float64) Factor {
	e, err := stat.Location(logs, stat.Level)
	if err != nil {
		return Factor{} // no block has both
	}
	f := Factor{Value: math.Exp(e.Value), Bounded: e.Bounded}
	if e.Bounded {
		f.Lo, f.Hi = math.Exp(e.Lo), math.Exp(e.Hi)
	}
	return f
}

// parts are the criteria one by one.
func parts(r *Requirements, used []criterion, c, ref *candidate) []Part {
	total := 0.0
	for _, k := range used {
		total += k.weight(r)
	}
	var out []Part
	for _, k := range used {
		a, _ := c.weigh(r, []criterion{k}, k.measured)
		b, _ := ref.weigh(r, []criterion{k}, k.measured)
		p := Part{Criterion: k.noun, Weight: k.weight(r) / total, By: Declared}
		if p.Ratio = factorOf(paired(a, b)); k.measured {
			p.By = Measured
		} else {
			p.Ratio.Lo, p.Ratio.Hi, p.Ratio.Bounded = p.Ratio.Value, p.Ratio.Value, true
		}
		if p.Ratio.Value > 0 {
			out = append(out, p)
		}
	}
	return out
}

// sentence says how the arm stands to the best.
func (x Ranked) sentence(best string, margin float64, needed int) string {
	blocks := number.Count(x.Blocks, "block")
	if x.Exact {
		blocks = "by declaration"
	}
	switch x.Place {
	case Best:
		return fmt.Sprintf("%s has the lowest weighted score.", x.Arm)
	case Worse:
		return fmt.Sprintf("%s scores %s that of %s, %s.", x.Arm, x.Against, best, blocks)
	case AsGood:
		return fmt.Sprintf("%s scores %s that of %s, %s: equivalent within %.0f %%.", x.Arm, x.Against, best, blocks, 100*margin)
	case Unsettled:
		if x.Blocks < needed {
			return fmt.Sprintf("%s scores %s that of %s, %s; %s needed.", x.Arm, x.Against, best, blocks, number.Count(needed, "block"))
		}
		return fmt.Sprintf("%s scores %s that of %s, %s: too close to call.", x.Arm, x.Against, best, blocks)
	}
	return fmt.Sprintf("%s is not ranked: %s.", x.Arm, x.Missing)
}
