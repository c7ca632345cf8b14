package decide

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Requirements are what a reader asks of an authentication mechanism. What is not
// asked excludes nothing.
type Requirements struct {
	Title   string
	Context string

	Window          Length // longest time that a logged-out credential may still be accepted
	LogOutAll       bool   // all credentials of a user can be ended at once
	EndOne          bool   // one of them can be ended and the others go on
	ListDevices     bool   // the server can say which there are
	StayIn          Length // longest time that credentials may be accepted while nobody can look up whether they were revoked
	ThrownOut       bool   // users may lose their sessions with the store's data
	Return          Return // when a logged-out credential may be accepted again
	KeepAnswering   Length // how long live credentials have to be answered while the store is away
	UnavailableMost float64
	Clients         []string

	Nodes     int
	Regions   int
	RoundTrip time.Duration // to the store, on top of that of the run

	PerSecond    float64 // 0: not stated
	Users        int     // 0: not stated
	RequestBytes int     // 0: any
	P99          time.Duration

	SharedSecret  bool // may be used to sign
	ThirdsVerify  bool // others check tokens without being able to mint them
	CPU           float64
	Latency       float64
	Bytes         float64
	Revocation    float64
	Operations    float64
	given         map[string]bool // keys that the file has
	File, Written string          // name of the file, and its text; may be empty
}

// Length is a length of time, or any.
type Length struct {
	D   time.Duration
	Any bool
}

// String is the notation of the file.
func (l Length) String() string {
	if l.Any {
		return "any"
	}
	return duration(l.D)
}

// Holds says whether d is within l.
func (l Length) Holds(d Length) bool { return l.Any || !d.Any && d.D <= l.D }

// duration is the shortest notation: 15m5s, 1m, 0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Return is when a logged-out credential may be accepted again, from the strictest
// to the loosest.
type Return int

// The values of Return.
const (
	Never        Return = iota
	AfterRestore        // when older data was put back
	AfterLoss           // when the store has lost or got back data
)

func returns() []string { return []string{"never", "after-a-restore", "after-any-loss"} }

// String is the notation of the file.
func (r Return) String() string { return returns()[r] }

// Defaults ask nothing, of one node in one place, and weigh all criteria alike.
func Defaults() *Requirements {
	r := &Requirements{given: map[string]bool{}}
	for _, f := range Fields() {
		if err := f.set(r, f.Default); err != nil {
			panic("decide: default of " + f.Key + ": " + err.Error()) // a mistake in the table below
		}
	}
	return r
}

// With is r with one requirement changed; value is as in the file.
func (r *Requirements) With(key, value string) (*Requirements, error) {
	i := slices.IndexFunc(Fields(), func(f Field) bool { return f.Key == key })
	if i < 0 {
		return nil, fmt.Errorf("no requirement is called %q", key)
	}
	next := *r
	next.given = maps.Clone(r.given)
	next.given[key] = true
	if err := Fields()[i].set(&next, value); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return &next, nil
}

// Given says whether the file has the key.
func (r *Requirements) Given(key string) bool { return r.given[key] }

// Asks says whether anything is asked at all, be it a weight.
func (r *Requirements) Asks() bool {
	for key := range r.given {
		if key != "title" && key != "context" {
			return true
		}
	}
	return false
}

func clientKinds() []string { return []string{"browser", "native", "third_party", "cross_domain"} }

// The parsers of values. Their errors say what is wanted.

func setLength(to *Length, any bool) func(string) error {
	return func(s string) error {
		if any && s == "any" {
			*to = Length{Any: true}
			return nil
		}
		d, err := parseDuration(s)
		if err != nil {
			if any {
				err = fmt.Errorf("%w, or any", err)
			}
			return err
		}
		*to = Length{D: d}
		return nil
	}
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || s == "0" || s == "+0" || s == "-0" {
		return 0, fmt.Errorf("%q is not a duration: write a number and its unit, like 300ms, 5s, 15m, 1h30m", s)
	}
	if d < 0 {
		return 0, fmt.Errorf("%q is negative", s)
	}
	return d, nil
}

func parseBool(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, fmt.Errorf("%q is neither true nor false", s)
	}
	return s == "true", nil
}

func parseCount(s string, least int) (int, error) {
	n, err := strconv.Atoi(strings.ReplaceAll(s, "_", ""))
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number", s)
	}
	if n < least {
		return 0, fmt.Errorf("%d is less than %d", n, least)
	}
	return n, nil
}

func parseNumber(s string) (float64, error) {
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil || v != v || v > 1e15 {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	if v < 0 {
		return 0, fmt.Errorf("%s is negative", s)
	}
	return v, nil
}

// parsePercent reads 5 % and 5%, and returns the share.
func parsePercent(s string) (float64, error) {
	text, ok := strings.CutSuffix(strings.TrimSpace(s), "%")
	if !ok {
		return 0, fmt.Errorf("%q is not a percentage, like 1 %%", s)
	}
	v, err := parseNumber(strings.TrimSpace(text))
	if err != nil {
		return 0, err
	}
	if v > 100 {
		return 0, fmt.Errorf("%s %% is more than everything", text)
	}
	return v / 100, nil
}

func parseOneOf(s string, words []string) (int, error) {
	i := slices.Index(words, s)
	if i < 0 {
		return 0, fmt.Errorf("%q is not one of %s", s, strings.Join(words, ", "))
	}
	return i, nil
}
