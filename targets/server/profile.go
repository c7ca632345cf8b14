package server

import (
	"crypto/sha256"
	"encoding/base64"
	"math/rand/v2"
)

// maxProfile bounds a profile: what every store can keep with a session.
const maxProfile = 16 << 10

// profileOf makes n characters of text per user: what an application keeps of a user
// in the session or the token, so that it need not ask. nil for n = 0.
//
// The text is the same each time for one user and looks random, so that nothing on
// the way can compress it, and no two users share any of it.
func profileOf(n int) func(subject string) string {
	if n == 0 {
		return nil
	}
	return func(subject string) string {
		stream := rand.NewChaCha8(sha256.Sum256([]byte("profile of " + subject)))
		raw := make([]byte, (n*3+3)/4)
		_, _ = stream.Read(raw) // never fails
		return base64.RawURLEncoding.EncodeToString(raw)[:n]
	}
}
