package attack

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// line is a connection to a node that stays open between requests: 100,000 of them
// would use up the ports of a machine. Not safe for concurrent use.
type line struct {
	node *contract.Client
	conn net.Conn
	br   *bufio.Reader
}

func (l *line) close() {
	if l.conn != nil {
		_ = l.conn.Close() // nothing is under way
		l.conn = nil
	}
}

// lineTimeout bounds one request.
const lineTimeout = 5 * time.Second

// send is Client.Send on the connection, for answers whose body and subject do not matter.
func (l *line) send(ctx context.Context, step *contract.Step, req contract.RawRequest, vars contract.Vars) (*contract.Answer, error) {
	a := &contract.Answer{Request: req, Vars: vars, Sent: time.Now()}
	if err := l.roundTrip(ctx, a); err != nil {
		l.close()
		return nil, err
	}
	a.Done = time.Now()
	var listed bool
	if a.Outcome, listed = l.node.Contract.Outcome(step, a.Status, a.Header, a.Body); !listed {
		a.Outcome = results.ProtocolError
	}
	if a.Outcome != results.OK {
		a.Problem = fmt.Sprintf("status %d", a.Status)
		return a, nil
	}
	learnt, err := l.node.Contract.Learn(step, a.Vars, a.Status, a.Header, a.Body)
	if err != nil {
		a.Outcome, a.Problem = results.ProtocolError, err.Error()
		return a, nil
	}
	a.Vars = learnt
	return a, nil
}

func (l *line) roundTrip(ctx context.Context, a *contract.Answer) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if l.conn == nil {
		conn, err := l.dial(ctx)
		if err != nil {
			return err
		}
		l.conn, l.br = conn, bufio.NewReader(conn)
	}
	if err := l.conn.SetDeadline(time.Now().Add(lineTimeout)); err != nil {
		return err
	}
	if _, err := l.conn.Write(a.Request.Bytes()); err != nil {
		return err
	}
	resp, err := http.ReadResponse(l.br, &http.Request{Method: a.Request.Method})
	if err != nil {
		return err
	}
	if a.Body, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20)); err != nil {
		return err
	}
	a.Status = resp.StatusCode
	for name, values := range resp.Header {
		for _, v := range values {
			a.Header = append(a.Header, contract.Header{Name: name, Value: v})
		}
	}
	if resp.Close {
		l.close()
	}
	return nil
}

func (l *line) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, lineTimeout)
	defer cancel()
	dialer := &net.Dialer{}
	if l.node.From != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(l.node.From)}
	}
	if l.node.TLS != nil {
		return (&tls.Dialer{NetDialer: dialer, Config: l.node.TLS}).DialContext(ctx, "tcp", cmp.Or(l.node.Addr, l.node.Host))
	}
	return dialer.DialContext(ctx, "tcp", cmp.Or(l.node.Addr, l.node.Host))
}
