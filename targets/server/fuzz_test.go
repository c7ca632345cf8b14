package server

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// handleOnce runs a request through the whole server without a socket.
func handleOnce(s *Server, method, path, contentType string, body []byte, header, value string) *fasthttp.Response {
	var ctx fasthttp.RequestCtx
	var req fasthttp.Request
	req.Header.SetMethod(method)
	req.SetRequestURI(path)
	req.Header.SetHost("target.test")
	req.Header.SetContentType(contentType)
	req.SetBody(body)
	if header != "" {
		req.Header.Set(header, value)
	}
	ctx.Init(&req, nil, nil)
	s.handle(&ctx)
	return &ctx.Response
}

func fuzzServers(f *testing.F) []*Server {
	f.Helper()
	var servers []*Server
	for _, a := range storeless() {
		s, err := Decode(a.set)
		if err != nil {
			f.Fatal(err)
		}
		srv, err := New(f.Context(), Options{Settings: s})
		if err != nil {
			f.Fatal(err)
		}
		servers = append(servers, srv)
	}
	return servers
}

// sane is what holds for every answer to a request that we did not authorise.
func sane(t *testing.T, r *fasthttp.Response, allowed ...int) {
	t.Helper()
	for _, status := range allowed {
		if r.StatusCode() == status {
			if len(r.Body()) > 0 && !json.Valid(r.Body()) {
				t.Fatalf("%d with a body that is not JSON: %q", status, r.Body())
			}
			return
		}
	}
	t.Fatalf("status %d %q, want one of %v", r.StatusCode(), r.Body(), allowed)
}

func FuzzLogin(f *testing.F) {
	servers := fuzzServers(f)
	f.Add("application/json", []byte(`{"username":"user-1","password":"password-1"}`))
	f.Add("application/json;charset", []byte(`{"username":"user-1","password":"\u0000"}`))
	f.Add("", []byte("\xff\xfe"))
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\n\r\n--x--"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		for _, s := range servers {
			r := handleOnce(s, "POST", "/login", contentType, body, "", "")
			sane(t, r, 200, 400, 401, 415)
			if r.StatusCode() == 200 && !bytes.Contains(body, []byte("ser-")) && !bytes.Contains(body, []byte(`\u`)) {
				t.Fatalf("logged in with %q", body)
			}
		}
	})
}

func FuzzForm(f *testing.F) {
	servers := fuzzServers(f)
	f.Add("application/x-www-form-urlencoded", []byte("grant_type=refresh_token&refresh_token=a.b.c"))
	f.Add("application/x-www-form-urlencoded", []byte("grant_type=%zz&;"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		for _, s := range servers {
			sane(t, handleOnce(s, "POST", "/token", contentType, body, "", ""), 400, 404, 415)
		}
	})
}

// FuzzCredential: no invented cookie or Authorization header gets in, but for
// control, which believes everything.
func FuzzCredential(f *testing.F) {
	servers := fuzzServers(f)
	f.Add("Cookie", "__Host-session="+strings.Repeat("A", 43))
	f.Add("Cookie", "a;b=; __Host-session=; =x;;")
	f.Add("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")
	f.Add("Authorization", "bearer  ~")
	f.Add("Authorization", "Bearer user-1\"<\u2028~")
	f.Add("Origin", "null")
	f.Fuzz(func(t *testing.T, header, value string) {
		for _, s := range servers {
			if _, ok := s.mechanism.(*control); ok {
				sane(t, handleOnce(s, "GET", "/me", "", nil, header, value), 200, 401)
				continue
			}
			sane(t, handleOnce(s, "GET", "/me", "", nil, header, value), 401)
			sane(t, handleOnce(s, "POST", "/logout", "", nil, header, value), 401, 403)
		}
	})
}

func FuzzCookie(f *testing.F) {
	f.Add("__Host-session=x; a=b")
	f.Add("__Host-session=x; __Host-session=y")
	f.Add(";;=;")
	f.Fuzz(func(t *testing.T, value string) {
		var h fasthttp.RequestHeader
		h.Set("Cookie", value)
		got, ok := cookie(&h, sessionCookie)
		if ok && !strings.Contains(value, sessionCookie+"="+string(got)) {
			t.Fatalf("%q has no cookie of value %q", value, got)
		}
		if n := strings.Count(value, sessionCookie+"="); ok && n == 0 {
			t.Fatalf("found a cookie in %q", value)
		}
	})
}
