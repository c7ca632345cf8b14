package loadgen

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"time"

	"authbench/loadgen/http1"
)

// h2Conn makes an HTTP/2 connection (RFC 9113) look like one that speaks
// HTTP/1.1: what is to be sent is a request of the plan, and what is read is the
// response as HTTP/1.1 would have it. So the answers over both versions go
// through the same parser and are judged alike. It is net/http that speaks
// HTTP/2 here: it has its own goroutines and allocates.
//
// Bytes are counted as HTTP/1.1 would have them, and the header lines of a kept
// response are in the order of their names.
type h2Conn struct {
	*tls.Conn
	client   *http.ClientConn
	requests []*http.Request
	next     chan int      // the request to be sent next: at most one is in flight
	gone     chan struct{} // closed when the connection has ended

	// Of the goroutine that reads.
	body    io.ReadCloser // nil: between responses
	to      io.Writer     // where the body goes on its way to out
	chunked io.Closer     // not nil: ends a body of unknown length
	buf     []byte
	out     bytes.Buffer // not yet read
}

// newH2 begins HTTP/2 on a connection that has agreed to it.
func newH2(ctx context.Context, c *tls.Conn, requests []*http.Request) (*h2Conn, error) {
	t := &http.Transport{
		DialTLSContext:         func(context.Context, string, string) (net.Conn, error) { return c, nil },
		DisableCompression:     true,
		MaxResponseHeaderBytes: http1.MaxHead,
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP2(true)
	client, err := t.NewClientConn(ctx, "https", c.RemoteAddr().String())
	if err != nil {
		return nil, err
	}
	h := &h2Conn{
		Conn: c, client: client, requests: requests,
		next: make(chan int, 1), gone: make(chan struct{}), buf: make([]byte, 16<<10),
	}
	var once sync.Once
	client.SetStateHook(func(client *http.ClientConn) {
		if client.Err() != nil {
			once.Do(func() { close(h.gone) })
		}
	})
	return h, nil
}

// h2Requests converts rendered requests to what net/http sends: the same header
// lines, and no others.
func h2Requests(rendered []Request) ([]*http.Request, error) {
	requests := make([]*http.Request, len(rendered))
	for i := range rendered {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(rendered[i].Bytes)))
		if err != nil {
			return nil, fmt.Errorf("plan: request %d for HTTP/2: %w", i, err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, fmt.Errorf("plan: request %d for HTTP/2: %w", i, err)
		}
		r.GetBody = func() (io.ReadCloser, error) {
			if len(body) == 0 {
				return http.NoBody, nil
			}
			return io.NopCloser(bytes.NewReader(body)), nil
		}
		r.URL.Scheme, r.URL.Host, r.RequestURI = "https", r.Host, ""
		if _, ok := r.Header["User-Agent"]; !ok {
			r.Header["User-Agent"] = []string{""} // else net/http names itself
		}
		requests[i] = r
	}
	return requests, nil
}

// send has the plan's request of that user sent, by the goroutine that reads.
func (h *h2Conn) send(user int) error {
	select {
	case h.next <- user:
		return nil
	default:
		return net.ErrClosed
	}
}

// SetWriteDeadline does nothing: the socket belongs to net/http, and what it
// writes there is not only requests.
func (h *h2Conn) SetWriteDeadline(time.Time) error { return nil }

// Close hangs up.
func (h *h2Conn) Close() error { return h.NetConn().Close() }

// Read returns bytes of the response to what was sent, or waits for there to be
// something to send.
func (h *h2Conn) Read(b []byte) (int, error) {
	for h.out.Len() == 0 {
		if err := h.fill(); err != nil {
			return 0, err
		}
	}
	return h.out.Read(b)
}

// fill makes the next step of a request: its head, or a part of its body.
func (h *h2Conn) fill() error {
	if h.body == nil {
		select {
		case user := <-h.next:
			return h.exchange(user)
		case <-h.gone:
			return io.EOF
		}
	}
	n, err := h.body.Read(h.buf)
	_, _ = h.to.Write(h.buf[:n]) // into memory
	if err == nil {
		return nil
	}
	_ = h.body.Close()
	h.body = nil
	if err != io.EOF {
		return h2Error(err)
	}
	if h.chunked != nil {
		_ = h.chunked.Close()
		h.out.WriteString("\r\n")
	}
	return nil
}

// exchange sends a request and renders the head of the response.
func (h *h2Conn) exchange(user int) error {
	r := h.requests[user].WithContext(context.Background())
	r.Body, _ = r.GetBody()
	res, err := h.client.RoundTrip(r)
	if err != nil {
		return h2Error(err)
	}
	h.body, h.to, h.chunked = res.Body, &h.out, nil
	lengths := res.Header["Content-Length"]
	if len(lengths) > 0 && res.ContentLength < 0 {
		return fmt.Errorf("%w: content length %.40q", http1.ErrMalformed, lengths)
	}
	fmt.Fprintf(&h.out, "HTTP/1.1 %03d %s\r\n", res.StatusCode, http.StatusText(res.StatusCode))
	for _, name := range slices.Sorted(maps.Keys(res.Header)) {
		switch name {
		case "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade": // RFC 9113, 8.2.2
			return fmt.Errorf("%w: header %s over HTTP/2", http1.ErrMalformed, name)
		}
		for _, v := range res.Header[name] {
			h.out.WriteString(name + ": " + v + "\r\n")
		}
	}
	bare := r.Method == http.MethodHead || res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusNotModified
	switch {
	case bare || len(lengths) > 0:
	case res.ContentLength >= 0:
		fmt.Fprintf(&h.out, "Content-Length: %d\r\n", res.ContentLength)
	default:
		h.out.WriteString("Transfer-Encoding: chunked\r\n")
		w := httputil.NewChunkedWriter(&h.out)
		h.to, h.chunked = w, w
	}
	h.out.WriteString("\r\n")
	return nil
}

// h2Error tells a connection that was lost, or a stream that the target has
// reset, from an answer that is not HTTP/2.
func h2Error(err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return http1.ErrTruncated
	case errors.As(err, &op), errors.Is(err, net.ErrClosed):
		return err
	}
	// net/http does not export these.
	for _, words := range []string{"received from peer", "GOAWAY", "http2: client conn"} {
		if strings.Contains(err.Error(), words) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", http1.ErrMalformed, err)
}
