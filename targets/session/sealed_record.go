package session

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
)

// The record inside a sealed session, big endian:
//
//	times      3 x 8 bytes, Unix seconds: issued, expires, auth time
//	id         16 bytes
//	subject    1 byte length, bytes
//	roles      1 byte count, then each as 1 byte length, bytes
//	data       the rest
//
// No checksum: the seal is one.
const sealedFixed = 3*8 + sealedID

// check refuses what the lengths of the encoding cannot say.
func (r *Sealed) check() error {
	switch {
	case r.Subject == "" || len(r.Subject) > math.MaxUint8:
		return fmt.Errorf("session: seal: subject of %d bytes: want 1 to %d", len(r.Subject), math.MaxUint8)
	case len(r.Roles) > math.MaxUint8 || slices.ContainsFunc(r.Roles, func(s string) bool { return len(s) > math.MaxUint8 }):
		return fmt.Errorf("session: seal: roles %.100q: want at most %d of so many bytes", r.Roles, math.MaxUint8)
	}
	return nil
}

// size is the length of the encoding.
func (r *Sealed) size() int {
	n := sealedFixed + 1 + len(r.Subject) + 1 + len(r.Data)
	for _, role := range r.Roles {
		n += 1 + len(role)
	}
	return n
}

// append appends the encoding of r, which has passed check.
func (r *Sealed) append(b []byte) []byte {
	if b == nil {
		b = make([]byte, 0, r.size())
	}
	for _, t := range [...]time.Time{r.Issued, r.Expires, r.AuthTime} {
		b = binary.BigEndian.AppendUint64(b, uint64(t.Unix()))
	}
	b = append(b, r.ID...)
	b = append(b, byte(len(r.Subject)))
	b = append(b, r.Subject...)
	b = append(b, byte(len(r.Roles)))
	for _, role := range r.Roles {
		b = append(b, byte(len(role)))
		b = append(b, role...)
	}
	return append(b, r.Data...)
}

// decodeSealed reads what append wrote. Its error means that whoever has the key
// wrote something else: another version of this program.
func decodeSealed(b []byte) (Sealed, error) {
	bad := func(what string) (Sealed, error) {
		return Sealed{}, fmt.Errorf("%w: no %s", ErrSealMalformed, what)
	}
	if len(b) < sealedFixed {
		return bad("times")
	}
	at := func(i int) time.Time { return time.Unix(int64(binary.BigEndian.Uint64(b[8*i:])), 0) }
	r := Sealed{Issued: at(0), Expires: at(1), AuthTime: at(2)}
	rest := string(b[3*8:]) // one copy, of which all strings are parts
	r.ID, rest = rest[:sealedID], rest[sealedID:]
	var ok bool
	if r.Subject, rest, ok = cutCounted(rest); !ok || r.Subject == "" || rest == "" {
		return bad("subject")
	}
	n := int(rest[0])
	rest = rest[1:]
	if n > 0 {
		r.Roles = make([]string, n)
	}
	for i := range r.Roles {
		if r.Roles[i], rest, ok = cutCounted(rest); !ok {
			return bad("roles")
		}
	}
	r.Data = rest
	return r, nil
}

// cutCounted splits off a string with its length in front.
func cutCounted(s string) (head, tail string, ok bool) {
	if s == "" || len(s) < 1+int(s[0]) {
		return "", "", false
	}
	n := 1 + int(s[0])
	return s[1:n], s[n:], true
}
