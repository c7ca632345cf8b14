package attack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// guessers is how many users a wrong password is tried with, and how many made-up names.
const guessers = 12

// tryEnumeration is H3: the answers to a wrong password of users there are, and to those
// of users there are not. What differs among users there are says nothing, as a request id
// or a date.
func tryEnumeration(ctx context.Context, t *Target, y *Tally) error {
	var known, unknown []refusal
	for i := range guessers {
		u := t.Next()
		if t.Contract.Users.Count > 0 && i >= t.Contract.Users.Count-1 {
			break // each once: a second wrong password might be answered otherwise
		}
		for _, v := range []struct {
			name string
			into *[]refusal
		}{{u.Vars["username"], &known}, {nobodyLike(u.Vars["username"], i), &unknown}} {
			vars := u.Vars.With(contract.Vars{"username": v.name, "password": "wrong-" + random()})
			a, err := t.Do(ctx, 0, &t.Contract.Login, vars)
			if err != nil {
				return err
			}
			if a.Outcome == results.Unavailable {
				y.Unknown("a wrong password got %s, so that answers cannot be compared", gotOf(a))
				return nil
			}
			*v.into = append(*v.into, refusalOf(a, vars))
		}
	}
	like := patternOf(known)
	for _, r := range unknown {
		got := "the same"
		if d := like.differs(r); d != "" {
			got = "other than for a user there is: " + d
		}
		y.Note("a wrong password for a user there is not", got, "the same", got == "the same")
	}
	for _, n := range like.varying() {
		y.Say("%s differs among users there are, and was not compared", n)
	}
	y.Say("median time: %s for users there are, %s for others (informational)", median(known), median(unknown))
	return nil
}

// nobodyLike is a name of the form of name that nobody has, each of another kind.
func nobodyLike(name string, i int) string {
	before, at, ok := strings.Cut(name, "@") // where users are mail addresses, so is this
	word := [...]string{before + "x", "no" + before, strings.ToLower(random()[:max(6, len(before))]), before + "99999999"}[i%4]
	if ok {
		return word + "@" + at
	}
	return word
}

// refusal is an answer to a wrong password, as far as users can be told by it.
type refusal struct {
	parts map[string]string // "status", "body", "header X"
	took  time.Duration
}

// refusalOf takes the user's name out of the answer: whoever sent it knows it.
func refusalOf(a *contract.Answer, vars contract.Vars) refusal {
	r := refusal{map[string]string{"status": strconv.Itoa(a.Status)}, a.Done.Sub(a.Sent)}
	clean := strings.NewReplacer(vars["username"], "{username}").Replace
	r.parts["body"] = clean(string(a.Body))
	for _, h := range a.Header {
		name := "header " + h.Name
		value := clean(h.Value)
		switch {
		case strings.EqualFold(h.Name, "Date"):
			continue
		case strings.EqualFold(h.Name, "Content-Length") && r.parts["body"] != string(a.Body):
			continue // it counts the name
		case strings.EqualFold(h.Name, "Set-Cookie"):
			value, _, _ = strings.Cut(value, "=")
		}
		r.parts[name] += value + "\n"
	}
	return r
}

// pattern is what the refusals of users there are have in common.
type pattern map[string]string

// varies stands for what differs among them.
const varies = "\x00varies"

func patternOf(all []refusal) pattern {
	p := pattern{}
	for i, r := range all {
		for name := range maps.Keys(bothParts(p, r.parts)) {
			switch {
			case i == 0:
				p[name] = r.parts[name]
			case p[name] != r.parts[name]:
				p[name] = varies
			}
		}
	}
	return p
}

func bothParts(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// differs says in what r does not fit, or "".
func (p pattern) differs(r refusal) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(bothParts(p, r.parts))) {
		if p[name] != varies && p[name] != r.parts[name] {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}

func (p pattern) varying() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if p[name] == varies {
			out = append(out, name)
		}
	}
	return out
}

func median(all []refusal) time.Duration {
	var took []time.Duration
	for _, r := range all {
		took = append(took, r.took)
	}
	slices.Sort(took)
	if len(took) == 0 {
		return 0
	}
	return took[len(took)/2].Round(time.Microsecond)
}

// declaresNoLimit: a target that says it has none is not asked for one.
func declaresNoLimit(t *Target) string {
	if t.Contract.Promises.LoginLimit == "none" {
		return "it declares that it has no limit (promises.login_limit: none)"
	}
	return ""
}

// unpromised is how many wrong passwords are tried where no limit is promised: few
// enough not to be a nuisance, and more than services allow that have one.
const unpromised = 25

// tryGuessing is H4: too many wrong passwords for one account from one address are
// answered 429 with Retry-After, also the right one; others go on, and so does the user
// from elsewhere.
func tryGuessing(ctx context.Context, t *Target, y *Tally) error {
	promised, _, err := t.Contract.Promises.Guesses()
	if err != nil {
		return err
	}
	u := t.Next()
	tries := unpromised
	if promised > 0 {
		tries = promised + 1
	}
	var limited *contract.Answer
	for i := range tries {
		a, err := t.guess(ctx, u, "wrong-"+random())
		if err != nil {
			return err
		}
		what := fmt.Sprintf("wrong password number %d", i+1)
		if a.Status == 429 {
			limited = a
			if promised > 0 {
				y.Check(what, a, when(i >= promised, Status(429), Refused()))
			}
			break
		}
		y.Check(what, a, when(promised > 0 && i >= promised, Status(429), notAccepted()))
	}
	if limited == nil {
		if promised == 0 {
			y.Unknown("%d wrong passwords in a row were refused alike: no limit was seen, and the contract promises none (promises.login_limit)", tries)
		}
		return nil
	}
	return t.afterLimit(ctx, y, u, limited)
}

// when is yes or no.
func when(is bool, yes, no Want) Want {
	if is {
		return yes
	}
	return no
}

// guess tries a password for u.
func (t *Target) guess(ctx context.Context, u *User, password string) (*contract.Answer, error) {
	return t.Do(ctx, 0, &t.Contract.Login, t.user(u.N).Vars.With(contract.Vars{"password": password}))
}

// afterLimit looks at whom a limit hits.
func (t *Target) afterLimit(ctx context.Context, y *Tally, u *User, limited *contract.Answer) error {
	after := answerHeader(limited, "Retry-After")
	seconds, err := strconv.Atoi(after)
	_, errDate := time.Parse(time.RFC1123, after)
	y.Note("the answer 429", "Retry-After: "+after, "Retry-After", err == nil && seconds >= 0 || errDate == nil)

	right := t.user(u.N).Vars["password"]
	a, err := t.guess(ctx, u, right)
	if err != nil {
		return err
	}
	y.Check("the right password, when there were too many wrong ones", a, Status(429))

	other := t.Next()
	if other.N != u.N {
		if a, err = t.guess(ctx, other, t.user(other.N).Vars["password"]); err != nil {
			return err
		}
		y.Check("another account from the same address", a, Accepted())
	}
	nobody := &User{u.N, u.Vars.With(contract.Vars{"username": nobodyLike(u.Vars["username"], 0)})}
	if a, err = t.Do(ctx, 0, &t.Contract.Login, nobody.Vars.With(contract.Vars{"password": "wrong-" + random()})); err != nil {
		return err
	}
	y.Check("a user there is not, before too many tries", a, notAccepted())
	return t.fromElsewhere(ctx, y, u, right)
}

// elsewhere is another address of this machine.
const elsewhere = "127.0.0.2"

// fromElsewhere logs u in from another address. It can be tried on this machine alone.
func (t *Target) fromElsewhere(ctx context.Context, y *Tally, u *User, password string) error {
	if !t.Nodes[0].Loopback() || t.Nodes[0].From != "" {
		y.Say("whether the user can log in from elsewhere was not tried: the target is not on this machine")
		return nil
	}
	away := *t.Nodes[0]
	away.From = elsewhere
	req, err := t.Contract.Render(&t.Contract.Login, away.Host, t.user(u.N).Vars)
	if err != nil {
		return err
	}
	if err := t.limit.Wait(ctx); err != nil {
		return err
	}
	t.count(req, u.Vars)
	a := away.Send(ctx, &t.Contract.Login, req, u.Vars)
	if a.Outcome == results.ConnectError {
		y.Say("whether the user can log in from elsewhere was not tried: %s is no address of this machine", elsewhere)
		return nil
	}
	y.Check("the right password from another address", a, Accepted())
	return nil
}
