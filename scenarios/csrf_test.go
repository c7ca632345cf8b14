package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/valyala/fasthttp"

	"authbench/results"
	"authbench/targets/contract"
	"authbench/targets/server"
)

// needsChromium ends a test where there is no browser.
func needsChromium(t *testing.T) {
	t.Helper()
	for _, name := range []string{os.Getenv("AUTHBENCH_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if _, err := exec.LookPath(name); name != "" && err == nil {
			return
		}
	}
	if slices.Contains(strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ","), "chromium") {
		t.Fatal("AUTHBENCH_REQUIRE names chromium, and there is none")
	}
	t.Skip("no chromium here")
}

// crossSiteDefect are the defects that only a page of another site can make use of.
func crossSiteDefect(name string) defect {
	wrap := func(w func(ctx *fasthttp.RequestCtx, next fasthttp.RequestHandler)) defect {
		return func(o *server.Options, _ uint64) {
			o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
				return func(ctx *fasthttp.RequestCtx) { w(ctx, next) }
			}
		}
	}
	return map[string]defect{
		"looks at the credential alone": wrap(withoutDefence()),
		"trusts every origin": wrap(func(ctx *fasthttp.RequestCtx, next fasthttp.RequestHandler) {
			origin := string(ctx.Request.Header.Peek("Origin"))
			if next(ctx); origin == "" {
				return
			}
			ctx.Response.Header.Set("Access-Control-Allow-Origin", origin)
			ctx.Response.Header.Set("Access-Control-Allow-Credentials", "true")
		}),
		"nobody can log out": wrap(func(ctx *fasthttp.RequestCtx, next fasthttp.RequestHandler) {
			if next(ctx); string(ctx.Path()) == "/logout" {
				ctx.Response.Reset()
				ctx.SetStatusCode(403)
			}
		}),
	}[name]
}

// withoutDefence puts into every request the CSRF token that was handed out with its
// cookie, and takes away where it is from.
func withoutDefence() func(ctx *fasthttp.RequestCtx, next fasthttp.RequestHandler) {
	var mu sync.Mutex
	tokens := map[string]string{} // by cookie
	return func(ctx *fasthttp.RequestCtx, next fasthttp.RequestHandler) {
		mu.Lock()
		token := tokens[string(ctx.Request.Header.Peek("Cookie"))]
		mu.Unlock()
		ctx.Request.Header.Del("Origin")
		ctx.Request.Header.Del("Sec-Fetch-Site")
		ctx.Request.Header.Set("X-CSRF-Token", token)
		next(ctx)
		if string(ctx.Path()) != "/login" {
			return
		}
		var said struct {
			Token string `json:"csrf_token"`
		}
		set, _, _ := strings.Cut(string(ctx.Response.Header.Peek("Set-Cookie")), ";")
		if json.Unmarshal(ctx.Response.Body(), &said) == nil && set != "" {
			mu.Lock()
			tokens[set] = said.Token
			mu.Unlock()
		}
	}
}

// TestCSRF has a real browser before sound nodes, which withstand, and before such with a
// defect, where the check that is about it fails.
func TestCSRF(t *testing.T) {
	needsChromium(t)
	for _, c := range []struct {
		defect, arm, cookies string
		fails                []string
		unknown              bool
		look                 func(*testing.T, *Trial)
	}{
		{arm: "session-memory", cookies: "None,Strict,default", look: sessionCrossed},
		{arm: "jwt-es256", cookies: "None", look: headerCrossed},
		{defect: "looks at the credential alone", arm: "session-memory", cookies: "None", fails: []string{CheckForged}, look: undefendedCrossed},
		{defect: "trusts every origin", arm: "jwt-es256@cookie", cookies: "None", fails: []string{CheckReadable}, look: nil},
		{defect: "nobody can log out", arm: "session-memory", cookies: "Lax", unknown: true},
	} {
		t.Run(c.defect+", "+c.arm, func(t *testing.T) {
			t.Parallel()
			trial := rehearsal{scenario: CSRF(), arm: c.arm, set: map[string]string{"cookies": c.cookies, "age": "0s"}, defect: c.defect}.run(t)
			for _, v := range trial.Verdicts {
				want := results.Pass
				switch {
				case slices.Contains(c.fails, v.Check):
					want = results.Fail
				case c.unknown:
					want = results.Unknown
				}
				if v.Status != want {
					t.Errorf("%s is %s, want %s: %s", v.Check, v.Status, want, v.Reason)
				}
			}
			if n := len(trial.Result.Chaos.Violations); (n > 0) != (len(c.fails) > 0) {
				t.Errorf("%d violations", n)
			}
			wholeRows(t, trial)
			if c.look != nil {
				c.look(t, trial)
			}
		})
	}
}

// textsAre holds cells of a table to their words.
func textsAre(t *testing.T, trial *Trial, table string, want map[[2]string]string) {
	t.Helper()
	for at, text := range want {
		cell := cellAt(t, trial, table, at[0], at[1])
		if cell.Text != text {
			t.Errorf("%s, %s, %s: %q, want %q", table, at[0], at[1], cell.Text, text)
		}
	}
}

func cellAt(t *testing.T, trial *Trial, table, row, column string) results.Cell {
	t.Helper()
	for i := range trial.Result.Chaos.Tables {
		if tab := &trial.Result.Chaos.Tables[i]; tab.Name == table {
			if c, ok := tab.Cell(row, column); ok {
				return c
			}
		}
	}
	t.Errorf("table %s has no %s, %s", table, row, column)
	return results.Cell{}
}

// sessionCrossed: what every browser does that follows RFC 6265bis.
func sessionCrossed(t *testing.T, trial *Trial) {
	const own, none, strict, fresh = "the arm’s own", "None", "Strict", "none given"
	textsAre(t, trial, "requests", map[[2]string]string{
		{"form, POST", own}:                                  "without",
		{"form, POST", none}:                                 "refused",
		{"form, POST", strict}:                               "without",
		{"form, POST", fresh}:                                "refused",
		{"form, POST", "Lax"}:                                "without", // which it has
		{"link, GET", own}:                                   "attached",
		{"link, GET", strict}:                                "without",
		{"fetch, POST, no-cors", none}:                       "refused",
		{"fetch, application/json", none}:                    "not sent",
		{"a neighbour’s form, POST", strict}:                 "refused",
		{"a neighbour’s fetch, GET of the user’s data", own}: "attached",
		{"fetch, GET of the user’s data", none}:              "attached",
		{"XMLHttpRequest, GET of the user’s data", "None"}:   "attached",
	})
	textsAre(t, trial, "scripts", map[[2]string]string{
		{"cookie, HttpOnly", "read"}:                  "no",
		{"cookie, HttpOnly", "used from the page"}:    "yes",
		{"cookie, without HttpOnly", "read"}:          "yes",
		{"cookie, HttpOnly", "changed from the page"}: "yes",
	})
	textsAre(t, trial, "attributes", map[[2]string]string{
		{"as the arm sets it", "kept"}:                           "yes",
		{"as the arm sets it", "read by a script"}:               "no",
		{"as the arm sets it", "planted by a neighbour"}:         "no",
		{"without HttpOnly", "read by a script"}:                 "yes",
		{"without Secure", "kept"}:                               "no",
		{"without __Host- and Secure", "sent without TLS"}:       "yes",
		{"without __Host- and Secure", "planted by a neighbour"}: "yes",
		{"without __Host- and Secure", "read by a script"}:       "no",
		{"as the arm sets it", "sent without TLS"}:               "no",
	})
	textsAre(t, trial, "age", map[[2]string]string{{"just set", "link, GET"}: "yes", {"just set", "form, POST"}: "yes"})
	for row, least := range map[string]float64{"another site, in a cookie, SameSite=None": 8, "a neighbour, in a cookie, SameSite=Strict": 2} {
		if c := cellAt(t, trial, "forged", row, "would have changed"); c.Value == nil || *c.Value < least {
			t.Errorf("%s: %s would have changed something, want %g at least", row, figureText(c), least)
		}
	}
}

func figureText(c results.Cell) string {
	if c.Value == nil {
		return "not measured: " + c.Text
	}
	return fmt.Sprint(*c.Value)
}

func headerCrossed(t *testing.T, trial *Trial) {
	for _, row := range []string{"another site, in local storage, sent in a header", "a neighbour, in local storage, sent in a header"} {
		if c := cellAt(t, trial, "forged", row, "with the credential"); c.Value == nil || *c.Value != 0 {
			t.Errorf("%s: %s had the credential", row, figureText(c))
		}
	}
	textsAre(t, trial, "scripts", map[[2]string]string{{"local storage", "read"}: "yes", {"local storage", "used elsewhere"}: "yes", {"local storage", "used from the page"}: "yes"})
}

func undefendedCrossed(t *testing.T, trial *Trial) {
	textsAre(t, trial, "requests", map[[2]string]string{
		{"form, POST", "Lax"}:                         "without",
		{"form, POST", "None"}:                        "CHANGED",
		{"image, GET", "None"}:                        "attached",
		{"a neighbour’s form, POST", "the arm’s own"}: "CHANGED",
	})
}

// TestSetCookieLines: attributes taken away and given, in any case of letters.
func TestSetCookieLines(t *testing.T) {
	const line = "__Host-a=b; Path=/; HttpOnly; secure; samesite=lax"
	for mode, want := range map[string]string{
		siteOwn:     line,
		siteDefault: "__Host-a=b; Path=/; HttpOnly; secure",
		"Strict":    "__Host-a=b; Path=/; HttpOnly; secure; SameSite=Strict",
		"None":      "__Host-a=b; Path=/; HttpOnly; secure; SameSite=None",
	} {
		if got := withSameSite(line, mode); got != want {
			t.Errorf("%s: %q", mode, got)
		}
	}
	if got := withSameSite("a=b", "None"); got != "a=b; Secure; SameSite=None" {
		t.Errorf("%q", got)
	}
	f := newCSRFFront(nil, nil)
	f.hold(nil, []string{"other=1; SameSite=None", line}, nil)
	if got := f.sameSite("__Host-a"); got != "Lax" {
		t.Errorf("SameSite is %q", got)
	}
	if got := f.sameSite("none"); got != siteDefault {
		t.Errorf("SameSite of no cookie is %q", got)
	}
	if _, err := siteModes("None,lax"); err == nil {
		t.Error("lax is read")
	}
}

// TestCarries: a credential is found wherever it stands.
func TestCarries(t *testing.T) {
	for _, req := range []contract.RawRequest{
		{Path: "/x?t=secret"}, {Body: []byte("t=secret")}, {Headers: []contract.Header{{Name: "Cookie", Value: "a=1; s=secret"}}},
	} {
		if !carries(req, "secret") || carries(req, "other") || carries(req, "") {
			t.Errorf("%+v", req)
		}
	}
}
