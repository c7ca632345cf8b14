package link

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

const settingPath = "/setting"

// control is the loopback API of a running link: PUT /setting replaces the
// setting, GET answers the State. Both want the secret as a bearer token.
type control struct {
	secret string

	mu     sync.Mutex
	engine engine
	now    Setting
}

func newControl(e engine, secret string) http.Handler {
	c := &control{engine: e, secret: secret}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+settingPath, c.state)
	mux.HandleFunc("PUT "+settingPath, c.set)
	return c.guard(mux)
}

func (c *control) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(given), []byte(c.secret)) != 1 {
			http.Error(w, "the secret is missing or wrong", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *control) state(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	s := State{Setting: c.now, Connections: c.engine.connections()}
	c.mu.Unlock()
	_ = json.NewEncoder(w).Encode(s) // whoever asked is gone
}

func (c *control) set(w http.ResponseWriter, r *http.Request) {
	var s Setting
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<16))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.engine.set(s); err != nil {
		c.now = Setting{}
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	c.now = s
}

// Put gives the link behind line a setting. A link that cannot do what is asked
// lets everything through again and says why.
func Put(ctx context.Context, line Line, s Setting) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = call(ctx, line, http.MethodPut, body)
	return err
}

// Get asks the link behind line for its state.
func Get(ctx context.Context, line Line) (State, error) {
	answer, err := call(ctx, line, http.MethodGet, nil)
	if err != nil {
		return State{}, err
	}
	var s State
	err = json.Unmarshal(answer, &s)
	return s, err
}

func call(ctx context.Context, line Line, method string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+line.Control+settingPath, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+line.Secret)
	// A transport of its own: no proxy, and no connection that stays.
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the link answered %s: %s", resp.Status, bytes.TrimSpace(answer))
	}
	return answer, nil
}
