package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// The hosts that there are for the browser. The neighbour is of the shop's site, and
// another origin; the old shop is the shop under a name whose cookies nobody renews.
const (
	shopHost     = "shop.test"
	oldShopHost  = "old-shop.test"
	siblingHost  = "blog.shop.test"
	attackerHost = "evil.test"
)

// ownPages are pages that we add to the shop.
const ownPages = "/.authbench/"

// csrfFront is all sites that the browser reaches. The shop is the node, with TLS ended
// before it as by any proxy.
type csrfFront struct {
	c       *contract.Contract
	client  *contract.Client
	reports chan report

	mu    sync.Mutex
	n     int           // of the page that is waited for
	user  contract.Vars // who sits at the browser
	lines []string      // Set-Cookie fields of their log-in, as they came
	alter func(line string) string
	trial *seen // what is being tried; nil: nothing
	shape lure  // for the page that tries it
	loot  *looted
}

// report is what a page says of what it did.
type report struct {
	N      int    `json:"n"`
	Read   string `json:"read"` // what it could read
	Error  string `json:"error"`
	Status int    `json:"status"`
}

// seen is what reached the shop of what was tried.
type seen struct {
	preflights, requests int
	attached             bool             // the last request carried the user's credential
	answer               *contract.Answer // to it
	bare                 *contract.Answer // to the same with all defences out of its way; nil: it was not sent
	answered             chan struct{}
	strip                bool
}

func newCSRFFront(c *contract.Contract, client *contract.Client) *csrfFront {
	return &csrfFront{c: c, client: client, reports: make(chan report, 16), alter: func(s string) string { return s }}
}

// next numbers a page.
func (f *csrfFront) next() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	return f.n
}

// wait waits for the report of page n.
func (f *csrfFront) wait(ctx context.Context, n int, limit time.Duration) (report, error) {
	end := time.After(limit)
	for {
		select {
		case r := <-f.reports:
			if r.N == n {
				return r, nil
			}
		case <-end:
			return report{}, errors.New("it reports nothing")
		case <-ctx.Done():
			return report{}, context.Cause(ctx)
		}
	}
}

func (f *csrfFront) tell(r report) {
	select {
	case f.reports <- r:
	default: // nobody waits for that many
	}
}

// hold has a user sit at the browser.
func (f *csrfFront) hold(vars contract.Vars, lines []string, alter func(string) string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.user, f.lines, f.alter = vars, lines, alter // without lines nothing is altered
}

func (f *csrfFront) vars() contract.Vars {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.user
}

// sameSite is that attribute of the cookie that the log-in has set, siteDefault where it
// has none.
func (f *csrfFront) sameSite(cookie string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, line := range f.lines {
		if name, _, _ := strings.Cut(line, "="); strings.TrimSpace(name) != cookie {
			continue
		}
		for part := range strings.SplitSeq(line, ";") {
			if k, v, _ := strings.Cut(strings.TrimSpace(part), "="); strings.EqualFold(k, "samesite") {
				return strings.ToUpper(v[:min(1, len(v))]) + strings.ToLower(v[min(1, len(v)):])
			}
		}
	}
	return siteDefault
}

// begin watches for what is tried. With strip, a request that carries the credential and
// is refused is sent once more with the defences out of its way.
func (f *csrfFront) begin(strip bool) *seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trial = &seen{answered: make(chan struct{}, 16), strip: strip}
	return f.trial
}

func (f *csrfFront) end() seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := *f.trial
	f.trial = nil
	return s
}

func (f *csrfFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	switch host {
	case attackerHost, siblingHost:
		f.attacker(w, r)
	case shopHost, oldShopHost:
		f.shop(w, r)
	default:
		http.NotFound(w, r)
	}
}

// shop is the node, with our pages before it.
func (f *csrfFront) shop(w http.ResponseWriter, r *http.Request) {
	if name, ours := strings.CutPrefix(r.URL.Path, ownPages); ours {
		f.ownPage(w, r, name)
		return
	}
	if r.TLS == nil {
		http.NotFound(w, r) // but for our pages there is nothing without TLS
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, longestSet))
	if err != nil {
		return // the browser has gone
	}
	req := f.forward(r, body)
	step := f.stepOf(r)
	vars := f.vars()
	a := f.client.Send(r.Context(), step, req, vars)
	f.note(r, step, req, a, vars)
	if a.Status == 0 {
		http.Error(w, a.Problem, http.StatusBadGateway)
		return
	}
	for _, h := range a.Header {
		if !slices.Contains(hopByHop(), strings.ToLower(h.Name)) {
			w.Header().Add(h.Name, h.Value)
		}
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}

// hopByHop are fields that a proxy does not pass on (RFC 9110 section 7.6.1), and those
// that it writes itself.
func hopByHop() []string {
	return []string{"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "host", "accept-encoding"}
}

// forward is the request as a proxy that ends TLS passes it on. A target that we have
// started sees the host that the browser sees; one elsewhere has a name of its own.
func (f *csrfFront) forward(r *http.Request, body []byte) contract.RawRequest {
	req := contract.RawRequest{Method: r.Method, Path: r.URL.RequestURI(), Host: r.Host, Body: body}
	if f.c.Start == nil {
		req.Host = f.client.Host
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if slices.Contains(hopByHop(), strings.ToLower(name)) {
			continue
		}
		for _, v := range r.Header[name] {
			req.Headers = append(req.Headers, contract.Header{Name: name, Value: v})
		}
	}
	req.Headers = append(req.Headers, []contract.Header{
		{Name: "X-Forwarded-For", Value: "127.0.0.1"}, {Name: "X-Forwarded-Host", Value: r.Host}, {Name: "X-Forwarded-Proto", Value: "https"},
	}...)
	return req
}

// stepOf is what a request is an instance of.
func (f *csrfFront) stepOf(r *http.Request) *contract.Step {
	if change, _ := f.path(f.c.Revoke); r.URL.Path == change {
		return f.c.Revoke
	}
	return &f.c.Use
}

// path is where a step of the browser's user goes, without and with its query.
func (f *csrfFront) path(step *contract.Step) (path, whole string) {
	req, err := f.c.Render(step, f.client.Host, f.vars())
	if err != nil {
		return "", ""
	}
	path, _, _ = strings.Cut(req.Path, "?")
	return path, req.Path
}

// note keeps what became of a request, where one is being tried.
func (f *csrfFront) note(r *http.Request, step *contract.Step, req contract.RawRequest, a *contract.Answer, vars contract.Vars) {
	use, _ := f.path(&f.c.Use)
	f.mu.Lock()
	s := f.trial
	f.mu.Unlock()
	if s == nil || step == &f.c.Use && r.URL.Path != use {
		return
	}
	if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		f.mu.Lock()
		s.preflights++
		f.mu.Unlock()
		return
	}
	attached := carries(req, vars["credential"])
	var bare *contract.Answer
	if s.strip && attached && step == f.c.Revoke && a.Outcome != results.OK {
		bare = f.undefended(r.Context(), req.Method, vars)
	}
	f.mu.Lock()
	s.requests++
	s.attached, s.answer, s.bare = attached, a, bare
	f.mu.Unlock()
	s.answered <- struct{}{}
}

// undefended makes the change with the method of the forged request and nothing in its
// way: the right CSRF token, the right type of body, and no word of where it is from. That
// is what a server does that looks at the credential alone.
func (f *csrfFront) undefended(ctx context.Context, method string, vars contract.Vars) *contract.Answer {
	req, err := f.c.Render(f.c.Revoke, f.client.Host, vars)
	if err != nil {
		return nil
	}
	if req.Method = method; method == http.MethodGet || method == http.MethodHead {
		req.Body = nil
	}
	return f.client.Send(ctx, f.c.Revoke, req, vars)
}

// carries says whether a request has the credential anywhere.
func carries(req contract.RawRequest, credential string) bool {
	if credential == "" {
		return false
	}
	return strings.Contains(req.Path, credential) || strings.Contains(string(req.Body), credential) ||
		slices.ContainsFunc(req.Headers, func(h contract.Header) bool { return strings.Contains(h.Value, credential) })
}

// attacker serves the pages of the attacker, on a site of their own or as a neighbour.
func (f *csrfFront) attacker(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/attack":
		f.attackPage(w)
	case "/report":
		f.reported(r)
	case "/redirect":
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusTemporaryRedirect)
	case "/loot":
		f.looted(r)
	case "/plant":
		f.plant(w, r)
	default:
		http.NotFound(w, r)
	}
}

// reported takes the report of a page.
func (f *csrfFront) reported(r *http.Request) {
	var said report
	if json.NewDecoder(io.LimitReader(r.Body, longestSet)).Decode(&said) == nil {
		f.tell(said)
	}
}

// number is the number of the page that asks.
func pageNumber(r *http.Request) int {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	return n
}
