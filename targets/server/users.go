package server

import (
	"crypto/rand"
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
	hash    hash
	plain   []string
	special []string
}

type user struct {
	salt     [saltBytes]byte
	password atomic.Pointer[kept]
	status   atomic.Pointer[status] // nil: as seeded
}

// kept is what is kept of a password. A dear hash of 10,000 seeded passwords would
// take minutes, so that those begin with a quick one, and the first log-in that is
// right leaves the other in its place, as a service moves on from an older hash.
// (Seeded passwords are no secret.)
type kept struct {
	seeded [sumBytes]byte
	sum    atomic.Pointer[[sumBytes]byte] // nil: seeded counts
}

// status is what the admin plane has set.
type status struct {
	disabled bool     // cannot log in, refresh, step up or change the password
	roles    []string // nil: as seeded
}

func newDirectory(n int, h hash) *directory {
	d := &directory{users: make([]user, n), hash: h, plain: []string{"user"}, special: []string{"user", "admin"}}
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
	sum, _ := quick{}.sum(&u.salt, password)
	u.password.Store(&kept{seeded: sum})
}

// judge says whether password is the user's, and what was kept of it at that time.
// A user who does not exist costs the same, and so does a wrong password. An error means
// that it was not looked at.
func (d *directory) judge(u *user, password string) (was *kept, right bool, err error) {
	was = u.password.Load()
	sum, err := d.hash.sum(&u.salt, password)
	if err != nil {
		return was, false, err
	}
	got, want := sum, was.sum.Load()
	first := want == nil && d.hash != (quick{})
	if first {
		got, _ = quick{}.sum(&u.salt, password)
	}
	if want == nil {
		want = &was.seeded
	}
	right = subtle.ConstantTimeCompare(got[:], want[:]) == 1
	if right && first {
		was.sum.Store(&sum)
	}
	return was, right, nil
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
func (d *directory) check(name, password string) (bool, error) {
	u := d.find(name)
	if u == nil {
		u = &d.nobody // whose password nobody knows
	}
	_, right, err := d.judge(u, password)
	return right, err
}

// change replaces name's password if current is right. undo takes the change
// back unless somebody else has changed it since.
func (d *directory) change(name, current, next string) (undo func(), ok bool, err error) {
	u := d.find(name)
	if u == nil {
		u = &d.nobody
	}
	was, right, err := d.judge(u, current)
	if err != nil || !right {
		return nil, false, err
	}
	sum, err := d.hash.sum(&u.salt, next)
	if err != nil {
		return nil, false, err
	}
	now := &kept{}
	now.sum.Store(&sum)
	if !u.password.CompareAndSwap(was, now) {
		return nil, false, nil // a concurrent change won
	}
	return func() { u.password.CompareAndSwap(now, was) }, true, nil
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
