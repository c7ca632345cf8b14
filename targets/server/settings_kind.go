package server

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value prints what a kind holds; its String says what it may hold.
func value(k kind) string {
	switch k := k.(type) {
	case oneOf:
		return *k.dst
	case text:
		return *k.dst
	case setURL:
		return *k.dst
	case number:
		return strconv.Itoa(*k.dst)
	case size:
		return strconv.Itoa(*k.dst)
	case duration:
		return k.dst.String()
	case unreachable:
		return k.dst.String()
	case setHash:
		return k.dst.String()
	case setLimit:
		return k.dst.String()
	case addresses:
		return strings.Join(*k.dst, ",")
	}
	return ""
}

type oneOf struct {
	dst     *string
	allowed []string
}

func (o oneOf) String() string { return "one of " + strings.Join(o.allowed, ", ") }

func (o oneOf) set(v string) error {
	if !slices.Contains(o.allowed, v) {
		return fmt.Errorf("want %s", o)
	}
	*o.dst = v
	return nil
}

type text struct{ dst *string }

func (text) String() string { return "text" }

func (t text) set(v string) error {
	if v == "" {
		return errors.New("must not be empty")
	}
	*t.dst = v
	return nil
}

type number struct {
	dst      *int
	min, max int
}

func (n number) String() string { return fmt.Sprintf("a whole number from %d to %d", n.min, n.max) }

func (n number) set(v string) error {
	i, err := strconv.Atoi(v)
	if err != nil || i < n.min || i > n.max {
		return fmt.Errorf("want %s", n)
	}
	*n.dst = i
	return nil
}

// size is one of a few numbers.
type size struct {
	dst     *int
	allowed []int
}

func (z size) String() string {
	return "one of " + strings.Trim(strings.ReplaceAll(fmt.Sprint(z.allowed), " ", ", "), "[]")
}

func (z size) set(v string) error {
	i, err := strconv.Atoi(v)
	if err != nil || !slices.Contains(z.allowed, i) {
		return fmt.Errorf("want %s", z)
	}
	*z.dst = i
	return nil
}

type duration struct {
	dst *time.Duration
	min time.Duration
}

func (d duration) String() string {
	return fmt.Sprintf("a duration of at least %s, such as 1m30s", d.min)
}

func (d duration) set(v string) error {
	p, err := time.ParseDuration(v)
	if err != nil || p < d.min {
		return fmt.Errorf("want %s", d)
	}
	*d.dst = p
	return nil
}

// Unreachable is what a use is answered while the store cannot be asked: Mode is
// "503", "stale" (as at its last good check on this node, if that is at most Stale
// old) or "open" (let in).
type Unreachable struct {
	Mode  string
	Stale time.Duration
}

// String is the notation of the settings: 503, stale(5s), open.
func (u Unreachable) String() string {
	if u.Mode == "stale" {
		return "stale(" + u.Stale.String() + ")"
	}
	return u.Mode
}

type unreachable struct {
	dst  *Unreachable
	open bool // may be open
}

func (u unreachable) String() string {
	if u.open {
		return "503, stale(T) with a duration T, or open"
	}
	return "503 or stale(T) with a duration T"
}

func (u unreachable) set(v string) error {
	if v == "503" || v == "open" && u.open {
		*u.dst = Unreachable{Mode: v}
		return nil
	}
	inner, ok := strings.CutPrefix(v, "stale(")
	inner, closed := strings.CutSuffix(inner, ")")
	d, err := time.ParseDuration(inner)
	if !ok || !closed || err != nil || d <= 0 {
		return fmt.Errorf("want %s", u)
	}
	*u.dst = Unreachable{Mode: "stale", Stale: d}
	return nil
}
