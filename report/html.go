package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"math"
	"strings"

	"authbench/report/decide"
	"authbench/report/evidence"
	"authbench/report/number"
)

// pageFiles are the templates, a file a section, and the style sheets, which are
// joined in the order of their names.
//
//go:embed page
var pageFiles embed.FS

// section is one part of the page. A new one is a file, a template of its ID and a
// line in sections.
type section struct {
	ID, Title string
	Folded    bool
	Data      func(*view) any // what its template sees; nil: there is nothing to show
	Template  string          // "": that of its ID
}

// sections lists them in the order in which they stand. What a reader needs to
// decide is open; what one needs to believe it is folded.
func sections() []section {
	return []section{
		{ID: "validity", Title: "How far to trust it", Data: validitySection},
		{ID: "decision", Title: "Which to choose, for these requirements", Data: decisionSection},
		{ID: "scoreboard", Title: "Scoreboard", Data: scoreboardSection},
		{ID: "promises", Title: "Promises, kept and broken", Data: promisesSection},
		{ID: "forest", Title: "Against the baseline", Data: forestSection},
		{ID: "curve", Title: "Percentiles", Data: curveSection},
		{ID: "histograms", Title: "Response times", Data: histogramsSection},
		{ID: "heatmap", Title: "Response times over the whole run", Data: heatmapSection},
		{ID: "time", Title: "In the course of time", Data: timeSection},
		{ID: "trials", Title: "Trials, in the order in which they ran", Data: trialsSection},
		{ID: "sweep", Title: "Load sweep", Data: sweepSection},
		{ID: "faults", Title: "What users saw when the store failed", Data: faultsSection},
		{ID: "stories", Title: "Every broken promise, by the events that show it", Data: storiesSection},
		{ID: "reject", Title: "How long a revoked credential goes on", Folded: true, Data: rejectSection},
		tabled("clock-skew", "When clocks disagree"),
		tabled("key-rotation", "When keys change"),
		tabled("store-rtt", "The round trip to the store, measured"),
		tabled("store-knee", "Which is full first, the store or the node"),
		tabled("fan-out", "An edge and the services behind it"),
		tabled("scale-out", "More nodes"),
		tabled("rolling-restart", "A new version, node by node"),
		tabled("failover", "A replica takes over"),
		tabled("probe", "What an attacker would try"),
		tabled("csrf", "What a browser sends by itself, and what a script can read"),
		tabled("stale-authorisation", "How long a role that was taken away still counts"),
		tabled("lifetime", "How long credentials live"),
		tabled("algorithms", "What each algorithm costs, and where its tokens fit"),
		tabled("claims-size", "What a larger token costs, and where it breaks"),
		tabled("session-footprint", "What sessions occupy"),
		tabled("early-warning", "Which signal moves first"),
		{ID: "found", Title: "What else was found", Folded: true, Data: foundSection},
		{ID: "roundtrip", Title: "The round trip to the store", Folded: true, Data: roundtripSection},
		{ID: "cost", Title: "What it is made of: signing, verifying, looking up, bytes, memory", Folded: true, Data: costSection},
		{ID: "claims", Title: "What articles claim, held against these runs", Folded: true, Data: claimsSection},
		{ID: "verdicts", Title: "All verdicts", Folded: true, Data: verdictsSection},
		{ID: "settings", Title: "Every arm, as it ran and what it promises", Folded: true, Data: settingsSection},
		{ID: "method", Title: "Method, limits, how to read this", Folded: true, Data: methodSection},
		{ID: "environment", Title: "What it ran on, and how to repeat it", Folded: true, Data: environmentSection},
	}
}

// view is what sections draw.
type view struct {
	*evidence.Board
	Cost *summary      // nil: no run measured costs
	Held *chaosSummary // nil: no run has revocations or faults
	// Decision is what follows from requirements; nil: none were given.
	Decision *decide.Decision
	Over     []*overTime // the runs of which something was recorded over time
}

func newView(b *evidence.Board) *view {
	v := &view{Board: b, Over: overTimes(b)}
	if b.Promises != nil {
		v.Held = summariseChaos(b.Promises)
	}
	if v.Held == nil || evidence.HasCost(b.Run) {
		v.Cost = summarise(b)
	}
	return v
}

// frame is what frame.tmpl sees: the first screen and the sections.
type frame struct {
	Title    string
	Policy   string
	Style    template.HTML
	Script   template.HTML
	Markers  template.HTML
	Verdict  verdict
	Sections []drawn
}

// drawn is a section that has something to show.
type drawn struct {
	section
	Body template.HTML
}

// HTML writes the report as one page that needs nothing else: no network, no font,
// and no script to be read. The same runs give the same bytes.
func HTML(w io.Writer, b *evidence.Board) error { return newView(b).write(w) }

// Decided is HTML with the decision on it.
func Decided(w io.Writer, b *evidence.Board, d *decide.Decision) error {
	v := newView(b)
	v.Decision = d
	return v.write(w)
}

func (v *view) write(w io.Writer) error {
	t, err := template.New("page").Funcs(functions()).ParseFS(pageFiles, "page/*.tmpl")
	if err != nil {
		return err
	}
	sheet, err := styleSheet()
	if err != nil {
		return err
	}
	f := frame{
		Title:   fmt.Sprintf("authbench: %s", v.Run.ID),
		Policy:  policy(sheet, pageScript),
		Style:   template.HTML("<style>" + sheet + "</style>"), // as hashed: the template would rewrite it
		Script:  template.HTML("<script>" + pageScript + "</script>"),
		Markers: template.HTML(markers),
		Verdict: newVerdict(v),
	}
	for _, s := range sections() {
		data := s.Data(v)
		if data == nil {
			continue
		}
		var body strings.Builder
		if err := t.ExecuteTemplate(&body, cmp.Or(s.Template, s.ID), data); err != nil {
			return fmt.Errorf("render section %s: %w", s.ID, err)
		}
		f.Sections = append(f.Sections, drawn{s, template.HTML(body.String())}) // escaped by the template
	}
	var out bytes.Buffer // an error midway shall not leave half a page
	if err := t.ExecuteTemplate(&out, "frame", f); err != nil {
		return fmt.Errorf("render the report: %w", err)
	}
	_, err = w.Write(out.Bytes())
	return err
}

// styleSheet joins the style sheets.
func styleSheet() (string, error) {
	names, err := fs.Glob(pageFiles, "page/*.css") // sorted
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, name := range names {
		text, err := pageFiles.ReadFile(name)
		if err != nil {
			return "", err
		}
		b.Write(text)
	}
	return b.String(), nil
}

// functions are what the templates may call.
func functions() template.FuncMap {
	return template.FuncMap{
		"micros": number.Micros, "number": number.Short, "signed": number.Signed, "integer": number.Integer,
		"percent": number.Percent, "mib": number.MiB, "count": number.Count, "keys": sortedKeys[string],
		"problems": problems, "inf": func(v float64) bool { return math.IsInf(v, 0) },
		"mark": legendMark, "cell": cell, "join": strings.Join, "value": value, "fewer": func(a, b int) bool { return a < b },
		"lasted": number.Lasted, "of": number.Of, "tries": tries, "instant": instant, "life": life, "micro": quantileText, "unit": unitText, "extra": extra, "status": statusWord, "figure": figure,
	}
}

// policy lets nothing be loaded from anywhere, and no style and no script but these
// two be applied.
func policy(sheet, script string) string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; img-src data:; style-src " + hash(sheet) + "; script-src " + hash(script) + "; base-uri 'none'; form-action 'none'"
}

// legendMark is the marker of an arm beside its name.
func legendMark(a *evidence.Arm) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="lm" width="14" height="14" aria-hidden="true"><use class="%s" href="#m%d" x="7" y="7"/></svg>`, class(a, "k"), marker(a)))
}

// formatted is an estimate ready to print.
type formatted struct {
	Value, Spread, Missing string
}

// cell prints an estimate in the given unit: "us" for nanoseconds shown in
// microseconds, "mib", "percent", "" as it is.
func cell(unit string, e evidence.Value) formatted {
	switch e.Missing {
	case "":
	case evidence.NoStore:
		return formatted{Value: "–"}
	default:
		return formatted{Missing: e.Missing}
	}
	print := number.Short
	switch unit {
	case "us":
		print = number.Micros
	case "mib":
		print = number.MiB
	case "percent":
		print = func(v float64) string { return number.Short(100 * v) }
	}
	f := formatted{Value: print(e.Value)}
	if e.N > 1 {
		if lo, hi := print(e.Min), print(e.Max); lo != hi {
			f.Spread = lo + " – " + hi
		}
	}
	return f
}

// value prints a number that a verdict may lack.
func value(v *float64, unit string) string {
	if v == nil {
		return "–"
	}
	return strings.TrimSpace(number.Short(*v) + " " + unit)
}
