package testbed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"authbench/results"
)

const (
	// KeyPrefix begins every Redis key of the bundled arms, and TablePrefix every
	// table. Of an external server only these are ever removed.
	KeyPrefix   = "authbench:"
	TablePrefix = "authbench_"

	storeTimeout    = 30 * time.Second // until the first query is answered
	externalTimeout = 3 * time.Second  // one that runs already
	portAttempts    = 3                // a free port can be gone by the time it is used
)

// storeClient is what the testbed itself says to a store. None of it counts in ops.
type storeClient interface {
	// ready does one real query.
	ready(ctx context.Context) error
	// about asks the server for its product, version and settings.
	about(ctx context.Context) (product, version string, settings map[string]string, err error)
	reset(ctx context.Context) error
	// ops is what the server has counted since it started.
	ops(ctx context.Context) (Ops, error)
	// figures is how it is doing, for Store.Figures.
	figures(ctx context.Context) (map[string]float64, error)
	close() error
}

// Store is one running store.
type Store struct {
	about  results.Store
	url    string
	server server
	client storeClient
	log    func(msg string, args ...any)
	root   *root
	own    bool // external, and ours to configure

	mu   sync.Mutex
	seen Ops // the server's counters when they were last read
	ops  Ops // since New, over restarts

	share *Share // nil: its CPU is not limited
}

// startStore brings up a store of that kind and learns what it is.
func (tb *Testbed) startStore(ctx context.Context, p provider, kind string) (*Store, error) {
	var s *Store
	var err error
	for range portAttempts {
		s, err = tb.startOnce(ctx, p, kind)
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "address already in use") {
			return s, err
		}
	}
	return nil, err
}

func (tb *Testbed) startOnce(ctx context.Context, p provider, kind string) (_ *Store, err error) {
	srv, err := p.start(ctx, tb, kind)
	if err != nil {
		return nil, err
	}
	a := srv.access()
	s := &Store{url: a.url, server: srv, log: tb.log.Debug, root: tb.root, own: tb.opts.OwnStore}
	defer func() {
		if err != nil {
			_ = s.close() // the reason why it did not work is worth more
		}
	}()
	if s.client, err = newClient(kind, a); err != nil {
		return nil, err
	}
	if err := s.awaitReady(ctx); err != nil {
		return nil, err
	}
	s.about = results.Store{Kind: kind, Provider: p.name, Network: a.network, StandIn: a.standIn}
	s.about.Product, s.about.Version, s.about.Settings, err = s.client.about(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask %s what it is: %w", kind, err)
	}
	if a.standIn {
		s.about.Product, s.about.Version = a.product, a.version
	}
	if pid := srv.pid(); pid != 0 {
		if cores, err := affinity(pid); err == nil {
			s.about.Settings["cpus"] = joinInts(cores)
		}
	}
	if s.seen, err = s.client.ops(ctx); err != nil {
		return nil, fmt.Errorf("read the counters of %s: %w", kind, err)
	}
	s.ops = Ops{Known: s.seen.Known, ByName: map[string]int64{}}
	return s, nil
}

func newClient(kind string, a access) (storeClient, error) {
	switch kind {
	case Redis:
		return newRedisClient(a)
	case MySQL:
		return newMySQLClient(a)
	}
	return nil, fmt.Errorf("no store of kind %q: it is %s or %s", kind, Redis, MySQL)
}

// awaitReady waits until the store answers a query, or has died.
func (s *Store) awaitReady(ctx context.Context) error {
	timeout := storeTimeout
	if !s.server.access().private {
		timeout = externalTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return poll(ctx, func(ctx context.Context) error {
		if err := s.server.check(); err != nil {
			return err
		}
		return s.client.ready(ctx)
	})
}

// URL is how an arm reaches the store: a redis:// URL or a MySQL DSN.
func (s *Store) URL() string { return s.url }

// PID is the store's process, 0 when it cannot be seen from here.
func (s *Store) PID() int { return s.server.pid() }

// Kill ends the store as kill -9 does, and returns when it is gone. An external
// store is refused.
func (s *Store) Kill(ctx context.Context) error {
	s.log("kill store", "kind", s.about.Kind)
	return s.server.kill(ctx)
}

// Restart brings a killed store back at the same address with the data that it
// had kept, and returns when it answers a query.
func (s *Store) Restart(ctx context.Context) error {
	if err := s.server.restart(ctx); err != nil {
		return err
	}
	return s.awaitReady(ctx)
}

// Sample is what this store alone has spent since it was started.
func (s *Store) Sample() Sample { return s.sample() }

func (s *Store) sample() Sample { return s.server.sample() }

func (s *Store) close() error {
	if s.client != nil {
		_ = s.client.close() // the server goes away now
	}
	return errors.Join(s.server.close(), s.Unlimited())
}

// Ops is how many commands the stores executed for others than the testbed, as
// they counted them: "redis.get", "mysql.select". Commands that only set a
// connection up or look at the server are left out, whoever sent them; what is
// left is what touches data, commands inside scripts and transactions included.
type Ops struct {
	Known  bool // false: a store does not count, or does not say
	ByName map[string]int64
}

// Sub is what was executed since before. Names without a count are left out.
func (o Ops) Sub(before Ops) Ops {
	d := Ops{Known: o.Known && before.Known, ByName: map[string]int64{}}
	for name, n := range o.ByName {
		if n -= before.ByName[name]; n != 0 {
			d.ByName[name] = n
		}
	}
	return d
}

// Total is the sum over all names.
func (o Ops) Total() int64 {
	var sum int64
	for _, n := range o.ByName {
		sum += n
	}
	return sum
}

// StoreOps is cumulative since New and over all stores. A store that is restarted
// begins to count anew: what it executed between the last call and its death is
// not known to anybody and not in here.
func (tb *Testbed) StoreOps(ctx context.Context) (Ops, error) {
	total := Ops{Known: true, ByName: map[string]int64{}}
	for _, s := range tb.allStores() {
		o, err := s.readOps(ctx)
		if err != nil {
			return Ops{}, fmt.Errorf("%s: %w", s.about.Kind, err)
		}
		total.Known = total.Known && o.Known
		maps.Copy(total.ByName, o.ByName)
	}
	return total, nil
}

func (s *Store) readOps(ctx context.Context) (Ops, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := s.client.ops(ctx)
	if err != nil {
		return Ops{}, err
	}
	restarted := false
	for name, n := range s.seen.ByName {
		restarted = restarted || now.ByName[name] < n
	}
	before := s.seen
	if restarted {
		before = Ops{Known: true}
	}
	for name, n := range now.Sub(before).ByName {
		s.ops.ByName[name] += n
	}
	s.seen = now
	return Ops{Known: s.ops.Known, ByName: maps.Clone(s.ops.ByName)}, nil
}

func joinInts(ns []int) string {
	parts := make([]string, len(ns))
	for i, n := range ns {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ",")
}
