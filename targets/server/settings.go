package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"authbench/targets/jwt"
	"authbench/targets/revoke"
)

// Settings is what makes one arm out of the server. The values of an arm file
// and of --set decode into it; Map gives back what is in force, defaults
// included. What does not apply to the mechanism is zero.
type Settings struct {
	Mechanism string // none, session, token, hybrid or sealed

	Users        int
	PasswordHash PasswordHash
	// Wrong passwords: for one account from one address, and from one address.
	LoginLimitAccount, LoginLimitAddress Limit
	RolesFrom                            string // credential: as they were when it was handed out; directory: looked up at every use

	MaxHeaderBytes        int // request line and headers; beyond it 431
	MaxBodyBytes          int // beyond it 413
	MaxConnections        int // beyond it 503 and close
	ReadTimeout           time.Duration
	WriteTimeout          time.Duration
	IdleConnectionTimeout time.Duration

	CredentialBytes int // none: size of the unverified credential

	Store           string // session: memory, redis, mysql, or mysql with redis as its cache
	IdleTimeout     time.Duration
	AbsoluteTimeout time.Duration
	TouchEvery      time.Duration
	SweepEvery      time.Duration // memory and mysql: removal of expired records
	CacheFor        time.Duration // how long a node believes a session that it has read; 0: not at all
	SameSite        string        // of a cookie: Lax or Strict
	SessionBytes    int           // session and sealed: of a profile that is kept in the session
	Seal            string        // sealed: how, A256GCM (RFC 7518 section 5.3)
	RedisPoolSize   int
	RedisTimeout    time.Duration // dial, read, write and pool wait, each
	MySQLPoolSize   int
	MySQLTimeout    time.Duration
	// RedisWait is how many replicas have to have a revocation before it is
	// acknowledged, within RedisWaitTimeout.
	RedisWait        int
	RedisWaitTimeout time.Duration
	ReadFrom         string        // primary, or replica: where uses look sessions up
	ReplicaLagBound  time.Duration // how far that replica may be behind, as declared

	Algorithm       string // token and hybrid
	RSABits         int    // of RS256 and PS256
	Verifier        string // of HS256: the library that verifies
	Carrier         string // of tokens: header, or cookie
	Lifetime        time.Duration
	RefreshLifetime time.Duration
	Leeway          time.Duration
	NotBefore       string // none, or iat: tokens have an nbf equal to it
	Issuer          string
	Audience        string
	ClaimsBytes     int // of a profile that is a claim of access tokens
	MemoEntries     int // verified tokens that are remembered; 0: none

	JWKSURL         string        // where public keys come from; none: the node's own ring
	JWKSCache       time.Duration // how long they are used before they are asked for again
	JWKSTimeout     time.Duration // of one fetch
	JWKSMinInterval time.Duration // between two fetches, whatever kids tokens name
	RotateEvery     time.Duration // between two new keys of the ring; 0: never by itself
	KeyPublish      time.Duration // how long a new key is published before it signs
	KeyOverlap      time.Duration // how long its predecessor goes on verifying; 0: without end
	ReloadKeys      time.Duration // between two looks at the key file; 0: it is read once

	Revocation      string        // of tokens: none, or a strategy of package revoke
	MaxSkew         time.Duration // largest difference of any two clocks: it lengthens what is remembered
	RevocationBound time.Duration // epoch-local and push: age of a node's copy from which it is not used
	PollEvery       time.Duration
	RefreshGrace    time.Duration // families
	CheckEvery      time.Duration // hybrid: how long a good check counts; 0: the store is asked at every use

	OnStoreUnreachable Unreachable // where uses ask a store
	RecallEntries      int         // sessions or log-ins that a node remembers
}

// rolesFromDirectory is the value of roles_from by which a change of roles counts at
// once.
const rolesFromDirectory = "directory"

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

// table lists every setting of s. What others depend on comes first.
func table(s *Settings) []setting {
	always := func(*Settings) bool { return true }
	mechanism := func(names ...string) func(*Settings) bool {
		return func(s *Settings) bool { return slices.Contains(names, s.Mechanism) }
	}
	store := func(names ...string) func(*Settings) bool {
		return func(s *Settings) bool { return s.Mechanism == "session" && slices.Contains(names, s.Store) }
	}
	revocation := func(names ...string) func(*Settings) bool {
		return func(s *Settings) bool { return slices.Contains(names, s.strategy()) }
	}
	none, session, token := mechanism("none"), mechanism("session"), mechanism("token", "hybrid")
	sealed, opaque := mechanism("sealed"), mechanism("session", "sealed")
	cookie := func(s *Settings) bool { return opaque(s) || s.Carrier == carrierCookie }
	public := func(s *Settings) bool { return token(s) && s.Algorithm != "HS256" } // whose verifying key is no secret
	sized := func(s *Settings) bool { return token(s) && jwt.IsRSA(s.Algorithm) }
	secret := func(s *Settings) bool { return token(s) && s.Algorithm == "HS256" }
	refreshed := func(s *Settings) bool { return token(s) && s.Carrier == carrierHeader }
	cached := func(s *Settings) bool { return s.Mechanism == "session" && s.CacheFor > 0 }
	asks := revocation("denylist", "epoch", recordStrategy)
	awaits := func(s *Settings) bool { return store("redis")(s) || asks(s) }
	replicated := func(s *Settings) bool { return store("redis", "mysql")(s) && s.CacheFor == 0 }
	return []setting{
		{"mechanism", "", always, oneOf{&s.Mechanism, []string{"none", "session", "token", "hybrid", "sealed"}}},
		{"store", "", session, oneOf{&s.Store, []string{"memory", "redis", "mysql", "redis+mysql"}}},
		{"algorithm", "", token, oneOf{&s.Algorithm, jwt.Algorithms()}},
		{"rsa_bits", "2048", sized, size{&s.RSABits, jwt.RSABits()}},
		{"verifier", jwt.Verifiers()[0], secret, oneOf{&s.Verifier, jwt.Verifiers()}},
		{"algorithm", "A256GCM", sealed, oneOf{&s.Seal, []string{"A256GCM"}}},
		{"carrier", carrierHeader, token, oneOf{&s.Carrier, []string{carrierHeader, carrierCookie}}},
		{"revocation", "none", mechanism("token"), oneOf{&s.Revocation, strategies()}},
		{"revocation", "none", sealed, oneOf{&s.Revocation, []string{"none"}}},

		{"users", "10000", always, number{&s.Users, 1, 1_000_000}},
		{"password_hash", hashQuick, always, setHash{&s.PasswordHash}},
		{"login_limit_account", noLimit, always, setLimit{&s.LoginLimitAccount}},
		{"login_limit_address", noLimit, always, setLimit{&s.LoginLimitAddress}},
		{"roles_from", "credential", mechanism("session", "token", "hybrid", "sealed"), oneOf{&s.RolesFrom, []string{"credential", rolesFromDirectory}}},
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
		{"same_site", "Lax", cookie, oneOf{&s.SameSite, []string{"Lax", "Strict"}}},
		{"session_bytes", "0", opaque, number{&s.SessionBytes, 0, maxProfile}},
		{"cache_for", "0s", store("redis"), duration{&s.CacheFor, 0}},
		{"sweep_every", "1m", store("memory", "mysql", "redis+mysql"), duration{&s.SweepEvery, time.Millisecond}},
		{"redis_pool_size", "64", (*Settings).usesRedis, number{&s.RedisPoolSize, 1, 10_000}},
		{"redis_timeout", "300ms", (*Settings).usesRedis, duration{&s.RedisTimeout, time.Millisecond}},
		{"redis_wait", "0", awaits, number{&s.RedisWait, 0, 16}},
		{"redis_wait_timeout", "100ms", awaits, duration{&s.RedisWaitTimeout, time.Millisecond}},
		{"read_from", "primary", replicated, oneOf{&s.ReadFrom, []string{"primary", "replica"}}},
		{"replica_lag_bound", "0s", replicated, duration{&s.ReplicaLagBound, 0}},
		{"mysql_pool_size", "32", store("mysql", "redis+mysql"), number{&s.MySQLPoolSize, 1, 10_000}},
		{"mysql_timeout", "300ms", store("mysql", "redis+mysql"), duration{&s.MySQLTimeout, time.Millisecond}},

		{"lifetime", "15m", token, duration{&s.Lifetime, time.Second}},
		{"refresh_lifetime", "24h", refreshed, duration{&s.RefreshLifetime, time.Second}},
		{"leeway", "5s", token, duration{&s.Leeway, 0}},
		{"nbf", "none", token, oneOf{&s.NotBefore, []string{"none", "iat"}}},
		{"issuer", "https://authbench.test", token, text{&s.Issuer}},
		{"audience", "authbench-api", token, text{&s.Audience}},
		{"lifetime", "12h", sealed, duration{&s.Lifetime, time.Second}},
		{"claims_bytes", "0", token, number{&s.ClaimsBytes, 0, maxProfile}},
		{"memo_entries", "0", token, number{&s.MemoEntries, 0, 10_000_000}},

		{"jwks_url", noURL, public, setURL{&s.JWKSURL}},
		{"jwks_cache", "5m", public, duration{&s.JWKSCache, 10 * time.Millisecond}},
		{"jwks_timeout", "1s", public, duration{&s.JWKSTimeout, time.Millisecond}},
		{"jwks_min_interval", "5s", public, duration{&s.JWKSMinInterval, 10 * time.Millisecond}},
		{"rotate_every", "0s", token, duration{&s.RotateEvery, 0}},
		{"key_publish", "0s", token, duration{&s.KeyPublish, 0}},
		{"key_overlap", "0s", token, duration{&s.KeyOverlap, 0}},
		{"reload_keys", "0s", token, duration{&s.ReloadKeys, 0}},

		{"max_skew", "5s", revocation("denylist", "epoch-local", "push", recordStrategy), duration{&s.MaxSkew, 0}},
		{"revocation_bound", "1s", revocation("epoch-local", "push"), duration{&s.RevocationBound, time.Millisecond}},
		{"poll_every", "250ms", revocation("epoch-local", "push"), duration{&s.PollEvery, time.Millisecond}},
		{"refresh_grace", "10s", revocation("families"), duration{&s.RefreshGrace, 0}},
		{"check_every", "0s", revocation(recordStrategy), duration{&s.CheckEvery, 0}},
		{"on_store_unreachable", "503", asks, unreachable{&s.OnStoreUnreachable, true}},
		{"on_store_unreachable", "503", cached, unreachable{&s.OnStoreUnreachable, false}},
		{"recall_entries", "65536", (*Settings).recalls, number{&s.RecallEntries, 1, 10_000_000}},
	}
}

// recordStrategy is the strategy of mechanism hybrid, and of nothing else.
const recordStrategy = "record"

// strategies are those that a token can have.
func strategies() []string {
	names := []string{"none"}
	for _, k := range revoke.All() {
		if k.Kind != recordStrategy {
			names = append(names, k.Kind)
		}
	}
	return names
}

// strategy is how tokens are revoked, "" for not at all.
func (s *Settings) strategy() string {
	switch {
	case s.Mechanism == "hybrid":
		return recordStrategy
	case s.Mechanism != "token" || s.Revocation == "none":
		return ""
	}
	return s.Revocation
}

func (s *Settings) usesRedis() bool {
	return s.Mechanism == "session" && s.Store == "redis" || s.strategy() != ""
}

// recalls says whether a node remembers good checks.
func (s *Settings) recalls() bool {
	return s.CacheFor > 0 || s.CheckEvery > 0 || s.OnStoreUnreachable.Mode == "stale"
}

// keep is how long a revocation has to be remembered: the longest that any token
// of before can be accepted, with the slowest verifier and the fastest issuer.
func (s *Settings) keep() time.Duration {
	return max(s.Lifetime, s.RefreshLifetime) + s.Leeway + s.MaxSkew
}

// Decode reads settings strictly: an unknown key, a key that means nothing to
// the mechanism and a bad value are errors that name key and value, all of them
// at once.
func Decode(values map[string]string) (Settings, error) {
	var (
		s     Settings
		errs  []error
		known = map[string]bool{} // false: so far it means nothing here
	)
	for _, t := range table(&s) {
		value, given := values[t.key]
		known[t.key] = known[t.key] || t.applies(&s)
		if !t.applies(&s) {
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
		switch means, exists := known[key]; {
		case !exists:
			errs = append(errs, fmt.Errorf("setting %s=%s: there is no such setting", key, values[key]))
		case !means && s.Mechanism != "":
			errs = append(errs, fmt.Errorf("setting %s=%s: means nothing with %s", key, values[key], s.what()))
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
	case s.Algorithm != "" && s.Issuer == s.Audience:
		return fmt.Errorf("setting audience=%s: must differ from issuer", s.Audience)
	case s.Carrier == carrierCookie && s.strategy() == "families":
		return errors.New("setting carrier=cookie: there are no refresh tokens then, which revocation=families is about")
	case s.RedisWait > 0 && s.RedisWaitTimeout >= s.RedisTimeout:
		return fmt.Errorf("setting redis_wait_timeout=%s: not shorter than redis_timeout=%s, so that the client would give up first", s.RedisWaitTimeout, s.RedisTimeout)
	case s.ReadFrom == "primary" && s.ReplicaLagBound > 0:
		return fmt.Errorf("setting replica_lag_bound=%s: sessions are read from the primary", s.ReplicaLagBound)
	case s.PollEvery > s.RevocationBound/2:
		return fmt.Errorf("setting poll_every=%s: more than half of revocation_bound=%s, so that one late answer takes the node out", s.PollEvery, s.RevocationBound)
	}
	if err := s.checkKeys(); err != nil {
		return err
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
	switch {
	case s.Store != "":
		return "mechanism=" + s.Mechanism + ", store=" + s.Store
	case s.Revocation != "":
		return "mechanism=" + s.Mechanism + ", revocation=" + s.Revocation
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
