// Package testbed brings up what one experiment needs, samples it and takes it
// away again: the stores, and the nodes of the target under test. Each is an
// operating system process (or container) of its own, so that what a session
// costs its Redis is seen as Redis's, not as nobody's.
//
// Nothing outlives a testbed. Close stops everything and removes its one
// temporary directory. A harness that is killed takes its processes along on
// Linux (see spawner); its directory and containers are swept by the next New.
package testbed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"authbench/results"
)

// Options says what to bring up.
type Options struct {
	// Self is the path of the authbench binary: {self} in contracts, and what the
	// embedded stand-in runs. A parameter, because under go test the running
	// program is the test.
	Self string
	// Provider is where stores come from: a name of Providers, or "auto", the first
	// that works. Empty is auto.
	Provider string
	// RedisURL and MySQLDSN are the servers of the external provider:
	// redis://[user:password@]host:port/db and user:password@tcp(host:port)/database.
	RedisURL, MySQLDSN string
	// RedisImage and MySQLImage are the images of the docker provider; empty is
	// DefaultRedisImage and DefaultMySQLImage. Valkey, MySQL and MariaDB work as well.
	RedisImage, MySQLImage string
	// Needs lists the kinds of store to bring up: Redis, MySQL.
	Needs []string
	// OwnStore says that the configuration of an external store may be changed by
	// faults, which put it back.
	OwnStore bool
	// TargetCores confines nodes, links and stores to these processors (where the platform
	// can, see CanPin). Nil leaves them where the harness may run.
	TargetCores []int
	// Log tells of starts and stops. Nil is silent.
	Log *slog.Logger
}

// The kinds of store.
const (
	Redis = "redis"
	MySQL = "mysql"
)

// Testbed is a set of running stores and nodes. Its methods may be called from
// several goroutines.
type Testbed struct {
	opts    Options
	log     *slog.Logger
	spawner *spawner
	root    *root
	missing map[string]string
	// adminSecret opens the admin planes of our nodes.
	adminSecret string

	mu     sync.Mutex
	stores []*Store // in the order of Options.Needs
	nodes  map[*Node]struct{}
	links  map[*Link]struct{}
	groups map[*servers]struct{}
	keys   map[string]string
	closed bool
	// CPU of nodes, links and groups of servers that have ended.
	past, pastLinks, pastStores time.Duration
}

// New starts the stores that opts.Needs lists and waits until each has answered
// a real query. A store that cannot be had is no error: see Missing. When ctx
// ends meanwhile, everything is taken down again.
func New(ctx context.Context, opts Options) (*Testbed, error) {
	if opts.Provider == "" {
		opts.Provider = Auto
	}
	candidates, err := chosen(opts.Provider)
	if err != nil {
		return nil, err
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	sweepRoots(opts.Log)
	rt, err := newRoot()
	if err != nil {
		return nil, err
	}
	sp, err := newSpawner(opts.TargetCores)
	if err != nil {
		return nil, errors.Join(err, rt.remove())
	}
	tb := &Testbed{
		opts: opts, log: opts.Log, spawner: sp, root: rt,
		missing: map[string]string{}, nodes: map[*Node]struct{}{}, links: map[*Link]struct{}{}, groups: map[*servers]struct{}{}, keys: map[string]string{},
		adminSecret: rand.Text(),
	}
	for _, kind := range opts.Needs {
		if err := tb.bringUp(ctx, kind, candidates); err != nil {
			return nil, errors.Join(err, tb.Close())
		}
	}
	return tb, nil
}

// bringUp tries the candidates for one kind in order. Only ctx's end is an error.
func (tb *Testbed) bringUp(ctx context.Context, kind string, candidates []provider) error {
	var reasons []string
	for _, p := range candidates {
		s, err := tb.startStore(ctx, p, kind)
		if err == nil {
			tb.log.Info("store is up", "kind", kind, "provider", p.name, "product", s.about.Product, "version", s.about.Version)
			tb.mu.Lock()
			tb.stores = append(tb.stores, s)
			tb.mu.Unlock()
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("bring up %s: %w", kind, context.Cause(ctx))
		}
		tb.log.Debug("store not to be had", "kind", kind, "provider", p.name, "reason", err)
		reasons = append(reasons, fmt.Sprintf("%s: %v", p.name, err))
	}
	tb.missing[kind] = joinReasons(kind, reasons)
	tb.log.Warn("no store", "kind", kind, "reason", tb.missing[kind])
	return nil
}

// Stores lists the running stores as they name themselves.
func (tb *Testbed) Stores() []results.Store {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	out := make([]results.Store, 0, len(tb.stores))
	for _, s := range tb.stores {
		about := s.about
		about.Settings = maps.Clone(about.Settings)
		out = append(out, about)
	}
	return out
}

// Missing says, for each kind that was needed and could not be had, why.
func (tb *Testbed) Missing() map[string]string { return maps.Clone(tb.missing) }

// Store is the running store of that kind, or nil.
func (tb *Testbed) Store(kind string) *Store {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, s := range tb.stores {
		if s.about.Kind == kind {
			return s
		}
	}
	return nil
}

func (tb *Testbed) allStores() []*Store {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return slices.Clone(tb.stores)
}

// Reset begins a new trial: the stores forget everything of ours, links and groups of
// servers are closed, and nodes started from now on share new keys. A private store is
// emptied; of an external one only our key prefix and our tables.
func (tb *Testbed) Reset(ctx context.Context) error {
	if err := errors.Join(tb.closeServers(), tb.closeLinks()); err != nil {
		return err
	}
	for _, s := range tb.allStores() {
		if err := s.client.reset(ctx); err != nil {
			return fmt.Errorf("reset %s: %w", s.about.Kind, err)
		}
	}
	return tb.dropKeys()
}

// Usage is what nodes, stores, links and this process have spent so far.
func (tb *Testbed) Usage() Usage {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	u := Usage{
		Target:  Sample{CPU: tb.past, Known: true},
		Store:   Sample{CPU: tb.pastStores, Known: true},
		Link:    Sample{CPU: tb.pastLinks, Known: true},
		Loadgen: ownSample(),
	}
	for n := range tb.nodes {
		u.Target = u.Target.add(n.sample())
	}
	for l := range tb.links {
		u.Link = u.Link.add(l.p.sample())
	}
	for _, s := range tb.stores {
		u.Store = u.Store.add(s.sample())
	}
	for g := range tb.groups {
		u.Store = u.Store.add(g.sample())
	}
	return u
}

// Close stops nodes, links and stores and removes the temporary directory. Closing
// again does nothing.
func (tb *Testbed) Close() error {
	tb.mu.Lock()
	if tb.closed {
		tb.mu.Unlock()
		return nil
	}
	tb.closed = true
	nodes, stores := slices.Collect(maps.Keys(tb.nodes)), tb.stores
	tb.mu.Unlock()

	var errs []error
	for _, n := range nodes {
		errs = append(errs, n.Stop())
	}
	errs = append(errs, tb.closeServers(), tb.closeLinks())
	var wg sync.WaitGroup
	stopped := make([]error, len(stores))
	for i, s := range stores {
		wg.Go(func() { stopped[i] = s.close() })
	}
	wg.Wait()
	errs = append(errs, stopped...)
	tb.spawner.close()
	errs = append(errs, tb.root.remove())
	return errors.Join(errs...)
}
