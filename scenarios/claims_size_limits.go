package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"authbench/results"
)

// limit is a size that a credential may meet on its way.
type limit struct {
	name  string
	bytes int
	// of says what it counts: "head" is the request line and all header fields, "field"
	// the one that carries the credential, "cookie" the cookie's name and value.
	of  string
	how string
}

// statedLimits are those that the documentation of common software names as its
// defaults. None of them is measured here.
func statedLimits() []limit {
	return []limit{
		{"browsers, a cookie", 4096, "cookie", "stated: RFC 6265bis, the Set-Cookie algorithm: a longer one is ignored"},
		{"nginx, a header field", 8 << 10, "field", "stated: large_client_header_buffers 4 8k"},
		{"Apache httpd, a header field", 8190, "field", "stated: LimitRequestFieldSize 8190"},
		{"HAProxy, a head", 16384 - 1024, "head", "stated: tune.bufsize 16384 less tune.maxrewrite 1024"},
		{"Node.js, a head", 16 << 10, "head", "stated: --max-http-header-size 16 KiB"},
		{"Envoy, a head", 60 << 10, "head", "stated: max_request_headers_kb 60"},
	}
}

// limits finds the largest head that the node takes, byte by byte, and the largest
// profile whose uses are still accepted.
func (t *Trial) limits(ctx context.Context, all []*sized) error {
	head, err := all[0].largestHead(ctx)
	if err != nil {
		return fmt.Errorf("largest head: %w", err)
	}
	t.judge(t.headVerdict(head))
	table := newTable("limits", "What is the largest profile that fits? The node’s own limit was measured, the others are what documentation says.",
		results.Column{Name: "limit"},
		results.Column{Name: "size", Unit: "bytes"},
		results.Column{Name: "largest profile", Unit: "bytes"},
		results.Column{Name: "known from"})
	small, large := all[0], all[len(all)-1]
	grows := large.sent.credential > small.sent.credential
	fit := results.Cell{Text: "its credential does not grow"}
	if grows {
		n, verdict, err := t.largestProfile(ctx, all, head)
		if err != nil {
			return fmt.Errorf("largest profile: %w", err)
		}
		t.judge(verdict)
		if fit = none("not found"); n >= 0 {
			fit = counted(n)
			t.tell("claims.largest", "bytes", float64(n), "A profile of %d bytes is the largest whose uses are accepted; one byte more is refused with 431, the head having room for %d bytes.", n, head)
		}
	} else {
		t.judge(results.Verdict{Check: "profile-limit", Status: results.NotApplicable, Reason: "its credential does not grow with the profile"})
	}
	addRow(table, "this node, a head", counted(head), fit, word("measured"))
	for _, l := range statedLimits() {
		fit := results.Cell{Text: "its credential does not grow"}
		switch {
		case l.of == "cookie" && small.sent.cookie == 0:
			fit = none("it is not sent as a cookie")
		case grows:
			fit = fitsUnder(small, large, l)
		}
		addRow(table, l.name, counted(l.bytes), fit, word("%s", l.how))
	}
	t.keep(table)
	return nil
}

func (s sent) of(what string) int {
	return map[string]int{"head": s.head - len(closing), "field": s.field, "cookie": s.cookie}[what]
}

// fitsUnder is the largest profile under a limit: the credential grows in proportion,
// by 4 characters for 3 bytes, give or take a rounding.
func fitsUnder(small, large *sized, l limit) results.Cell {
	a, b := small.sent.of(l.of), large.sent.of(l.of)
	slope := float64(large.bytes-small.bytes) / float64(b-a)
	n := float64(small.bytes) + slope*float64(l.bytes-b+(b-a))
	if n < 0 {
		return none("none: the credential alone is larger")
	}
	c := figure(float64(int(n)))
	c.Text = "reckoned"
	return c
}

// largestHead is the largest request head that the node answers as usual: bisected
// with a header field that means nothing, over the wire.
func (s *sized) largestHead(ctx context.Context) (int, error) {
	accepted := func(head int) (bool, error) {
		status, got, err := s.padded(ctx, head-s.sent.head)
		if err == nil && got != head {
			err = fmt.Errorf("a head of %d bytes was asked for, %d were sent", head, got)
		}
		return status == http.StatusOK, err
	}
	low := s.sent.head + len(padName) + 4 // with a padding field that is empty
	return bisect(low, maxHead, accepted)
}

const (
	padName = "X-Pad"
	maxHead = 1<<20 + 1 // larger than any node's limit may be set
)

// padded uses a credential with so many more bytes of header.
func (s *sized) padded(ctx context.Context, more int) (status, head int, err error) {
	step := s.c.Use
	step.Headers = maps.Clone(step.Headers)
	step.Headers[padName] = strings.Repeat("x", more-len(padName)-4) // ": " and CRLF
	a, err := s.client(0).Do(ctx, &step, s.users[0].vars)
	if err != nil {
		return 0, 0, err
	}
	if a.Status == 0 && a.Outcome == results.Timeout {
		return 0, 0, errors.New(a.Problem)
	}
	return a.Status, len(a.Request.Bytes()) - len(a.Request.Body) + len(closing), nil
}

// bisect finds the largest n from low, which has to be ok, to below high, which is taken
// not to be: whatever is ok lies below whatever is not. It doubles its steps first.
func bisect(low, high int, ok func(int) (bool, error)) (int, error) {
	good, err := ok(low)
	if err != nil {
		return 0, err
	}
	if !good {
		return 0, fmt.Errorf("%d is refused already", low)
	}
	for step := 256; low+step < high; step *= 2 {
		good, err := ok(low + step)
		if err != nil {
			return 0, err
		}
		if !good {
			high = low + step
			break
		}
		low += step
	}
	for high-low > 1 {
		mid := low + (high-low)/2
		good, err := ok(mid)
		switch {
		case err != nil:
			return 0, err
		case good:
			low = mid
		default:
			high = mid
		}
	}
	return low, nil
}

// headVerdict: a limit that is set is kept to, to the byte.
func (t *Trial) headVerdict(head int) results.Verdict {
	v := results.Verdict{Check: "header-limit", Measured: number(float64(head)), Unit: "bytes of the largest head that is accepted"}
	set, err := strconv.Atoi(t.Arm.Contract.Settings["max_header_bytes"])
	switch {
	case err != nil:
		v.Status, v.Reason = results.NotApplicable, "it declares no limit"
	case head == set:
		v.Status, v.Bound = results.Pass, number(float64(set))
	default:
		v.Status, v.Bound, v.Reason = results.Fail, number(float64(set)), fmt.Sprintf("max_header_bytes is %d, and the largest head that is accepted has %d bytes", set, head)
	}
	return v
}

// largestProfile finds, to the byte, the largest profile whose use fits the head, on
// nodes that keep one of each size. -1: there is none to be found.
func (t *Trial) largestProfile(ctx context.Context, all []*sized, head int) (int, results.Verdict, error) {
	v := results.Verdict{Check: "profile-limit", Unit: "profiles refused other than with 431", Bound: number(0)}
	small, large := all[0], all[len(all)-1]
	slope := float64(large.bytes-small.bytes) / float64(large.sent.head-small.sent.head)
	guess := small.bytes + int(slope*float64(head-small.sent.head))
	low, high := max(0, guess-guessed), guess+guessed
	if high > largestSetting {
		v.Status, v.Reason = results.NotApplicable, fmt.Sprintf("it would take a profile of %d bytes, and no more than %d can be set", guess, largestSetting)
		return -1, v, nil
	}
	odd := 0
	fits := func(n int) (bool, error) {
		status, err := t.statusAt(ctx, n)
		if status != http.StatusOK && status != tooLarge {
			odd++
			v.Reason = fmt.Sprintf("a profile of %d bytes is answered with %d", n, status)
		}
		return status == http.StatusOK, err
	}
	if beyond, err := fits(high); err != nil || beyond {
		v.Status, v.Reason = results.Unknown, fmt.Sprintf("a profile of %d bytes was thought not to fit a head of %d, and does", high, head)
		return -1, v, err
	}
	within, err := fits(low)
	switch {
	case err != nil:
		return -1, v, err
	case odd > 0:
		v.Status, v.Measured = results.Fail, number(float64(odd))
		return -1, v, nil
	case !within:
		v.Status, v.Reason = results.Unknown, fmt.Sprintf("a profile of %d bytes was thought to fit a head of %d, and does not", low, head)
		return -1, v, nil
	}
	n, err := bisect(low, high, fits)
	if err != nil {
		return -1, v, err
	}
	v.Status, v.Measured = results.Pass, number(float64(odd))
	if odd > 0 {
		v.Status = results.Fail
	}
	return n, v, nil
}

// guessed is how far off the size of a profile may be that is reckoned from two others:
// base64 rounds each of them by up to three characters.
const guessed = 8

// largestSetting is the largest profile that the bundled arms can keep.
const largestSetting = 16 << 10

// statusAt is what a use is answered where profiles have n bytes.
func (t *Trial) statusAt(ctx context.Context, n int) (status int, err error) {
	c, err := t.variant(map[string]string{sizeKey(t.Arm.Contract): strconv.Itoa(n)})
	if err != nil {
		return 0, err
	}
	s := &sized{rig: &rig{t: t, c: c, hist: newHistory()}, bytes: n}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.startNode(ctx, setup{}, 0); err != nil {
		return 0, err
	}
	if s.users, err = s.logIn(ctx, 1); err != nil {
		return 0, err
	}
	err = s.look(ctx)
	return s.status, err
}
