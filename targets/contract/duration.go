package contract

import (
	"fmt"
	"strings"
	"time"
)

// Duration is a length of time that is written with its unit: 300ms, 5s, 15m,
// 1h30m. It is never negative.
type Duration time.Duration

// D is d as the standard library's type.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String is the shortest notation: 15m and not 15m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText writes what ParseDuration reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// ParseDuration reads 300ms, 5s, 15m, 1h30m. A number without a unit is an
// error (0 of what?), as is a negative one.
func ParseDuration(s string) (Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || s == "0" || s == "+0" || s == "-0" {
		return 0, fmt.Errorf("%q is not a duration: write a number and its unit, like 300ms, 5s, 15m, 1h30m", s)
	}
	if d < 0 {
		return 0, fmt.Errorf("%q is negative", s)
	}
	return Duration(d), nil
}
