package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// adminEnv is how a node is told the secret of its admin plane.
const adminEnv = "AUTHBENCH_ADMIN_SECRET"

// adminTimeout bounds one request of an admin plane.
const adminTimeout = 5 * time.Second

// Admin is the admin plane of a node: what only whoever started it may do. Its
// paths are in docs/contract.md.
type Admin struct{ addr, secret string }

// Admin is the node's admin plane, or nil: it was not asked for.
func (n *Node) Admin() *Admin {
	if n.admin == "" {
		return nil
	}
	return &Admin{n.admin, n.tb.adminSecret}
}

// Do sends body as JSON (nil: nothing) and decodes the answer into out (nil: it is
// not looked at). An answer other than 2xx is an error with what it says.
func (a *Admin) Do(ctx context.Context, method, path string, body, out any) error {
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			return fmt.Errorf("admin plane: %s %s: %w", method, path, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+a.addr+path, bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("admin plane: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+a.secret)
	// A transport of its own: no proxy, and no connection that stays in the node.
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return fmt.Errorf("admin plane: %s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return fmt.Errorf("admin plane: %s %s: %w", method, path, err)
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("admin plane: %s %s answered %s: %.200s", method, path, resp.Status, answer)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("admin plane: %s %s: %w", method, path, err)
	}
	return nil
}

// Offset sets the node's clock ahead of the machine's by d; 0 sets it right.
func (a *Admin) Offset(ctx context.Context, d time.Duration) error {
	return a.Do(ctx, http.MethodPost, "/clock", map[string]string{"offset": d.String()}, nil)
}

// Freeze has the node's clock stand still at t.
func (a *Admin) Freeze(ctx context.Context, t time.Time) error {
	return a.Do(ctx, http.MethodPost, "/clock", map[string]time.Time{"freeze": t}, nil)
}

// Roles gives a user these roles, on this node, and takes all others away.
func (a *Admin) Roles(ctx context.Context, user string, roles ...string) error {
	if roles == nil {
		roles = []string{}
	}
	return a.Do(ctx, http.MethodPost, "/users/"+url.PathEscape(user), map[string][]string{"roles": roles}, nil)
}
