package scenarios

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"authbench/results"
	"authbench/scenarios/attack"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// publishedKeys is where targets with an admin plane publish their keys, unless their
// contract says otherwise.
const publishedKeys = "/.well-known/jwks.json"

// Material is what is known of a target beside its contract: what the section probe of the
// contract tells and, of nodes that were started with an admin plane, what that can do.
// nodes is nil for a target that was not started. An error is one of the contract's: a key
// that it names and that cannot be had.
func Material(ctx context.Context, nodes []*testbed.Node, c *contract.Contract) (m attack.Material, err error) {
	if m, err = toldMaterial(c); err != nil {
		return m, err
	}
	admin := adminsOf(nodes)
	path := c.Probe.JWKS
	if path == "" && admin != nil && signsTokens(c) && m.Keys == nil {
		path = publishedKeys
	}
	if path != "" {
		client, err := keysClient(nodes, c)
		if err != nil {
			return m, err
		}
		if m.Keys, err = fetchKeys(ctx, client, path); err != nil {
			return m, err
		}
	}
	if admin == nil {
		return m, nil
	}
	m.Clock = func(ctx context.Context, d time.Duration) error {
		var errs []error
		for _, a := range admin {
			errs = append(errs, a.Offset(ctx, d))
		}
		return errors.Join(errs...)
	}
	if signsTokens(c) && m.Sign == nil {
		m.Sign = func(ctx context.Context, s attack.Signing) (string, error) { return signRaw(ctx, admin[0], s) }
	}
	return m, nil
}

// signsTokens says whether the target has keys that verify tokens.
func signsTokens(c *contract.Contract) bool {
	return c.Mechanism == "token" || c.Mechanism == "hybrid"
}

// toldMaterial is what the section probe tells, as far as it needs no request.
func toldMaterial(c *contract.Contract) (m attack.Material, err error) {
	set, err := c.ProbeKeySet()
	if err != nil {
		return m, err
	}
	if set != nil {
		if m.Keys, err = attack.ParseKeys(set); err != nil {
			return m, fmt.Errorf("probe.jwks_file: %w", err)
		}
	}
	key, err := c.ProbeKey()
	if err != nil || key == nil {
		return m, err
	}
	m.Sign = attack.Signer(c.Probe.Algorithm, c.Probe.KeyID, key)
	return m, nil
}

// adminsOf are the admin planes of nodes, or nil: one of them has none.
func adminsOf(nodes []*testbed.Node) (all []*testbed.Admin) {
	for _, n := range nodes {
		a := n.Admin()
		if a == nil {
			return nil
		}
		all = append(all, a)
	}
	return all
}

// keysClient asks the first node, or the target at its URL.
func keysClient(nodes []*testbed.Node, c *contract.Contract) (*contract.Client, error) {
	base := c.URL
	if len(nodes) > 0 {
		base = "http://" + nodes[0].Host()
		if nodes[0].Secure() {
			base = "https://" + nodes[0].Host()
		}
	}
	return contract.NewClient(c, base, opTimeout)
}

// fetchKeys reads the JWK set that a target publishes.
func fetchKeys(ctx context.Context, client *contract.Client, path string) ([]attack.Key, error) {
	step := &contract.Step{Method: http.MethodGet, Path: path, Statuses: contract.Statuses{Accepted: []int{http.StatusOK}}}
	a, err := client.Do(ctx, step, nil)
	if err != nil {
		return nil, err
	}
	if a.Outcome != results.OK {
		return nil, fmt.Errorf("the keys of the target: GET %s: %s", path, a.Problem)
	}
	keys, err := attack.ParseKeys(a.Body)
	if err != nil {
		return nil, fmt.Errorf("the keys of the target: GET %s: %w", path, err)
	}
	return keys, nil
}

// signRaw has a node sign with a key of its ring.
func signRaw(ctx context.Context, a *testbed.Admin, s attack.Signing) (string, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	body := map[string]string{"kid": s.KeyID, "algorithm": s.Algorithm, "header": b64(s.Header), "payload": b64(s.Payload)}
	if s.Padded != nil {
		body["padded"] = b64(s.Padded)
	}
	var out struct{ Token string }
	if err := a.Do(ctx, http.MethodPost, "/keys/sign", body, &out); err != nil {
		return "", err
	}
	return out.Token, nil
}
