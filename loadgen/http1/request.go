// Package http1 renders HTTP/1.1 requests and parses the responses (RFC 9110,
// RFC 9112) for a client that keeps one request in flight on a connection, reads
// whenever bytes arrive and must not allocate while it is measuring.
//
// The parser is stricter than net/http: what net/http refuses is never
// accepted (the fuzz tests hold it to that), and what leaves room for two
// readings is refused. A measuring client that guesses where a response ends
// would count somebody else's answer.
package http1

import (
	"fmt"
	"strconv"
	"strings"
)

// Field is one header line.
type Field struct{ Name, Value string }

// Request is what Render turns into bytes.
type Request struct {
	Method string // a token: "GET"
	Target string // origin form, with a leading slash: "/me?x=1" (RFC 9112, 3.2.1)
	Host   string // host[:port]
	Header []Field
	Body   []byte
}

// Render returns the request as it goes on the wire. Host and Content-Length
// are written by Render and refused in Header, as is Transfer-Encoding. Nothing
// is escaped: a part that could end its line early or start another (CR, LF,
// NUL and other control characters) is an error.
func (r Request) Render() ([]byte, error) {
	if !isToken(r.Method) {
		return nil, fmt.Errorf("http1: method %q is not a token", r.Method)
	}
	if !strings.HasPrefix(r.Target, "/") || strings.IndexFunc(r.Target, notVisible) >= 0 || strings.Contains(r.Target, "#") {
		return nil, fmt.Errorf("http1: target %q is not a path with visible ASCII characters only", r.Target)
	}
	if r.Host == "" || strings.IndexFunc(r.Host, notVisible) >= 0 || strings.ContainsAny(r.Host, `/?#@\"<>,`) {
		return nil, fmt.Errorf("http1: host %q is not host[:port]", r.Host)
	}
	b := make([]byte, 0, 256+len(r.Body))
	b = append(b, r.Method+" "+r.Target+" HTTP/1.1\r\nHost: "+r.Host+"\r\n"...)
	for _, f := range r.Header {
		if !isToken(f.Name) {
			return nil, fmt.Errorf("http1: header name %q is not a token", f.Name)
		}
		switch strings.ToLower(f.Name) {
		case "host", "content-length", "transfer-encoding":
			return nil, fmt.Errorf("http1: header %s is derived from the request and cannot be set", f.Name)
		}
		if strings.IndexFunc(f.Value, notInValue) >= 0 || strings.Trim(f.Value, " \t") != f.Value {
			return nil, fmt.Errorf("http1: value %q of header %s has control characters or outer spaces", f.Value, f.Name)
		}
		b = append(b, f.Name+": "+f.Value+"\r\n"...)
	}
	// A method that anticipates a body says so when there is none (RFC 9110, 8.6).
	if len(r.Body) > 0 || r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH" {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(r.Body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	return append(b, r.Body...), nil
}

func notVisible(c rune) bool { return c <= ' ' || c >= 0x7f }
func notInValue(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// isToken says whether s is a token (RFC 9110, 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}
