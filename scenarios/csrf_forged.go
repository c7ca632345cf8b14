package scenarios

import (
	"context"
	"fmt"
	"time"

	"authbench/results"
)

// forgery is a way to have a browser send a request.
type forgery struct {
	name  string // of the function in csrf_attacker.js
	words string
	from  string // host
	reads bool   // it is after the user's data, not after a change
	away  bool   // the page reports nothing: it is left, or has nothing to wait for
}

// forgeries are all of them.
func forgeries() []forgery {
	return []forgery{
		{"form", "form, POST", attackerHost, false, true},
		{"form-json", "form, POST, JSON as text/plain", attackerHost, false, true},
		{"form-frame", "form, POST, in a frame", attackerHost, false, false},
		{"form-redirected", "form, POST, redirected with 307", attackerHost, false, true},
		{"form-override", "form, GET with _method", attackerHost, false, true},
		{"link", "link, GET", attackerHost, false, true},
		{"frame", "frame, GET", attackerHost, false, false},
		{"image", "image, GET", attackerHost, false, false},
		{"fetch-opaque", "fetch, POST, no-cors", attackerHost, false, false},
		{"fetch-plain", "fetch, POST, text/plain", attackerHost, false, false},
		{"fetch-json", "fetch, application/json", attackerHost, false, false},
		{"fetch-override", "fetch, GET with X-HTTP-Method-Override", attackerHost, false, false},
		{"xhr", "XMLHttpRequest, POST", attackerHost, false, false},
		{"beacon", "sendBeacon, POST", attackerHost, false, true},
		{"form", "a neighbour’s form, POST", siblingHost, false, true},
		{"image", "a neighbour’s image, GET", siblingHost, false, false},
		{"fetch-plain", "a neighbour’s fetch, POST", siblingHost, false, false},
		{"read-fetch", "fetch, GET of the user’s data", attackerHost, true, false},
		{"read-xhr", "XMLHttpRequest, GET of the user’s data", attackerHost, true, false},
		{"read-script", "script, GET of the user’s data", attackerHost, true, false},
		{"read-frame", "frame, GET of the user’s data", attackerHost, true, false},
		{"read-fetch", "a neighbour’s fetch, GET of the user’s data", siblingHost, true, false},
	}
}

// attempt is what became of one of them.
type attempt struct {
	forgery
	sent     bool // to the shop, with more than a preflight
	attached bool // with the user's credential
	changed  bool // the user's state, at the target as it is
	would    bool // have changed it at a target that looks at the credential alone
	read     bool // by the page: some of an answer for the user
	status   int  // of the answer
}

// everything tries all of them, with one kind of cookie.
func (x *crossSite) everything(ctx context.Context, mode string) ([]attempt, error) {
	var out []attempt
	for _, f := range forgeries() {
		a, err := x.try(ctx, f, shopHost, mode, true)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.words, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// grace is how long a page may look at an answer after it was given.
const grace = 300 * time.Millisecond

// try has the browser of a user who is logged in open the attacker's page.
func (x *crossSite) try(ctx context.Context, f forgery, shop, mode string, strip bool) (attempt, error) {
	out := attempt{forgery: f}
	if x.inside != shop+" "+mode {
		if err := x.enter(ctx, shop, mode); err != nil {
			return out, err
		}
	}
	n := x.front.next()
	x.front.forge(n, f.name, shop)
	began := x.front.begin(strip)
	if err := x.browser.Visit(ctx, fmt.Sprintf("https://%s/attack?n=%d", f.from, n)); err != nil {
		return out, err
	}
	r, err := x.outcome(ctx, f, n, began.answered)
	if err != nil {
		return out, err
	}
	seen := x.front.end()
	alive, err := x.alive(ctx)
	if err != nil {
		return out, err
	}
	out.sent, out.attached, out.read = seen.requests > 0, seen.attached, seen.attached && r.Read != ""
	out.would = seen.bare != nil && seen.bare.Outcome == results.OK
	if a := seen.answer; a != nil {
		out.status = a.Status
		accepted := a.Outcome == results.OK && !f.reads && seen.attached
		// Where the change ends the credential it shows in that: not every 200 is a change.
		out.changed = accepted && (!x.ends || !alive)
		out.would = out.would || out.changed
		if accepted || sets(a.Header, x.cookie) {
			x.inside = ""
		}
	}
	if out.would || !alive {
		x.inside = ""
	}
	return out, nil
}

// outcome waits until a forged request has come to its end: the page says so, or, where it
// cannot, the shop has answered.
func (x *crossSite) outcome(ctx context.Context, f forgery, n int, answered <-chan struct{}) (report, error) {
	limit := time.NewTimer(pageTimeout)
	defer limit.Stop()
	for {
		select {
		case r := <-x.front.reports:
			if r.N == n {
				return r, nil
			}
		case <-answered:
			if f.away {
				return report{}, nil
			}
			answered = nil
			limit.Reset(grace)
		case <-limit.C:
			if answered == nil {
				return report{}, nil
			}
			return report{}, fmt.Errorf("the page at %s has sent nothing", f.from)
		case <-ctx.Done():
			return report{}, context.Cause(ctx)
		}
	}
}
