package attack

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/valyala/fasthttp"

	"authbench/targets/server"
)

// hole is a defect of a server, put between it and the wire.
type hole struct {
	name, arm string
	before    func(ctx *fasthttp.RequestCtx) (answered bool)
	after     func(ctx *fasthttp.RequestCtx)
	finds     []string // the cases that have to fail, and no others
}

// holes is a defect a case, and the cases that have to find it.
func holes() []hole {
	header := func(ctx *fasthttp.RequestCtx, name string) string { return string(ctx.Request.Header.Peek(name)) }
	cookieText := func(old, text string) func(*fasthttp.RequestCtx) {
		return func(ctx *fasthttp.RequestCtx) {
			var lines []string
			for _, line := range ctx.Response.Header.PeekAll("Set-Cookie") {
				lines = append(lines, strings.ReplaceAll(string(line), old, text))
			}
			ctx.Response.Header.Del("Set-Cookie")
			for _, line := range lines {
				ctx.Response.Header.Add("Set-Cookie", line)
			}
		}
	}
	var ofConn sync.Map // connection: its last cookie
	last := new(struct {
		sync.Mutex
		body []byte
		n    int
	})
	return []hole{
		{name: "a cookie without HttpOnly", arm: "session-memory", after: cookieText("; HttpOnly", ""), finds: []string{"G1"}},
		{name: "a deletion cookie with another path", arm: "session-memory", after: cookieText("GMT; Path=/", "GMT; Path=/app"), finds: []string{"G2"}},
		{name: "a token cookie that stays after log-out", arm: "jwt-es256@cookie", after: cookieText("__Host-token=;", "other=;"), finds: []string{"G2"}},
		{name: "an Origin that begins with the own name", arm: "session-memory", before: func(ctx *fasthttp.RequestCtx) bool {
			if strings.HasPrefix(header(ctx, "Origin"), "http://127.0.0.1.") {
				ctx.Request.Header.Del("Origin")
			}
			return false
		}, finds: []string{"G5"}},
		{name: "no look at Sec-Fetch-Site same-site", arm: "session-memory", before: func(ctx *fasthttp.RequestCtx) bool {
			if header(ctx, "Sec-Fetch-Site") == "same-site" {
				ctx.Request.Header.Del("Sec-Fetch-Site")
			}
			return false
		}, finds: []string{"G5"}},
		{name: "log-in as text/plain from anywhere", arm: "session-memory", before: func(ctx *fasthttp.RequestCtx) bool {
			if string(ctx.Path()) == "/login" {
				ctx.Request.Header.Del("Origin")
				ctx.Request.Header.Del("Sec-Fetch-Site")
				ctx.Request.Header.SetContentType("application/json")
			}
			return false
		}, finds: []string{"G7"}},
		{name: "an Origin that is reflected", arm: "session-memory", after: func(ctx *fasthttp.RequestCtx) {
			if o := header(ctx, "Origin"); o != "" {
				ctx.Response.Header.Set("Access-Control-Allow-Origin", o)
				ctx.Response.Header.Set("Access-Control-Allow-Credentials", "true")
			}
		}, finds: []string{"G9"}},
		{name: "a method that may be overridden", arm: "jwt-es256", before: func(ctx *fasthttp.RequestCtx) bool {
			if m := header(ctx, "X-HTTP-Method-Override"); m != "" {
				ctx.Request.Header.SetMethod(m)
			}
			return false
		}, finds: []string{"G10"}},
		{name: "a token from a cookie, too", arm: "jwt-es256", before: func(ctx *fasthttp.RequestCtx) bool {
			if v := ctx.Request.Header.Cookie("jwt"); len(v) > 0 && header(ctx, "Authorization") == "" {
				ctx.Request.Header.Set("Authorization", "Bearer "+string(v))
			}
			return false
		}, finds: []string{"G11"}},
		{name: "a token from the query", arm: "jwt-es256", before: func(ctx *fasthttp.RequestCtx) bool {
			if v := ctx.QueryArgs().Peek("access_token"); len(v) > 0 && header(ctx, "Authorization") == "" {
				ctx.Request.Header.Set("Authorization", "Bearer "+string(v))
			}
			return false
		}, finds: []string{"H1"}},
		{name: "answers that may be kept", arm: "control", after: func(ctx *fasthttp.RequestCtx) {
			ctx.Response.Header.Set("Cache-Control", "max-age=60")
		}, finds: []string{"H2"}},
		{name: "a message for users there are", arm: "jwt-es256", after: func(ctx *fasthttp.RequestCtx) {
			if ctx.Response.StatusCode() == 401 && strings.Contains(string(ctx.Request.Body()), `"user-`) && !bytes.Contains(ctx.Request.Body(), []byte("x\"")) {
				ctx.Response.SetBodyString("wrong password")
			}
		}, finds: []string{"H3"}},
		{name: "X-Forwarded-User believed", arm: "jwt-es256", before: func(ctx *fasthttp.RequestCtx) bool {
			name := header(ctx, "X-Forwarded-User")
			if name == "" || string(ctx.Path()) != "/me" {
				return false
			}
			ctx.SetContentType("application/json")
			ctx.SetBodyString(`{"sub":"` + name + `"}`)
			return true
		}, finds: []string{"H5"}},
		{name: "the answer of before, now and then", arm: "session-memory", after: func(ctx *fasthttp.RequestCtx) {
			if string(ctx.Path()) != "/me" || ctx.Response.StatusCode() != 200 {
				return
			}
			last.Lock()
			defer last.Unlock()
			now := bytes.Clone(ctx.Response.Body())
			if last.n++; last.n > 100 && last.n%50 == 0 && len(last.body) > 0 {
				ctx.Response.SetBody(last.body)
			}
			last.body = now
		}, finds: []string{"H6"}},
		{name: "the session of the connection", arm: "session-memory", before: func(ctx *fasthttp.RequestCtx) bool {
			if string(ctx.Path()) != "/me" {
				return false
			}
			if v := header(ctx, "Cookie"); v != "" {
				ofConn.Store(ctx.ConnID(), v)
			} else if v, ok := ofConn.Load(ctx.ConnID()); ok {
				ctx.Request.Header.Set("Cookie", v.(string))
			}
			return false
		}, finds: []string{"H6"}},
		{name: "a bare 401", arm: "jwt-es256", after: func(ctx *fasthttp.RequestCtx) {
			ctx.Response.Header.Del("WWW-Authenticate")
		}, finds: []string{"H7"}},
		{name: "a 401 that says what it got", arm: "jwt-es256", after: func(ctx *fasthttp.RequestCtx) {
			if ctx.Response.StatusCode() == 401 {
				ctx.Response.AppendBodyString(header(ctx, "Authorization"))
			}
		}, finds: []string{"H8"}},
	}
}

// TestHoles: every case finds the defect that it is about, and no other does.
func TestHoles(t *testing.T) {
	for _, h := range holes() {
		t.Run(h.name, func(t *testing.T) {
			target := bundled(t, h.arm, nil, func(o *server.Options) {
				o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
					return func(ctx *fasthttp.RequestCtx) {
						if h.before == nil || !h.before(ctx) {
							next(ctx)
						}
						if h.after != nil {
							h.after(ctx)
						}
					}
				}
			})
			failed, _, _ := probeAll(t, target, "G", "H")
			if !slices.Equal(failed, h.finds) {
				t.Errorf("%v failed, want %v", failed, h.finds)
			}
		})
	}
}
