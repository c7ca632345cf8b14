package scenarios

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
)

// TestKeyLedger: one use at a time, on a node where a removed key may go on for 100.
func TestKeyLedger(t *testing.T) {
	l := newKeyLedger()
	l.tokens["old"] = heldToken{end: 1000, kid: "a", alg: "ES256"}
	l.tokens["new"] = heldToken{end: 1000, kid: "b", alg: "RS256"}
	l.tokens["kept"] = heldToken{end: 1000, kid: "c", alg: "ES256"}
	l.removed["a"] = removal{asked: 200, acked: 210}
	l.news["b"] = news{since: 300, due: 400}
	ok, no, lost := results.OK, results.Rejected, results.Timeout
	for name, c := range map[string]struct {
		token            string
		invoke, complete int64
		outcome          results.Outcome
		want             keyCounts
	}{
		"good":                       {"kept", 1, 2, ok, keyCounts{uses: 1}},
		"refused":                    {"kept", 1, 2, no, keyCounts{uses: 1, falseRejects: 1}},
		"refused at its last":        {"kept", 998, 999, no, keyCounts{uses: 1, falseRejects: 1}},
		"refused at its end":         {"kept", 999, 1000, no, keyCounts{}},
		"neither":                    {"kept", 1, 2, lost, keyCounts{failed: 1}},
		"before the removal":         {"old", 1, 199, no, keyCounts{uses: 1, falseRejects: 1}},
		"during it":                  {"old", 199, 200, no, keyCounts{}},
		"until it was acknowledged":  {"old", 210, 220, ok, keyCounts{}},
		"after it, accepted":         {"old", 211, 220, ok, keyCounts{removedUses: 1, removedIn: 1, window: 1}},
		"after it, refused":          {"old", 211, 220, no, keyCounts{removedUses: 1}},
		"at the bound, accepted":     {"old", 310, 320, ok, keyCounts{removedUses: 1, removedIn: 1, window: 100}},
		"beyond the bound, accepted": {"old", 311, 320, ok, keyCounts{removedUses: 1, removedIn: 1, window: 101, beyond: 1, tested: 1}},
		"beyond the bound, refused":  {"old", 311, 320, no, keyCounts{removedUses: 1, tested: 1}},
		"too new":                    {"new", 399, 420, no, keyCounts{early: 1}},
		"no longer too new":          {"new", 400, 420, no, keyCounts{uses: 1, falseRejects: 1}},
		"new and known":              {"new", 310, 320, ok, keyCounts{uses: 1}},
		"of nobody, refused":         {"forged", 1, 2, no, keyCounts{forged: 1}},
		"of nobody, accepted":        {"forged", 1, 2, ok, keyCounts{forged: 1, forgedIn: 1}},
		"of nobody, neither":         {"forged", 1, 2, lost, keyCounts{}},
	} {
		ops := []checker.Op{
			{Kind: checker.Login, Credential: c.token, Outcome: ok},
			{Kind: checker.Use, Node: 1, Credential: c.token, Invoke: c.invoke, Complete: c.complete, Outcome: c.outcome},
		}
		got := l.judge(ops, 2, func(int) int64 { return 100 })
		if got[0].uses+got[0].removedUses+got[0].forged != 0 {
			t.Errorf("%s: the other node: %+v", name, got[0])
		}
		if c.want.window == 0 {
			c.want.window = -1
		}
		if g := got[1]; figures(g) != figures(c.want) {
			t.Errorf("%s: %v, want %v", name, figures(g), figures(c.want))
		}
		if first, known := got[1].known["b"]; known != (name == "new and known") || known && first != 20 {
			t.Errorf("%s: known %v", name, got[1].known)
		}
	}
}

func figures(c keyCounts) [10]int64 {
	return [10]int64{c.uses, c.falseRejects, c.early, c.failed, c.forged, c.forgedIn, c.removedUses, c.removedIn, c.beyond*1000 + c.tested, c.window}
}

// TestKeyVerdicts: no data is never a pass, and what is broken fails.
func TestKeyVerdicts(t *testing.T) {
	node := func(c keyCounts, asked asked, seen keysSeen) keyNode {
		return keyNode{name: "verifier 1", keyCounts: c, asked: asked, seen: seen}
	}
	some := map[string]news{"b": {}}
	for name, c := range map[string]struct {
		got  results.Verdict
		want string
	}{
		"rejects none":           {rejectVerdict(keyCounts{uses: 100}, ""), results.Pass},
		"rejects one":            {rejectVerdict(keyCounts{uses: 100, falseRejects: 1}, ""), results.Fail},
		"rejects, unseen":        {rejectVerdict(keyCounts{uses: 100}, "no change was seen"), results.Unknown},
		"rejects one, unseen":    {rejectVerdict(keyCounts{uses: 100, falseRejects: 1}, "no change was seen"), results.Fail},
		"rejects, no use":        {rejectVerdict(keyCounts{}, ""), results.Unknown},
		"rejects, many lost":     {rejectVerdict(keyCounts{uses: 100, failed: 2}, ""), results.Unknown},
		"cost":                   {costVerdict(keyCounts{uses: 100, removedUses: 3, removedIn: 1}, ""), results.Pass},
		"no cost":                {costVerdict(keyCounts{uses: 100}, ""), results.Unknown},
		"removed":                {removedVerdict([]keyNode{node(keyCounts{tested: 5}, asked{}, keysSeen{})}), results.Pass},
		"removed, accepted":      {removedVerdict([]keyNode{node(keyCounts{tested: 5, beyond: 1}, asked{}, keysSeen{})}), results.Fail},
		"removed, not used":      {removedVerdict([]keyNode{node(keyCounts{tested: 5}, asked{}, keysSeen{}), node(keyCounts{}, asked{}, keysSeen{})}), results.Unknown},
		"fetches":                {fetchVerdict([]keyNode{node(keyCounts{}, asked{all: 12}, keysSeen{})}, 10*time.Second, time.Second), results.Pass},
		"too many fetches":       {fetchVerdict([]keyNode{node(keyCounts{}, asked{all: 13}, keysSeen{})}, 10*time.Second, time.Second), results.Fail},
		"no fetch":               {fetchVerdict([]keyNode{node(keyCounts{}, asked{}, keysSeen{})}, 10*time.Second, time.Second), results.Unknown},
		"discovered":             {discoveryVerdict([]keyNode{node(keyCounts{known: map[string]int64{"b": 9e8}}, asked{}, keysSeen{})}, some, time.Second), results.Pass},
		"discovered late":        {discoveryVerdict([]keyNode{node(keyCounts{known: map[string]int64{"b": 11e8}}, asked{}, keysSeen{})}, some, time.Second), results.Fail},
		"never discovered":       {discoveryVerdict([]keyNode{node(keyCounts{}, asked{}, keysSeen{})}, some, time.Second), results.Fail},
		"nothing to discover":    {discoveryVerdict([]keyNode{node(keyCounts{}, asked{}, keysSeen{})}, nil, time.Second), results.Unknown},
		"forged refused":         {forgedVerdict(keyCounts{forged: 9}), results.Pass},
		"forged accepted":        {forgedVerdict(keyCounts{forged: 9, forgedIn: 1}), results.Fail},
		"none forged":            {forgedVerdict(keyCounts{}), results.Unknown},
		"conflict noticed":       {conflictVerdict([]keyNode{node(keyCounts{}, asked{bad: 1}, keysSeen{Conflicts: 1})}), results.Pass},
		"conflict not noticed":   {conflictVerdict([]keyNode{node(keyCounts{}, asked{bad: 1}, keysSeen{})}), results.Fail},
		"conflict not looked at": {conflictVerdict([]keyNode{node(keyCounts{}, asked{}, keysSeen{})}), results.Unknown},
	} {
		if c.got.Status != c.want {
			t.Errorf("%s: %s (%s), want %s", name, c.got.Status, c.got.Reason, c.want)
		}
		if c.got.Status == results.Unknown && c.got.Check != CheckKeyFetches && c.got.Reason == "" {
			t.Errorf("%s: unknown without a reason", name)
		}
	}
	kids := func(names ...string) keyNode {
		m := map[string]bool{}
		for _, n := range names {
			m[n] = true
		}
		return keyNode{name: "verifier 1", keyCounts: keyCounts{kids: m, algs: map[string]bool{"ES256": true}}}
	}
	if got := keysChanged([]keyNode{kids("a", "b"), kids("a")}, 2, 1); !strings.Contains(got, "1 keys") {
		t.Errorf("a change that one node has not seen: %q", got)
	}
	if got := keysChanged([]keyNode{kids("a", "b")}, 2, 1); got != "" {
		t.Errorf("a change that was seen: %q", got)
	}
	if keysChanged([]keyNode{kids("a", "b")}, 2, 2) == "" {
		t.Error("a migration that was not seen")
	}
}

// TestForger: its tokens verify with what it publishes, and with nothing else.
func TestForger(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	real := b64([]byte(`{"typ":"at+jwt","alg":"ES256","kid":"a"}`)) + "." + b64([]byte(`{"sub":"user-1","exp":1800000000}`)) + ".c2ln"
	s, ok := takeApart(real)
	if !ok || s.kid != "a" || s.alg != "ES256" || !s.end.Equal(time.Unix(1_800_000_000, 0)) {
		t.Fatalf("%+v, %v", s, ok)
	}
	other, ok := takeApart(s.under("RS256", "b"))
	if !ok || other.kid != "b" || other.alg != "RS256" || other.payload != s.payload || other.signature != "c2ln" || other.header["typ"] != "at+jwt" {
		t.Errorf("under another header: %+v", other)
	}
	for _, bad := range []string{"", "a.b", "a.b.c.d", "!.e30.x", b64([]byte("7")) + ".e30.x", "e30." + b64([]byte(`{"exp":"x"}`)) + ".x"} {
		if _, ok := takeApart(bad); ok {
			t.Errorf("%q is read", bad)
		}
	}
	for _, alg := range []string{"ES256", "RS256"} {
		f, err := newForger(alg)
		if err != nil {
			t.Fatal(err)
		}
		token, err := f.sign(s, "stolen")
		if err != nil {
			t.Fatal(err)
		}
		got, _ := takeApart(token)
		if got.kid != "stolen" || got.alg != alg || got.payload != s.payload {
			t.Errorf("%+v", got)
		}
		input := token[:strings.LastIndexByte(token, '.')]
		sum := sha256.Sum256([]byte(input))
		sig, err := base64.RawURLEncoding.DecodeString(got.signature)
		if err != nil {
			t.Fatal(err)
		}
		var set struct{ Keys []map[string]string }
		if err := json.Unmarshal(f.keySet("stolen", "more"), &set); err != nil || len(set.Keys) != 2 || set.Keys[0]["kid"] != "stolen" || set.Keys[0]["alg"] != alg {
			t.Fatalf("%v, %v", set, err)
		}
		number := func(field string) *big.Int {
			b, err := base64.RawURLEncoding.DecodeString(set.Keys[0][field])
			if err != nil {
				t.Fatal(err)
			}
			return new(big.Int).SetBytes(b)
		}
		switch public := f.key.Public().(type) {
		case *ecdsa.PublicKey:
			if !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) || len(sig) != 64 {
				t.Error("the ES256 signature does not verify")
			}
			if len(set.Keys[0]["x"]) != 43 || len(set.Keys[0]["y"]) != 43 {
				t.Errorf("%v", set.Keys[0])
			}
		case *rsa.PublicKey:
			if err := rsa.VerifyPKCS1v15(public, 5, sum[:], sig); err != nil { // 5: SHA-256
				t.Error(err)
			}
			if number("n").Cmp(public.N) != 0 || number("e").Int64() != int64(public.E) {
				t.Error("it publishes another key")
			}
		}
	}
	if _, err := newForger("HS256"); err == nil {
		t.Error("a secret is forged")
	}
}

// TestFront: it hands on what the issuer answers, counts who asks, and misbehaves as it
// is told to.
func TestFront(t *testing.T) {
	f, err := newFront()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
	origin, err := newFront() // any listener will do
	if err != nil {
		t.Fatal(err)
	}
	origin.turn(frontPlanted, []byte("the set"))
	t.Cleanup(func() { _ = origin.close() })
	get := func(node int) (int, string) {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 300 * time.Millisecond}
		resp, err := client.Get(f.url(node))
		if err != nil {
			return 0, ""
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	if status, _ := get(1); status != http.StatusBadGateway {
		t.Errorf("without an issuer: %d", status)
	}
	f.from(origin.url(0))
	for _, c := range []struct {
		mode   string
		status int
		body   string
	}{
		{frontGood, 200, "the set"},
		{keys500, 500, ""},
		{keysEmpty, 200, `{"keys":[]}`},
		{keysSlow, 0, ""},
		{frontPlanted, 200, "planted"},
		{frontGood, 200, "the set"},
	} {
		f.turn(c.mode, []byte("planted"))
		if status, body := get(2); status != c.status || body != c.body {
			t.Errorf("%s: %d %q", c.mode, status, body)
		}
	}
	if one, two := f.counts(1), f.counts(2); one != (asked{1, 0}) || two != (asked{6, 4}) || f.counts(3) != (asked{}) {
		t.Errorf("%+v, %+v", one, two)
	}
}

// TestRotationApplies: who cannot take part is told why.
func TestRotationApplies(t *testing.T) {
	for _, c := range []struct{ arm, how, want string }{
		{"jwt-es256", keysOverlap, ""},
		{"jwt-rs256", keysMigrate, ""},
		{"jwt-es256+denylist", keysStorm, ""},
		{"hybrid", keysOverlap, ""},
		{"jwt-hs256", keysNoOverlap, ""},
		{"jwt-hs256", keysWrong, ""},
		{"jwt-hs256", keysOverlap, "shared secret"},
		{"control", keysOverlap, "no credential"},
		{"session-redis", keysOverlap, "no key that others verify with"},
		{"session-sealed", keysOverlap, "no key that others verify with"},
	} {
		arm, err := contract.Arm(c.arm, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := rotationApplies(arm, Values{"how": c.how}); got != c.want && (c.want == "" || !strings.Contains(got, c.want)) {
			t.Errorf("%s, %s: %q", c.arm, c.how, got)
		}
	}
	v, _, err := values(KeyRotation().Params, map[string]string{"how": keysEmergency, "jwks_cache": "1500ms", "jwks_timeout": "200ms"})
	if err != nil {
		t.Fatal(err)
	}
	if life := rotationLife(v); life%time.Second != 0 || life < removalBound(v)+emergencyWatch {
		t.Errorf("a token of %s does not outlive the watch of a removed key", life)
	}
}
