package report

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"authbench/results"
)

// quiet opens a page and fails on any request and on anything that is said on the
// console.
func quiet(t *testing.T, ctx context.Context, file string) {
	t.Helper()
	if v := visitPage(t, ctx, file); len(v.Requests) > 0 || len(v.Console) > 0 {
		t.Errorf("requests %q, console %q", v.Requests, v.Console)
	}
}

// benchTimes and faultTimes are pages to try things on.
func benchTimes(t *testing.T) string {
	t.Helper()
	run, dir := madeUp{arms: arms8()[:3], blocks: 4, seconds: 3, rate: 2000}.write(t)
	return savePage(t, "bench.html", timePage(t, readOverTime("t", run, intervalsOf(dir), noMark)))
}

func faultTimes(t *testing.T) string {
	t.Helper()
	run, dir := madeUp{arms: arms8()[:5], blocks: 1, seconds: 6, rate: 300, chaos: true}.write(t)
	return savePage(t, "faults.html", timePage(t, readOverTime("t", run, intervalsOf(dir), noMark)))
}

// press sends a key to what has the focus.
func press(t *testing.T, ctx context.Context, key string, mod chromedp.Modifier) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(key, chromedp.KeyModifiers(mod))); err != nil {
		t.Fatal(err)
	}
}

// place scrolls an element into view and returns a point in its upper part, where no key
// of a legend is, so much of its width from the left.
func place(t *testing.T, ctx context.Context, selector string, share float64) (x, y float64) {
	t.Helper()
	r := evaluate[[]float64](t, ctx, fmt.Sprintf(`(e => { e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })(document.querySelector(%q))`, selector))
	return r[0] + share*r[2], r[1] + .2*r[3]
}

// drag moves the pointer over an element with the button held down, from one share of
// its width to another; equal ones are a click.
func drag(t *testing.T, ctx context.Context, selector string, from, to float64) {
	t.Helper()
	x, y := place(t, ctx, selector, from)
	end, _ := place(t, ctx, selector, to)
	left := chromedp.ButtonType(input.MouseButtonLeft)
	for _, a := range []chromedp.Action[chromedp.Void]{
		chromedp.MouseEvent(chromedp.MouseMoved, x, y),
		chromedp.MouseEvent(chromedp.MousePressed, x, y, left),
		chromedp.MouseEvent(chromedp.MouseMoved, (x+end)/2, y, left),
		chromedp.MouseEvent(chromedp.MouseMoved, end, y, left),
		chromedp.MouseEvent(chromedp.MouseReleased, end, y, left),
	} {
		if err := chromedp.Do(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
}

func textOf(t *testing.T, ctx context.Context, selector string) string {
	t.Helper()
	return evaluate[string](t, ctx, fmt.Sprintf(`document.querySelector(%q).textContent`, selector))
}

func TestBrushAndCrossHair(t *testing.T) {
	ctx := browse(t)
	run, dir := madeUp{arms: arms8()[:3], blocks: 4, seconds: 3, rate: 2000}.write(t)
	o := readOverTime("t", run, intervalsOf(dir), noMark)
	quiet(t, ctx, savePage(t, "bench.html", timePage(t, o)))
	resize(t, ctx, 1280, 900)

	// The cross-hair reads from the table.
	x, y := place(t, ctx, "#t2 .over", .5/12)
	if err := chromedp.Do(ctx, chromedp.MouseEvent(chromedp.MouseMoved, x, y)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, ctx, `document.querySelector("#t2 .read").textContent !== ""`)
	first := evaluate[string](t, ctx, `[...document.querySelectorAll("#t2 .tptable tbody tr:first-child > *")].map(e => e.textContent.trim()).join("|")`)
	if read := textOf(t, ctx, "#t2 .read"); !strings.HasPrefix(read, "block 1, 0") || !holdsAll(read, strings.Split(first, "|")) {
		t.Errorf("the cross-hair says %q, the table %q", read, first)
	}

	// A part is chosen: 3 seconds of block 2. What the script computes of its buckets is
	// what the table says, to the width of a bucket.
	before := evaluate[string](t, ctx, `document.querySelector("#t2 .tpcurve .s-part").getAttribute("d")`)
	drag(t, ctx, "#t2 .over", 3.5/12, 5.5/12)
	chosen := textOf(t, ctx, "#t2 .chosen")
	var want moment
	for i := 3; i <= 5; i++ {
		want.merge(&o.panelSlots(t, 1)[i])
	}
	if !strings.Contains(chosen, "block 2, 0") || !strings.Contains(chosen, "6,000 arrivals, 6,000 ok;") {
		t.Errorf("chosen: %q", chosen)
	}
	for name, q := range map[string]float64{"p50": .5, "p99": .99, "p99.9": .999} {
		got := 1e3 * numberAfter(t, chosen, name+" ")
		if exact := want.quantile(q); got < exact*.98 || got > exact*1.03 {
			t.Errorf("%s of the chosen part is %v, want about %v: %s", name, got, exact, chosen)
		}
	}
	after := evaluate[string](t, ctx, `document.querySelector("#t2 .tpcurve .s-part").getAttribute("d")`)
	if before != "" || after == "" || evaluate[string](t, ctx, `document.querySelector("#t2 .tphist .s-part").getAttribute("d")`) == "" {
		t.Error("choosing a part draws nothing")
	}
	if other := evaluate[string](t, ctx, `document.querySelector("#t1 .tpcurve .s-part").getAttribute("d")`); other != "" {
		t.Error("choosing in one panel changes another")
	}
	// All of it is what Go drew.
	drag(t, ctx, "#t2 .over", .01, .99)
	if all := textOf(t, ctx, "#t2 .chosen"); !strings.Contains(all, "24,000 arrivals, 24,000 ok") {
		t.Errorf("all of it: %q", all)
	}
	far := evaluate[float64](t, ctx, `(() => {
		const points = (e) => new Map(e.getAttribute("d").slice(1).split(/[ML]/).map((p) => p.trim().split(" ").map(Number)).map(([x, y]) => [Math.round(x), y]));
		const [a, b] = [points(document.querySelector("#t2 .tpcurve .s-whole")), points(document.querySelector("#t2 .tpcurve .s-part"))];
		let far = 0, n = 0;
		for (const [x, y] of a) if (b.has(x)) { far = Math.max(far, Math.abs(y - b.get(x))); n++; }
		return n > 20 ? far : 1e9;
	})()`)
	if far > 8 { // thousandths of the height: a bucket is 1.6 % wide, the axis spans a factor of more than 100
		t.Errorf("the script's curve is off by %v thousandths from the one drawn without it", far)
	}
	// A click lets go.
	drag(t, ctx, "#t2 .over", .5, .5)
	if got := evaluate[string](t, ctx, `document.querySelector("#t2 .tpcurve .s-part").getAttribute("d") + location.hash`); got != "" {
		t.Errorf("a click leaves %q", got)
	}
}

// waitFor waits until an expression is true: the pointer moves once a frame.
func waitFor(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	for range 100 {
		if evaluate[bool](t, ctx, expression) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("never true: %s", expression)
}

// panelSlots are the moments behind a panel, read again.
func (o *overTime) panelSlots(t *testing.T, i int) []moment {
	t.Helper()
	return o.Panels.Panels[i].track.slots
}

func holdsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// numberAfter reads the number that follows a word.
func numberAfter(t *testing.T, text, word string) float64 {
	t.Helper()
	m := regexp.MustCompile(regexp.QuoteMeta(word) + `([0-9.,]+)`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no number after %q in %q", word, text)
	}
	v, err := strconv.ParseFloat(strings.TrimRight(strings.ReplaceAll(m[1], ",", ""), "."), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestKeyboardOnly reaches everything by Tab alone and works it by keys.
func TestKeyboardOnly(t *testing.T) {
	ctx := browse(t)
	quiet(t, ctx, faultTimes(t))
	resize(t, ctx, 1280, 900)
	var seen []string
	for range 40 {
		press(t, ctx, kb.Tab, 0)
		now := evaluate[string](t, ctx, `(e => (e.closest("figure")?.id || "") + " " + (e.getAttribute("role") || e.tagName.toLowerCase()) + " " + (e.dataset.key || ""))(document.activeElement)`)
		if strings.HasPrefix(now, "t2 ") {
			break
		}
		seen = append(seen, strings.TrimSpace(now))
	}
	want := []string{"t1 button p50", "t1 button max", "t1 button offered", "t1 button ok", "t1 button rejected", "t1 button unavailable", "t1 button timeout", "t1 button target", "t1 button generator", "t1 slider", "t1 summary"}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("the Tab key goes through %q, want %q", seen, want)
	}
	evaluate[bool](t, ctx, `(document.querySelector("#t1 .over").focus(), true)`)
	for range 14 {
		press(t, ctx, kb.ArrowRight, 0)
	}
	value := func(name string) string {
		return evaluate[string](t, ctx, fmt.Sprintf(`document.querySelector("#t1 .over").getAttribute(%q)`, name))
	}
	if value("aria-valuenow") != "14" || value("aria-valuetext") != "1.4\u00a0s" || !strings.Contains(textOf(t, ctx, "#t1 .read"), "unavailable 24") {
		t.Errorf("after 14 steps: %s, %s, %q", value("aria-valuenow"), value("aria-valuetext"), textOf(t, ctx, "#t1 .read"))
	}
	if evaluate[string](t, ctx, `document.querySelector("#t1 .read").ariaLive`) != "polite" {
		t.Error("what the cross-hair reads is not read out")
	}
	for range 9 {
		press(t, ctx, kb.ArrowRight, chromedp.ModifierShift)
	}
	if chosen := textOf(t, ctx, "#t1 .chosen"); !strings.HasPrefix(chosen, "1.4\u00a0s to 2.3\u00a0s, both steps included: 300 arrivals, 0 ok, 240 unavailable, 60 timeout; p50 > timeout, p99 n/a") {
		t.Errorf("with Shift: %q", chosen)
	}
	press(t, ctx, kb.Escape, 0)
	if chosen := textOf(t, ctx, "#t1 .chosen"); !strings.HasPrefix(chosen, "Drag") {
		t.Errorf("after Esc: %q", chosen)
	}
	press(t, ctx, kb.End, 0)
	if value("aria-valuenow") != "59" {
		t.Errorf("End goes to %s", value("aria-valuenow"))
	}
	// Space and Enter on a key of a legend hide its line.
	evaluate[bool](t, ctx, `(document.querySelector("#t1 .key[data-key=max]").focus(), true)`)
	press(t, ctx, " ", 0)
	if got := evaluate[string](t, ctx, `document.querySelector("#t1 .key[data-key=max]").ariaPressed + getComputedStyle(document.querySelector("#t1 g[data-s=max]")).display`); got != "falsenone" {
		t.Errorf("a hidden series: %s", got)
	}
	press(t, ctx, kb.Tab, chromedp.ModifierShift)
	if got := evaluate[string](t, ctx, `document.activeElement.dataset.key`); got != "p50" {
		t.Errorf("Shift and Tab go to %q", got)
	}
}

// TestViewInAddress: what was chosen, hidden and unfolded comes back with the address.
func TestViewInAddress(t *testing.T) {
	ctx := browse(t)
	quiet(t, ctx, faultTimes(t))
	resize(t, ctx, 1280, 900)
	drag(t, ctx, "#t1 .over", .3, .6)
	evaluate[bool](t, ctx, `(document.querySelector("#t2 .key[data-key=max]").click(), document.querySelector("#t4").closest("details").querySelector("summary").click(), true)`)
	state := `JSON.stringify([document.querySelector("#t1 .chosen").textContent, document.querySelector("#t1 .tpcurve .s-part").getAttribute("d"),
		document.querySelector("#t2 .key[data-key=max]").ariaPressed, [...document.querySelectorAll("details")].map(d => d.open)])`
	want := evaluate[string](t, ctx, state)
	waitFor(t, ctx, `location.hash.includes(";d=")`) // the page hears of an unfolded part a moment later
	address := evaluate[string](t, ctx, `location.href`)
	if m := regexp.MustCompile(`#v;b\.t1=\d+-\d+;h\.t2=max;d=\d+$`); !m.MatchString(address) {
		t.Fatalf("the address is %s", address)
	}
	leave(t, ctx)
	visitURL(t, ctx, address)
	if got := evaluate[string](t, ctx, state); got != want {
		t.Errorf("the view came back as\n%s, it was\n%s", got, want)
	}
	// Rubbish in the address does no harm, and that of a folded part unfolds it.
	base, _, _ := strings.Cut(address, "#")
	for _, hash := range []string{"#v;b.t1=5-9999;h.t9=x;d=77,x;;=", "#%", "#v;"} {
		leave(t, ctx)
		if v := visitURL(t, ctx, base+hash); len(v.Requests)+len(v.Console) > 0 {
			t.Errorf("%s: requests %q, console %q", hash, v.Requests, v.Console)
		}
		if got := textOf(t, ctx, "#t1 .chosen"); !strings.HasPrefix(got, "Drag") {
			t.Errorf("%s: %q", hash, got)
		}
	}
	evaluate[bool](t, ctx, `(location.hash = "#t5", true)`)
	waitFor(t, ctx, `document.querySelector("#t5").closest("details").open`) // an address of something folded unfolds it
}

// leave closes the page, so that the next address is not taken for a place on it.
func leave(t *testing.T, ctx context.Context) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
}

// TestWithoutScript: everything is there, nothing pretends to be operable.
func TestWithoutScript(t *testing.T) {
	ctx := browse(t)
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	run, h := bigRun(t, nil)
	quiet(t, ctx, savePage(t, "still.html", wholePage(t, run, h, "")))
	if text := evaluate[string](t, ctx, `document.body.innerText`); !strings.Contains(text, "session-redis") || len(text) < 5000 {
		t.Errorf("without the script the report reads %q", text[:min(len(text), 300)])
	}
	quiet(t, ctx, faultTimes(t))
	if n := evaluate[int](t, ctx, `document.querySelectorAll(".over, button, [role=slider], [aria-live], .key").length`); n > 0 {
		t.Errorf("without the script %d elements wait for it", n)
	}
	for selector, least := range map[string]int{"#t1 .s-p50": 3, "#t1 .lane": 4, "#t1 .heat": 3, "#t1 .tpcurve path.s-whole": 1, ".tptable tbody tr": 300} {
		if n := evaluate[int](t, ctx, fmt.Sprintf("document.querySelectorAll(%q).length", selector)); n < least {
			t.Errorf("without the script there are %d of %s, want at least %d", n, selector, least)
		}
	}
}

func TestPrints(t *testing.T) {
	ctx := browse(t)
	run, h := bigRun(t, nil)
	for name, file := range map[string]string{"time": faultTimes(t), "report": savePage(t, "printed.html", wholePage(t, run, h, ""))} {
		quiet(t, ctx, file)
		pdf, err := chromedp.Call(ctx, page.PrintToPDF, page.PrintToPDFParams{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkPDF(t, pdf.Data)
	}
}

// checkPDF says whether that is a document of several pages that hold something.
func checkPDF(t *testing.T, pdf []byte) {
	t.Helper()
	pages := len(regexp.MustCompile(`/Type\s*/Page[^s]`).FindAll(pdf, -1))
	if pages < 2 || len(pdf) < 20_000 {
		t.Errorf("%d pages in %d bytes", pages, len(pdf))
	}
}

func TestTimeLook(t *testing.T) {
	for name, make := range map[string]func(*testing.T) string{"bench": benchTimes, "faults": faultTimes} {
		t.Run(name, func(t *testing.T) {
			ctx := browse(t)
			file := make(t)
			quiet(t, ctx, file)
			audit(t, ctx)
			for _, width := range []int64{320, 1280, 2560} {
				resize(t, ctx, width, 900)
				if n := evaluate[int](t, ctx, sideways); n > 0 {
					t.Errorf("at %d px the page scrolls sideways by %d: %s", width, n, evaluate[string](t, ctx, sticking))
				}
			}
		})
	}
}

// TestAuditBites: every rule finds what breaks it.
func TestAuditBites(t *testing.T) {
	ctx := browse(t)
	auditOf := func(page string) []string {
		if err := chromedp.Do(ctx, chromedp.Navigate(fileURL(t, savePage(t, "audited.html", page)))); err != nil {
			t.Fatal(err)
		}
		return evaluate[[]string](t, ctx, auditScript)
	}
	good := `<!DOCTYPE html><html lang="en"><head><title>x</title><meta name="viewport" content="width=device-width"><style>:focus-visible{outline:2px solid blue}</style></head><body><main><h1>One</h1>%s</main></body></html>`
	for broken, want := range map[string]string{
		`<h3>Three</h3>`: "heading level", `<svg role="img"></svg>`: "without a name", `<svg></svg>`: "neither img nor hidden",
		`<p id="a">a</p><p id="a">b</p>`: "have the id", `<table><tr><th>a</th></tr></table>`: "without scope",
		`<p style="color:#999;background:#fff">pale</p>`: "text contrast", `<div tabindex="0">x</div>`: "without a role",
		`<button></button>`: "nameless", `<button tabindex="3">later</button>`: "tabindex", `<svg aria-hidden="true"><use href="#no"/></svg>`: "not there",
		`</main><p>lost</p><main hidden>`: "outside", `<figure></figure>`: "without a sentence", `<a href="#nowhere">x</a>`: "nowhere",
		`<p onclick="1">x</p>`: "inline handler", `<h1>Two</h1>`: "2 h1",
	} {
		if wrong := auditOf(fmt.Sprintf(good, broken)); !strings.Contains(strings.Join(wrong, "; "), want) {
			t.Errorf("%s: the audit says %q, not %q", broken, wrong, want)
		}
	}
	if wrong := auditOf(fmt.Sprintf(good, `<h2>Two</h2><p>fine</p>`)); len(wrong) > 0 {
		t.Errorf("a good page: %q", wrong)
	}
	auditOf(`<!DOCTYPE html><style>button{outline:none!important}</style><button>x</button>`)
	if wrong := evaluate[[]string](t, ctx, focusScript); len(wrong) == 0 {
		t.Error("a focus that cannot be seen went unnoticed")
	}
}

// TestCurveCrossHair: the percentile curves say what they show at a quantile.
func TestCurveCrossHair(t *testing.T) {
	ctx := browse(t)
	run, h := bigRun(t, nil)
	quiet(t, ctx, savePage(t, "curves.html", wholePage(t, run, h, "")))
	resize(t, ctx, 1280, 900)
	evaluate[bool](t, ctx, `(document.querySelector("[data-cross] .over").focus(), true)`)
	for range 25 { // a step is .04 nines
		press(t, ctx, kb.ArrowRight, 0)
	}
	read := evaluate[string](t, ctx, `document.querySelector("#curve .read").textContent`)
	if !strings.HasPrefix(read, "p90") {
		t.Errorf("after 25 steps: %q", read)
	}
	for _, arm := range run.Arms {
		dist := h.Histogram(results.Tag{Arm: arm.Name, Operation: "use", Outcome: results.OK, Metric: "latency", Block: 1})
		got := 1e3 * numberAfter(t, read, arm.Name+" ")
		if one := float64(dist.ValueAtQuantile(90)); got < one/1.4 || got > one*1.4 { // of all blocks, which differ by some per cent
			t.Errorf("%s: %v at p90, in block 1 %v", arm.Name, got, one)
		}
	}
	press(t, ctx, kb.End, 0)
	if last := evaluate[string](t, ctx, `document.querySelector("#curve .read").textContent`); !strings.Contains(last, "~ ") && !strings.Contains(last, "n/a") {
		t.Errorf("beyond what the sample supports it says %q", last)
	}
}
