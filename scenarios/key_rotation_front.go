package scenarios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// front stands between verifiers and the key set of the issuer, counts who asks, and
// misbehaves when it is told to.
type front struct {
	srv    *http.Server
	addr   string
	began  time.Time
	client *http.Client
	ended  chan struct{}

	mu       sync.Mutex
	upstream string // URL of the issuer's key set
	mode     string // frontGood, or how it misbehaves
	planted  []byte // instead of the set, with frontPlanted
	asked    map[int]*asked
}

// asked is what one verifier asked for.
type asked struct {
	all, bad int // bad: while it misbehaved
}

// The ways of a front. The bad ones have the names of the cases that they make.
const (
	frontGood    = "good"
	frontPlanted = "planted"
)

// longestSet bounds what is read of the issuer.
const longestSet = 1 << 20

func newFront() (*front, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("key set in between: %w", err)
	}
	f := &front{
		addr: ln.Addr().String(), began: time.Now(), mode: frontGood, asked: map[int]*asked{}, ended: make(chan struct{}),
		client: &http.Client{Transport: &http.Transport{}, Timeout: opTimeout}, // no proxy
	}
	f.srv = &http.Server{Handler: http.HandlerFunc(f.serve), ReadHeaderTimeout: opTimeout}
	go func() {
		defer close(f.ended)
		_ = f.srv.Serve(ln) // until close
	}()
	return f, nil
}

func (f *front) close() error {
	if f == nil {
		return nil
	}
	err := f.srv.Close()
	<-f.ended
	f.client.CloseIdleConnections()
	return err
}

// url is where the verifier on that node asks.
func (f *front) url(node int) string { return fmt.Sprintf("http://%s/%d/jwks.json", f.addr, node) }

// turn changes its ways.
func (f *front) turn(mode string, planted []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mode, f.planted = mode, planted
}

func (f *front) from(upstream string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.upstream = upstream
}

// counts is what the verifier on that node asked for so far.
func (f *front) counts(node int) asked {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := f.asked[node]; a != nil {
		return *a
	}
	return asked{}
}

// take notes a question and says how to answer it.
func (f *front) take(r *http.Request) (mode, upstream string, planted []byte) {
	node, _ := strconv.Atoi(strings.Split(r.URL.Path+"//", "/")[1])
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.asked[node]
	if a == nil {
		a = &asked{}
		f.asked[node] = a
	}
	a.all++
	if f.mode != frontGood {
		a.bad++
	}
	return f.mode, f.upstream, f.planted
}

func (f *front) serve(w http.ResponseWriter, r *http.Request) {
	mode, upstream, planted := f.take(r)
	w.Header().Set("Content-Type", "application/jwk-set+json")
	switch mode {
	case keysSlow:
		<-r.Context().Done() // until the verifier gives up
	case keys500:
		w.WriteHeader(http.StatusInternalServerError)
	case keysEmpty:
		_, _ = io.WriteString(w, `{"keys":[]}`) // a verifier that went away
	case frontPlanted:
		_, _ = w.Write(planted)
	default:
		set, err := f.fetch(r.Context(), upstream)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write(set)
	}
}

// fetch is the issuer's key set.
func (f *front) fetch(ctx context.Context, upstream string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, upstream, nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, longestSet))
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("the issuer's key set: %s", resp.Status))
	}
	return b, err
}
