package attack

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// Sizes of H6.
const (
	bleedUsers = 8
	bleedConns = 8
	bleedDepth = 8    // requests sent before the first answer is read, at most
	bleedTotal = 4000 // requests
	bleedFor   = 3 * time.Second
)

// tryBleed is H6: requests of several users and of nobody, mixed on connections that are
// kept open, several at a time, with large and small ones in between and others that
// break off. Every answer has to be that to its own request.
func tryBleed(ctx context.Context, t *Target, y *Tally) error {
	var users []*User
	for range bleedUsers {
		u, err := t.LogIn(ctx)
		if err != nil {
			return err
		}
		users = append(users, u)
	}
	a, err := t.Use(ctx, users[0])
	if err != nil || !y.Control("a use", a) {
		return err
	}
	b := &bleeding{t: t, y: y, users: users, left: bleedTotal, counts: map[string]int{}}
	limit, cancel := context.WithTimeout(ctx, bleedFor)
	defer cancel()
	var wg sync.WaitGroup
	for i := range bleedConns {
		wg.Go(func() { b.connections(limit, rand.New(rand.NewPCG(6, uint64(i)))) })
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	b.conclude()
	return nil
}

// bleeding is what H6 has seen so far.
type bleeding struct {
	t     *Target
	y     *Tally
	users []*User

	mu     sync.Mutex
	left   int
	counts map[string]int
}

// asked is a request on its way, and whose it is.
type asked struct {
	user *User // nil: nobody's
	kind string
	req  contract.RawRequest
	step *contract.Step
}

// connections opens one connection after the other until time or requests are used up.
func (b *bleeding) connections(ctx context.Context, rng *rand.Rand) {
	for ctx.Err() == nil && b.take(0) {
		conn, err := b.t.dial(ctx)
		if err != nil {
			b.add("no connection", 1)
			pause(ctx, 10*time.Millisecond)
			continue
		}
		b.talk(ctx, conn, rng)
		conn.Close()
	}
}

// talk sends batches on one connection until the target closes it, or chance has it break off.
func (b *bleeding) talk(ctx context.Context, conn net.Conn, rng *rand.Rand) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	r := bufio.NewReader(conn)
	for ctx.Err() == nil {
		batch := b.batch(rng)
		if !b.take(len(batch)) {
			return
		}
		var wire []byte
		for _, q := range batch {
			if err := b.t.limit.Wait(ctx); err != nil {
				return
			}
			b.t.count(q.req, q.vars())
			wire = append(wire, q.req.Bytes()...)
		}
		if rng.IntN(8) == 0 { // in the middle of a request, or before its answer is read
			_, _ = conn.Write(wire[:1+rng.IntN(len(wire))])
			b.add("broken off", len(batch))
			return
		}
		// Written beside the reading: neither side may wait for the other with full buffers.
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = conn.Write(wire) })
		ok := b.read(r, batch)
		wg.Wait()
		if !ok {
			return
		}
	}
}

// batch draws what is sent together.
func (b *bleeding) batch(rng *rand.Rand) []asked {
	out := make([]asked, 1+rng.IntN(bleedDepth))
	for i := range out {
		out[i] = b.draw(rng)
	}
	return out
}

// draw makes one request: mostly a use, with and without a credential.
func (b *bleeding) draw(rng *rand.Rand) asked {
	c, host := b.t.Contract, b.t.Nodes[0].Host
	u := b.users[rng.IntN(len(b.users))]
	use, err := c.Render(&c.Use, host, u.Vars)
	if err != nil {
		return asked{kind: "unwritable"}
	}
	q := asked{user: u, kind: "use", req: use, step: &c.Use}
	switch n := rng.IntN(20); {
	case n < 2:
		q.req.Headers = append(q.req.Headers, contract.Header{Name: "X-Filler", Value: strings.Repeat("f", 1+rng.IntN(3000))})
	case n < 4 && authenticated(b.t) == "":
		q = asked{kind: "a use without a credential", req: withoutCredential(c, use), step: &c.Use}
	case n < 6:
		q.kind = "another path"
		q.req.Path = "/nowhere?" + strings.Repeat("x", rng.IntN(2000))
	case n < 7 && c.Storeless != nil:
		if req, err := c.Render(c.Storeless, host, contract.Vars{}); err == nil {
			q = asked{kind: "storeless", req: req, step: c.Storeless}
		}
	case n < 8: // no wrong log-ins: a target that counts them would shut the address out
		q.kind = "another path"
		q.req.Method, q.req.Path, q.req.Body = "POST", "/nowhere", []byte(strings.Repeat("b", 1+rng.IntN(4000)))
		q.req = withHeader(q.req, "Content-Type", "text/plain")
	}
	return q
}

func (q asked) vars() contract.Vars {
	if q.user == nil {
		return nil
	}
	return q.user.Vars
}

// read reads the answers to a batch, in their order. It says whether the connection can go on.
func (b *bleeding) read(r *bufio.Reader, batch []asked) bool {
	for i, q := range batch {
		resp, err := http.ReadResponse(r, &http.Request{Method: q.req.Method})
		if err != nil {
			b.add("unanswered", len(batch)-i)
			return false
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err != nil {
			b.add("unanswered", len(batch)-i)
			return false
		}
		b.judge(q, resp, body)
		if resp.Close {
			b.add("unanswered", len(batch)-i-1)
			return false
		}
	}
	return true
}

// judge holds one answer against whose request it was.
func (b *bleeding) judge(q asked, resp *http.Response, body []byte) {
	outcome := b.t.Contract.OutcomeMap(q.step)[resp.StatusCode]
	got := fmt.Sprint(resp.StatusCode)
	switch {
	case q.kind == "use":
		if outcome == results.OK {
			b.subject(q, resp, body, got)
			return
		}
		// Too busy is no bleed; a live credential that is not known is.
		b.note("a use", got, "accepted, for its own user", outcome == results.Unavailable)
	case q.kind == "a use without a credential":
		b.note(q.kind, got, "refused", outcome == results.Rejected || outcome == results.Unavailable)
	default:
		named := ""
		for _, u := range b.users {
			if u != q.user && strings.Contains(string(body), `"`+u.Vars["subject"]+`"`) {
				named = ", and names " + u.Vars["subject"]
			}
		}
		b.note(q.kind, got+named, "nothing of other users", named == "")
	}
}

// subject: an accepted answer names its own user, or nobody where the contract does not
// say where.
func (b *bleeding) subject(q asked, resp *http.Response, body []byte, got string) {
	var header []contract.Header
	for name, values := range resp.Header {
		for _, v := range values {
			header = append(header, contract.Header{Name: name, Value: v})
		}
	}
	if q.step.Subject == nil {
		b.add("named nobody", 1)
		return
	}
	subject, err := q.step.SubjectFrom(header, body)
	if err != nil {
		b.note("a use", got+" that names nobody", "its own user", false)
		return
	}
	if subject != q.user.Vars["subject"] {
		got += " for another user"
	}
	b.note("a use", got, "its own user", subject == q.user.Vars["subject"])
}

func (b *bleeding) note(sent, got, want string, ok bool) {
	b.y.Note(sent, got, want, ok)
	b.mu.Lock()
	defer b.mu.Unlock()
	if ok {
		b.counts["right"]++
	}
}

func (b *bleeding) add(what string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts[what] += n
}

// take uses n requests up, if there are any left.
func (b *bleeding) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left <= 0 {
		return false
	}
	b.left -= n
	return true
}

func (b *bleeding) conclude() {
	b.mu.Lock()
	defer b.mu.Unlock()
	right := b.counts["right"]
	b.y.Say("%d users, %d connections at a time, up to %d requests before the first answer: %d answers, %d requests broken off, %d unanswered",
		len(b.users), bleedConns, bleedDepth, right, b.counts["broken off"], b.counts["unanswered"])
	if n := b.counts["named nobody"]; n > 0 {
		b.y.Unknown("%d answers were accepted, and the contract does not say where they name their user (use.subject)", n)
	}
	if right < bleedConns*bleedDepth {
		b.y.Unknown("only %d answers came back, so that none being wrong says little", right)
	}
}

// dial opens a connection to the first node, which the caller keeps.
func (t *Target) dial(ctx context.Context) (net.Conn, error) {
	node := t.Nodes[0]
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	var conn net.Conn
	var err error
	if node.TLS != nil {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: node.TLS}).DialContext(ctx, "tcp", node.Host)
	} else {
		conn, err = dialer.DialContext(ctx, "tcp", node.Host)
	}
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(20 * time.Second)
	if by, ok := ctx.Deadline(); ok {
		deadline = by.Add(time.Second)
	}
	return conn, errors.Join(conn.SetDeadline(deadline))
}
