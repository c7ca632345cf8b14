package main

import (
	"cmp"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"authbench/loadgen"
)

// target turns the URL and the request's flags into a plan.
func (f *loadFlags) target(j *loadJob, typed func(string) bool) error {
	u, err := parseTarget(j.url)
	if err != nil {
		return err
	}
	node, err := nodeOf(j.url, u)
	if err != nil {
		return err
	}
	j.plan = loadgen.Plan{Nodes: []string{node}, Outcomes: loadOutcomes()}
	if err := f.tls(&j.plan, u); err != nil {
		return err
	}
	body, err := f.readBody(typed)
	if err != nil {
		return err
	}
	header, host, err := f.parseHeaders(u.Host)
	if err != nil {
		return err
	}
	method := cmp.Or(f.method, "GET")
	if f.method == "" && (typed("body") || typed("body-file")) {
		method = "POST"
	}
	r, err := loadgen.NewRequest(method, u.RequestURI(), host, header, body, nil)
	if err != nil {
		return usageError("%s: %w", j.url, err)
	}
	j.plan.Requests = []loadgen.Request{r}
	return nil
}

func parseTarget(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case !strings.HasPrefix(strings.ToLower(raw), "http://") && !strings.HasPrefix(strings.ToLower(raw), "https://"):
		return nil, usageError("%s: want a URL that begins with http:// or https://", raw)
	case err != nil:
		return nil, usageError("%w", err)
	case u.User != nil:
		return nil, usageError("a URL with a user and password would end up in process lists and results: use --header 'Authorization: ...'")
	case u.Hostname() == "":
		return nil, usageError("%s: there is no host", raw)
	}
	return u, nil
}

// nodeOf is host:port of a URL.
func nodeOf(raw string, u *url.URL) (string, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", usageError("%s: port %s is outside 1 to 65535", raw, port)
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

func (f *loadFlags) tls(plan *loadgen.Plan, u *url.URL) error {
	if u.Scheme == "http" {
		switch {
		case f.http2:
			return usageError("--http2: is spoken over TLS only, the URL begins with http://")
		case f.caFile != "":
			return usageError("--ca-file: the URL begins with http://, nothing is signed")
		}
		return nil
	}
	plan.TLS = &loadgen.TLS{HTTP2: f.http2}
	if f.caFile == "" {
		return nil
	}
	pem, err := os.ReadFile(f.caFile)
	if err != nil {
		return usageError("--ca-file: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return usageError("--ca-file %s: holds no certificate in PEM", f.caFile)
	}
	plan.TLS.RootsPEM = pem
	return nil
}

func (f *loadFlags) readBody(typed func(string) bool) ([]byte, error) {
	switch {
	case typed("body") && typed("body-file"):
		return nil, usageError("--body and --body-file: one at a time")
	case !typed("body-file"):
		return []byte(f.body), nil
	}
	b, err := os.ReadFile(f.bodyFile)
	if err != nil {
		return nil, usageError("--body-file: %w", err)
	}
	return b, nil
}

// parseHeaders reads the header lines. Host names a virtual host.
func (f *loadFlags) parseHeaders(host string) ([]loadgen.HeaderField, string, error) {
	var header []loadgen.HeaderField
	for _, line := range f.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.TrimSpace(name) != name {
			return nil, "", usageError("--header %q: want 'Name: value'", line)
		}
		value = strings.Trim(value, " \t")
		if strings.EqualFold(name, "Host") {
			host = value
			continue
		}
		header = append(header, loadgen.HeaderField{Name: name, Value: value})
	}
	return header, host, nil
}
