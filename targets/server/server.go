// Package server is the system under test: one fasthttp server whose mechanism,
// store and algorithm are settings, so that arms differ in nothing else.
package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"authbench/targets/jwt"
	"authbench/targets/session"
	"authbench/targets/store"
)

// Options is what a server is made from.
type Options struct {
	Arm      string // its name, for metrics and logs
	Settings Settings
	RedisURL string // store redis, and whatever revokes tokens
	MySQLDSN string // store mysql
	// KeysDir holds the key files that Settings.GenerateKeys writes. Empty:
	// fresh keys, which no other node shares.
	KeysDir string
	Log     *slog.Logger // what happens to the server itself
	Events  *slog.Logger // authentication events; nil for none
	// AdminSecret opens the admin plane; empty means that there is none.
	AdminSecret string

	// Tier is where the node stands among others that one request passes through.
	Tier Tier

	// Handicap makes every use take that much longer, on purpose;
	// 0: not at all.
	Handicap time.Duration

	// WrapStore and WrapHandler, if not nil, come between the server and its
	// session store, or between the connection and the server: a test plants
	// defects there.
	WrapStore   func(store.Store) store.Store
	WrapHandler func(fasthttp.RequestHandler) fasthttp.RequestHandler
}

// Server is one node.
type Server struct {
	arm       string
	settings  Settings
	mechanism mechanism
	tokens    *tokens     // nil unless the mechanism is token or hybrid
	store     store.Store // nil unless the mechanism is session
	manager   *session.Manager
	sightings *sightings
	backing   []backing // what has to answer for the node to be ready, and is closed with it
	users     *directory
	attempts  *attempts
	// lookUpRoles says that roles are those of the directory at every use, and not
	// those that the credential was handed out with.
	lookUpRoles bool
	clock       *clock
	edge        *edge // nil unless it stands before services
	isService   bool  // it stands behind an edge, and has no credentials of its own

	counters *counters
	events   events
	log      *slog.Logger

	adminSecret string
	draining    atomic.Bool
	metrics     fasthttp.RequestHandler
	http        *fasthttp.Server
}

// New makes a server. A store that does not answer yet is not an error: the
// server says 503 until it does.
func New(ctx context.Context, o Options) (*Server, error) {
	s := &Server{
		arm: o.Arm, settings: o.Settings,
		users: newDirectory(o.Settings.Users, newHash(o.Settings.PasswordHash)), attempts: newAttempts(&o.Settings), lookUpRoles: o.Settings.RolesFrom == rolesFromDirectory, clock: &clock{},
		events: events{o.Events}, log: o.Log, adminSecret: o.AdminSecret,
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.counters = newCounters()
	if err := s.open(ctx, o); err != nil {
		return nil, err
	}
	s.metrics = newMetrics(s)
	if o.Tier.Role == roleEdge {
		var err error
		if s.edge, err = newEdge(o, s.clock.now); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	handler := s.handle
	if o.Handicap > 0 {
		handler = handicapped(o.Handicap, handler)
	}
	if o.WrapHandler != nil {
		handler = o.WrapHandler(handler)
	}
	s.http = &fasthttp.Server{
		Handler:                      handler,
		ErrorHandler:                 s.brokenRequest,
		Logger:                       fasthttpLog{s.log},
		ReadBufferSize:               o.Settings.MaxHeaderBytes,
		MaxRequestBodySize:           o.Settings.MaxBodyBytes,
		ReadTimeout:                  o.Settings.ReadTimeout,
		WriteTimeout:                 o.Settings.WriteTimeout,
		IdleTimeout:                  o.Settings.IdleConnectionTimeout,
		Concurrency:                  o.Settings.MaxConnections + 1, // our listener is first to refuse
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		SecureErrorLogMessage:        true,
		CloseOnShutdown:              true,
		DisablePreParseMultipartForm: true,
	}
	return s, nil
}

// backing is a store, or what revokes tokens.
type backing interface {
	Ping(context.Context) error
	Close() error
}

// open makes the mechanism and what it needs.
func (s *Server) open(ctx context.Context, o Options) error {
	set := o.Settings
	if t := o.Tier; t.Role == roleService && t.Shape != shapeEach {
		var err error
		s.isService = true
		s.mechanism, err = newService(o, s.clock.now)
		return err
	}
	switch set.Mechanism {
	case "none":
		s.mechanism = &control{size: set.CredentialBytes, users: s.users}
	case "token", "hybrid":
		keys, err := openKeys(set, o.KeysDir, s.log)
		if err != nil {
			return err
		}
		strategy, err := openStrategy(o, s.storeFailed)
		if err != nil {
			return err
		}
		if strategy != nil {
			s.backing = append(s.backing, strategy)
		}
		if s.tokens, err = newTokens(set, keys, strategy, s.clock.now); err != nil {
			return errors.Join(err, s.Close())
		}
		s.mechanism = s.tokens
		if set.Carrier == carrierCookie {
			if s.mechanism, err = newCookieTokens(s.tokens, &set, o.KeysDir); err != nil {
				return errors.Join(err, s.Close())
			}
		}
	case "session":
		key, err := sharedKey(o.KeysDir, csrfFile)
		if err != nil {
			return err
		}
		s.store, err = openStore(ctx, o, s.clock.now)
		if err != nil {
			return err
		}
		if o.WrapStore != nil {
			s.store = o.WrapStore(s.store)
		}
		s.backing = append(s.backing, s.store)
		m, err := session.New(s.store, session.Config{
			Idle: set.IdleTimeout, Absolute: set.AbsoluteTimeout, TouchEvery: set.TouchEvery,
			CSRFKey: key, Data: profileOf(set.SessionBytes), Now: s.clock.now, TouchFailed: s.storeFailed,
		})
		if err != nil {
			return errors.Join(err, s.Close())
		}
		s.manager, s.sightings = m, newSightings(set.IdleTimeout, s.clock.now)
		s.mechanism = newSessions(m, s.sightings, set.SameSite)
	case "sealed":
		sealed, err := newSealed(set, o.KeysDir, s.clock.now)
		if err != nil {
			return err
		}
		s.mechanism = sealed
	default:
		return fmt.Errorf("server: unknown mechanism %q", set.Mechanism)
	}
	return nil
}

// storeFailed notes a failure of the store that no request was answered with.
func (s *Server) storeFailed(err error) {
	s.counters.storeError(err)
	s.events.unavailable(routeNone, err)
}

// drainTime is how long requests under way may take after the context ends.
const drainTime = 5 * time.Second

// Serve answers on ln, and on admin unless it is nil, until ctx ends; then it
// finishes what is under way and closes everything, the store included.
func (s *Server) Serve(ctx context.Context, ln *net.TCPListener, admin net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		wg   sync.WaitGroup
		errs = make(chan error, 2)
	)
	run := func(what string, f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				errs <- fmt.Errorf("%s: %w", what, err)
			}
			stop() // one that ends ends the others
		})
	}
	clients := &listener{
		TCPListener: ln, open: s.http.GetOpenConnectionsCount, max: int32(s.settings.MaxConnections),
		slack: s.settings.deadlineSlack(), refuse: s.counters.refused, gentle: make(chan struct{}, gentlePlaces), log: s.log,
	}
	run("serve", func() error { return s.http.Serve(clients) })
	adminServer := s.newAdmin()
	if admin != nil {
		run("serve the admin plane", func() error { return serveAdmin(adminServer, admin) })
	}
	if s.settings.SweepEvery > 0 && s.store != nil {
		wg.Go(func() { s.sweep(ctx) })
	}
	if s.tokens != nil {
		wg.Go(func() { s.tokens.keys.run(ctx) })
	}
	if s.events.log != nil {
		wg.Go(func() { newWatch(s).run(ctx) })
	}
	<-ctx.Done()
	s.draining.Store(true)
	clients.silent.end()
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	shut := errors.Join(s.http.ShutdownWithContext(limit), adminServer.Shutdown(limit))
	// What ends before fasthttp has got to know the listener would go on accepting. It
	// is closed already in all other cases.
	_ = ln.Close()
	// Subtle: a shutdown that comes before the goroutine above has handed its listener
	// over does not close it, and would wait for it for ever.
	_ = ln.Close()
	wg.Wait()
	close(errs)
	for err := range errs {
		shut = errors.Join(shut, err)
	}
	return errors.Join(shut, s.Close())
}

// Close releases what New opened. Serve does so itself.
func (s *Server) Close() error {
	var err error
	for _, b := range s.backing {
		err = errors.Join(err, b.Close())
	}
	return err
}

// sweep removes expired sessions from a store that does not do so by itself.
func (s *Server) sweep(ctx context.Context) {
	tick := time.NewTicker(s.settings.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n, err := s.store.Sweep(ctx, s.clock.now())
		if err != nil && ctx.Err() == nil {
			s.log.Warn("sweep of expired sessions", "error", err)
			continue
		}
		s.counters.swept(n)
	}
}

// Keys in a key directory, each 32 bytes: of CSRF tokens, of refresh tokens.
const (
	csrfFile    = "csrf.key"
	refreshFile = "refresh.key"
)

const keyBytes = 32

// sharedKey reads a key that the nodes share, or makes one for this node alone.
func sharedKey(dir, file string) ([]byte, error) {
	if dir == "" {
		return newSecret(), nil
	}
	key, err := jwt.ReadSecret(dir, file)
	if err == nil && len(key) != keyBytes {
		err = fmt.Errorf("%s in %s has %d bytes, want %d", file, dir, len(key), keyBytes)
	}
	return key, err
}

func newSecret() []byte {
	b := make([]byte, keyBytes)
	rand.Read(b) // never fails
	return b
}

// GenerateKeys writes the key files that nodes with these settings share: a
// fresh key ring for tokens, a fresh key for the CSRF tokens of sessions and for
// refresh tokens that are no JWTs, one for sealed sessions, those of tiers, nothing
// for none.
func (s Settings) GenerateKeys(dir string) error {
	switch s.Mechanism {
	case "token", "hybrid":
		ring, err := jwt.NewRingOf(s.Algorithm, s.RSABits)
		if err != nil {
			return err
		}
		if s.strategy() == "families" {
			err = jwt.WriteSecret(dir, refreshFile, newSecret())
		}
		if s.Carrier == carrierCookie {
			err = errors.Join(err, jwt.WriteSecret(dir, csrfFile, newSecret()))
		}
		return errors.Join(err, ring.Save(dir), generateTierKeys(dir))
	case "session":
		return errors.Join(jwt.WriteSecret(dir, csrfFile, newSecret()), generateTierKeys(dir))
	case "sealed":
		return errors.Join(generateSealKeys(dir), generateTierKeys(dir))
	}
	return nil
}

// Example is a user that can log in.
func (s *Server) Example() (name, secret string) { return username(1), password(1) }

// fasthttpLog passes fasthttp's own complaints on. They are about broken
// connections, which are the client's business.
type fasthttpLog struct{ log *slog.Logger }

func (l fasthttpLog) Printf(format string, args ...any) {
	l.log.Debug("fasthttp", "message", fmt.Sprintf(format, args...))
}
