package scenarios

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// FanOut puts an edge before several services, all of which a request of a user
// needs, and asks who checks the credential: every service, the edge alone, or
// something between. What does that cost each tier, and when does a log-out reach
// them all?
//
// The edge calls the services one after the other (or at the same time: order) over
// connections that stay open, and answers when all of them agree on who the user is.
func FanOut() Scenario {
	return Scenario{
		Name:    "fan-out",
		Summary: "an edge and the services behind it: who checks the credential, what it costs each tier, and when a log-out is known to all",
		Params: []Param{
			{Key: "how", Default: "all", Words: append([]string{"all"}, shapeNames()...), Meaning: "how services learn who the user is; all: every way that the arm has, side by side"},
			{Key: "services", Default: "1,2,4", Meaning: "how many services one request needs, with commas between"},
			{Key: "order", Default: "chain", Words: []string{"chain", "parallel"}, Meaning: "services are called one after the other, or at the same time"},
			{Key: "hold", Default: "2s", Meaning: "how long an introspection is believed, and a phantom token handed on"},
			{Key: "guard", Default: "secret", Words: []string{"secret", "none"}, Meaning: "how a service knows that it is the edge that names the user"},
			{Key: "users", Default: "200", Meaning: "users that are logged in"},
			{Key: "rate", Default: "300", Meaning: "requests of users a second, the same for all"},
			{Key: "blocks", Default: "8", Meaning: "how often each of them is measured, in an order drawn anew each time"},
			{Key: "window", Default: "1s", Meaning: "how long, each time"},
			{Key: "revocations", Default: "100", Meaning: "users who log out, for each way"},
			{Key: "life", Default: "2s", Meaning: "life of tokens in the part about log-outs"},
		},
		Applies: fanOutApplies,
		Limit:   15 * time.Minute,
		Run:     runFanOut,
	}
}

// shape is one way of telling services who the user is.
type shape struct {
	name  string // of the setting how
	label string // in tables
	about string // one sentence
	tier  string // what the nodes call it
	// holds says that something is believed for a while.
	holds bool
	// memo says that services remember verified tokens.
	memo bool
	// asked says that a service can be asked with the user's own credential.
	asked bool
	// why says why an arm has no such way, "" where it has.
	why func(c *contract.Contract) string
}

// shapes lists the ways.
func shapes() []shape {
	opaque := func(c *contract.Contract) string {
		if c.Mechanism != "session" {
			return "its credential is no opaque reference: any service can check it without asking"
		}
		return ""
	}
	return []shape{
		{
			name: "each", label: "checked in each service", tier: "each", asked: true,
			about: "the edge hands the credential on unread, and every service checks it",
			why: func(c *contract.Contract) string {
				if c.Mechanism == "session" && len(storesOf(c)) == 0 {
					return "its sessions are in the memory of one node, which services do not share"
				}
				return ""
			},
		},
		{
			name: "introspect", label: "introspected by each service", tier: "introspect", holds: true, asked: true, why: opaque,
			about: "every service asks the issuer, which is the edge, and believes the answer for a while (RFC 7662)",
		},
		{
			name: "phantom", label: "phantom token", tier: "phantom", holds: true, why: opaque,
			about: "the edge looks the credential up, signs an ES256 token in its place and hands that on for a while, which every service verifies",
		},
		{
			name: "phantom+memo", label: "phantom token, remembered", tier: "phantom", holds: true, memo: true, why: opaque,
			about: "the same, and services remember which tokens they have verified",
		},
		{
			name: "edge", label: "checked at the edge alone", tier: "edge",
			about: "services believe the name in a header of the edge's, which a secret in another proves unless guard is none",
			why: func(c *contract.Contract) string {
				if c.Mechanism == "none" {
					return "it checks nothing that the edge could check in place of services"
				}
				return ""
			},
		},
	}
}

func shapeNames() []string {
	var names []string
	for _, s := range shapes() {
		names = append(names, s.name)
	}
	return names
}

// shapesOf are those that are asked for and that the arm has, or why there are none.
func shapesOf(c *contract.Contract, how string) (list []shape, why string) {
	for _, s := range shapes() {
		if how != "all" && how != s.name {
			continue
		}
		if reason := s.why(c); reason != "" {
			why = reason
			continue
		}
		list = append(list, s)
	}
	if len(list) > 0 {
		why = ""
	}
	return list, why
}

func fanOutApplies(c *contract.Contract, v Values) string {
	if c.Start == nil || len(c.Start.Command) < 2 || c.Start.Command[0] != "{self}" || c.Start.Command[1] != "serve" {
		return "its nodes are not ours to put one behind the other"
	}
	_, why := shapesOf(c, v["how"])
	return why
}

func runFanOut(ctx context.Context, t *Trial) error {
	widths, err := widthsOf(t.Values["services"])
	if err != nil {
		return err
	}
	list, _ := shapesOf(t.Arm.Contract, t.Values["how"])
	trust, err := t.fanOutTrust(ctx, list)
	if err != nil {
		return err
	}
	costs, err := t.fanOutCosts(ctx, list, widths)
	if err != nil {
		return err
	}
	t.keepCosts(costs)
	t.judgeTrust(trust)
	t.judgeAnswers(trust, costs)
	t.chaos().Nodes = 1 + slices.Max(widths)
	return nil
}

// widthsOf reads a list of numbers of services.
func widthsOf(s string) ([]int, error) {
	var out []int
	for _, f := range strings.Split(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(f))
		if err != nil || n < 1 || n > 16 || slices.Contains(out, n) {
			return nil, fmt.Errorf("--set services=%s: want different numbers from 1 to 16, such as 1,2,4", s)
		}
		out = append(out, n)
	}
	return out, nil
}

// judgeAnswers: who was let in, and who was turned away, in both parts together.
func (t *Trial) judgeAnswers(trust []*shapeTrust, costs []*tierCell) {
	var wrong, refused, asked int64
	var of []string
	count := func(label string, w, r, n int64) {
		wrong, refused, asked = wrong+w, refused+r, asked+n
		if w+r > 0 {
			of = append(of, fmt.Sprintf("%s: %d wrong names, %d refused", label, w, r))
		}
	}
	for _, s := range trust {
		count(s.shape.label, s.wrong, s.refused, s.live)
	}
	for _, c := range costs {
		for _, w := range c.windows {
			count(c.label(), w.wrong, w.refused, w.answered)
		}
	}
	reason := fmt.Sprintf("of %d answers in %d ways", asked, len(trust))
	if len(of) > 0 {
		reason = strings.Join(of, "; ")
	}
	t.judge(noneOf("identity", "answers", wrong, asked, reason))
	t.judge(noneOf("false-rejects", "uses", refused, asked, reason))
}

// noneOf is a verdict that fails if there was any, and is unknown without evidence.
func noneOf(check, unit string, bad, evidence int64, reason string) results.Verdict {
	v := results.Verdict{Check: check, Status: results.Pass, Measured: number(float64(bad)), Bound: number(0), Unit: unit, Reason: reason}
	switch {
	case bad > 0:
		v.Status = results.Fail
	case evidence == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "nothing was asked"
	}
	return v
}
