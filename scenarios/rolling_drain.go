package scenarios

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
)

// A request that is under way when its node is told to end has to be finished. Which of
// the load's requests are, nobody can tell: one that was sent may not have been read.
// So some are made that the node has certainly begun to read: of a use of a live
// credential, on a connection that has carried one before, all but the last bytes are
// sent before the signal, and these after it.
const (
	heldUses = 8
	heldBack = 4                      // bytes: the end of the head, or of the body
	holdTime = 250 * time.Millisecond // from the signal until the rest is sent

	settleUses = 2
	settleTime = 100 * time.Millisecond
)

// heldUse is what became of one of them.
type heldUse struct {
	outcome results.Outcome
	problem string
}

// hand is a connection with a request on it that has been sent in part.
type hand struct {
	conn net.Conn
	br   *bufio.Reader
	head bool
	rest []byte
	step *contract.Step // nil: the question whether the node is ready
}

// hold begins uses on node i, and the question whether it is ready.
func (rr *rolling) hold(ctx context.Context, node int) (hands []*hand, err error) {
	defer func() {
		if err != nil {
			for _, h := range hands {
				h.conn.Close()
			}
		}
	}()
	for k := range heldUses {
		i := node + k*len(rr.nodes)
		if i >= len(rr.users) {
			break
		}
		req, err := rr.c.Render(&rr.c.Use, rr.nodes[node].Host(), rr.users[i].vars)
		if err != nil {
			return hands, err
		}
		h, err := begin(ctx, rr.nodes[node].Addr(), req)
		if err != nil {
			return hands, fmt.Errorf("begin a use: %w", err)
		}
		h.step = &rr.c.Use
		hands = append(hands, h)
	}
	if path := rr.c.Ready.Path; path != "" {
		h, err := begin(ctx, rr.nodes[node].Addr(), contract.RawRequest{Method: http.MethodGet, Path: path, Host: rr.nodes[node].Host()})
		if err != nil {
			return hands, fmt.Errorf("begin to ask whether it is ready: %w", err)
		}
		hands = append(hands, h)
	}
	return hands, rr.settled(ctx, node)
}

// settled returns when node has had the time to read what it was sent before: it has
// answered requests that were sent later, and then been left alone for a moment.
func (rr *rolling) settled(ctx context.Context, node int) error {
	for i := range settleUses {
		if _, err := rr.do(ctx, checker.Use, node, &user{vars: rr.users[(node+i*len(rr.nodes))%len(rr.users)].vars}, false); err != nil {
			return err
		}
	}
	sleep(ctx, settleTime)
	return context.Cause(ctx)
}

// begin sends a request twice on one connection: whole, and, once that was answered,
// without its end.
func begin(ctx context.Context, addr string, req contract.RawRequest) (*hand, error) {
	conn, err := (&net.Dialer{Timeout: opTimeout}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	wire := req.Bytes()
	h := &hand{conn: conn, br: bufio.NewReader(conn), head: req.Method == http.MethodHead, rest: wire[len(wire)-heldBack:]}
	if _, err = conn.Write(wire); err == nil {
		_, err = h.read()
	}
	if err == nil {
		_, err = conn.Write(wire[:len(wire)-heldBack])
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return h, nil
}

// read reads one answer, and says its status.
func (h *hand) read() (int, error) {
	if err := h.conn.SetReadDeadline(time.Now().Add(opTimeout)); err != nil {
		return 0, err
	}
	method := http.MethodGet
	if h.head {
		method = http.MethodHead
	}
	resp, err := http.ReadResponse(h.br, &http.Request{Method: method})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// finish sends what was held back and reads the answer.
func (h *hand) finish() (int, error) {
	defer h.conn.Close()
	if _, err := h.conn.Write(h.rest); err != nil {
		return 0, err
	}
	return h.read()
}

// release finishes what hold began: how the uses ended, and what the node said of
// itself.
func (rr *rolling) release(hands []*hand) (uses []heldUse, readiness string) {
	readiness = "not asked"
	for _, h := range hands {
		status, err := h.finish()
		switch {
		case h.step == nil && err != nil:
			readiness = "no answer"
		case h.step == nil:
			readiness = strconv.Itoa(status)
		case err != nil:
			uses = append(uses, heldUse{results.ConnectError, err.Error()})
		default:
			outcome, listed := rr.c.OutcomeMap(h.step)[status]
			if !listed {
				outcome = results.ProtocolError
			}
			uses = append(uses, heldUse{outcome, "status " + strconv.Itoa(status)})
		}
	}
	return uses, readiness
}
