package session

import (
	"crypto/hmac"
	"crypto/sha256"

	"authbench/targets/store"
)

const (
	idBytes = 32
	idChars = 43 // base64url of 32 bytes without padding
)

// parse turns an id into the key of its record. ok is false for whatever
// newCredential cannot have made: another length or alphabet, padding, line
// breaks (which package base64 skips), bits set in the last character's unused
// ones.
func (m *Manager) parse(id string) (key store.Key, ok bool) {
	if len(id) != idChars {
		return key, false
	}
	var text [idChars]byte
	var raw [idBytes]byte
	copy(text[:], id)
	if n, err := m.encoding.Decode(raw[:], text[:]); err != nil || n != idBytes {
		return key, false
	}
	return keyOf(raw), true
}

// keyOf needs no salt and no stretching: 256 random bits cannot be guessed.
func keyOf(raw [idBytes]byte) store.Key { return sha256.Sum256(raw[:]) }

// csrf is base64url(HMAC-SHA256(CSRFKey, id)): bound to the session, so that a
// token planted from another does not fit, and derived, so that none is stored
// (OWASP, Cross-Site Request Forgery Prevention, HMAC-based token).
func (m *Manager) csrf(id string) string {
	return m.encoding.EncodeToString(csrfSum(m.cfg.CSRFKey, id))
}

func csrfSum(key []byte, id string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id))
	return mac.Sum(nil)
}

// CheckCSRF tells, in constant time, whether token was issued with id. It says
// nothing about whether the session lives.
func (m *Manager) CheckCSRF(id, token string) bool {
	return hmac.Equal([]byte(m.csrf(id)), []byte(token))
}
