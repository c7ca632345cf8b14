package attack

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	mrand "math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// drawFrom has n ids of a generator, in four runs as a draw has them.
func drawFrom(n int, id func(i int) string) [][]string {
	out := make([][]string, 4)
	for i := range n {
		out[i%4] = append(out[i%4], id(i))
	}
	return out
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// TestJudgeIDs: what random ids have is found in them, and what broken generators lack is
// missed.
func TestJudgeIDs(t *testing.T) {
	secret := mrand.New(mrand.NewPCG(1, 2))
	began := time.Now()
	for _, tt := range []struct {
		name string
		id   func(i int) string
		bits float64 // that look random
		good bool
	}{
		{"32 bytes in base64url", func(int) string { return base64.RawURLEncoding.EncodeToString(randomBytes(32)) }, 256, true},
		{"16 bytes in base64url", func(int) string { return base64.RawURLEncoding.EncodeToString(randomBytes(16)) }, 128, true},
		{"16 bytes in hex", func(int) string { return hex.EncodeToString(randomBytes(16)) }, 128, true},
		{"signed and escaped", func(int) string {
			return url.QueryEscape("s:" + base64.StdEncoding.EncodeToString(randomBytes(24)) + "." + base64.RawStdEncoding.EncodeToString(randomBytes(32)))
		}, 448, true},
		{"a prefix and 16 bytes", func(int) string { return "sess_" + hex.EncodeToString(randomBytes(16)) }, 128, true},
		{"a UUID, of which 6 bits are fixed", func(int) string {
			b := randomBytes(16)
			b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
			return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		}, 122, false},
		{"8 bytes", func(int) string { return hex.EncodeToString(randomBytes(8)) }, 64, false},
		{"a counter", func(i int) string { return fmt.Sprintf("%032x", i) }, 0, false},
		{"8 bytes and a counter", func(i int) string { return hex.EncodeToString(randomBytes(8)) + fmt.Sprintf("%016x", i) }, 64, false},
		{"8 bytes, twice", func(int) string {
			s := hex.EncodeToString(randomBytes(8))
			return s + s
		}, 64, false},
		{"8 bytes and their complement", func(int) string {
			b := randomBytes(8)
			s := hex.EncodeToString(b)
			for i := range b {
				b[i] = ^b[i]
			}
			return s + hex.EncodeToString(b)
		}, 64, false},
		{"bytes of which one in five is zero", func(int) string {
			b := randomBytes(16)
			for i := range b {
				if secret.IntN(5) == 0 {
					b[i] = 0
				}
			}
			return hex.EncodeToString(b)
		}, 0, false},
		{"each adds to the one before", func() func(int) string {
			var at [4][16]byte
			return func(i int) string {
				b := &at[i%4]
				for k := range b {
					b[k] += byte(secret.IntN(40))
				}
				return hex.EncodeToString(b[:])
			}
		}(), 0, false},
	} {
		v := judgeIDs(drawFrom(20_000, tt.id))
		if v.random < tt.bits-1 || v.random > tt.bits+1 && tt.bits > 0 || (v.random >= idBits-0.5) != tt.good {
			t.Errorf("%s: %.1f bits look random%s, want %.0f", tt.name, v.random, v.odd, tt.bits)
		}
	}
	t.Logf("took %v", time.Since(began))
	if v := judgeIDs([][]string{{"a", "b", "a"}}); v.again != 1 {
		t.Errorf("%d came before, want 1", v.again)
	}
	if v := judgeIDs([][]string{nil, {}}); v.room != 0 || v.random != 0 {
		t.Errorf("no ids at all: %+v", v)
	}
}

// TestMadeUp: of the same form, and another.
func TestMadeUp(t *testing.T) {
	for _, id := range []string{"Zx9_-aB3cD4eF5gH6iJ7kL8mN9oP0qR1sT2uV3wX4yZ", "s%3AabcDEF123.xyz", strings.Repeat("0f", 16)} {
		got := madeUp(id)
		if got == id || len(got) != len(id) {
			t.Errorf("%q from %q", got, id)
		}
		if strings.HasPrefix(id, "s%3A") && !strings.Contains(got, "%3A") {
			t.Errorf("%q from %q", got, id)
		}
		if id[0] == '0' && strings.Trim(got, "0123456789abcdef") != "" {
			t.Errorf("%q is no hexadecimal number as %q is", got, id)
		}
	}
}

// TestHostile: a live id is not among the texts that have to be refused.
func TestHostile(t *testing.T) {
	live := base64.RawURLEncoding.EncodeToString(randomBytes(32))
	names := map[string]bool{}
	for _, h := range hostile(live) {
		if h.text == live || names[h.name] {
			t.Errorf("%s: %q", h.name, h.text)
		}
		names[h.name] = true
	}
	if len(names) < 80 {
		t.Errorf("%d texts", len(names))
	}
}

// keepMost ends the oldest sessions of a user beyond the cap.
func (s *service) keepMost(user string) {
	for s.most > 0 {
		n, oldest := 0, ""
		for id, at := range s.sessions {
			if at.user != user {
				continue
			}
			if n++; oldest == "" || at.made.Before(s.sessions[oldest].made) {
				oldest = id
			}
		}
		if n <= s.most {
			return
		}
		delete(s.sessions, oldest)
	}
}

// TestCap: a promised cap is held, or found missing.
func TestCap(t *testing.T) {
	for most, want := range map[int]string{0: results.Fail, 3: results.Pass, 2: results.Pass, 4: results.Fail} {
		s := newService("")
		s.most = most
		c, err := contract.Parse("capped.yaml", []byte(strings.Replace(sessionContract, "promises:", "promises:\n  max_sessions: 3", 1)), nil)
		if err != nil {
			t.Fatal(err)
		}
		target := NewTarget([]*contract.Client{{Contract: c, Host: s.listen(t, 1)[0]}}, s.material(), 0)
		if _, _, report := probeAll(t, target, "F9"); report.Cases[0].Status != want {
			t.Errorf("a cap of 3 where there are %d: %s, want %s (%s)", most, report.Cases[0].Status, want, report.Cases[0].Reason)
		}
	}
}
