package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// Algorithms puts the algorithms that tokens can be signed with side by side: what
// signing and verifying take, how large token and key set are, how many requests a core
// answers, and which limits on the way a token breaks. The arm is what all else is taken
// from.
func Algorithms() Scenario {
	return Scenario{
		Name:    "algorithms",
		Summary: "every algorithm for tokens side by side: time to sign and to verify, bytes, requests per core, and the limits of headers and cookies that a token breaks",
		Params: []Param{
			{Key: "algorithms", Default: "HS256,HS256/jwx,RS256,RS256/3072,PS256,ES256,ES384,EdDSA,ML-DSA-44,ML-DSA-65,ML-DSA-87", Meaning: "what to compare; behind / the bits of an RSA key, or who verifies"},
			{Key: "cost", Default: "200ms", Meaning: "spent on each figure that a node measures of itself, 10ms to 500ms"},
			{Key: "rounds", Default: "12", Meaning: "windows of each, in turn; 6 give an interval"},
			{Key: "window", Default: "500ms", Meaning: "of closed-loop use, which keeps the node busy"},
			{Key: "users", Default: "32", Meaning: "users that are logged in with each"},
		},
		Applies: algorithmsApply,
		Limit:   10 * time.Minute,
		Run:     runAlgorithms,
	}
}

// algorithmsApply lets one arm of all take part: the others would measure the same again.
func algorithmsApply(c *contract.Contract, _ Values) string {
	const only = "jwt-es256"
	switch {
	case c.Mechanism == "none":
		return "it has no credential that anything signs"
	case c.Start == nil || !c.Start.Admin:
		return "it runs elsewhere, where nothing can be set"
	case c.Name != only:
		return "the table has all algorithms, and is made once, with " + only
	}
	return ""
}

// signer is one algorithm at work, on a node of its own.
type signer struct {
	*rig
	label   string
	cost    signingCost
	sent    sent
	refused int64 // single uses that were not accepted
	small   results.Cell
	session loadgen.Session
	windows []results.Measurement
}

// signingCost is what a node says of itself: nanoseconds, several values of each.
type signingCost struct {
	Issue  []float64 `json:"issue_ns"`
	Access []float64 `json:"access_ns"`
	Sign   []float64 `json:"sign_ns"`
	Verify []float64 `json:"verify_ns"`
	Bytes  int       `json:"signature_bytes"`
	JWKS   int       `json:"jwks_bytes"`
}

// signingContract is the arm that signs as spec says: "RS256/3072".
func signingContract(spec string, more map[string]string) (*contract.Contract, error) {
	algorithm, variant, _ := strings.Cut(spec, "/")
	arm, set := "jwt-es256", map[string]string{"algorithm": algorithm}
	switch strings.TrimRight(algorithm, "0123456789") {
	case "HS":
		arm = "jwt-hs256"
		if variant != "" {
			set["verifier"] = variant
		}
	case "RS", "PS":
		arm = "jwt-rs256"
		if variant != "" {
			set["rsa_bits"] = variant
		}
	default:
		if variant != "" {
			return nil, fmt.Errorf("algorithms: %q: only RSA keys have a size, and only HS256 another verifier", spec)
		}
	}
	maps.Copy(set, more)
	c, err := contract.Arm(arm, set)
	if err != nil {
		return nil, fmt.Errorf("algorithms: %q: %w", spec, err)
	}
	return c, nil
}

func runAlgorithms(ctx context.Context, t *Trial) (err error) {
	if t.LoadgenCores == 0 { // a campaign does not say
		t.LoadgenCores = runtime.GOMAXPROCS(0)
	}
	var all []*signer
	defer func() {
		for _, s := range all {
			if s.session != nil {
				err = errors.Join(err, s.session.Close())
			}
			err = errors.Join(err, s.close())
		}
	}()
	for spec := range strings.SplitSeq(t.Values["algorithms"], ",") {
		s, err := t.signer(ctx, spec)
		if err != nil {
			return fmt.Errorf("%s: %w", spec, err)
		}
		all = append(all, s)
	}
	for _, s := range all { // one at a time, on a machine that does nothing else
		path := "/keys/cost?for=" + t.Values["cost"]
		if err := s.nodes[0].Admin().Do(ctx, http.MethodPost, path, nil, &s.cost); err != nil {
			return fmt.Errorf("%s: %w", s.label, err)
		}
		if s.small, err = t.smallHead(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.label, err)
		}
	}
	if err := t.saturateAll(ctx, all); err != nil {
		return err
	}
	for _, s := range all {
		if err := s.nodesAlive(); err != nil {
			return err
		}
	}
	t.algorithmTables(all)
	return nil
}

// signer starts a node that signs as spec says, logs users in, and looks at a use of
// each.
func (t *Trial) signer(ctx context.Context, spec string) (_ *signer, err error) {
	c, err := signingContract(spec, nil)
	if err != nil {
		return nil, err
	}
	r, err := t.beside(ctx, c, t.Values.number("users"), testbed.NodeOptions{Admin: true, Keys: spec})
	if err != nil {
		return nil, err
	}
	s := &signer{rig: r, label: spec}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	for i, u := range s.users {
		a, err := s.client(0).Do(ctx, &c.Use, u.vars)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			s.sent = sizeOf(a.Request, u.vars["credential"])
		}
		if a.Outcome != results.OK {
			s.refused++
		}
	}
	plan, err := usePlan(c, s.nodes, s.users)
	if err != nil {
		return nil, err
	}
	s.session, err = t.Engine.Open(ctx, plan, signingConns)
	return s, err
}

// signingConns keep a node busy.
const signingConns = 16

// fasthttpHead is the largest head that fasthttp reads unless it is told otherwise: its
// ReadBufferSize. The bundled arms have twice that.
const fasthttpHead = 4096

// smallHead uses a token where no more than fasthttpHead is read, if that is near what a
// use takes: the status of the answer.
func (t *Trial) smallHead(ctx context.Context, s *signer) (cell results.Cell, err error) {
	if s.sent.head < fasthttpHead/2 {
		return none("not tried: the head has " + strconv.Itoa(s.sent.head) + " bytes"), nil
	}
	c, err := signingContract(s.label, map[string]string{"max_header_bytes": strconv.Itoa(fasthttpHead)})
	if err != nil {
		return cell, err
	}
	r, err := t.beside(ctx, c, 1, testbed.NodeOptions{Keys: s.label})
	if err != nil {
		return cell, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	a, err := r.client(0).Do(ctx, &c.Use, r.users[0].vars)
	if err != nil {
		return cell, err
	}
	return counted(a.Status), nil
}

// saturateAll keeps one node after the other busy, again and again, so that what the
// machine does meanwhile falls on all of them.
func (t *Trial) saturateAll(ctx context.Context, all []*signer) error {
	for round := range t.Values.number("rounds") + 1 { // the first is to warm up
		for i := range all {
			s := all[(i+round)%len(all)]
			m, _, err := t.gauge(ctx, s.session, loadgen.Phase{
				Operation: "use", Conns: signingConns, Duration: t.Values.duration("window"),
				Seed: t.Seed + uint64(round), Timeout: opTimeout,
			})
			if err != nil {
				return fmt.Errorf("%s: %w", s.label, err)
			}
			if round > 0 {
				s.windows = append(s.windows, m)
			}
		}
	}
	return nil
}
