package server

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// The values of password_hash.
const (
	// hashQuick is one round of salted SHA-256: cheap on purpose, so that a log-in
	// measures the mechanism and not the hash. Never do this with real passwords.
	hashQuick = "sha256-test-only"
	// hashArgon is Argon2id (RFC 9106), as dear as its settings say.
	hashArgon = "argon2id"
)

const (
	saltBytes = 16
	sumBytes  = sha256.Size // of either hash
)

// PasswordHash is what is kept of passwords. All but Name belong to argon2id.
type PasswordHash struct {
	Name   string
	Memory int // m of RFC 9106: KiB a hash
	Passes int // t: over that memory
	Lanes  int // p: that can be worked on at once
	AtOnce int // how many hashes are made at a time; others wait
	Wait   time.Duration
}

// String is the notation of the settings: sha256-test-only, or
// argon2id:m=19456,t=2,p=1,at_once=4,wait=1s.
func (h PasswordHash) String() string {
	if h.Name != hashArgon {
		return h.Name
	}
	return fmt.Sprintf("%s:m=%d,t=%d,p=%d,at_once=%d,wait=%s", h.Name, h.Memory, h.Passes, h.Lanes, h.AtOnce, h.Wait)
}

// setHash is a setting that is a PasswordHash.
type setHash struct{ dst *PasswordHash }

func (setHash) String() string {
	return hashQuick + ", " + hashArgon + ", or argon2id with any of m (KiB), t, p, at_once and wait, such as argon2id:m=47104,t=1,wait=2s"
}

func (k setHash) set(v string) error {
	name, list, _ := strings.Cut(v, ":")
	switch {
	case v == hashQuick:
		*k.dst = PasswordHash{Name: v}
		return nil
	case name != hashArgon:
		return fmt.Errorf("want %s", k)
	}
	// What the Password Storage Cheat Sheet of OWASP names as a minimum.
	h := PasswordHash{Name: hashArgon, Memory: 19456, Passes: 2, Lanes: 1, AtOnce: 4, Wait: time.Second}
	kinds := map[string]kind{
		"m": number{&h.Memory, 8, 1 << 22}, "t": number{&h.Passes, 1, 1000}, "p": number{&h.Lanes, 1, 255},
		"at_once": number{&h.AtOnce, 1, 1024}, "wait": duration{&h.Wait, 0},
	}
	for part := range strings.SplitSeq(list, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch {
		case list == "":
		case kinds[key] == nil:
			return fmt.Errorf("want %s", k)
		default:
			if err := kinds[key].set(value); err != nil {
				return fmt.Errorf("%s: %w", part, err)
			}
		}
	}
	*k.dst = h
	return nil
}

// hash makes of a password what is kept of it. Safe for concurrent use.
type hash interface {
	sum(salt *[saltBytes]byte, password string) ([sumBytes]byte, error)
}

// newHash is the hash of the settings.
func newHash(h PasswordHash) hash {
	if h.Name != hashArgon {
		return quick{}
	}
	return &argon{
		memory: uint32(h.Memory), passes: uint32(h.Passes), lanes: uint8(h.Lanes),
		places: make(chan struct{}, h.AtOnce), wait: h.Wait,
	}
}

type quick struct{}

func (quick) sum(salt *[saltBytes]byte, password string) ([sumBytes]byte, error) {
	var buf [128]byte
	return sha256.Sum256(append(append(buf[:0], salt[:]...), password...)), nil
}

// argon is bounded in how many hashes are made at once: each takes as much memory as
// the settings say and a core for its time, so that a flood of log-ins would take all
// there is of both.
type argon struct {
	memory uint32 // KiB
	passes uint32
	lanes  uint8
	places chan struct{}
	wait   time.Duration
}

// errHashBusy is a password that was not looked at: too many others are.
var errHashBusy = errors.New("too many password hashes at once")

func (a *argon) sum(salt *[saltBytes]byte, password string) ([sumBytes]byte, error) {
	if !a.enter() {
		return [sumBytes]byte{}, errHashBusy
	}
	defer func() { <-a.places }()
	return [sumBytes]byte(argon2.IDKey([]byte(password), salt[:], a.passes, a.memory, a.lanes, sumBytes)), nil
}

// enter takes a place within the wait.
func (a *argon) enter() bool {
	select {
	case a.places <- struct{}{}:
		return true
	default:
	}
	t := time.NewTimer(a.wait)
	defer t.Stop()
	select {
	case a.places <- struct{}{}:
		return true
	case <-t.C:
		return false
	}
}
