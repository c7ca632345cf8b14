package contract

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"authbench/results"
)

func TestNewClient(t *testing.T) {
	for base, want := range map[string]struct {
		host     string
		tls      bool
		loopback bool
	}{
		"http://127.0.0.1:80":     {"127.0.0.1:80", false, true},
		"http://localhost":        {"localhost:80", false, true},
		"https://[::1]":           {"[::1]:443", true, true},
		"https://shop.test/api":   {"shop.test:443", true, false},
		"http://127.0.0.1.a.test": {"127.0.0.1.a.test:80", false, false},
		"http://10.0.0.1:8080":    {"10.0.0.1:8080", false, false},
	} {
		c, err := NewClient(&Contract{}, base, 0)
		if err != nil {
			t.Fatal(err)
		}
		if c.Host != want.host || (c.TLS != nil) != want.tls || c.Loopback() != want.loopback {
			t.Errorf("%s: host %s, TLS %t, loopback %t", base, c.Host, c.TLS != nil, c.Loopback())
		}
	}
	for _, bad := range []string{"", "shop", "ftp://a", "http://", "http://u:p@h", "http://h?q=1", "http://h#f", "127.0.0.1:80"} {
		if c, err := NewClient(&Contract{}, bad, 0); err == nil {
			t.Errorf("%q is taken for %s", bad, c.Host)
		}
	}
}

// TestClientSendsOnlyTheContract: no header of an HTTP library slips in, and
// nothing is sent twice.
func TestClientSendsOnlyTheContract(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	got := make(chan string, 4)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				close(got)
				return
			}
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			b := make([]byte, 4096)
			n, _ := io.ReadAtLeast(conn, b, 1)
			got <- string(b[:n])
			conn.Close() // before an answer: a library would try again
		}
	}()
	c := parseGood(t, "http://127.0.0.1:8080", "http://"+ln.Addr().String())
	client, err := NewClient(c, c.URL, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	a, err := client.Do(context.Background(), &c.Use, c.User(1).With(Vars{"credential": "k"}))
	if err != nil || a.Outcome != results.ConnectError {
		t.Errorf("%+v, %v", a, err)
	}
	ln.Close()
	var all []string
	for r := range got {
		all = append(all, r)
	}
	want := "GET /me HTTP/1.1\r\nHost: " + ln.Addr().String() + "\r\nAuthorization: Bearer k\r\nConnection: close\r\n\r\n"
	if len(all) != 1 || all[0] != want {
		t.Errorf("sent %q, want once %q", all, want)
	}
}

func TestClientTLS(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"sub":"user-1"}`) }))
	defer srv.Close()
	c := parseGood(t, "http://127.0.0.1:8080", srv.URL)
	client, err := NewClient(c, c.URL, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	vars := c.User(1).With(Vars{"credential": "k"})
	if a, err := client.Do(context.Background(), &c.Use, vars); err != nil || a.Outcome != results.ConnectError || !strings.Contains(a.Problem, "certificate") {
		t.Errorf("an unknown certificate: %+v, %v", a, err)
	}
	client.TLS.RootCAs = x509.NewCertPool()
	client.TLS.RootCAs.AddCert(srv.Certificate())
	if a, err := client.Do(context.Background(), &c.Use, vars); err != nil || a.Outcome != results.OK {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestClientLimits: an interim answer is skipped, an endless one is cut off.
func TestClientLimits(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		fmt.Fprint(w, `{"sub":"user-1"}`)
		if strings.HasSuffix(r.Header.Get("Authorization"), "long") {
			chunk := strings.Repeat(" ", 1<<16)
			for range 1 << 5 {
				fmt.Fprint(w, chunk)
			}
		}
	}))
	defer srv.Close()
	c := parseGood(t, "http://127.0.0.1:8080", srv.URL)
	client, err := NewClient(c, c.URL, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for credential, want := range map[string]results.Outcome{"short": results.OK, "long": results.ProtocolError} {
		a, err := client.Do(context.Background(), &c.Use, c.User(1).With(Vars{"credential": credential}))
		if err != nil || a.Outcome != want {
			t.Errorf("%s: %s %s, %v, want %s", credential, a.Outcome, a.Problem, err, want)
		}
	}
}

// TestClientFrom connects from an address of one's own choice.
func TestClientFrom(t *testing.T) {
	seen := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		seen <- host
	}))
	defer srv.Close()
	client, err := NewClient(&Contract{}, srv.URL, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	client.From = "127.0.0.1"
	a, err := client.Do(t.Context(), &Step{Method: "GET", Path: "/"}, nil)
	if err != nil || a.Outcome != results.OK {
		t.Fatalf("%+v, %v", a, err)
	}
	if got := <-seen; got != client.From {
		t.Errorf("it came from %s", got)
	}
	client.From = "192.0.2.1" // of nobody (RFC 5737)
	if a, err = client.Do(t.Context(), &Step{Method: "GET", Path: "/"}, nil); err != nil || a.Outcome != results.ConnectError {
		t.Errorf("an address that is not ours: %+v, %v", a, err)
	}
}
