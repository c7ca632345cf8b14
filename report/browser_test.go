package report

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"authbench/report/evidence"
	"authbench/results"
)

// chromium finds the browser, or ends the test.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if slices.Contains(strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ","), "chromium") {
		t.Fatal("AUTHBENCH_REQUIRE names chromium, and there is none")
	}
	t.Skip("no chromium here")
	return ""
}

// browse starts a browser of our own with an empty profile, and sees to it that
// neither outlives the test.
func browse(t *testing.T) context.Context {
	t.Helper()
	path := chromium(t)
	profile, err := os.MkdirTemp("", "authbench-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox) // its sandbox refuses root
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	alloc, stop := chromedp.NewExecAllocator(ctx, opts...)
	tab, _ := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		if err := chromedp.Cancel(tab); err != nil {
			t.Errorf("close the browser: %v", err)
		}
		stop()
		cancel()
		// Its children may still write for a moment.
		for range 50 {
			if err = os.RemoveAll(profile); err == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Errorf("remove the profile: %v", err)
	})
	if err := chromedp.Do(tab); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return tab
}

// visit is what became of opening a page.
type visit struct {
	Requests []string // other than for the page itself
	Console  []string // warnings, errors, exceptions
}

func visitPage(t *testing.T, ctx context.Context, file string) *visit {
	t.Helper()
	return visitURL(t, ctx, fileURL(t, file))
}

// fileURL is the address of a file.
func fileURL(t *testing.T, file string) string {
	t.Helper()
	abs, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}).String()
}

// visitURL opens an address, which may name a part of the page.
func visitURL(t *testing.T, ctx context.Context, address string) *visit {
	t.Helper()
	page, _, _ := strings.Cut(address, "#")
	var mu sync.Mutex
	var v visit
	err := chromedp.Listen(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := ev.(type) {
		case *network.EventRequestWillBeSent:
			// A data URL is inside the page.
			if e.Request.URL != page && !strings.HasPrefix(e.Request.URL, "data:") {
				v.Requests = append(v.Requests, e.Request.URL)
			}
		case *runtime.EventConsoleAPICalled:
			v.Console = append(v.Console, fmt.Sprint(e.Type))
		case *runtime.EventExceptionThrown:
			v.Console = append(v.Console, e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			v.Console = append(v.Console, e.Entry.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // for what comes late: a favicon, a report
	mu.Lock()
	defer mu.Unlock()
	return &visit{slices.Clone(v.Requests), slices.Clone(v.Console)}
}

// evaluate asks the page. This goes by the debugger, so the policy of the page
// does not forbid it.
func evaluate[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func resize(t *testing.T, ctx context.Context, width, height int64) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height)); err != nil {
		t.Fatal(err)
	}
}

const sideways = `document.documentElement.scrollWidth - document.documentElement.clientWidth`

// sticking names the elements that stick out of the page to the right, those that
// scroll in a box of their own left out.
const sticking = `[...document.querySelectorAll("body *")]
	.filter(e => !e.closest(".scroll") && e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
	.map(e => e.tagName + "." + (e.getAttribute("class") || "") + " '" + e.textContent.trim().slice(0, 40) + "'").join(", ")`

func TestPageInBrowser(t *testing.T) {
	ctx := browse(t)
	_, dir := synthetic(t, t.TempDir(), syntheticArms(), 6, 3000, nil)
	run, h := open(t, dir)
	checkPage(t, ctx, savePage(t, "report.html", wholePage(t, run, h, dir)))
}

// wholePage is a report with its script; dir may be empty, nothing is then shown over
// time.
func wholePage(t testing.TB, run *results.Run, h evidence.Histograms, dir string) string {
	t.Helper()
	src := evidence.Source{Run: run, Histograms: h}
	if dir != "" {
		src.Intervals = intervalsOf(dir)
	}
	var b bytes.Buffer
	if err := HTML(&b, evidence.Read(src)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestChaosPageInBrowser(t *testing.T) {
	ctx := browse(t)
	file := savePage(t, "chaos-report.html", wholePage(t, syntheticChaos(t, t.TempDir(), nil), nil, ""))
	checkLook(t, ctx, file, map[string]int{"h1": 1, "h2": 8, "#matrix tbody tr": 7, "#matrix .lamp": 9, ".revoked tbody tr": 7, "figure": 1, "svg[role=img]": 8, "details": 10, ".story": 2, ".stages": 2})
	// The bound and the curves are drawn, and a failure does not look like a pass.
	if n := evaluate[int](t, ctx, `[...document.querySelectorAll("line.bound, path.l")].filter(e => getComputedStyle(e).stroke === "none").length`); n > 0 {
		t.Errorf("%d lines are not drawn", n)
	}
	border := func(class string) string {
		return evaluate[string](t, ctx, fmt.Sprintf(`(s => s.borderStyle + s.backgroundColor + s.borderRadius)(getComputedStyle(document.querySelector("#matrix .lamp.%s")))`, class))
	}
	seen := map[string]string{}
	for _, class := range []string{"pass", "fail", "unknown", "invalid"} {
		if other, same := seen[border(class)]; same {
			t.Errorf("without colour %s looks like %s", class, other)
		}
		seen[border(class)] = class
	}
}

// TestRealPagesInBrowser opens the reports of real runs as they were written: the
// committed ones, and that of AUTHBENCH_RUN.
func TestRealPagesInBrowser(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join("..", "results", "published", "*", "report.html"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no published report: %v", err)
	}
	if dir := os.Getenv("AUTHBENCH_RUN"); dir != "" {
		pages = append(pages, filepath.Join(dir, "report.html"))
	}
	for _, page := range pages {
		t.Run(filepath.Base(filepath.Dir(page)), func(t *testing.T) {
			if html, err := os.ReadFile(page); err != nil {
				t.Fatal(err)
			} else if bytes.Contains(html, []byte(`id="matrix"`)) {
				checkLook(t, browse(t), page, promisesLook(t, filepath.Dir(page)))
				return
			}
			checkPage(t, browse(t), page)
		})
	}
}

// promisesLook is what a page about promises has at least: that of one scenario has a row
// for every arm, and a table.
func promisesLook(t *testing.T, dir string) map[string]int {
	t.Helper()
	run, _, err := results.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	scenarios := map[string]bool{}
	for i := range run.Trials {
		scenarios[run.Trials[i].Scenario] = true
	}
	if len(scenarios) == 1 {
		return map[string]int{"h1": 1, "h2": 4, "#matrix tbody tr": len(run.Arms), "#matrix .lamp": len(run.Arms), "table": 3}
	}
	return map[string]int{"h1": 1, "h2": 4, "#matrix tbody tr": 4, "#matrix .lamp": 4, "figure": 1, "svg[role=img]": 4, "use.c2": 1, ".stages": 2}
}

// checkPage holds a report to what it promises in a browser.
func checkPage(t *testing.T, ctx context.Context, file string) {
	t.Helper()
	checkLook(t, ctx, file, map[string]int{"h1": 1, "h2": 8, "#arms tbody tr": 8, "figure": 5, "svg[role=img]": 20, "use.c2": 1, "details": 12})
}

// checkLook does so for any page; least is how many of a selector there are.
func checkLook(t *testing.T, ctx context.Context, file string, least map[string]int) {
	t.Helper()
	v := visitPage(t, ctx, file)
	if len(v.Requests) > 0 || len(v.Console) > 0 {
		t.Errorf("requests %q, console %q", v.Requests, v.Console)
	}
	for selector, want := range least {
		if n := evaluate[int](t, ctx, fmt.Sprintf("document.querySelectorAll(%q).length", selector)); n < want {
			t.Errorf("%d of %s, want at least %d", n, selector, want)
		}
	}
	// The style sheet is applied, so the policy lets it through.
	if got := evaluate[string](t, ctx, `getComputedStyle(document.querySelector("table")).borderCollapse`); got != "collapse" {
		t.Errorf("the style sheet does not apply: border-collapse %s", got)
	}
	if n := evaluate[int](t, ctx, `[...document.querySelectorAll("svg[role=img]")].filter(s => !s.getAttribute("aria-label")).length`); n > 0 {
		t.Errorf("%d charts without a name", n)
	}
	// Markers are drawn and filled: ids resolve and colours are known.
	if got := evaluate[string](t, ctx, `(u => u ? getComputedStyle(u).fill : "there are none")(document.querySelector("use.c2"))`); got == "rgb(0, 0, 0)" || got == "none" {
		t.Errorf("markers have no colour: %s", got)
	}
	for _, width := range []int64{320, 768, 1280, 3840} {
		resize(t, ctx, width, 900)
		evaluate[int](t, ctx, `(document.querySelectorAll("details").forEach(d => d.open = true), 0)`)
		if n := evaluate[int](t, ctx, sideways); n > 0 {
			t.Errorf("at %d px the page scrolls sideways by %d: %s", width, n, evaluate[string](t, ctx, sticking))
		}
	}
	audit(t, ctx)
	light := evaluate[string](t, ctx, `getComputedStyle(document.body).backgroundColor`)
	dark := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, dark); err != nil {
		t.Fatal(err)
	}
	if now := evaluate[string](t, ctx, `getComputedStyle(document.body).backgroundColor`); now == light {
		t.Errorf("the page is %s in the dark, too", now)
	}
}

// TestBrowserSeesABreach shows that the checks above bite.
func TestBrowserSeesABreach(t *testing.T) {
	ctx := browse(t)
	file := filepath.Join(t.TempDir(), "bad.html")
	bad := `<!DOCTYPE html><meta name="viewport" content="width=device-width"><img src="http://127.0.0.1:9/x.png"><script>undefined.x</script><p style="width:900px">wide</p>`
	if err := os.WriteFile(file, []byte(bad), 0o644); err != nil {
		t.Fatal(err)
	}
	v := visitPage(t, ctx, file)
	resize(t, ctx, 320, 600)
	if wide := evaluate[int](t, ctx, sideways); len(v.Requests) == 0 || len(v.Console) == 0 || wide <= 0 {
		t.Errorf("requests %q, console %q, wide by %d", v.Requests, v.Console, wide)
	}
}
