package scenarios

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/targets/contract"
	"authbench/targets/jwt"
)

// TestAlgorithms runs the scenario over real nodes: sizes are those of the algorithms,
// every figure is there, and refused tokens show in the check that is about them.
func TestAlgorithms(t *testing.T) {
	set := map[string]string{"algorithms": "HS256/jwx,RS256/3072,ES256,ML-DSA-44,ML-DSA-65", "rounds": "1", "window": "50ms", "cost": "10ms", "users": "3"}
	for defect, fails := range map[string][]string{"": nil, "large tokens are no good": {"tokens-accepted"}} {
		t.Run(defect, func(t *testing.T) {
			t.Setenv(defectVar, defect) // its nodes are of arms that it chooses
			trial := rehearsal{scenario: Algorithms(), arm: "jwt-es256", set: set}.run(t)
			failedAre(t, trial, fails)
			if defect == "" {
				algorithmsAre(t, trial)
			}
		})
	}
}

func algorithmsAre(t *testing.T, trial *Trial) {
	t.Helper()
	costs, room := keptTable(t, trial, "algorithms"), keptTable(t, trial, "room")
	value := func(table *results.Table, row, column string) float64 {
		t.Helper()
		c, ok := table.Cell(row, column)
		if !ok || c.Value == nil {
			t.Fatalf("%s, %s of %s: %+v", table.Name, column, row, c)
		}
		return *c.Value
	}
	for name, signature := range map[string]float64{"HS256/jwx": 32, "RS256/3072": 384, "ES256": 64, "ML-DSA-44": 2420, "ML-DSA-65": 3309} {
		for _, column := range []string{"sign", "verify", "issue a token", "check a token", "requests per core"} {
			if v := value(costs, name, column); v <= 0 {
				t.Errorf("%s of %s: %g", column, name, v)
			}
		}
		if got := value(costs, name, "signature"); got != signature {
			t.Errorf("a signature of %s has %g bytes, want %g", name, got, signature)
		}
		if token := value(costs, name, "token"); token < signature*4/3+250 || token > signature*4/3+450 {
			t.Errorf("a token of %s has %g bytes", name, token)
		}
		head, left := value(room, name, "head"), value(room, name, "fasthttp, a head")
		if head+left != fasthttpHead {
			t.Errorf("%s: a head of %g leaves %g", name, head, left)
		}
	}
	if got := value(room, "ML-DSA-65", "answer there"); got != tooLarge {
		t.Errorf("a token of ML-DSA-65 is answered with %g where %d bytes are read", got, fasthttpHead)
	}
	if value(room, "ML-DSA-65", "browsers, a cookie") >= 0 || value(room, "ES256", "browsers, a cookie") <= 0 {
		t.Error("a token of ML-DSA-65 fits a cookie, or one of ES256 does not")
	}
	if c, _ := costs.Cell("HS256/jwx", "key set"); c.Value != nil {
		t.Error("HS256 publishes keys")
	}
}

func TestSigningContract(t *testing.T) {
	for spec, want := range map[string]string{
		"HS256": "jwt-hs256 HS256  golang-jwt", "HS256/jwx": "jwt-hs256 HS256  jwx", "RS256/3072": "jwt-rs256 RS256 3072 ",
		"PS256": "jwt-rs256 PS256 2048 ", "EdDSA": "jwt-es256 EdDSA  ", "ML-DSA-87": "jwt-es256 ML-DSA-87  ",
	} {
		c, err := signingContract(spec, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := strings.Join([]string{c.Name, c.Settings["algorithm"], c.Settings["rsa_bits"], c.Settings["verifier"]}, " "); got != want {
			t.Errorf("%s: %q, want %q", spec, got, want)
		}
	}
	if c, err := signingContract("ES256/jwx", nil); err == nil {
		t.Errorf("%v", c.Settings)
	}
	es, err := contract.Arm("jwt-es384", nil)
	if err != nil {
		t.Fatal(err)
	}
	if why := algorithmsApply(es, nil); !strings.Contains(why, "jwt-es256") {
		t.Errorf("beside another arm: %q", why)
	}
}

// TestForgerOfEveryAlgorithm: what it signs verifies with what it publishes, for every
// arm that key-rotation may be tried on.
func TestForgerOfEveryAlgorithm(t *testing.T) {
	now := time.Now()
	claims := fmt.Sprintf(`{"iss":"i","aud":"a","sub":"user-1","jti":"x","exp":%d}`, now.Unix()+60)
	b64 := base64.RawURLEncoding.EncodeToString
	for _, name := range contract.Arms() {
		c, err := contract.Arm(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		alg := c.Settings["algorithm"]
		if c.Mechanism != "token" || alg == "HS256" || c.Settings["revocation"] != "none" {
			continue
		}
		s, ok := takeApart(b64([]byte(`{"typ":"at+jwt","alg":"x","kid":"y"}`)) + "." + b64([]byte(claims)) + ".eA")
		if !ok {
			t.Fatal("no token")
		}
		f, err := newForger(alg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		token, err := f.sign(s, "forged")
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(f.keySet("forged")) }))
		remote, err := jwt.NewRemote(jwt.RemoteConfig{URL: srv.URL, Algorithm: alg, Cache: time.Minute, Timeout: time.Second, MinInterval: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		v, err := jwt.NewVerifier(remote, jwt.Config{Issuer: "i", Audience: "a", Lifetime: time.Minute, RefreshLifetime: time.Minute, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Access(token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := v.Access(token[:len(token)-20] + strings.Repeat("A", 20)); err == nil {
			t.Errorf("%s: an altered signature is accepted", name)
		}
		srv.Close()
	}
	if !slices.Contains(contract.Arms(), "jwt-mldsa65") {
		t.Error("no arm signs with ML-DSA")
	}
}
