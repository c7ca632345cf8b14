package server

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/valyala/fasthttp"
)

const (
	typeJSON    = "application/json"
	typeProblem = "application/problem+json"
	noStore     = "no-store"
)

// problem answers with a small problem document (RFC 9457). The type is
// about:blank, so the title is that of the status.
func problem(ctx *fasthttp.RequestCtx, status int, detail string) {
	h := &ctx.Response.Header
	ctx.Response.ResetBody()
	ctx.Response.SetStatusCode(status)
	h.SetContentType(typeProblem)
	h.SetCanonical([]byte(fasthttp.HeaderCacheControl), []byte(noStore))
	if status == fasthttp.StatusServiceUnavailable {
		h.Set(fasthttp.HeaderRetryAfter, "1")
	}
	ctx.Response.AppendBody(problemBody(status, detail))
}

func problemBody(status int, detail string) []byte {
	b := append(make([]byte, 0, 160), `{"type":"about:blank","title":`...)
	b = appendString(b, http.StatusText(status))
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, `,"detail":`...)
	b = appendString(b, detail)
	return append(b, '}')
}

// answer writes a JSON body that must not be kept by any cache.
func answer(ctx *fasthttp.RequestCtx, status int, body []byte) {
	ctx.Response.SetStatusCode(status)
	ctx.Response.Header.SetContentType(typeJSON)
	ctx.Response.Header.SetCanonical([]byte(fasthttp.HeaderCacheControl), []byte(noStore))
	ctx.Response.AppendBody(body)
}

// appendMe is the body of GET /me, the same for every mechanism.
func appendMe(b []byte, subject string, roles []string) []byte {
	b = append(b, `{"sub":`...)
	b = appendString(b, subject)
	b = append(b, `,"roles":[`...)
	for i, r := range roles {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, r)
	}
	return append(b, `]}`...)
}

// appendString writes s as JSON. What needs no escape, which is everything our
// own directory holds, is copied.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			q, _ := json.Marshal(s) // a string: cannot fail
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
