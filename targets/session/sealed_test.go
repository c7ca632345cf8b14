package session

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// sealedAt is a sealer whose clock the test sets.
func sealedAt(t *testing.T, now *time.Time, change ...func(*SealConfig)) *Sealer {
	t.Helper()
	cfg := SealConfig{
		Keys: NewSealKeys(), Lifetime: time.Minute, CSRFKey: make([]byte, 32),
		Now: func() time.Time { return *now },
	}
	for _, f := range change {
		f(&cfg)
	}
	s, err := NewSealer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealed(t *testing.T) {
	now := time.Unix(1_700_000_000, 999)
	s := sealedAt(t, &now, func(c *SealConfig) { c.Data = func(name string) string { return "profile of " + name } })
	cred, err := s.Seal("user-1", []string{"user", "admin"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Open(cred.ID)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_700_000_000, 0)
	want := Sealed{
		Subject: "user-1", Roles: []string{"user", "admin"}, Issued: at, AuthTime: at, Expires: at.Add(time.Minute),
		ID: got.ID, Data: "profile of user-1",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if len(got.ID) != sealedID || !s.CheckCSRF(got.ID, cred.CSRF) || s.CheckCSRF(got.ID, cred.CSRF[1:]) {
		t.Errorf("CSRF token %q of %q", cred.CSRF, got.ID)
	}
	again, err := s.Seal("user-1", []string{"user", "admin"})
	if err != nil || again.ID == cred.ID || again.CSRF == cred.CSRF {
		t.Errorf("twice the same: %+v, %v", again, err)
	}
	if len(cred.ID) != base64.RawURLEncoding.EncodedLen(sealHead+sealNonce+want.size()+sealTag) {
		t.Errorf("%d characters", len(cred.ID))
	}

	// To the nanosecond: it works while now < Expires.
	now = want.Expires.Add(-1)
	if _, err := s.Open(cred.ID); err != nil {
		t.Errorf("before its end: %v", err)
	}
	now = want.Expires
	if _, err := s.Open(cred.ID); !errors.Is(err, ErrSealExpired) {
		t.Errorf("at its end: %v", err)
	}
}

// TestSealedHidesAndHolds: nothing that is sealed shows, no altered byte is taken, and
// there is one spelling.
func TestSealedHidesAndHolds(t *testing.T) {
	now := time.Now()
	s := sealedAt(t, &now, func(c *SealConfig) { c.Data = func(string) string { return strings.Repeat("secret", 20) } })
	cred, err := s.Seal("user-1", []string{"admin"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(cred.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"user-1", "admin", "secret"} {
		if strings.Contains(string(raw), word) {
			t.Errorf("%q can be read", word)
		}
	}
	for i := range raw {
		for bit := range 8 {
			bad := slices.Clone(raw)
			bad[i] ^= 1 << bit
			if got, err := s.Open(base64.RawURLEncoding.EncodeToString(bad)); err == nil {
				t.Fatalf("bit %d of byte %d: %+v", bit, i, got)
			}
		}
	}
	for _, bad := range []string{"", "x", cred.ID[:len(cred.ID)-1], cred.ID + "A", cred.ID + "=", cred.ID + "\n", cred.ID[:9] + "\r" + cred.ID[9:], strings.Repeat("A", 43)} {
		if got, err := s.Open(bad); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
	// Of the spellings of the last character only one is taken.
	for _, subject := range []string{"a", "ab", "abc"} {
		cred, err := s.Seal(subject, nil)
		if err != nil {
			t.Fatal(err)
		}
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		cut, last := cred.ID[:len(cred.ID)-1], cred.ID[len(cred.ID)-1]
		for _, c := range []byte(alphabet) {
			if _, err := s.Open(cut + string(c)); (err == nil) != (c == last) {
				t.Errorf("%q ends in %q, and with %q: %v", cred.ID, last, c, err)
			}
		}
	}
	other := sealedAt(t, &now)
	if _, err := other.Open(cred.ID); !errors.Is(err, ErrSealKey) {
		t.Errorf("with another's keys: %v", err)
	}
}

func TestSealKeys(t *testing.T) {
	now := time.Now()
	s := sealedAt(t, &now)
	old, err := s.Seal("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	id := s.Keys().Rotate(now)
	if keys := s.Keys().List(); len(keys) != 2 || keys[0].ID != id {
		t.Errorf("keys %+v, %s is new", keys, id)
	}
	young, err := s.Seal("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	// A node that starts later reads both; one that has the new key alone opens what
	// that one sealed.
	b, err := json.Marshal(s.Keys())
	if err != nil {
		t.Fatal(err)
	}
	both := new(SealKeys)
	if err := json.Unmarshal(b, both); err != nil {
		t.Fatal(err)
	}
	var f sealKeysFile
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	f.Keys = f.Keys[:1]
	if b, err = json.Marshal(f); err != nil {
		t.Fatal(err)
	}
	one := new(SealKeys)
	if err := json.Unmarshal(b, one); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		keys   *SealKeys
		cookie string
		want   error
	}{
		{"old, both keys", both, old.ID, nil},
		{"new, both keys", both, young.ID, nil},
		{"old, new key", one, old.ID, ErrSealKey},
		{"new, new key", one, young.ID, nil},
	} {
		there := sealedAt(t, &now, func(cfg *SealConfig) { cfg.Keys = c.keys })
		if _, err := there.Open(c.cookie); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	// The same ID and another secret: a kid that was used twice.
	forged := f.Keys[0]
	forged.Secret = make([]byte, sealKeyBytes)
	key, err := newSealKey([sealKeyID]byte(forged.ID), now, forged.Secret)
	if err != nil {
		t.Fatal(err)
	}
	wrong := new(SealKeys)
	wrong.keys.Store(&[]sealKey{key})
	there := sealedAt(t, &now, func(cfg *SealConfig) { cfg.Keys = wrong })
	if _, err := there.Open(young.ID); !errors.Is(err, ErrSealBroken) {
		t.Errorf("another secret: %v", err)
	}
	for _, bad := range []string{``, `{}`, `{"keys":[{"kid":"AAAA","secret":"AAAA"}]}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), new(SealKeys)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestSealConfig(t *testing.T) {
	now := time.Now()
	good := SealConfig{Keys: NewSealKeys(), Lifetime: time.Minute, CSRFKey: make([]byte, 32)}
	for name, spoil := range map[string]func(*SealConfig){
		"no keys":       func(c *SealConfig) { c.Keys = nil },
		"no life":       func(c *SealConfig) { c.Lifetime = 0 },
		"half a second": func(c *SealConfig) { c.Lifetime = 1500 * time.Millisecond },
		"no CSRF key":   func(c *SealConfig) { c.CSRFKey = nil },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := NewSealer(cfg); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	s := sealedAt(t, &now)
	for _, subject := range []string{"", strings.Repeat("s", 256)} {
		if _, err := s.Seal(subject, nil); err == nil {
			t.Errorf("a subject of %d bytes is sealed", len(subject))
		}
	}
	if _, err := s.Seal("user-1", []string{strings.Repeat("r", 256)}); err == nil {
		t.Error("a role of 256 bytes is sealed")
	}
}

// FuzzDecodeSealed: whatever has the seal and is not a record is refused, not a panic.
func FuzzDecodeSealed(f *testing.F) {
	r := Sealed{Subject: "user-1", Roles: []string{"user"}, ID: strings.Repeat("i", sealedID), Data: "x"}
	f.Add(r.append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := decodeSealed(b)
		if err != nil {
			if !errors.Is(err, ErrSealMalformed) {
				t.Errorf("%v", err)
			}
			return
		}
		if again := rec.append(nil); string(again) != string(b) {
			t.Errorf("%x is read as %x", b, again)
		}
	})
}
