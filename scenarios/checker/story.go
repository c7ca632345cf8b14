package checker

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"authbench/results"
)

// stories tells the violations that were kept, check by check.
func (b *book) stories(s *sweep) []results.Violation {
	out := []results.Violation{}
	for _, check := range []string{BoundViolations, FalseRejects, Mislabelled, Resurrections, DataLoss, Identity, Expiry} {
		if f := s.found[check]; f != nil {
			for _, one := range f.first {
				out = append(out, b.story(one))
			}
		}
	}
	for _, one := range s.stuck[:min(len(s.stuck), kept)] {
		out = append(out, b.stuckStory(one, s.clear))
	}
	for _, one := range s.families {
		out = append(out, b.familyStory(one))
	}
	return out
}

// story is a violation with the events that show it: how the credential was handed
// out, its revoke, the answer, the fault that was near, and the answers before and
// after on the same node, as far as five go.
func (b *book) story(one suspect) results.Violation {
	op, c := &b.h.Ops[one.op], &b.lives[one.life]
	answer := b.event(one.op)
	answer.Text = "this one"
	events := []results.Event{answer}
	if c.maker >= 0 {
		events = append(events, b.event(c.maker))
	}
	if one.kill.op >= 0 {
		e := b.event(one.kill.op)
		e.Text = fmt.Sprintf("acknowledged %s before this use", ms(op.Invoke-one.kill.acked))
		if one.kill.by >= 0 {
			e.Text = fmt.Sprintf("not acknowledged; a rejection on node %d proves it %s before this use",
				b.h.Ops[one.kill.by].Node, ms(op.Invoke-one.kill.acked))
		}
		events = append(events, e)
	}
	if e, near := b.faultNear(op); near {
		events = append(events, e)
	}
	for _, i := range b.neighbours(c, one.op) {
		if len(events) < 5 {
			events = append(events, b.event(i))
		}
	}
	byTime(events)
	return results.Violation{Check: one.check, Summary: b.summary(one), Events: events}
}

func byTime(events []results.Event) {
	slices.SortStableFunc(events, func(x, y results.Event) int { return cmp.Compare(x.AtNS, y.AtNS) })
}

// summary is the violation in one sentence.
func (b *book) summary(one suspect) string {
	op, c := &b.h.Ops[one.op], &b.lives[one.life]
	did := op.Outcome.String()
	if op.Outcome == results.OK {
		did = "accepted"
	}
	after := ""
	if one.kill.op >= 0 {
		after = fmt.Sprintf(", %s after its %s was acknowledged", ms(op.Invoke-one.kill.acked), words(b.h.Ops[one.kill.op].Kind))
		if one.kill.by >= 0 {
			after = fmt.Sprintf(", %s after a rejection proved its %s", ms(op.Invoke-one.kill.acked), words(b.h.Ops[one.kill.op].Kind))
		}
	}
	if one.check == Expiry {
		after = fmt.Sprintf(", by %s", ms(op.Invoke-one.since))
	}
	return fmt.Sprintf("Credential %s of %s was %s on node %d at %s %s%s.",
		c.name, b.users[c.user].name, did, op.Node, ms(op.Invoke), one.why, after)
}

// words is what people call an operation.
func words(k Kind) string {
	switch k {
	case Revoke:
		return "log-out"
	case RevokeAll:
		return "log-out everywhere"
	case Password:
		return "change of password"
	case StepUp:
		return "step-up"
	}
	return k.String()
}

// neighbours are the uses of the credential on the node of operation i, before and
// after it.
func (b *book) neighbours(c *life, i int32) []int32 {
	var out []int32
	before, passed := int32(-1), false
	for _, j := range c.ops {
		op := &b.h.Ops[j]
		switch {
		case j == i:
			passed = true
		case op.Kind != Use || op.Node != b.h.Ops[i].Node:
		case !passed:
			before = j
		default:
			out = append(out, j)
		}
		if len(out) > 0 {
			break
		}
	}
	if before >= 0 {
		out = append([]int32{before}, out...)
	}
	return out
}

// near is how long before an answer a fault may be over and still be told with it.
const near = int64(10 * time.Second)

// faultNear is the latest fault that had begun when op was answered, if it was not
// long over.
func (b *book) faultNear(op *Op) (results.Event, bool) {
	at := -1
	for i := range b.h.Faults {
		f := &b.h.Faults[i]
		if f.Requested > op.Complete || later(f.over(), near) < op.Invoke || f.Nodes != nil && !slices.Contains(f.Nodes, op.Node) {
			continue
		}
		if at < 0 || f.Requested > b.h.Faults[at].Requested {
			at = i
		}
	}
	if at < 0 {
		return results.Event{}, false
	}
	return b.faultEvent(at), true
}

func (b *book) faultEvent(i int) results.Event {
	f := &b.h.Faults[i]
	e := results.Event{AtNS: f.Requested, DoneNS: f.over(), What: "fault", Node: -1, Text: f.Name}
	if e.DoneNS == forever {
		e.DoneNS = b.h.End
		e.Text += ", not seen to be over"
	}
	return e
}

// event is an operation, to be printed.
func (b *book) event(i int32) results.Event {
	op := &b.h.Ops[i]
	e := results.Event{
		AtNS: op.Invoke, DoneNS: op.Complete, What: op.Kind.String(), Node: op.Node,
		User: op.User, Credential: op.Credential, Outcome: op.Outcome.String(), Status: op.Status,
	}
	switch {
	case op.Kind == Refresh:
		e.Text = fmt.Sprintf("presented %s, handed out %s", op.Presented, orNothing(op.Handed))
	case op.Made != "":
		e.Text = "handed out " + op.Made
	case op.Subject != "" && op.Subject != op.User:
		e.Text = "answered as " + op.Subject
	}
	return e
}

func orNothing(name string) string {
	if name == "" {
		return "nothing"
	}
	return name
}

// stuckStory tells of a node that did not recover: the fault, and its last uses.
func (b *book) stuckStory(one stuck, clear []clearUse) results.Violation {
	f := &b.h.Faults[one.fault]
	events := []results.Event{b.faultEvent(one.fault)}
	var uses []clearUse
	for _, u := range clear {
		if u.node == one.node && u.invoke > f.Recovered {
			uses = append(uses, u)
		}
	}
	slices.SortFunc(uses, func(x, y clearUse) int { return cmp.Compare(x.invoke, y.invoke) })
	for i, u := range uses {
		if i < 2 || i >= len(uses)-2 {
			events = append(events, b.event(u.op))
		}
	}
	return results.Violation{Check: Recovery, Events: events, Summary: fmt.Sprintf(
		"Node %d accepted no live credential in the %s after %s was over.", one.node, ms(one.asked), f.Name)}
}

// familyStory tells of a family of refresh tokens: the operation that cannot be
// explained, and what was done before it.
func (b *book) familyStory(one suspect) results.Violation {
	op := &b.h.Ops[one.op]
	root := &b.h.Ops[one.kill.op]
	last := b.event(one.op)
	last.Text += ": this one"
	events := []results.Event{b.event(one.kill.op)}
	var before []int32
	for _, f := range b.gather() {
		if f.root != one.kill.op {
			continue
		}
		for _, s := range f.steps {
			if s.op != one.op && s.call <= op.Complete {
				before = append(before, s.op)
			}
		}
	}
	for _, i := range before[max(0, len(before)-3):] {
		events = append(events, b.event(i))
	}
	events = append(events, last)
	byTime(events)
	did := "was answered " + op.Outcome.String()
	if op.Outcome == results.OK {
		did = "worked"
	}
	return results.Violation{Check: RefreshFamilies, Events: events, Summary: fmt.Sprintf(
		"Refresh token %s of %s %s on node %d at %s, which no order of the operations on its family allows (login at %s, grace %s).",
		orNothing(op.Presented), root.User, did, op.Node, ms(op.Invoke), ms(root.Invoke), b.p.Grace)}
}
