package contract

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"authbench/results"
)

// Client does the steps of a contract against one node over real sockets, one
// connection a request. It never retries, goes nowhere else, and sends exactly the
// headers of the contract, in the order of RawRequest, with Host, Content-Length and
// "Connection: close".
type Client struct {
	Contract *Contract
	// Host is the node as requests name it, host or host:port.
	Host string
	// Addr is where it is connected to, host:port, when that is not Host.
	Addr string
	// TLS, when not nil, speaks TLS with that configuration.
	TLS *tls.Config
	// Timeout of one step, connecting included. Default 5 s.
	Timeout time.Duration
	// From, when not empty, is the IP address that connections come from: one of this
	// machine's. Otherwise the system chooses.
	From string
	// Pace, when not nil, returns when the next request may be sent.
	Pace func(ctx context.Context) error
}

// NewClient is a client for the target at base, http://host:port or
// https://host:port. A path in base is ignored: the contract's own url has the
// prefix.
func NewClient(c *Contract, base string, timeout time.Duration) (*Client, error) {
	u, err := parseBase(base)
	if err != nil {
		return nil, err
	}
	port := u.Port()
	client := &Client{Contract: c, Timeout: timeout}
	if u.Scheme == "https" {
		client.TLS = c.TLSConfig(u.Hostname())
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	client.Host = net.JoinHostPort(u.Hostname(), port)
	return client, nil
}

// parseBase reads the URL of a target.
func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a URL", base)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q is not an http:// or https:// URL", base)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q names no host", base)
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, fmt.Errorf("%q has more than a host, a port and a path", base)
	}
	return u, nil
}

// Answer is what became of one step.
type Answer struct {
	Request RawRequest
	Outcome results.Outcome
	Status  int // 0: no complete answer
	Header  []Header
	Body    []byte
	// Subject is who the answer says the user is, where the step says where.
	Subject string
	// Vars are the variables after the step: those before, and what was extracted.
	Vars Vars
	// Problem says what went wrong with an outcome other than ok, in words.
	Problem string
	// Sent is the instant before the first byte was written, Done the instant
	// after the last was read.
	Sent, Done time.Time
}

// bodyLimit is the longest answer that is read. No login, use or logout is near it.
const bodyLimit = 1 << 20

// Send puts a request that need not be what the contract would render on the wire, byte
// for byte, and reads the answer as one to step.
func (c *Client) Send(ctx context.Context, step *Step, req RawRequest, vars Vars) *Answer {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	a := &Answer{Request: req, Vars: vars}
	var err error
	if c.Pace != nil {
		err = c.Pace(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	a.Sent = time.Now()
	if err == nil {
		err = c.roundTrip(ctx, a)
	}
	a.Done = time.Now()
	var protocol protocolError
	switch {
	case err == nil:
		c.judge(step, a, nil)
	case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		a.Outcome, a.Problem = results.Timeout, fmt.Sprintf("no complete answer within %s", timeout)
	case errors.As(err, &protocol):
		a.Outcome, a.Problem = results.ProtocolError, protocol.Error()
	default:
		a.Outcome, a.Problem = results.ConnectError, err.Error()
	}
	return a
}

// protocolError is an answer that is not HTTP as we know it.
type protocolError struct{ error }

func (c *Client) roundTrip(ctx context.Context, a *Answer) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	defer stop()

	wire := a.Request
	wire.Headers = append(slices.Clone(wire.Headers), Header{"Connection", "close"})
	a.Sent = time.Now()
	if _, err := conn.Write(wire.Bytes()); err != nil {
		return err
	}
	br := bufio.NewReader(conn)
	for {
		// Only the method is read: a HEAD has no body.
		resp, err := http.ReadResponse(br, &http.Request{Method: a.Request.Method})
		if err != nil {
			return readError(err)
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit+1))
		if err != nil {
			return err
		}
		if len(body) > bodyLimit {
			return protocolError{fmt.Errorf("the answer is longer than %d bytes", bodyLimit)}
		}
		if resp.StatusCode >= 100 && resp.StatusCode < 200 {
			continue // an interim answer (RFC 9110 15.2); the real one follows
		}
		a.Status, a.Body, a.Header = resp.StatusCode, body, fields(resp.Header)
		return nil
	}
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	dialer := &net.Dialer{}
	if c.From != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(c.From)}
	}
	addr := cmp.Or(c.Addr, c.Host)
	if c.TLS != nil {
		return (&tls.Dialer{NetDialer: dialer, Config: c.TLS}).DialContext(ctx, "tcp", addr)
	}
	return dialer.DialContext(ctx, "tcp", addr)
}

// readError keeps a connection that broke apart from an answer that is not HTTP.
func readError(err error) error {
	var op *net.OpError
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) {
		return fmt.Errorf("the connection was closed before a complete answer: %w", err)
	}
	return protocolError{err}
}

// fields lists headers in a fixed order; values of one name stay in theirs.
func fields(h http.Header) []Header {
	var out []Header
	for name, values := range h {
		for _, v := range values {
			out = append(out, Header{name, v})
		}
	}
	slices.SortStableFunc(out, func(a, b Header) int { return compareFold(a.Name, b.Name) })
	return out
}

// judge says what a.Status means and, where that is ok, checks the subject and extracts.
// trail are the Set-Cookie fields of the answers before it.
func (c *Client) judge(step *Step, a *Answer, trail []Header) {
	outcome, listed := c.Contract.Outcome(step, a.Status, a.Header, a.Body)
	if !listed {
		a.Outcome, a.Problem = results.ProtocolError, fmt.Sprintf("status %d is in no list of the contract", a.Status)
		return
	}
	if a.Outcome, a.Problem = outcome, ""; outcome != results.OK {
		a.Problem = fmt.Sprintf("status %d", a.Status)
		return
	}
	vars, err := c.Contract.Learn(step, a.Vars, a.Status, slices.Concat(trail, a.Header), a.Body)
	if err != nil {
		a.Outcome, a.Problem = results.ProtocolError, err.Error()
		return
	}
	a.Vars = vars
	if a.Subject, err = step.SubjectFrom(a.Header, a.Body); err != nil {
		a.Outcome, a.Problem = results.ProtocolError, err.Error()
		return
	}
	if want := a.Vars["subject"]; step.Subject != nil && a.Subject != want {
		a.Outcome, a.Problem = results.ProtocolError, fmt.Sprintf("the answer is for %q, the request was of %q", a.Subject, want)
	}
}

// Loopback says whether the node is on this machine: localhost or a loopback
// address.
func (c *Client) Loopback() bool {
	host, _, err := net.SplitHostPort(cmp.Or(c.Addr, c.Host))
	return err == nil && Loopback(host)
}

// Loopback says whether a host is this machine: localhost or a loopback address. Other
// names are not looked up: what they lead to may change.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
