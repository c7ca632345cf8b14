package scenarios

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"authbench/results"
	"authbench/targets/contract"
	"authbench/targets/server"
	"authbench/targets/store"
)

func TestNumbers(t *testing.T) {
	for list, want := range map[string][]int{"200,500": {200, 500}, "0": {0}, "1,2,3": {1, 2, 3}} {
		if got, err := numbers(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", list, got, err)
		}
	}
	for _, bad := range []string{"", ",", "x", "-1", "2,1", "1,1", "1.5", "1;2"} {
		if got, err := numbers(bad); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}

func TestBisect(t *testing.T) {
	for _, edge := range []int{10, 11, 265, 266, 267, 5000, 99_999} {
		asked := 0
		got, err := bisect(10, 100_000, func(n int) (bool, error) {
			asked++
			return n <= edge, nil
		})
		if err != nil || got != edge || asked > 40 {
			t.Errorf("edge %d: found %d in %d questions, %v", edge, got, asked, err)
		}
	}
	if _, err := bisect(10, 100, func(int) (bool, error) { return false, nil }); err == nil {
		t.Error("the least is refused, and no error")
	}
	broken := errors.New("broken")
	if _, err := bisect(10, 100, func(n int) (bool, error) { return n < 50, map[bool]error{true: broken}[n > 30] }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestSizeOf(t *testing.T) {
	credential := strings.Repeat("c", 43)
	cookie := contract.RawRequest{Method: "GET", Path: "/me", Host: "h:1", Headers: []contract.Header{{Name: "Cookie", Value: "__Host-session=" + credential}}}
	bearer := contract.RawRequest{Method: "GET", Path: "/me", Host: "h:1", Headers: []contract.Header{{Name: "Authorization", Value: "Bearer " + credential}}}
	if s := sizeOf(cookie, credential); s.credential != 43 || s.cookie != 14+43 || s.field != len("Cookie: __Host-session=")+43 || s.head != len(cookie.Bytes())+len(closing) {
		t.Errorf("cookie: %+v", s)
	}
	if s := sizeOf(bearer, credential); s.cookie != 0 || s.field != len("Authorization: Bearer ")+43 {
		t.Errorf("bearer: %+v", s)
	}
}

// TestFitsUnder: what is reckoned for a limit fits it, and a little more does not.
func TestFitsUnder(t *testing.T) {
	at := func(n int) *sized {
		return &sized{bytes: n, sent: sent{credential: (n*4 + 2) / 3, field: 30 + (n*4+2)/3, cookie: 14 + (n*4+2)/3, head: 100 + (n*4+2)/3}}
	}
	for _, l := range statedLimits() {
		c := fitsUnder(at(200), at(8000), l)
		if c.Value == nil {
			t.Fatalf("%s: %+v", l.name, c)
		}
		n := int(*c.Value)
		if got := at(n - 3).sent.of(l.of); got > l.bytes {
			t.Errorf("%s: %d bytes of profile make %d", l.name, n, got)
		}
		if got := at(n + 3).sent.of(l.of); got <= l.bytes {
			t.Errorf("%s: %d bytes more make only %d of %d", l.name, n+3, got, l.bytes)
		}
	}
	if c := fitsUnder(at(5000), at(8000), limit{bytes: 10, of: "cookie"}); c.Value != nil {
		t.Errorf("nothing fits 10 bytes, and %v does", *c.Value)
	}
}

func TestReadIn(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	token := b64([]byte(`{"alg":"ES256","kid":"k"}`)) + "." + b64([]byte(`{"sub":"user-2","exp":1}`)) + "." + b64([]byte("signature"))
	for credential, want := range map[string]read{
		token:                         {true, []string{"alg", "kid", "exp", "sub"}},
		b64([]byte("\x01user-2\x02")): {true, nil},
		"user-2~~~~":                  {true, nil},
		b64([]byte("random bytes")):   {false, nil},
		"":                            {false, nil},
	} {
		got := readIn(credential, "user-2")
		if got.subject != want.subject || !slices.Equal(got.fields, want.fields) {
			t.Errorf("%q: %+v, want %+v", credential, got, want)
		}
	}
	if n := longestShared([]byte("xxabcdeyy"), []byte("zabcdez")); n != 5 {
		t.Errorf("longest common run %d, want 5", n)
	}
	if n := longestShared([]byte("abc"), []byte("xyz")); n != 0 {
		t.Errorf("longest common run %d, want 0", n)
	}
}

// sizeDefect are the defects that are about the size of credentials and populations.
func sizeDefect(name string) defect {
	spoil := func(change func(*fasthttp.RequestCtx)) defect {
		return func(o *server.Options, _ uint64) {
			o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
				return func(ctx *fasthttp.RequestCtx) {
					next(ctx)
					change(ctx)
				}
			}
		}
	}
	return map[string]defect{
		"large tokens are no good": spoil(func(ctx *fasthttp.RequestCtx) {
			if len(ctx.Request.Header.Peek("Authorization")) > 4096 {
				ctx.SetStatusCode(401)
			}
		}),
		"takes altered cookies": spoil(func(ctx *fasthttp.RequestCtx) {
			if ctx.Response.StatusCode() == 401 && strings.Contains(string(ctx.Request.Header.Peek("Cookie")), "A") {
				ctx.Response.Reset()
				ctx.SetBodyString(`{"sub":"user-2"}`)
			}
		}),
		"header limit off by one": func(o *server.Options, _ uint64) { o.Settings.MaxHeaderBytes-- },
		"loses sessions":          func(o *server.Options, _ uint64) { o.WrapStore = func(s store.Store) store.Store { return lossy{s} } },
		"log-outs fail": spoil(func(ctx *fasthttp.RequestCtx) {
			if string(ctx.Path()) == "/logout" {
				ctx.SetStatusCode(503)
			}
		}),
	}[name]
}

// TestClaimsSize runs the scenario over real nodes: sound ones pass every check, and a
// planted defect shows in the one that is about it.
func TestClaimsSize(t *testing.T) {
	cost := map[string]string{"sizes": "200,4000,8000", "users": "20", "rounds": "1", "window": "100ms", "rate": "300"}
	read := map[string]string{"how": "read"}
	for _, c := range []struct {
		defect, arm string
		set         map[string]string
		fails       []string
	}{
		{"", "jwt-hs256", cost, nil},
		{"", "session-redis", cost, nil},
		{"", "session-sealed", read, nil},
		{"", "jwt-hs256", read, nil},
		{"large tokens are no good", "jwt-hs256", cost, []string{"sizes-accepted", "profile-limit"}},
		{"header limit off by one", "session-redis", cost, []string{"header-limit"}},
		{"takes altered cookies", "session-sealed", read, []string{"altered-credentials"}},
	} {
		t.Run(fmt.Sprintf("%s, %s, %s", c.defect, c.arm, c.set["how"]), func(t *testing.T) {
			t.Parallel()
			trial := rehearsal{scenario: ClaimsSize(), arm: c.arm, set: c.set, defect: c.defect}.run(t)
			failedAre(t, trial, c.fails)
			if c.defect != "" {
				return
			}
			if c.set["how"] == "read" {
				readableIs(t, trial, c.arm)
				return
			}
			costIs(t, trial, c.arm)
		})
	}
}

// failedAre holds the verdicts of a trial to those that were to fail.
func failedAre(t *testing.T, trial *Trial, want []string) {
	t.Helper()
	if len(trial.Verdicts) == 0 {
		t.Error("no verdict")
	}
	for _, v := range trial.Verdicts {
		fails := v.Status != results.Pass && v.Status != results.NotApplicable
		if fails != slices.Contains(want, v.Check) {
			t.Errorf("%s is %s: %s", v.Check, v.Status, v.Reason)
		}
	}
}

func keptTable(t *testing.T, trial *Trial, name string) *results.Table {
	t.Helper()
	tables := trial.Result.Chaos.Tables
	i := slices.IndexFunc(tables, func(table results.Table) bool { return table.Name == name })
	if i < 0 {
		t.Fatalf("no table %s", name)
	}
	for _, r := range tables[i].Rows {
		if len(r.Cells) != len(tables[i].Columns) {
			t.Errorf("%s, %s: %d cells for %d columns", name, r.Label, len(r.Cells), len(tables[i].Columns))
		}
	}
	return &tables[i]
}

func cellIn(t *testing.T, table *results.Table, row, column string) float64 {
	t.Helper()
	c, ok := table.Cell(row, column)
	if !ok || c.Value == nil {
		t.Fatalf("%s: no figure at %s, %s: %+v", table.Name, row, column, c)
	}
	return *c.Value
}

// costIs: a token grows by four characters for three bytes and is refused once it does not
// fit; an id stays as it is and what is stored grows.
func costIs(t *testing.T, trial *Trial, arm string) {
	t.Helper()
	cost, limits := keptTable(t, trial, "cost"), keptTable(t, trial, "limits")
	small, large := cellIn(t, cost, "200 B", "request"), cellIn(t, cost, "4000 B", "request")
	node, ok := limits.Cell("this node, a head", "largest profile")
	if arm == "session-redis" {
		stored := cellIn(t, cost, "4000 B", "stored") - cellIn(t, cost, "200 B", "stored")
		if small != large || !ok || node.Value != nil || stored < 3400 || stored > 8000 || cellIn(t, cost, "8000 B", "refused") != 0 {
			t.Errorf("an id: %v and %v bytes a request, %v more stored, limit %+v", small, large, stored, node)
		}
		return
	}
	if grew := large - small; grew < 3800*4/3-1 || grew > 3800*16/9+8 {
		t.Errorf("a token of 3,800 bytes more takes %v more", grew)
	}
	if cellIn(t, cost, "8000 B", "refused") != 100 || cellIn(t, cost, "4000 B", "refused") != 0 {
		t.Error("what was refused is not what does not fit")
	}
	if n := cellIn(t, limits, "this node, a head", "largest profile"); n < 4000 || n > 8000 {
		t.Errorf("the largest profile is %v bytes", n)
	}
}

// readableIs: a token can be read, a sealed cookie cannot.
func readableIs(t *testing.T, trial *Trial, arm string) {
	t.Helper()
	table := keptTable(t, trial, "readable")
	row := table.Rows[0].Label
	subject, fields, run := cellIn(t, table, row, "subject read"), cellIn(t, table, row, "fields read"), cellIn(t, table, row, "longest common run")
	if token := arm == "jwt-hs256"; token != (subject == 1) || token != (fields >= 8) || token != (run > 50) {
		t.Errorf("subject %v, %v fields, %v bytes in common", subject, fields, run)
	}
	if cellIn(t, table, row, "altered") < 50 {
		t.Error("hardly any credential was altered")
	}
}
