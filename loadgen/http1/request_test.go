package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRender(t *testing.T) {
	for _, c := range []struct {
		name string
		r    Request
		want string
	}{
		{
			"get",
			Request{Method: "GET", Target: "/me?x=1", Host: "127.0.0.1:80", Header: []Field{{"Cookie", "a=b; c=d"}}},
			"GET /me?x=1 HTTP/1.1\r\nHost: 127.0.0.1:80\r\nCookie: a=b; c=d\r\n\r\n",
		},
		{
			"post",
			Request{Method: "POST", Target: "/login", Host: "[::1]:80", Body: []byte("{}")},
			"POST /login HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 2\r\n\r\n{}",
		},
		{
			"post without a body",
			Request{Method: "POST", Target: "/", Host: "h"},
			"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
		},
	} {
		got, err := c.r.Render()
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func TestRenderRefusesInjection(t *testing.T) {
	for name, change := range map[string]func(*Request){
		"method CRLF":       func(r *Request) { r.Method = "GET /x HTTP/1.1\r\nA: b\r\n\r\nGET" },
		"method empty":      func(r *Request) { r.Method = "" },
		"target CRLF":       func(r *Request) { r.Target = "/ HTTP/1.1\r\nA: b" },
		"target space":      func(r *Request) { r.Target = "/a b" },
		"target empty":      func(r *Request) { r.Target = "" },
		"target absolute":   func(r *Request) { r.Target = "http://other/" },
		"target fragment":   func(r *Request) { r.Target = "/#x" },
		"target non-ASCII":  func(r *Request) { r.Target = "/é" },
		"host CRLF":         func(r *Request) { r.Host = "h\r\nA: b" },
		"host empty":        func(r *Request) { r.Host = "" },
		"host path":         func(r *Request) { r.Host = "h/x" },
		"host user":         func(r *Request) { r.Host = "u@h" },
		"name colon":        func(r *Request) { r.Header = []Field{{"A:", "b"}} },
		"name space":        func(r *Request) { r.Header = []Field{{"A ", "b"}} },
		"name CRLF":         func(r *Request) { r.Header = []Field{{"A\r\nB", "b"}} },
		"name empty":        func(r *Request) { r.Header = []Field{{"", "b"}} },
		"value CRLF":        func(r *Request) { r.Header = []Field{{"A", "b\r\nC: d"}} },
		"value LF":          func(r *Request) { r.Header = []Field{{"A", "b\nC: d"}} },
		"value CR":          func(r *Request) { r.Header = []Field{{"A", "b\rC"}} },
		"value NUL":         func(r *Request) { r.Header = []Field{{"A", "b\x00"}} },
		"value space":       func(r *Request) { r.Header = []Field{{"A", " b"}} },
		"content length":    func(r *Request) { r.Header = []Field{{"content-length", "0"}} },
		"transfer encoding": func(r *Request) { r.Header = []Field{{"Transfer-Encoding", "chunked"}} },
		"host header":       func(r *Request) { r.Header = []Field{{"HOST", "x"}} },
	} {
		r := Request{Method: "GET", Target: "/", Host: "h"}
		change(&r)
		if b, err := r.Render(); err == nil {
			t.Errorf("%s: rendered %q", name, b)
		}
	}
}

// What Render lets through, net/http reads back as exactly that one request.
func FuzzRender(f *testing.F) {
	f.Add("GET", "/me", "localhost:80", "Cookie", "a=b", []byte(nil))
	f.Add("POST", "/login", "h", "X-Y", "\t", []byte("{}"))
	f.Add("GET", "/", "h", "A", "b\r\nC: d", []byte("x"))
	f.Fuzz(func(t *testing.T, method, target, host, name, value string, body []byte) {
		b, err := Request{method, target, host, []Field{{name, value}}, body}.Render()
		if err != nil {
			return
		}
		br := bufio.NewReader(bytes.NewReader(b))
		r, err := http.ReadRequest(br)
		if err != nil {
			// net/http knows more about hosts and targets than Render.
			if strings.ContainsAny(target, "%") || !plainHost(host) || method == "CONNECT" || strings.HasPrefix(target, "//") ||
				strings.EqualFold(name, "Trailer") || strings.EqualFold(name, "Pragma") {
				return
			}
			t.Fatalf("%q: %v", b, err)
		}
		got, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(got, body) || br.Buffered() != 0 {
			t.Fatalf("%q: body %q, %v, %d bytes left over", b, got, err, br.Buffered())
		}
		if r.Method != method || r.RequestURI != target {
			t.Fatalf("%q: read as %s %s", b, r.Method, r.RequestURI)
		}
	})
}

func plainHost(h string) bool {
	return strings.Trim(h, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}
