package contract

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"authbench/results"
)

// LogsIn says whether the target has a log-in: without one the users' file has their
// credentials.
func (c *Contract) LogsIn() bool { return c.Login.Method != "" }

// several says that a step is not one request whose status tells what became of it.
func (s *Step) several() bool { return len(s.Before) > 0 || s.Follow || s.RejectedIf != nil }

// OneRequest is nil when step is one request whose answer its status judges, so that load
// can be made of it; otherwise it says what else there is.
func (c *Contract) OneRequest(s *Step) error {
	switch {
	case s.Method == "":
		return fmt.Errorf("%s has no such step", c.Name)
	case s.several():
		return fmt.Errorf("%s takes more than one request, or its status does not tell what became of it", c.Name)
	}
	return nil
}

// Outcome is what an answer to step means. listed is false for a status that no list has.
func (c *Contract) Outcome(step *Step, status int, header []Header, body []byte) (o results.Outcome, listed bool) {
	o, listed = c.OutcomeMap(step)[status]
	if step.RejectedIf != nil && !(listed && o == results.Unavailable) {
		if _, err := step.RejectedIf.from(header, body); err == nil {
			return results.Rejected, true
		}
	}
	return o, listed
}

// Learn is vars after an accepted answer: with what the step extracts, and the cookies
// that it sets.
func (c *Contract) Learn(step *Step, vars Vars, status int, header []Header, body []byte) (Vars, error) {
	extracted, err := step.ExtractFrom(status, header, body)
	if err != nil {
		return nil, err
	}
	if held := jarOf(vars["cookies"]).with(header).without(c.named()).String(); held != vars["cookies"] {
		extracted["cookies"] = held
	}
	return vars.With(extracted), nil
}

// Send is one request and its answer as one to step. An error ends what it is part of.
type Send func(ctx context.Context, step *Step, req RawRequest, vars Vars) (*Answer, error)

// Do does a step: those before it, itself, and what it is redirected to. What the target
// does wrong is in the answer's Outcome and Problem; an error means that a request could
// not be rendered. A login that there is none of is done at once.
func (c *Client) Do(ctx context.Context, step *Step, vars Vars) (*Answer, error) {
	return c.DoBy(ctx, step, vars, func(ctx context.Context, step *Step, req RawRequest, vars Vars) (*Answer, error) {
		return c.Send(ctx, step, req, vars), nil
	})
}

// DoBy is Do with send sending its requests.
func (c *Client) DoBy(ctx context.Context, step *Step, vars Vars, send Send) (*Answer, error) {
	if step.Method == "" {
		now := time.Now()
		return &Answer{Outcome: results.OK, Vars: vars, Sent: now, Done: now}, nil
	}
	var trail []Header
	for i := range step.Before {
		a, err := c.one(ctx, &step.Before[i], vars, &trail, send)
		if err != nil {
			return nil, err
		}
		if a.Outcome != results.OK {
			a.Problem = fmt.Sprintf("in the step before it, %s %s: %s", a.Request.Method, a.Request.Path, a.Problem)
			return a, nil
		}
		vars = a.Vars
	}
	return c.one(ctx, step, vars, &trail, send)
}

// mostRedirects is where browsers give up, or sooner.
const mostRedirects = 10

// one does a step without those before it, and adds the Set-Cookie fields that it sees to
// the trail.
func (c *Client) one(ctx context.Context, step *Step, vars Vars, trail *[]Header, send Send) (*Answer, error) {
	req, err := c.Contract.Render(step, c.Host, vars)
	if err != nil {
		return nil, err
	}
	for hops := 0; ; hops++ {
		a, err := send(ctx, step, req, vars)
		if err != nil || a.Status == 0 {
			return a, err
		}
		if len(*trail) > 0 { // what came before counts as well
			a.Vars = vars
			c.judge(step, a, *trail)
		}
		*trail = append(*trail, setCookies(a.Header)...)
		location, none := headerIn("Location", a.Header)
		if !step.Follow || none != nil || !isRedirect(a.Status) || a.Outcome == results.Rejected {
			return a, nil // rejected: rejected_if knows the way back to the form
		}
		req, err = c.redirected(req, a.Status, location, *trail)
		if err == nil && hops == mostRedirects {
			err = fmt.Errorf("more than %d redirects", mostRedirects)
		}
		if err != nil {
			a.Outcome, a.Problem = results.ProtocolError, err.Error()
			return a, nil
		}
	}
}

func isRedirect(status int) bool { return slices.Contains([]int{301, 302, 303, 307, 308}, status) }

func setCookies(header []Header) []Header {
	return slices.DeleteFunc(slices.Clone(header), func(h Header) bool { return !strings.EqualFold(h.Name, "Set-Cookie") })
}

// redirected is the request that a browser makes of a redirect (Fetch, HTTP-redirect
// fetch): with the cookies that it holds by now, and GET unless the answer is 307 or 308.
// It never leaves the target.
func (c *Client) redirected(req RawRequest, status int, location string, trail []Header) (RawRequest, error) {
	scheme := "http"
	if c.TLS != nil {
		scheme = "https"
	}
	base := &url.URL{Scheme: scheme, Host: req.Host}
	at, err := base.Parse(req.Path)
	if err != nil {
		return req, fmt.Errorf("%q is no base for a redirect", req.Path)
	}
	to, err := at.Parse(location)
	if err != nil {
		return req, fmt.Errorf("status %d with a Location that is no URL", status)
	}
	if to.Scheme != scheme || hostPort(to) != hostPort(base) {
		return req, fmt.Errorf("status %d leads to %s://%s: redirects are followed on %s://%s only", status, to.Scheme, to.Host, scheme, base.Host)
	}
	next := RawRequest{Method: req.Method, Path: to.RequestURI(), Host: req.Host, Body: req.Body}
	if again := status == 307 || status == 308; !again && req.Method != "HEAD" {
		next.Method, next.Body = "GET", nil
	}
	var held jar
	for _, h := range req.Headers {
		switch strings.ToLower(h.Name) {
		case "cookie":
			held = jarOf(h.Value)
			continue
		case "content-type":
			if next.Body == nil {
				continue
			}
		}
		next.Headers = append(next.Headers, h)
	}
	if held = held.with(trail); len(held) > 0 {
		next.Headers = append(next.Headers, Header{"Cookie", held.String()})
	}
	return next, nil
}

// hostPort is the host of a URL with its port, in one notation.
func hostPort(u *url.URL) string {
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	return strings.ToLower(u.Hostname()) + ":" + cmp.Or(u.Port(), port)
}
