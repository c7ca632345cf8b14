package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

//go:embed page.tmpl
var pageTemplate string

//go:embed style.css
var styleSheet string

// page is what page.tmpl sees.
type page struct {
	*summary
	Title    string
	Policy   string
	Style    template.HTML
	Markers  template.HTML
	Facts    [][2]string
	Command  string
	CPU      *chart
	Forests  []*chart
	Curves   *chart
	Hists    *chart
	P50Dots  *chart
	CPUDots  *chart
	Machine  [][2]string
	Verdicts []results.Verdict
	Support  []need
}

// need is how large a sample a quantile asks for.
type need struct {
	Name    string
	Samples int64
}

// HTML writes the report as one page that needs nothing else: no script, no
// network, no font. h may be nil; the charts of distributions are then left out.
// The same run gives the same bytes.
func HTML(w io.Writer, b *evidence.Board) error {
	run := b.Run
	if b.Promises != nil && !evidence.HasCost(run) {
		return chaosHTML(w, b.Promises)
	}
	s := summarise(b)
	sum := sha256.Sum256([]byte(styleSheet))
	p := page{
		summary:  s,
		Title:    fmt.Sprintf("authbench: %s", run.ID),
		Policy:   policy(sum[:]),
		Style:    template.HTML("<style>" + styleSheet + "</style>"), // as hashed: the template would rewrite it
		Markers:  template.HTML(markers),
		Facts:    workload(run),
		Command:  command(run),
		CPU:      s.cpuChart(),
		Curves:   s.curves(),
		Hists:    s.histograms(),
		Machine:  environment(run),
		Forests:  s.forests(),
		Verdicts: s.Verdicts(),
	}
	for _, l := range evidence.Levels() {
		p.Support = append(p.Support, need{l.Name, evidence.SamplesFor(l.Q)})
	}
	p.Support = append(p.Support, need{"p99.99", evidence.SamplesFor(.9999)})
	p50 := evidence.Levels()[0]
	p.P50Dots = s.dots("Median response time, every trial",
		"One marker a trial, in the order of the blocks from top to bottom: a slant is drift, the width is what repeating the measurement does to it.",
		func(a *evidence.Arm) []*results.Trial { return a.Steady },
		func(*evidence.Arm) func(*results.Trial) (float64, bool) { return p50.NS })
	p.CPUDots = s.dots("CPU per request at saturation, every trial",
		"Target and store together; one marker a trial, in the order of the blocks from top to bottom.",
		func(a *evidence.Arm) []*results.Trial { return a.Sat },
		func(a *evidence.Arm) func(*results.Trial) (float64, bool) { return a.SaturatedCPU })

	t, err := template.New("page").Funcs(functions()).Parse(pageTemplate)
	if err != nil {
		return err
	}
	var out bytes.Buffer // an error midway shall not leave half a page
	if err := t.Execute(&out, p); err != nil {
		return fmt.Errorf("render the report: %w", err)
	}
	_, err = w.Write(out.Bytes())
	return err
}

// functions are what the templates may call.
func functions() template.FuncMap {
	return template.FuncMap{
		"micros": number.Micros, "number": number.Short, "signed": number.Signed, "integer": number.Integer,
		"percent": number.Percent, "mib": number.MiB, "count": number.Count, "keys": sortedKeys[string],
		"problems": problems, "inf": func(v float64) bool { return math.IsInf(v, 0) },
		"mark": legendMark, "cell": cell, "join": strings.Join, "value": value, "fewer": func(a, b int) bool { return a < b },
		"lasted": number.Lasted, "of": number.Of, "tries": tries, "instant": instant, "life": life, "micro": quantileText, "status": statusWord, "figure": figure,
	}
}

// policy lets nothing be loaded from anywhere, and no style but the one with this
// hash be applied.
func policy(sheet []byte) string {
	return "default-src 'none'; img-src data:; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sheet) + "'; base-uri 'none'; form-action 'none'"
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

// environment lists the machine and the servers.
func environment(run *results.Run) [][2]string {
	e := run.Environment
	cores := func(c []int) string {
		if len(c) == 0 {
			return "any core"
		}
		return "core " + strings.Trim(strings.ReplaceAll(fmt.Sprint(c), " ", ", "), "[]")
	}
	rows := [][2]string{
		{"CPU", fmt.Sprintf("%s, %s", OrElse(e.CPU, "unknown"), number.Count(e.Cores, "core"))},
		{"Memory", number.MiB(float64(e.MemoryB)) + " MiB"},
		{"System", strings.TrimSpace(e.OS + " " + e.Kernel)},
		{"Virtualisation", OrElse(e.Virtual, "none found, or it cannot be told")},
		{"Go", e.Go},
		{"Load engine", e.Engine},
		{"Placement", fmt.Sprintf("generator %s; target %s; store %s", cores(e.Placement.Loadgen), cores(e.Placement.Target), cores(e.Placement.Store))},
	}
	if line := stillness(run); line != "" {
		rows = append(rows, [2]string{"Stillness", line})
	}
	for _, st := range e.Stores {
		name := fmt.Sprintf("%s %s, as the server reports it", st.Product, st.Version)
		if st.StandIn {
			name = fmt.Sprintf("Stand-in: %s %s, not a real %s", st.Product, st.Version, st.Kind)
		}
		var set []string
		for _, k := range sortedKeys(st.Settings) {
			set = append(set, k+" = "+st.Settings[k])
		}
		name += fmt.Sprintf("; brought up by: %s, network: %s", st.Provider, st.Network)
		if len(set) > 0 {
			name += "; " + strings.Join(set, ", ")
		}
		rows = append(rows, [2]string{"Store: " + st.Kind, name})
	}
	return append(rows, [2]string{"authbench", strings.TrimSpace(run.Tool.Version + " " + run.Tool.Commit)})
}
