package contract

import (
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Bound is how long a revoked credential may still be accepted, from the
// acknowledgement of the revoke.
type Bound struct {
	// Declared is false when nothing is promised: then nothing can be broken.
	Declared bool
	// Expiry: until the credential's own end (login or refresh + Lifetime) +
	// Leeway. Otherwise for Fixed.
	Expiry   bool
	Fixed    time.Duration
	Lifetime time.Duration
	Leeway   time.Duration
}

// Until is the instant from which a credential that was issued at issued and
// whose revoke was acknowledged at acked has to be refused.
func (b Bound) Until(issued, acked time.Time) time.Time {
	if b.Expiry {
		return issued.Add(b.Lifetime + b.Leeway)
	}
	return acked.Add(b.Fixed)
}

// String says the bound in words.
func (b Bound) String() string {
	switch {
	case !b.Declared:
		return "nothing is promised"
	case b.Expiry && b.Leeway > 0:
		return fmt.Sprintf("until exp + leeway (%s + %s after it was issued)", Duration(b.Lifetime), Duration(b.Leeway))
	case b.Expiry:
		return fmt.Sprintf("until exp (%s after it was issued)", Duration(b.Lifetime))
	case b.Fixed == 0:
		return "refused from the acknowledgement on"
	}
	return fmt.Sprintf("for %s after the acknowledgement", Duration(b.Fixed))
}

// Bound is the promised revocation bound. Promises come out of Parse checked;
// on others an unreadable bound counts as not declared.
func (p Promises) Bound() Bound {
	b, err := p.bound()
	if err != nil {
		return Bound{}
	}
	return b
}

func (p Promises) bound() (Bound, error) {
	terms := strings.Fields(p.RevocationBound)
	switch strings.Join(terms, " ") {
	case "":
		return Bound{}, nil
	case "exp", "exp + leeway":
		life, err := ParseDuration(p.Lifetime)
		if err != nil {
			return Bound{}, fmt.Errorf("%q needs the promise lifetime beside it", p.RevocationBound)
		}
		b := Bound{Declared: true, Expiry: true, Lifetime: life.D()}
		if len(terms) == 1 {
			return b, nil
		}
		leeway, err := ParseDuration(p.Leeway)
		if err != nil {
			return Bound{}, fmt.Errorf("%q needs the promise leeway beside it", p.RevocationBound)
		}
		b.Leeway = leeway.D()
		return b, nil
	}
	fixed, err := ParseDuration(p.RevocationBound)
	if err != nil {
		return Bound{}, fmt.Errorf(`%q is neither a duration (0s, 5s) nor "exp" nor "exp + leeway"`, p.RevocationBound)
	}
	return Bound{Declared: true, Fixed: fixed.D()}, nil
}

// checkStoreUnreachable checks the notation of on_store_unreachable.
func checkStoreUnreachable(s string) error {
	switch s {
	case "", "503", "open", "fallback", "unaffected":
		return nil
	}
	if inner, ok := strings.CutPrefix(s, "stale("); ok && strings.HasSuffix(inner, ")") {
		_, err := ParseDuration(strings.TrimSuffix(inner, ")"))
		return err
	}
	return fmt.Errorf("%q is not one of 503, stale(T), open, fallback, unaffected", s)
}

// RolesUntil is the instant from which a role that was taken away at changed must
// not be granted any more with a credential that was issued at issued. bounded is
// false when nothing is promised, or nothing that ends.
func (p Promises) RolesUntil(issued, changed time.Time) (until time.Time, bounded bool) {
	part := func(s string) time.Duration {
		d, err := ParseDuration(s)
		if err != nil {
			return 0
		}
		return d.D()
	}
	switch p.StaleRoles {
	case "":
		return time.Time{}, false
	case "directory":
		return changed, true
	case "credential":
		if p.Lifetime != "" {
			return issued.Add(part(p.Lifetime) + part(p.Leeway)), true
		}
		return issued.Add(part(p.AbsoluteTimeout)), p.AbsoluteTimeout != ""
	}
	return changed.Add(part(p.StaleRoles)), true
}

// checkStaleRoles checks the notation of stale_roles.
func checkStaleRoles(s string) error {
	if _, err := ParseDuration(s); err != nil && s != "credential" && s != "directory" {
		return fmt.Errorf("%q is neither a duration (0s, 5s) nor credential nor directory", s)
	}
	return nil
}

// Map lists what is promised, by the names of the file.
func (p Promises) Map() map[string]string {
	m := map[string]string{}
	maps.Insert(m, p.all())
	return m
}

// all yields the promises that are made, by the names of the file.
func (p Promises) all() func(yield func(string, string) bool) {
	return func(yield func(string, string) bool) {
		v := reflect.ValueOf(p)
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if value := v.Field(i).String(); value != "" && !yield(name, value) {
				return
			}
		}
	}
}

// expand replaces references to settings, and returns the error of each promise
// that has a bad one.
func (p *Promises) expand(settings Vars) map[string]error {
	bad := map[string]error{}
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		value, err := Expand(v.Field(i).String(), settings)
		if err != nil {
			bad[name] = err
			continue
		}
		v.Field(i).SetString(value)
	}
	return bad
}

// Guesses is the promised login_limit: how many wrong passwords there may be, and in
// which time. 0 where none is promised.
func (p Promises) Guesses() (tries int, per time.Duration, err error) {
	if p.LoginLimit == "" || p.LoginLimit == "none" {
		return 0, 0, nil
	}
	n, in, _ := strings.Cut(p.LoginLimit, "/")
	tries, err = strconv.Atoi(n)
	d, errIn := ParseDuration(in)
	if err != nil || errIn != nil || tries < 1 || d <= 0 {
		return 0, 0, fmt.Errorf("%q is neither none nor a number and a duration, such as 5/1m", p.LoginLimit)
	}
	return tries, d.D(), nil
}
