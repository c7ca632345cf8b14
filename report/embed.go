package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"authbench/report/evidence"
	"authbench/results"
)

// pageScript is the one script of a page: the cross-hair, the choice of a time, and the
// view in the address. Without it the page shows the same, only still.
//
//go:embed script.js
var pageScript string

// supportsQuantile says whether n samples bound the quantile from above.
func supportsQuantile(n int64, q float64) bool { return n >= evidence.SamplesFor(q) }

// panelPlot is a small chart of the distribution of a panel, with a place for that of
// the chosen time.
type panelPlot struct {
	Name string
	Y    template.HTML
	Pic  template.HTML
}

// plots are the axes of a panel's distribution: those of the whole, so that a part can be
// held against it.
type plots struct {
	whole   *moment
	deepest float64 // nines
	y       axis    // of the curve
	x       axis    // of the histogram
}

const (
	plotHeight = 150.0
	histBins   = 64
	nineStep   = .04
)

func newPlots(whole *moment) *plots {
	p := &plots{whole: whole, deepest: max(1.5, nines(1-1/float64(whole.scheduled())))}
	lo := whole.quantile(.001)
	top := whole.quantile(.995)
	if !finite(top) {
		top = float64(whole.max)
	}
	p.y, p.x = logAxis(lo, float64(whole.max)), logAxis(lo, max(top, lo*2))
	return p
}

// curve is the percentile curve.
func (p *plots) curve(name string) *panelPlot {
	const h = plotHeight
	x := axis{0, p.deepest, false}
	var g svg
	g.open("tprow", fmt.Sprintf("%s, percentile curve: half of all arrivals within %s, 99 %% within %s µs", name, lasting(p.whole.quantile(.5)), quantileOf(p.whole, .99)), int(h)+20)
	tick := func(q float64, label string) {
		at := x.at(nines(q))
		g.vline("grid", at, 0, h)
		class := "tick mid"
		if at > 92 {
			class = "tick end"
		}
		g.text(class, at, h+15, label)
	}
	tick(.5, "p50")
	for n := 1; float64(n) <= p.deepest; n++ {
		tick(1-math.Pow(10, -float64(n)), quantileName(n))
	}
	for _, v := range p.y.ticks(5) {
		at := h * (1 - p.y.at(v)/100)
		g.f(`<line class="grid" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(at), trim2(at))
	}
	n := p.whole.scheduled()
	limit := nines(evidence.Supported(n))
	var solid, dashed [][2]float64
	for at := 0.0; at <= p.deepest+nineStep/2; at += nineStep {
		v := p.whole.quantile(1 - math.Pow(10, -at))
		if !finite(v) {
			break
		}
		point := [2]float64{x.at(at), 100 - p.y.at(v)}
		if at <= limit {
			solid, dashed = append(solid, point), [][2]float64{point}
		} else {
			dashed = append(dashed, point)
		}
	}
	g.curve(0, h, path("l s-whole", false, solid), path("l s-whole dash", false, dashed), `<path class="l s-part" d=""/>`, `<path class="l s-part dash" d=""/>`)
	return &panelPlot{Name: "Percentile curve", Y: yLabels(h, p.y, 5, duration), Pic: g.done()}
}

// hist is the histogram.
func (p *plots) hist(name string) *panelPlot {
	const h = plotHeight
	shares, top := p.shares(), 0.0
	for _, v := range shares {
		top = max(top, v)
	}
	var g svg
	g.open("tprow", fmt.Sprintf("%s, histogram of response times: most of them around %s", name, lasting(p.peak(shares))), int(h)+20)
	g.ticksX(p.x, 4, 0, h, duration)
	points := [][2]float64{{0, 100}}
	for b, v := range shares {
		y := 100 * (1 - .96*v/top)
		points = append(points, [2]float64{100 * float64(b) / histBins, y}, [2]float64{100 * float64(b+1) / histBins, y})
	}
	points = append(points, [2]float64{100, 100})
	g.curve(0, h, path("area s-whole", true, points), `<path class="l s-part" d=""/>`)
	g.f(`<line class="base" x1="0%%" x2="100%%" y1="%s" y2="%s"/>`, trim2(h), trim2(h))
	return &panelPlot{Name: "Histogram", Pic: g.done()}
}

// shares are the bars of the whole.
func (p *plots) shares() []float64 {
	out := make([]float64, histBins)
	p.whole.ok.each(func(bucket int, n int64) bool {
		from, to := octaveRange(bucket, binDigits)
		if mid := (float64(from) + float64(to)) / 2; mid >= p.x.lo && mid <= p.x.hi {
			out[min(histBins-1, int(p.x.at(mid)/100*histBins))] += float64(n)
		}
		return true
	})
	return out
}

// peak is where the highest bar stands.
func (p *plots) peak(shares []float64) float64 {
	b := slices.Index(shares, slices.Max(shares))
	return p.x.lo * math.Pow(p.x.hi/p.x.lo, (float64(b)+.5)/histBins)
}

// panelData is what the script needs to compute the distribution of a part of the time.
// Slots holds a slot's latencies as the counts of its buckets in base 36, from bucket 0
// on, a negative number being a run of so many empty ones. A bucket is 1/2^Digits of a
// power of two wide, see octave; From and To are those of the buckets.
type panelData struct {
	Digits   int        `json:"digits"`
	Slots    []string   `json:"slots"`
	Max      []int64    `json:"max"` // ns, of a slot
	Bad      [][]int64  `json:"bad"` // of a slot, by class
	Classes  []string   `json:"classes"`
	Deepest  float64    `json:"deepest"`
	Y        [2]float64 `json:"y"`
	X        [2]float64 `json:"x"`
	HistBins int        `json:"bins"`
	Step     float64    `json:"step"`
}

// embedDigits makes embedded buckets at most 1.6 % wide, or 3.1 % where there are many
// slots.
func embedDigits(slots int) int {
	if slots > 60 {
		return 5
	}
	return 6
}

func (t *track) embed(id string, p *plots, classes []results.Outcome) template.HTML {
	d := panelData{
		Digits: embedDigits(len(t.slots)), Deepest: p.deepest, Y: [2]float64{p.y.lo, p.y.hi}, X: [2]float64{p.x.lo, p.x.hi},
		HistBins: histBins, Step: nineStep, Classes: []string{}, Bad: [][]int64{}, Slots: []string{}, Max: []int64{},
	}
	for _, o := range classes {
		d.Classes = append(d.Classes, outcomeName(o))
	}
	for i := range t.slots {
		m := &t.slots[i]
		d.Slots = append(d.Slots, encodeBins(&m.ok, d.Digits))
		d.Max = append(d.Max, m.max)
		bad := []int64{}
		for _, o := range classes {
			bad = append(bad, m.n[o])
		}
		d.Bad = append(d.Bad, bad)
	}
	return embedJSON(id+"-data", d)
}

// encodeBins writes the counts for the script; see panelData.
func encodeBins(b *bins, digits int) string {
	var out strings.Builder
	next, at, sum := 0, -1, int64(0)
	flush := func() {
		if sum == 0 {
			return
		}
		if out.Len() > 0 {
			out.WriteByte(' ')
		}
		if gap := at - next; gap > 0 {
			out.WriteString(strconv.FormatInt(-int64(gap), 36) + " ")
		}
		out.WriteString(strconv.FormatInt(sum, 36))
		next, sum = at+1, 0
	}
	b.each(func(bucket int, n int64) bool {
		from, _ := octaveRange(bucket, binDigits)
		if i := octave(from, digits); i != at {
			flush()
			at = i
		}
		sum += n
		return true
	})
	flush()
	return out.String()
}

// embedJSON puts data on the page: not a script, so no policy has to allow it.
func embedJSON(id string, v any) template.HTML {
	data, err := json.Marshal(v) // escapes <, so that nothing ends the element
	if err != nil {
		return "" // numbers, strings and lists: cannot be
	}
	return template.HTML(fmt.Sprintf(`<script type="application/json" id="%s">%s</script>`, template.HTMLEscapeString(id), data))
}

// crossCurve is a curve with a cross-hair: a value a step, 0 where it has none.
type crossCurve struct {
	Name      string  `json:"name"`
	Supported float64 `json:"supported"` // nines
	Values    []int64 `json:"v"`         // ns at 0, Step, 2 Step ... nines
}

// crossData is the data of the cross-hair over percentile curves whose horizontal axis
// goes from 0 to deepest nines: the chart is marked data-cross="ID".
func crossData(id string, deepest float64, curves []crossCurve) template.HTML {
	return embedJSON(id, struct {
		Step    float64      `json:"step"`
		Deepest float64      `json:"deepest"`
		Curves  []crossCurve `json:"curves"`
	}{nineStep, deepest, curves})
}
