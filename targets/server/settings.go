package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"authbench/targets/jwt"
)

// Settings is what makes one arm out of the server. The values of an arm file
// and of --set decode into it; Map gives back what is in force, defaults
// included. What does not apply to the mechanism is zero.
type Settings struct {
	Mechanism string // none, session or token

	Users        int
	PasswordHash string // sha256-test-only: salted, cheap on purpose, never for real passwords

	MaxHeaderBytes        int // request line and headers; beyond it 431
	MaxBodyBytes          int // beyond it 413
	MaxConnections        int // beyond it 503 and close
	ReadTimeout           time.Duration
	WriteTimeout          time.Duration
	IdleConnectionTimeout time.Duration

	CredentialBytes int // none: size of the unverified credential

	Store           string // session: memory, redis or mysql
	IdleTimeout     time.Duration
	AbsoluteTimeout time.Duration
	TouchEvery      time.Duration
	SweepEvery      time.Duration // memory and mysql: removal of expired records
	SameSite        string        // Lax or Strict
	RedisPoolSize   int
	RedisTimeout    time.Duration // dial, read, write and pool wait, each
	MySQLPoolSize   int
	MySQLTimeout    time.Duration

	Algorithm       string // token
	Lifetime        time.Duration
	RefreshLifetime time.Duration
	Leeway          time.Duration
	Issuer          string
	Audience        string
}

// passwordHash is the only one there is: hashing is not what is measured.
const passwordHash = "sha256-test-only"

// setting is one key: where it goes, what it may be, and for whom it is.
type setting struct {
	key     string
	initial string // default; "" means that it has to be given
	applies func(*Settings) bool
	kind    kind
}

// kind reads and prints one type of value.
type kind interface {
	set(value string) error
	String() string
}

// table lists every setting of s. mechanism and store come first: the others
// depend on them.
func table(s *Settings) []setting {
	always := func(*Settings) bool { return true }
	mechanism := func(name string) func(*Settings) bool {
		return func(s *Settings) bool { return s.Mechanism == name }
	}
	store := func(names ...string) func(*Settings) bool {
		return func(s *Settings) bool { return s.Mechanism == "session" && slices.Contains(names, s.Store) }
	}
	none, session, token := mechanism("none"), mechanism("session"), mechanism("token")
	return []setting{
		{"mechanism", "", always, oneOf{&s.Mechanism, []string{"none", "session", "token"}}},
		{"store", "", session, oneOf{&s.Store, []string{"memory", "redis", "mysql"}}},
		{"algorithm", "", token, oneOf{&s.Algorithm, jwt.Algorithms()}},

		{"users", "10000", always, number{&s.Users, 1, 1_000_000}},
		{"password_hash", passwordHash, always, oneOf{&s.PasswordHash, []string{passwordHash}}},
		{"max_header_bytes", "8192", always, number{&s.MaxHeaderBytes, 1024, 1 << 20}},
		{"max_body_bytes", "16384", always, number{&s.MaxBodyBytes, 1024, 1 << 24}},
		{"max_connections", "16384", always, number{&s.MaxConnections, 1, 1 << 20}},
		{"read_timeout", "10s", always, duration{&s.ReadTimeout, time.Millisecond}},
		{"write_timeout", "10s", always, duration{&s.WriteTimeout, time.Millisecond}},
		{"idle_connection_timeout", "10m", always, duration{&s.IdleConnectionTimeout, time.Millisecond}},

		{"credential_bytes", "43", none, number{&s.CredentialBytes, 16, 4096}},

		{"idle_timeout", "30m", session, duration{&s.IdleTimeout, time.Millisecond}},
		{"absolute_timeout", "12h", session, duration{&s.AbsoluteTimeout, time.Millisecond}},
		{"touch_every", "1m", session, duration{&s.TouchEvery, 0}},
		{"same_site", "Lax", session, oneOf{&s.SameSite, []string{"Lax", "Strict"}}},
		{"sweep_every", "1m", store("memory", "mysql"), duration{&s.SweepEvery, time.Millisecond}},
		{"redis_pool_size", "64", store("redis"), number{&s.RedisPoolSize, 1, 10_000}},
		{"redis_timeout", "300ms", store("redis"), duration{&s.RedisTimeout, time.Millisecond}},
		{"mysql_pool_size", "32", store("mysql"), number{&s.MySQLPoolSize, 1, 10_000}},
		{"mysql_timeout", "300ms", store("mysql"), duration{&s.MySQLTimeout, time.Millisecond}},

		{"lifetime", "15m", token, duration{&s.Lifetime, time.Second}},
		{"refresh_lifetime", "24h", token, duration{&s.RefreshLifetime, time.Second}},
		{"leeway", "5s", token, duration{&s.Leeway, 0}},
		{"issuer", "https://authbench.test", token, text{&s.Issuer}},
		{"audience", "authbench-api", token, text{&s.Audience}},
	}
}

// Decode reads settings strictly: an unknown key, a key that means nothing to
// the mechanism and a bad value are errors that name key and value, all of them
// at once.
func Decode(values map[string]string) (Settings, error) {
	var (
		s     Settings
		errs  []error
		known = map[string]bool{}
	)
	for _, t := range table(&s) {
		known[t.key] = true
		value, given := values[t.key]
		if !t.applies(&s) {
			if given && s.Mechanism != "" {
				errs = append(errs, fmt.Errorf("setting %s=%s: means nothing with %s", t.key, value, s.what()))
			}
			continue
		}
		if !given {
			value = t.initial
		}
		if !given && t.initial == "" {
			errs = append(errs, fmt.Errorf("setting %s is missing: want %s", t.key, t.kind))
			continue
		}
		if err := t.kind.set(value); err != nil {
			errs = append(errs, fmt.Errorf("setting %s=%s: %w", t.key, value, err))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !known[key] {
			errs = append(errs, fmt.Errorf("setting %s=%s: there is no such setting", key, values[key]))
		}
	}
	if len(errs) == 0 {
		errs = append(errs, s.check())
	}
	return s, errors.Join(errs...)
}

// check is for what no single value shows.
func (s *Settings) check() error {
	switch {
	case s.Mechanism == "none" && s.CredentialBytes < len(username(s.Users)):
		return fmt.Errorf("setting credential_bytes=%d: too small for %q", s.CredentialBytes, username(s.Users))
	case s.Mechanism == "session" && s.IdleTimeout > s.AbsoluteTimeout:
		return fmt.Errorf("setting idle_timeout=%s: longer than absolute_timeout=%s", s.IdleTimeout, s.AbsoluteTimeout)
	case s.Mechanism == "session" && s.TouchEvery >= s.IdleTimeout:
		return fmt.Errorf("setting touch_every=%s: not shorter than idle_timeout=%s, so that a session in use would end", s.TouchEvery, s.IdleTimeout)
	case s.Mechanism == "token" && s.Issuer == s.Audience:
		return fmt.Errorf("setting audience=%s: must differ from issuer", s.Audience)
	}
	for _, d := range []struct {
		key string
		d   time.Duration
	}{{"lifetime", s.Lifetime}, {"refresh_lifetime", s.RefreshLifetime}} {
		if d.d%time.Second != 0 {
			return fmt.Errorf("setting %s=%s: exp counts whole seconds", d.key, d.d)
		}
	}
	return nil
}

// deadlineSlack is how early a timeout of a connection may strike: an eighth of
// the shortest, at most a second.
func (s *Settings) deadlineSlack() time.Duration {
	return min(time.Second, min(s.ReadTimeout, s.WriteTimeout, s.IdleConnectionTimeout)/8)
}

// what names the arm in an error.
func (s *Settings) what() string {
	if s.Store != "" {
		return "mechanism=" + s.Mechanism + ", store=" + s.Store
	}
	return "mechanism=" + s.Mechanism
}

// Map is every setting in force, as it would be written.
func (s Settings) Map() map[string]string {
	m := map[string]string{}
	for _, t := range table(&s) {
		if t.applies(&s) {
			m[t.key] = value(t.kind)
		}
	}
	return m
}

// value prints what a kind holds; its String says what it may hold.
func value(k kind) string {
	switch k := k.(type) {
	case oneOf:
		return *k.dst
	case text:
		return *k.dst
	case number:
		return strconv.Itoa(*k.dst)
	case duration:
		return k.dst.String()
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
