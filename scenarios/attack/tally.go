package attack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"authbench/results"
	"authbench/targets/contract"
)

// Tally is what became of the variations of a case. Safe for concurrent use.
type Tally struct {
	mu       sync.Mutex
	tried    int
	sent     string // the variations in words
	want     string
	wrong    []miss
	got      map[string]int // "401": 12
	unknown  string         // why it cannot be told
	noted    []string
	controls int
}

// miss is a variation that was answered otherwise than it has to be.
type miss struct{ sent, got, want string }

// Want is what an answer has to be.
type Want struct {
	Words string
	Fits  func(a *contract.Answer) bool
}

// Refused is what no good credential gets: rejected, as the contract has it for the step,
// or one of the status codes that are as good.
func Refused(also ...int) Want {
	words := "refused"
	for _, code := range also {
		words += fmt.Sprintf(" or %d", code)
	}
	return Want{words, func(a *contract.Answer) bool {
		return a.Outcome == results.Rejected || a.Status != 0 && slices.Contains(also, a.Status)
	}}
}

// Accepted is what a good one gets, with the answer for the right user.
func Accepted() Want {
	return Want{"accepted", func(a *contract.Answer) bool { return a.Outcome == results.OK }}
}

// Forbidden is what a request gets that its credential does not make good.
func Forbidden(also ...int) Want {
	return Want{"forbidden", func(a *contract.Answer) bool {
		return a.Outcome == results.Forbidden || a.Status != 0 && slices.Contains(also, a.Status)
	}}
}

// Status is one of these codes.
func Status(codes ...int) Want {
	var words []string
	for _, code := range codes {
		words = append(words, fmt.Sprint(code))
	}
	return Want{strings.Join(words, " or "), func(a *contract.Answer) bool { return slices.Contains(codes, a.Status) }}
}

// OrClosed is w, or a connection that is closed without an answer: what becomes of a
// request that is no HTTP.
func (w Want) OrClosed() Want {
	return Want{w.Words + " or closed", func(a *contract.Answer) bool {
		return w.Fits(a) || a.Status == 0 && a.Outcome == results.ConnectError
	}}
}

// Check holds an answer to a variation against what it has to be.
func (y *Tally) Check(sent string, a *contract.Answer, w Want) {
	y.Note(sent, gotOf(a), w.Words, w.Fits(a))
}

// longest is how much is kept of what was sent and got, in bytes.
const longest = 300

// Note is Check of something that is not one answer.
func (y *Tally) Note(sent, got, want string, ok bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.got == nil {
		y.got = map[string]int{}
	}
	sent, got, want = clip(sent, longest), clip(got, longest), clip(want, longest)
	y.tried++
	y.got[got]++
	y.sent, y.want = sent, want
	if !ok {
		y.wrong = append(y.wrong, miss{sent, got, want})
	}
}

// Control holds a variation that has to work against its answer: without one that does,
// a refusal of the others says nothing.
func (y *Tally) Control(sent string, a *contract.Answer) bool {
	y.mu.Lock()
	y.controls++
	y.mu.Unlock()
	if a.Outcome == results.OK {
		return true
	}
	y.Unknown("the control was not accepted, so that a refusal would say nothing: %s got %s", sent, gotOf(a))
	return false
}

// Unknown ends the case without a verdict, unless something was wrong already.
func (y *Tally) Unknown(format string, args ...any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.unknown == "" {
		y.unknown = fmt.Sprintf(format, args...)
	}
}

// Say adds what there is to know beside the verdict: "no defect found in 100,000".
func (y *Tally) Say(format string, args ...any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.noted = append(y.noted, fmt.Sprintf(format, args...))
}

// gotOf is an answer in a word.
func gotOf(a *contract.Answer) string {
	switch {
	case a == nil:
		return "nothing"
	case a.Status == 0:
		return a.Outcome.String()
	case a.Outcome == results.ProtocolError && a.Subject != "" && a.Subject != a.Vars["subject"]:
		return fmt.Sprintf("%d for %s", a.Status, a.Subject)
	}
	return fmt.Sprint(a.Status)
}

// others is how many wrong answers beside the first one are told.
const others = 3

// result puts the tally into r.
func (y *Tally) result(r *Result) {
	y.mu.Lock()
	defer y.mu.Unlock()
	r.Tried, r.Wrong, r.Sent, r.Want = y.tried, len(y.wrong), y.sent, y.want
	if y.tried > 1 {
		r.Sent = fmt.Sprintf("%d variations: the last was %s", y.tried, y.sent)
	}
	r.Got = y.answers()
	switch {
	case len(y.wrong) > 0:
		first := y.wrong[0]
		r.Status, r.Sent, r.Got, r.Want = results.Fail, first.sent, first.got, first.want
		r.Reason = y.wrongs()
	case y.unknown != "":
		r.Status, r.Reason = results.Unknown, y.unknown
	case y.tried == 0:
		r.Status, r.Reason = results.Unknown, "nothing was tried"
	default:
		r.Status = results.Pass
	}
	if len(y.noted) > 0 {
		r.Reason = strings.TrimPrefix(r.Reason+"; "+strings.Join(y.noted, "; "), "; ")
	}
}

// answers lists what was got, and how often.
func (y *Tally) answers() string {
	var got []string
	for _, g := range slices.Sorted(maps.Keys(y.got)) {
		if y.tried > 1 {
			g = fmt.Sprintf("%s (%d)", g, y.got[g])
		}
		got = append(got, g)
	}
	return strings.Join(got, ", ")
}

// wrongs says how many answers were wrong, and what some of the later ones were.
func (y *Tally) wrongs() string {
	first := y.wrong[0]
	if y.tried == 1 {
		return fmt.Sprintf("got %s, want %s", first.got, first.want)
	}
	s := fmt.Sprintf("%d of %d were answered wrongly", len(y.wrong), y.tried)
	for _, m := range y.wrong[1:min(len(y.wrong), 1+others)] {
		s += fmt.Sprintf("; also %s got %s, want %s", m.sent, m.got, m.want)
	}
	return s
}
