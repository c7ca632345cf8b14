package attack

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"authbench/results"
	"authbench/targets/contract"
)

// Target is what is attacked. All requests of a probe go through it: it keeps to the
// rate, and counts what was sent. Safe for concurrent use.
type Target struct {
	Contract *contract.Contract
	// Nodes are its addresses; the first is the one that is attacked.
	Nodes    []*contract.Client
	Material Material
	// Samples is how many random values, ids of sessions say, a case draws at most. 0 is
	// 100,000.
	Samples int

	foes      func() ([]attacker, error) // the same each time: their keys take a while to make
	token     *jws                       // the canary's, to see what its tokens are like; nil: it has none
	limit     *rate.Limiter
	mu        sync.Mutex
	sent      map[string]int
	users     int               // of the population, given out
	passwords map[string]string // that were changed, by user name
	clock     bool              // was moved since it was last asked
}

// NewTarget is a target that is sent at most perSecond requests a second; 0 is no limit.
func NewTarget(nodes []*contract.Client, m Material, perSecond float64) *Target {
	limit := rate.Inf
	if perSecond > 0 {
		limit = rate.Limit(perSecond)
	}
	t := &Target{
		Contract: nodes[0].Contract, Nodes: nodes, Material: m, foes: sync.OnceValues(attackers),
		limit: rate.NewLimiter(limit, 1+int(perSecond/10)), sent: map[string]int{}, passwords: map[string]string{},
	}
	if set := m.Clock; set != nil {
		t.Material.Clock = func(ctx context.Context, d time.Duration) error {
			t.mu.Lock()
			t.clock = true
			t.mu.Unlock()
			return set(ctx, d)
		}
	}
	return t
}

// clockMoved says whether a case has moved the clock since this was last asked.
func (t *Target) clockMoved() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	moved := t.clock
	t.clock = false
	return moved
}

// User is a user of the target's and what they hold.
type User struct {
	N    int // from 1
	Vars contract.Vars
}

// Credential is what the user proves who they are with.
func (u *User) Credential() string { return u.Vars["credential"] }

// Next is the next user of the population, not logged in. Where the target knows few,
// users come round again; the first is among them only where there is no other.
func (t *Target) Next() *User {
	t.mu.Lock()
	n := canary + 1 + t.users
	switch known := t.Contract.Users.Count; {
	case known == 1:
		n = canary
	case known > 1:
		n = canary + 1 + t.users%(known-1)
	}
	t.users++
	t.mu.Unlock()
	return t.user(n)
}

// user is user n, with the password of now.
func (t *Target) user(n int) *User {
	u := &User{n, t.Contract.User(n)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if changed, ok := t.passwords[u.Vars["username"]]; ok {
		u.Vars["password"] = changed
	}
	return u
}

// LogIn logs the next user in.
func (t *Target) LogIn(ctx context.Context) (*User, error) {
	u := t.Next()
	return u, t.Again(ctx, u)
}

// Again logs u in once more: u then holds what that gave, as another device would.
func (t *Target) Again(ctx context.Context, u *User) error {
	if !t.Contract.LogsIn() {
		u.Vars = t.user(u.N).Vars
		return nil
	}
	a, err := t.Do(ctx, 0, &t.Contract.Login, t.user(u.N).Vars)
	if err != nil {
		return err
	}
	if a.Outcome != results.OK {
		return fmt.Errorf("log in %s: %s", u.Vars["username"], a.Problem)
	}
	u.Vars = a.Vars
	return nil
}

// Do does a step on a node, with those before it.
func (t *Target) Do(ctx context.Context, node int, step *contract.Step, vars contract.Vars) (*contract.Answer, error) {
	if step.Method == "" {
		return nil, errors.New("nobody logs in: a file has the credentials")
	}
	return t.Nodes[node].DoBy(ctx, step, vars, func(ctx context.Context, step *contract.Step, req contract.RawRequest, vars contract.Vars) (*contract.Answer, error) {
		return t.Send(ctx, node, step, req, vars)
	})
}

// Send sends a request as it is, and reads the answer as one to step.
func (t *Target) Send(ctx context.Context, node int, step *contract.Step, req contract.RawRequest, vars contract.Vars) (*contract.Answer, error) {
	if err := t.limit.Wait(ctx); err != nil {
		return nil, err
	}
	t.count(req, vars)
	a := t.Nodes[node].Send(ctx, step, req, vars)
	if node == 0 && step == t.Contract.Password && a.Outcome == results.OK {
		t.mu.Lock()
		t.passwords[vars["username"]] = vars["new_password"]
		t.mu.Unlock()
		a.Vars = a.Vars.With(contract.Vars{"password": vars["new_password"]})
	}
	return a, context.Cause(ctx)
}

// Walk walks the first node through the steps of the contract, and counts what that sends.
func (t *Target) Walk(ctx context.Context, o contract.WalkOptions) (*contract.Report, error) {
	report, err := contract.Walk(ctx, t.Nodes[0], o)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range report.Checks {
		if c.Sent != "" {
			t.sent[c.Sent]++
		}
	}
	return report, err
}

// kinds is how many kinds of request are counted apart.
const kinds = 60

// count notes that req is sent, without what it says.
func (t *Target) count(req contract.RawRequest, vars contract.Vars) {
	path, _, _ := strings.Cut(req.Path, "?")
	path, _, _ = strings.Cut(path, ";")
	if c := vars["credential"]; c != "" {
		path = strings.ReplaceAll(path, c, "{credential}")
	}
	kind := clip(req.Method+" "+path, 60)
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.sent[kind]; !known && len(t.sent) >= kinds {
		kind = "other"
	}
	t.sent[kind]++
}

// clip is s, or the beginning of it.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}

// Use uses what u holds on the first node.
func (t *Target) Use(ctx context.Context, u *User) (*contract.Answer, error) {
	return t.Do(ctx, 0, &t.Contract.Use, u.Vars)
}

// With uses another credential in the place of u's, byte for byte, and wants the answer
// for u.
func (t *Target) With(ctx context.Context, u *User, credential string) (*contract.Answer, error) {
	req, err := t.Forge(&t.Contract.Use, u, credential)
	if err != nil {
		return nil, err
	}
	return t.Send(ctx, 0, &t.Contract.Use, req, u.Vars)
}

// marker stands for a credential while a request is rendered: no template escapes it.
const marker = "0credential0goes0here0"

// unbasic puts the credential into user:password, which is sent in base64.
func unbasic(value, credential string) string {
	encoded, ok := strings.CutPrefix(value, "Basic ")
	pair, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || !strings.Contains(string(pair), marker) {
		return value
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(string(pair), marker, credential)))
}

// Forge renders step for u with a credential that need not be able to stand there: it is
// put in byte for byte.
func (t *Target) Forge(step *contract.Step, u *User, credential string) (contract.RawRequest, error) {
	req, err := t.Contract.Render(step, t.Nodes[0].Host, u.Vars.With(contract.Vars{"credential": marker}))
	if err != nil {
		return req, err
	}
	req.Path = strings.ReplaceAll(req.Path, marker, credential)
	for i := range req.Headers {
		req.Headers[i].Value = strings.ReplaceAll(unbasic(req.Headers[i].Value, credential), marker, credential)
	}
	req.Body = []byte(strings.ReplaceAll(string(req.Body), marker, credential))
	return req, nil
}

// Sent is how many requests of a kind were sent.
type Sent struct {
	Request string `json:"request"` // "POST /login"
	Count   int    `json:"count"`
}

// Sent lists what was sent so far, by request.
func (t *Target) Sent() []Sent {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Sent
	for _, r := range slices.Sorted(maps.Keys(t.sent)) {
		out = append(out, Sent{r, t.sent[r]})
	}
	return out
}
