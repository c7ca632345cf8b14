package scenarios

import (
	"fmt"
	"strings"

	"authbench/results"
	"authbench/results/stat"
)

func (t *Trial) algorithmTables(all []*signer) {
	t.keep(costTable(all))
	t.keep(roomTable(all))
	t.tellAlgorithms(all)
	var refused, asked, odd int64
	var why []string
	for _, s := range all {
		refused, asked = refused+s.refused, asked+int64(len(s.users))
		for _, m := range s.windows {
			a := m.Accounting
			refused += a.Rejected + a.Forbidden + a.ProtocolError + m.WrongSubject
			asked += a.OK
		}
		if status := s.small.Value; status != nil && (*status == tooLarge) != (s.sent.head > fasthttpHead) {
			odd++
			why = append(why, fmt.Sprintf("%s: a head of %d bytes is answered with %.0f", s.label, s.sent.head, *status))
		}
	}
	t.judge(noneOf("tokens-accepted", "good tokens refused", refused, asked, ""))
	v := noneOf("small-head", "algorithms whose token was not refused, or taken, as its size has it", odd, asked, strings.Join(why, "; "))
	t.judge(v)
}

// costTable is what each algorithm takes.
func costTable(all []*signer) *results.Table {
	table := newTable("algorithms", "What does a signature cost, and how large is it? Times of one goroutine, measured in the node by itself; requests per core under closed-loop use.",
		results.Column{Name: "algorithm", Meaning: "behind / the bits of an RSA key, or who verifies instead of golang-jwt"},
		results.Column{Name: "sign", Unit: "us", Meaning: "the signature alone"},
		results.Column{Name: "verify", Unit: "us", Meaning: "the signature alone"},
		results.Column{Name: "issue a token", Unit: "us", Meaning: "an access token, with its claims"},
		results.Column{Name: "check a token", Unit: "us", Meaning: "base64, JSON, header, key, signature, claims"},
		results.Column{Name: "signature", Unit: "bytes"},
		results.Column{Name: "token", Unit: "bytes", Meaning: "an access token, as it is sent"},
		results.Column{Name: "key set", Unit: "bytes", Meaning: "the published JWK set with one key"},
		results.Column{Name: "requests per core", Unit: "1/s", Meaning: "uses that one second of the node’s CPU answers, closed loop"})
	for _, s := range all {
		keys := counted(s.cost.JWKS)
		if strings.HasPrefix(s.label, "HS") {
			keys = none("a secret is not published")
		}
		addRow(table, s.label, spread(s.cost.Sign), spread(s.cost.Verify), spread(s.cost.Issue), spread(s.cost.Access),
			counted(s.cost.Bytes), counted(s.sent.credential), keys, s.perCore())
	}
	return table
}

// spread is what several measurements of nanoseconds come to, in microseconds.
func spread(ns []float64) results.Cell {
	if len(ns) == 0 {
		return none("not measured")
	}
	e, err := stat.Location(ns, .95)
	if err != nil {
		return none(err.Error())
	}
	return within(e, micro)
}

// perCore is how many uses a second of the node's CPU answers.
func (s *signer) perCore() results.Cell {
	return over(s.windows, 1, func(m *results.Measurement) (float64, bool) {
		cpu := m.Usage.Target.CPUPerRequest
		if !m.Usage.Target.Known || cpu <= 0 || m.Accounting.OK == 0 {
			return 0, false
		}
		return 1e9 / cpu, true
	})
}

// tokenCookie is the cookie of the bundled arm whose token is in one.
const tokenCookie = "__Host-token"

// roomTable is what a token leaves of the limits on its way.
func roomTable(all []*signer) *results.Table {
	columns := []results.Column{{Name: "head", Unit: "bytes", Meaning: "request line and header fields of a use, as our one-request client sends it: the least there can be"}}
	var limits []limit
	for _, l := range statedLimits() {
		limits = append(limits, l)
		columns = append(columns, results.Column{Name: l.name, Unit: "bytes left", Meaning: l.how})
	}
	head := limit{"fasthttp, a head", fasthttpHead, "head", ""}
	columns = append(columns,
		results.Column{Name: head.name, Unit: "bytes left", Meaning: fmt.Sprintf("ReadBufferSize %d, its default", fasthttpHead)},
		results.Column{Name: "answer there", Meaning: "the status that a node with that limit answers a use with: 431 is too large"})
	table := newTable("room", "How much room does the token leave of the limits on its way? Less than none, and it does not pass. Sizes are measured, limits are what documentation says, but for the last: there it was tried.",
		results.Column{Name: "algorithm"}, columns...)
	for _, s := range all {
		cells := []results.Cell{counted(s.sent.head)}
		for _, l := range append(limits, head) {
			cells = append(cells, counted(l.bytes-s.size(l)))
		}
		addRow(table, s.label, append(cells, s.small)...)
	}
	return table
}

// size is what counts of the token under a limit. A cookie would have it under a name.
func (s *signer) size(l limit) int {
	switch l.of {
	case "cookie":
		return len(tokenCookie) + s.sent.credential
	case "field":
		return s.sent.field
	}
	return s.sent.head
}

// tellAlgorithms says what each costs, and what it breaks.
func (t *Trial) tellAlgorithms(all []*signer) {
	for _, s := range all {
		verify, sign := spread(s.cost.Access), spread(s.cost.Issue)
		if verify.Value == nil || sign.Value == nil {
			continue
		}
		text := fmt.Sprintf("%s: %s us to issue a token, %s us to check it, %d bytes", s.label, threeDigits(*sign.Value), threeDigits(*verify.Value), s.sent.credential)
		var breaks []string
		for _, l := range append(statedLimits(), limit{"fasthttp, a head", fasthttpHead, "head", ""}) {
			if over := s.size(l) - l.bytes; over > 0 {
				breaks = append(breaks, fmt.Sprintf("%s of %d bytes by %d", l.name, l.bytes, over))
			}
		}
		if len(breaks) > 0 {
			text += "; it breaks the limit of " + strings.Join(breaks, ", of ")
		}
		t.tell("algorithms.check."+s.label, "us", *verify.Value, "%s.", text)
	}
}

// threeDigits prints a figure without an exponent.
func threeDigits(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
