package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"strconv"
	"strings"
	"sync/atomic"
)

// directory is the seeded user base: user-1 ... user-N with passwords
// password-1 ... password-N. It is this node's own: a changed password is not
// known to other nodes, and lasts as long as the process.
type directory struct {
	users   []user
	nobody  user // does the same work for a name that does not exist
	plain   []string
	special []string
}

type user struct {
	salt   [16]byte
	hash   atomic.Pointer[[sha256.Size]byte]
	status atomic.Pointer[status] // nil: as seeded
}

// status is what the admin plane has set.
type status struct {
	disabled bool     // cannot log in, refresh, step up or change the password
	roles    []string // nil: as seeded
}

func newDirectory(n int) *directory {
	d := &directory{users: make([]user, n), plain: []string{"user"}, special: []string{"user", "admin"}}
	for i := range d.users {
		d.users[i].seed(password(i + 1))
	}
	d.nobody.seed(rand.Text())
	return d
}

func username(n int) string { return "user-" + strconv.Itoa(n) }
func password(n int) string { return "password-" + strconv.Itoa(n) }

func (u *user) seed(password string) {
	rand.Read(u.salt[:]) // never fails
	h := u.sum(password)
	u.hash.Store(&h)
}

// sum is one round of salted SHA-256: cheap on purpose, so that a login measures
// the mechanism and not the password hash. Never do this with real passwords.
func (u *user) sum(password string) [sha256.Size]byte {
	var buf [128]byte
	return sha256.Sum256(append(append(buf[:0], u.salt[:]...), password...))
}

func (u *user) matches(password string) bool {
	h := u.sum(password)
	return subtle.ConstantTimeCompare(h[:], u.hash.Load()[:]) == 1
}

// find returns the user called name, or nil. Names are canonical: user-07 is
// nobody.
func (d *directory) find(name string) *user {
	digits, ok := strings.CutPrefix(name, "user-")
	if !ok || digits == "" || digits[0] < '1' || digits[0] > '9' || len(digits) > 7 {
		return nil
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > len(d.users) {
		return nil
	}
	return &d.users[n-1]
}

// check reports whether password is name's, with the same work if there is no
// such user.
func (d *directory) check(name, password string) bool {
	u := d.find(name)
	if u == nil {
		d.nobody.matches(password)
		return false
	}
	return u.matches(password)
}

// change replaces name's password if current is right. undo takes the change
// back unless somebody else has changed it since.
func (d *directory) change(name, current, next string) (undo func(), ok bool) {
	u := d.find(name)
	if u == nil {
		return nil, false
	}
	was := u.hash.Load()
	if h := u.sum(current); subtle.ConstantTimeCompare(h[:], was[:]) != 1 {
		return nil, false
	}
	now := u.sum(next)
	if !u.hash.CompareAndSwap(was, &now) {
		return nil, false // a concurrent change won
	}
	return func() { u.hash.CompareAndSwap(&now, was) }, true
}

// roles of a user. The slice is shared; do not change it.
func (d *directory) roles(name string) []string {
	if u := d.find(name); u != nil {
		if s := u.status.Load(); s != nil && s.roles != nil {
			return s.roles
		}
	}
	if name == username(1) {
		return d.special
	}
	return d.plain
}

// disabled says whether the user has been disabled. Nobody else is.
func (d *directory) disabled(name string) bool {
	u := d.find(name)
	if u == nil {
		return false
	}
	s := u.status.Load()
	return s != nil && s.disabled
}
