package loadgen

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"authbench/results"
)

// overTLS is about targets behind TLS.
var overTLS = []conformanceCase{
	{"tls", ifTLS(testTLS)},
	{"tls, bad certificates", ifTLS(testTLSBadCertificates)},
	{"tls, certificate goes bad", ifTLS(testTLSGoesBad)},
	{"tls, no handshake", ifTLS(testTLSSilent)},
	{"tls, not spoken", ifTLS(testTLSNotSpoken)},
	{"tls, bad roots", ifTLS(testTLSBadRoots)},
	{"tls, end of the connection", ifTLS(testTLSEnd)},
	{"tls, never answers", ifTLS(testTLSNeverAnswers)},
	{"tls, never reads", ifTLS(testTLSNeverReads)},
	{"tls, churn", ifTLS(testTLSChurn)},
	{"tls, slow handshake", ifTLS(testTLSSlowHandshake)},
	{"tls, handshake never ends", ifTLS(testTLSHandshakeNeverEnds)},
}

// ifTLS runs a case for engines that speak TLS. The others have to say that they
// do not.
func ifTLS(test func(*testing.T, Engine)) func(*testing.T, Engine) {
	return func(t *testing.T, e Engine) {
		plan := testPlan(t, 1, "127.0.0.1:1")
		plan.TLS = &TLS{}
		err := e.Supports(&plan)
		if err == nil {
			test(t, e)
			return
		}
		_, openErr := e.Open(t.Context(), plan, 1)
		for _, err := range []error{err, openErr} {
			if err == nil || !strings.Contains(err.Error(), "TLS") {
				t.Errorf("an engine that does not speak TLS says %v", err)
			}
		}
	}
}

func TestSomeEngineSpeaksTLS(t *testing.T) {
	plan := testPlan(t, 1, "127.0.0.1:1")
	plan.TLS = &TLS{HTTP2: true}
	if err := For(&plan).Supports(&plan); err != nil {
		t.Error(err)
	}
}

// authority issues certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

// issue returns a certificate for a name, or for 127.0.0.1 if it is empty.
func (a *authority) issue(name string, until time.Time) *tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: until.Add(-2 * time.Hour), NotAfter: until}
	if name != "" {
		c.DNSNames = []string{name}
	} else {
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// good is a certificate to be trusted.
func (a *authority) good() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{*a.issue("", time.Now().Add(time.Hour))}, NextProtos: []string{"http/1.1"}}
}

// listenTLS starts a target behind TLS; handle gets connections whose handshake
// is done.
func listenTLS(t *testing.T, config *tls.Config, handle func(net.Conn)) *target {
	t.Helper()
	return listen(t, func(c net.Conn) {
		tc := tls.Server(c, config)
		if tc.HandshakeContext(t.Context()) == nil {
			handle(tc)
		}
	})
}

func tlsPlan(t *testing.T, users int, roots []byte, nodes ...string) Plan {
	t.Helper()
	p := testPlan(t, users, nodes...)
	p.TLS = &TLS{RootsPEM: roots}
	return p
}

func testTLS(t *testing.T, e Engine) {
	ca := newAuthority(t)
	var conns atomic.Int64
	s := listenTLS(t, ca.good(), func(c net.Conn) {
		conns.Add(1)
		state := c.(*tls.Conn).ConnectionState()
		if state.NegotiatedProtocol != "http/1.1" || state.Version < tls.VersionTLS12 {
			t.Errorf("%+v", state)
		}
		respond(good)(c)
	})
	session := open(t, e, tlsPlan(t, 20, ca.pem, s.addr()), 4)
	for _, p := range []Phase{
		{Rate: 1000, Duration: 300 * time.Millisecond, Seed: 1},
		{Duration: 100 * time.Millisecond},
		{Once: true},
	} {
		rec := offer(t, session, p)
		all(t, rec, results.OK)
		if rec.Reconnects != 0 || rec.Handshakes != 0 {
			t.Errorf("%d reconnects, %d handshakes", rec.Reconnects, rec.Handshakes)
		}
	}
	if n := conns.Load(); n != 4 {
		t.Errorf("%d connections", n)
	}
	// The name comes from the plan, if it is given.
	named := ca.good()
	named.Certificates = []tls.Certificate{*ca.issue("api.example", time.Now().Add(time.Hour))}
	plan := tlsPlan(t, 3, ca.pem, listenTLS(t, named, respond(good)).addr())
	plan.TLS.ServerName = "api.example"
	all(t, offer(t, open(t, e, plan, 2), Phase{Once: true}), results.OK)
}

// badCertificates by what has to be said of them.
func badCertificates(ca *authority) map[string]*tls.Certificate {
	return map[string]*tls.Certificate{
		"x509: certificate signed by unknown authority":         newAuthority(ca.t).issue("", time.Now().Add(time.Hour)),
		"x509: cannot validate certificate for 127.0.0.1":       ca.issue("other.example", time.Now().Add(time.Hour)),
		"x509: certificate has expired or is not yet valid":     ca.issue("", time.Now().Add(-time.Minute)),
		"x509: certificate is valid for other.example, not api": ca.issue("other.example", time.Now().Add(time.Hour)),
	}
}

func testTLSBadCertificates(t *testing.T, e Engine) {
	ca := newAuthority(t)
	for words, cert := range badCertificates(ca) {
		s := listenTLS(t, &tls.Config{Certificates: []tls.Certificate{*cert}}, respond(good))
		plan := tlsPlan(t, 1, ca.pem, s.addr())
		if strings.HasSuffix(words, "api") {
			plan.TLS.ServerName = "api"
		}
		session, err := e.Open(t.Context(), plan, 1)
		if err == nil {
			_ = session.Close()
		}
		if err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), s.addr()) {
			t.Errorf("%v does not say %q", err, words)
		}
	}
	// Without roots of its own a plan trusts the system's, which do not know ours.
	session, err := e.Open(t.Context(), tlsPlan(t, 1, nil, listenTLS(t, ca.good(), respond(good)).addr()), 1)
	if err == nil {
		_ = session.Close()
		t.Error("trusted, nobody knows why")
	}
}

// The certificate is replaced while the load runs.
func testTLSGoesBad(t *testing.T, e Engine) {
	ca := newAuthority(t)
	for words, bad := range badCertificates(ca) {
		if strings.HasSuffix(words, "api") {
			continue
		}
		var cert atomic.Pointer[tls.Certificate]
		cert.Store(ca.issue("", time.Now().Add(time.Hour)))
		s := listenTLS(t, &tls.Config{
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert.Load(), nil },
		}, respond(good))
		session := open(t, e, tlsPlan(t, 10, ca.pem, s.addr()), 1)
		all(t, offer(t, session, oneArrival(time.Second)), results.OK)
		cert.Store(bad)
		rec := offer(t, session, Phase{Once: true, Churn: 1})
		if want := (results.Accounting{Scheduled: 10, OK: 1, ConnectError: 9}); rec.Accounting != want {
			t.Errorf("%+v", rec.Accounting)
		}
		says(t, rec, words)
	}
}

func testTLSSilent(t *testing.T, e Engine) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	session, err := e.Open(ctx, tlsPlan(t, 1, nil, listen(t, silent).addr()), 2)
	if err == nil {
		_ = session.Close()
		t.Error("opened without a handshake")
	}
	if took := time.Since(start); took >= dialTimeout {
		t.Errorf("%v until the context's end was noticed", took)
	}
}

func testTLSNotSpoken(t *testing.T, e Engine) {
	s := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "220 mail.example ESMTP\r\n"); silent(c) })
	session, err := e.Open(t.Context(), tlsPlan(t, 1, nil, s.addr()), 1)
	if err == nil {
		_ = session.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("%v", err)
	}
}

func testTLSBadRoots(t *testing.T, e Engine) {
	s := listen(t, silent)
	session, err := e.Open(t.Context(), tlsPlan(t, 1, []byte("no certificate"), s.addr()), 1)
	if err == nil {
		_ = session.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "RootsPEM") {
		t.Errorf("%v", err)
	}
}

// With TLS the end of a connection is said (close_notify), as a FIN alone may be
// an attacker's. crypto/tls takes it for the end all the same, between two records,
// since well-known sites do no better.
func testTLSEnd(t *testing.T, e Engine) {
	ca := newAuthority(t)
	const toTheEnd = "HTTP/1.1 200 OK\r\n\r\n{\"sub\":\"u0\"}"
	for _, c := range []struct {
		name   string
		answer string
		notify bool
		want   results.Outcome
	}{
		{"said", toTheEnd, true, results.OK},
		{"cut", toTheEnd, false, results.OK},
		{"cut, too early", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", false, results.ConnectError},
		{"said, too early", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", true, results.ConnectError},
		{"cut after all", answer(200, `{"sub":"u0"}`), false, results.OK},
	} {
		s := listenTLS(t, ca.good(), func(nc net.Conn) {
			tc := nc.(*tls.Conn)
			_, _ = tc.Read(make([]byte, 1000))
			_, _ = io.WriteString(tc, c.answer)
			if c.notify {
				_ = tc.Close()
			} else {
				_ = tc.NetConn().Close()
			}
		})
		rec := offer(t, open(t, e, tlsPlan(t, 1, ca.pem, s.addr()), 1), Phase{Once: true})
		all(t, rec, c.want)
		if t.Failed() {
			t.Fatal(c.name)
		}
	}
}

func testTLSNeverAnswers(t *testing.T, e Engine) {
	ca := newAuthority(t)
	s := listenTLS(t, ca.good(), silent)
	rec := offer(t, open(t, e, tlsPlan(t, 3, ca.pem, s.addr()), 4), Phase{Rate: 200, Duration: 300 * time.Millisecond, Timeout: 100 * time.Millisecond})
	all(t, rec, results.Timeout)
}

// A target that answers without having read, and then not even that: the requests
// pile up in the sockets, which must not hold up those that give them up.
func testTLSNeverReads(t *testing.T, e Engine) {
	ca := newAuthority(t)
	stop := make(chan struct{})
	s := listenTLS(t, ca.good(), func(c net.Conn) {
		_ = c.(*tls.Conn).NetConn().(*net.TCPConn).SetReadBuffer(4 << 10)
		for range 40 {
			_, _ = io.WriteString(c, answer(200, ""))
			time.Sleep(4 * time.Millisecond) // fewer than are asked for: nothing comes unasked
		}
		<-stop
	})
	t.Cleanup(func() { close(stop) })
	plan := tlsPlan(t, 1, ca.pem, s.addr())
	r, err := NewRequest("POST", "/", "h", nil, make([]byte, maxRequest-200), nil)
	if err != nil {
		t.Fatal(err)
	}
	plan.Requests = []Request{r}
	start := time.Now()
	rec := offer(t, open(t, e, plan, 4), Phase{Rate: 2000, Duration: 400 * time.Millisecond, Timeout: 100 * time.Millisecond})
	if rec.Accounting.NotOK() == 0 {
		t.Errorf("%+v: the sockets took %d bytes", rec.Accounting, rec.BytesOut)
	}
	if took := time.Since(start); took > dialTimeout {
		t.Errorf("it took %v", took)
	}
}

func testTLSChurn(t *testing.T, e Engine) {
	ca := newAuthority(t)
	var gate turnstile
	s := listenTLS(t, ca.good(), gate.handle)
	session := open(t, e, tlsPlan(t, 20, ca.pem, s.addr()), 2)
	rec := offer(t, session, Phase{Rate: 200, Duration: 200 * time.Millisecond, Churn: 2})
	all(t, rec, results.OK)
	counts := gate.counts()
	if counts[0] != 2 || rec.Handshakes != int64(len(counts)-2) || rec.Handshakes < rec.Accounting.OK/2-2 || rec.Reconnects != 0 {
		t.Errorf("%v requests by connection, %d handshakes, %d reconnects", counts, rec.Handshakes, rec.Reconnects)
	}
}

// The handshake belongs to the request that needs it: to its service time too.
func testTLSSlowHandshake(t *testing.T, e Engine) {
	ca := newAuthority(t)
	const pause = 30 * time.Millisecond
	config := ca.good()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		time.Sleep(pause)
		return nil, nil
	}
	s := listenTLS(t, config, respond(good))
	session := open(t, e, tlsPlan(t, 20, ca.pem, s.addr()), 8)
	p := Phase{Rate: 50, Duration: 400 * time.Millisecond, Arrivals: Constant, Churn: 1}
	all(t, offer(t, session, p), results.OK) // from here on nobody is connected
	rec := offer(t, session, p)
	all(t, rec, results.OK)
	if got := time.Duration(*rec.Service.P50); got < pause {
		t.Errorf("service time %v without the handshake, which takes %v", got, pause)
	}
	if rec.Handshakes != 20 || rec.Lag.Count < 15 || *rec.Lag.P50 > int64(pause) {
		t.Errorf("%d handshakes, lag %+v", rec.Handshakes, rec.Lag)
	}
}

// An arrival whose connection is still being opened times out like any other.
func testTLSHandshakeNeverEnds(t *testing.T, e Engine) {
	ca := newAuthority(t)
	const timeout = 100 * time.Millisecond
	stop := make(chan struct{})
	var stuck atomic.Bool
	config := ca.good()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if stuck.Load() {
			<-stop
		}
		return nil, nil
	}
	s := listenTLS(t, config, respond(good))
	t.Cleanup(func() { close(stop) })
	session := open(t, e, tlsPlan(t, 10, ca.pem, s.addr()), 2)
	stuck.Store(true)
	rec := offer(t, session, Phase{Rate: 100, Duration: 200 * time.Millisecond, Arrivals: Constant, Timeout: timeout, Churn: 1})
	if want := (results.Accounting{Scheduled: 20, OK: 2, Timeout: 18}); rec.Accounting != want {
		t.Errorf("%+v, %q", rec.Accounting, rec.Problems)
	}
	if rec.Sent != 2 {
		t.Errorf("%d sent on 2 connections", rec.Sent)
	}
	// Interrupted in the middle of one.
	session = open(t, e, tlsPlan(t, 10, ca.pem, listenTLS(t, ca.good(), respond(good)).addr()), 2)
	interrupt(t, session, Phase{Duration: time.Minute, Churn: 1}, 50*time.Millisecond)
}
