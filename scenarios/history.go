package scenarios

import (
	"fmt"
	"sync"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
)

// history records what is done to a target, for the checker. Credentials go by
// names there: equal names are equal bytes, and no secret is written anywhere.
type history struct {
	zero time.Time

	mu    sync.Mutex
	ops   []checker.Op
	names map[string]string // of a user's credential bytes
	made  map[string]int    // names given, by user and sort
}

func newHistory() *history {
	return &history{zero: time.Now(), names: map[string]string{}, made: map[string]int{}}
}

// since is an instant of the history.
func (h *history) since(t time.Time) int64 { return t.Sub(h.zero).Nanoseconds() }

// now is the present instant.
func (h *history) now() int64 { return h.since(time.Now()) }

func (h *history) add(op checker.Op) {
	h.mu.Lock()
	h.ops = append(h.ops, op)
	h.mu.Unlock()
}

// name is what the history calls a credential of that user: user-7#1, or for a
// refresh token user-7#r1. "" stays "".
func (h *history) name(user, sort, secret string) string {
	if secret == "" {
		return ""
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := user + "\x00" + sort + "\x00" + secret
	n, ok := h.names[key]
	if !ok {
		h.made[user+sort]++
		n = fmt.Sprintf("%s#%s%d", user, sort, h.made[user+sort])
		h.names[key] = n
	}
	return n
}

// alias gives other the name of a credential of that user.
func (h *history) alias(user, secret, other string) {
	name := h.name(user, "", secret)
	h.mu.Lock()
	h.names[user+"\x00\x00"+other] = name
	h.mu.Unlock()
}

// holding names what a client holds.
func (h *history) holding(v contract.Vars) (credential, refresh string) {
	return h.name(v["subject"], "", v["credential"]), h.name(v["subject"], "r", v["refresh_token"])
}

// uses adds the exchanges of a phase, each a use of its user's credential.
func (h *history) uses(rec *loadgen.Recording, users []user) {
	start := h.since(rec.Start)
	names := make([]string, len(users))
	for i := range users {
		names[i], _ = h.holding(users[i].vars)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range rec.Exchanges {
		subject := users[e.User].vars["subject"]
		op := checker.Op{
			Kind: checker.Use, Node: int(e.Node), User: subject, Credential: names[e.User],
			Invoke: start + int64(e.Sent), Complete: start + int64(e.Done),
			Outcome: e.Outcome, Status: int(e.Status),
		}
		switch {
		case e.WrongSubject: // accepted, and for somebody else
			op.Outcome, op.Subject = results.OK, "somebody else"
		case e.Outcome == results.OK:
			op.Subject = subject
		}
		h.ops = append(h.ops, op)
	}
}
