package scenarios

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/scenarios/attack"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// attackBed starts a node of an arm that needs no store, with an admin plane.
func attackBed(t *testing.T, arm string) (*contract.Contract, *testbed.Node) {
	t.Helper()
	c, err := contract.Arm(arm, nil)
	if err != nil {
		t.Fatal(err)
	}
	node, err := bedWith(t).StartNodeWith(t.Context(), c, testbed.NodeOptions{Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	return c, node
}

// TestTokenAttacks tries the attacks on tokens on arms of each kind of key: what does not
// depend on the key on one of them.
func TestTokenAttacks(t *testing.T) {
	for arm, names := range map[string][]string{"jwt-hs256": {"A"}, "jwt-rs256": {"A"}, "jwt-es256": {"A", "B", "C"}} {
		c, node := attackBed(t, arm)
		m, err := Material(t.Context(), []*testbed.Node{node}, c)
		if err != nil {
			t.Fatal(err)
		}
		classes, err := attack.Select(names)
		if err != nil {
			t.Fatal(err)
		}
		client := &contract.Client{Contract: c, Host: node.Host(), Timeout: 10 * time.Second}
		report, err := attack.Run(t.Context(), attack.NewTarget([]*contract.Client{client}, m, 0), attack.Options{Classes: classes})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range report.Cases {
			if r.Status == results.Fail || r.Status == results.Unknown {
				t.Errorf("%s: %s is %s: sent %s, got %s, want %s: %s", arm, r.ID, r.Status, r.Sent, r.Got, r.Want, r.Reason)
			}
		}
		if n := report.Count(results.Pass); n < 16 {
			t.Errorf("%s: only %d cases passed", arm, n)
		}
	}
}

// TestMaterialTold: what the contract of somebody's own service tells is all that is
// known of it.
func TestMaterialTold(t *testing.T) {
	set := `{"keys":[{"kty":"EC","crv":"P-256","kid":"one","alg":"ES256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/keys" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(set))
	}))
	defer srv.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "keys.json"), []byte(set), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(section string) *contract.Contract {
		t.Helper()
		text := "name: own\nmechanism: token\nurl: " + srv.URL + "/api\nusers: {username: 'u{n}', password: p}\n" +
			"login: {method: POST, path: /login, extract: {credential: {json: $.t}}}\nuse: {method: GET, path: /me, headers: {Authorization: 'Bearer {credential}'}}\n" + section
		file := filepath.Join(dir, "own.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := contract.Load(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Setenv("AUTHBENCH_TEST_PROBE_SECRET", "hunter2")
	for _, section := range []string{"probe: {jwks: /keys}\n", "probe: {jwks_file: keys.json}\n"} {
		m, err := Material(t.Context(), nil, load(section))
		if err != nil || len(m.Keys) != 1 || m.Keys[0].ID != "one" || !json.Valid(m.Keys[0].JWK) || m.Sign != nil || m.Clock != nil {
			t.Errorf("%s: %+v, %v", section, m, err)
		}
	}
	m, err := Material(t.Context(), nil, load("probe: {secret_env: AUTHBENCH_TEST_PROBE_SECRET, algorithm: HS384}\n"))
	if err != nil || m.Sign == nil || m.Keys != nil {
		t.Fatalf("%+v, %v", m, err)
	}
	if token, err := m.Sign(t.Context(), attack.Signing{Header: []byte("{}"), Payload: []byte("{}")}); err != nil || !strings.HasPrefix(token, "e30.e30.") {
		t.Errorf("%s, %v", token, err)
	}
	if m, err := Material(t.Context(), nil, load("")); err != nil || m.Keys != nil || m.Sign != nil {
		t.Errorf("nothing told: %+v, %v", m, err)
	}
	for _, section := range []string{"probe: {jwks: /elsewhere}\n", "probe: {jwks_file: none.json}\n", "probe: {private_key_file: none.pem, algorithm: RS256}\n"} {
		if _, err := Material(t.Context(), nil, load(section)); err == nil {
			t.Errorf("%s is no error", section)
		}
	}
}
