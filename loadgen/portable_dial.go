package loadgen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// dialTimeout bounds one attempt to connect, TLS handshake included.
const dialTimeout = 5 * time.Second

// dial opens a TCP connection.
func dial(ctx context.Context, addr string) (net.Conn, error) {
	// No keep-alive probes: they would be traffic that nobody asked for.
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: -1}
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return nc, nil
}

// dialler opens connections to one node.
type dialler struct {
	addr     string
	tls      *tls.Config     // nil: plain TCP
	requests []*http.Request // those of the plan, if HTTP/2 may be spoken
}

func newDiallers(plan *Plan) ([]dialler, error) {
	ds := make([]dialler, len(plan.Nodes))
	var requests []*http.Request
	var err error
	if plan.TLS != nil && plan.TLS.HTTP2 {
		if requests, err = h2Requests(plan.Requests); err != nil {
			return nil, err
		}
	}
	for i, addr := range plan.Nodes {
		ds[i] = dialler{addr: addr, requests: requests}
		if plan.TLS == nil {
			continue
		}
		if ds[i].tls, err = plan.TLS.config(addr); err != nil {
			return nil, err
		}
	}
	return ds, nil
}

// config returns the client's side of TLS with one node. Sessions are not
// resumed: every handshake is a full one, in every arm alike.
func (t *TLS) config(addr string) (*tls.Config, error) {
	name := t.ServerName
	if name == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, fmt.Errorf("plan: node: %w", err)
		}
		name = host
	}
	c := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if t.HTTP2 {
		c.NextProtos = []string{"h2", "http/1.1"}
	}
	if len(t.RootsPEM) > 0 {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(t.RootsPEM) {
			return nil, errors.New("plan: no certificate among the TLS roots (RootsPEM)")
		}
	}
	return c, nil
}

// dial opens a connection that is ready for a request.
func (d *dialler) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	nc, err := dial(ctx, d.addr)
	if err != nil || d.tls == nil {
		return nc, err
	}
	c := tls.Client(nc, d.tls)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, &handshakeError{err}
	}
	if c.ConnectionState().NegotiatedProtocol != "h2" {
		return c, nil
	}
	h, err := newH2(ctx, c, d.requests)
	if err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("HTTP/2: %w", err)
	}
	return h, nil
}

// handshakeError says why TLS could not be agreed on.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "TLS handshake: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// tcp returns the TCP connection at the bottom of nc.
func tcp(nc net.Conn) net.Conn {
	switch c := nc.(type) {
	case *tls.Conn:
		return c.NetConn()
	case *h2Conn:
		return c.Conn.NetConn()
	}
	return nc
}

// hangUp closes a connection that is of no more use. TLS is not told: its
// farewell (close_notify) could block for five seconds on a target that does not
// read, and who calls this has arrivals to offer.
func hangUp(nc net.Conn) { _ = tcp(nc).Close() }

// abort closes a connection whose work is done (Phase.Churn) with a reset
// instead of a FIN. The side that closes first keeps the port for a minute
// (TIME_WAIT): at a new connection every request, 28,000 ephemeral ports would
// last for seconds and then fail the target for a want of the generator's. The
// response has been read to its end, so that nothing can be lost by it; a target
// may log the reset.
func abort(nc net.Conn) {
	if c, ok := tcp(nc).(*net.TCPConn); ok {
		_ = c.SetLinger(0) // fails only on a socket that is gone
	}
	hangUp(nc)
}
