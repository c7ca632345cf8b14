package attack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"authbench/results"
)

// TestTimeAndAgain: nothing is found in a sound service in the classes that revoke,
// refresh, give ids out and lose their store.
func TestTimeAndAgain(t *testing.T) {
	for _, algorithm := range []string{"", "ES256"} {
		t.Run("sound "+algorithm, func(t *testing.T) {
			t.Parallel()
			failed, unknown, report := probeAll(t, soundTarget(t, "", algorithm), "D", "E", "F", "I")
			if len(failed) > 0 || len(unknown) > 0 {
				t.Errorf("failed %v, unknown %v", failed, unknown)
			}
			if n := report.Count(results.Pass); n < 16 {
				t.Errorf("only %d cases passed", n)
			}
		})
	}
}

// More defects of the service, of these classes.
const (
	lateLogOut      = "log-out done after its answer"
	wholeSeconds    = "log-out everywhere by second of issue"
	reuseForgiven   = "reuse of refresh tokens forgiven"
	countedIDs      = "ids with a counter in them"
	endlessSessions = "sessions without end"
	patternIDs      = "ids are patterns"
	oneToken        = "one CSRF token for everybody"
	openOutage      = "let in while the store is away"
	comesBack       = "what was logged out comes back with the store"
)

// drop forgets a session, as the defect has it.
func (s *service) drop(id string) {
	switch s.defect {
	case lateLogOut:
		time.AfterFunc(80*time.Millisecond, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.sessions, id)
		})
		return
	case comesBack:
		if s.dropped == nil {
			s.dropped = map[string]*session{}
		}
		s.dropped[id] = s.sessions[id]
	}
	delete(s.sessions, id)
}

// matching is a session whose id is what the pattern says.
func (s *service) matching(pattern string) *session {
	for id, at := range s.sessions {
		if ok, err := path.Match(pattern, id); err == nil && ok {
			return at
		}
	}
	return nil
}

// TestDefects: each of these is found, by the cases that are about it and by no others.
func TestDefects(t *testing.T) {
	for _, tt := range []struct{ defect, algorithm, ids string }{
		{lateLogOut, "", "D1 D4 D6 D14 I2"},
		{wholeSeconds, "", "D2 D8 D12"},
		{reuseForgiven, "ES256", "D9 E1 E3 E7"},
		{countedIDs, "", "F6"},
		{endlessSessions, "", "F7"},
		{patternIDs, "", "F11"},
		{oneToken, "", "D11 F10"},
		{openOutage, "", "I1"},
		{comesBack, "", "I2"},
	} {
		t.Run(tt.defect, func(t *testing.T) {
			t.Parallel()
			failed, _, _ := probeAll(t, soundTarget(t, tt.defect, tt.algorithm), "D", "E", "F", "I")
			if got := strings.Join(failed, " "); got != tt.ids {
				t.Errorf("failed %s, want %s", got, tt.ids)
			}
		})
	}
}

// TestTwin: the twin of an ECDSA signature verifies, and is another text.
func TestTwin(t *testing.T) {
	for _, m := range []*jwt.SigningMethodECDSA{jwt.SigningMethodES256, jwt.SigningMethodES384, jwt.SigningMethodES512} {
		key, err := ecdsa.GenerateKey(map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[m.Alg()], rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		token, err := jwt.New(m).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(token, ".")
		twin := twinOf(parts)
		if twin == parts[2] || len(twin) != len(parts[2]) {
			t.Errorf("%s: the twin of %s is %q", m.Alg(), parts[2], twin)
		}
		sig, err := base64.RawURLEncoding.DecodeString(twin)
		if err == nil {
			err = m.Verify(parts[0]+"."+parts[1], sig, &key.PublicKey)
		}
		if err != nil {
			t.Errorf("%s: the twin does not verify: %v", m.Alg(), err)
		}
	}
	if got := twinOf([]string{"a"}); got != "" {
		t.Errorf("the twin of what is no token is %q", got)
	}
}

// TestSameBytes: the other spellings decode to the same bytes, and there are as many as
// the unused bits allow.
func TestSameBytes(t *testing.T) {
	for n, want := range map[int]int{16: 15, 32: 3, 64: 15, 48: 0} {
		b := make([]byte, n)
		_, _ = rand.Read(b)
		text := base64.RawURLEncoding.EncodeToString(b)
		got := sameBytes(text)
		if len(got) != want {
			t.Errorf("%d bytes: %d spellings, want %d", n, len(got), want)
		}
		for _, s := range got {
			if d, err := base64.RawURLEncoding.DecodeString(s); s == text || err != nil || string(d) != string(b) {
				t.Errorf("%q is no other spelling of %q", s, text)
			}
		}
	}
}

// TestSpliced: what is put together from two refresh tokens is neither of them.
func TestSpliced(t *testing.T) {
	a, b := "login-a.1.maca", "login-b.1.macb"
	got := map[string]bool{}
	for _, s := range spliced(a, b) {
		if s.text == a || s.text == b || got[s.text] {
			t.Errorf("%s: %q is one that was given out, or came before", s.name, s.text)
		}
		got[s.text] = true
	}
	for _, want := range []string{"login-a.1.macb", "login-b.1.maca"} {
		if !got[want] {
			t.Errorf("%q is missing", want)
		}
	}
}
