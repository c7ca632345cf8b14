package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/valyala/fasthttp"
)

// bearer returns the credential of an Authorization header of that scheme,
// whose name is case-insensitive (RFC 9110 section 11.1). A request with two such
// fields has no credential: which one somebody before us has looked at cannot be told
// (RFC 6750 section 3.1). The bytes are the request's: copy what has to outlive it.
func bearer(h *fasthttp.RequestHeader) ([]byte, bool) {
	const scheme = "bearer "
	fields := h.PeekAll(fasthttp.HeaderAuthorization)
	if len(fields) != 1 {
		return nil, false
	}
	v := fields[0]
	if len(v) <= len(scheme) || v[len(scheme)-1] != ' ' {
		return nil, false
	}
	for i := range len(scheme) - 1 {
		if v[i]|0x20 != scheme[i] {
			return nil, false
		}
	}
	v = bytes.TrimLeft(v[len(scheme):], " ")
	return v, len(v) > 0
}

// cookie returns the value of the cookie called name. A request that carries it
// twice has no value: which one the browser meant cannot be told. The bytes are
// the request's.
func cookie(h *fasthttp.RequestHeader, name string) (value []byte, ok bool) {
	rest := h.PeekCanonical([]byte(fasthttp.HeaderCookie))
	for len(rest) > 0 {
		var pair []byte
		if i := bytes.IndexByte(rest, ';'); i >= 0 {
			pair, rest = rest[:i], rest[i+1:]
		} else {
			pair, rest = rest, nil
		}
		for len(pair) > 0 && pair[0] == ' ' {
			pair = pair[1:]
		}
		if len(pair) <= len(name) || pair[len(name)] != '=' || string(pair[:len(name)]) != name {
			continue
		}
		if ok {
			return nil, false
		}
		value, ok = bytes.TrimRight(pair[len(name)+1:], " "), true
	}
	return value, ok
}

// foreign reports whether a browser says that another site's page sent the
// request. Without either header it is no browser, or an old one: the CSRF token
// decides. A sibling of the same site is foreign too.
func foreign(h *fasthttp.RequestHeader) bool {
	if site := h.Peek("Sec-Fetch-Site"); len(site) > 0 {
		if s := string(site); s != "same-origin" && s != "none" {
			return true
		}
	}
	origin := h.Peek(fasthttp.HeaderOrigin)
	if len(origin) == 0 {
		return false
	}
	// "null" has no host, so it is foreign. Our own scheme is https, although a proxy may
	// end it before us: a browser sends Secure cookies nowhere else, but for hosts on its own machine.
	scheme, host, ok := strings.Cut(string(origin), "://")
	if !ok || !strings.EqualFold(host, string(h.Host())) {
		return true
	}
	return !strings.EqualFold(scheme, "https") && !(strings.EqualFold(scheme, "http") && loopback(host))
}

// loopback says whether a host, with a port or without, is the machine itself.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && ip.IsLoopback() || strings.EqualFold(name, "localhost")
}

var (
	errContentType = errors.New("wrong content type")
	errBody        = errors.New("malformed body")
)

// contentType checks the media type of a request's body; parameters such as
// charset do not matter.
func contentType(h *fasthttp.RequestHeader, want string) error {
	got, _, err := mime.ParseMediaType(string(h.ContentType()))
	if err != nil || got != want {
		return fmt.Errorf("%w: want %s", errContentType, want)
	}
	return nil
}

// readJSON decodes the one JSON object that is the request's body into dst,
// strictly. Strings are copies.
func readJSON(req *fasthttp.Request, dst any) error {
	if err := contentType(&req.Header, typeJSON); err != nil {
		return err
	}
	body := req.Body()
	if !utf8.Valid(body) {
		return fmt.Errorf("%w: not UTF-8", errBody)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		return fmt.Errorf("%w: not the JSON object that is expected here", errBody)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: more than one JSON value", errBody)
	}
	return nil
}

// readForm decodes an application/x-www-form-urlencoded body. A parameter must
// not be there twice (RFC 6749 section 3.2).
func readForm(req *fasthttp.Request) (url.Values, error) {
	if err := contentType(&req.Header, "application/x-www-form-urlencoded"); err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(req.Body()))
	if err != nil {
		return nil, fmt.Errorf("%w: not form encoding", errBody)
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, fmt.Errorf("%w: parameter %.40q is there %d times", errBody, name, len(values))
		}
	}
	return form, nil
}
