package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// servers are the processes of a store that is made of several, for one trial: the
// testbed's own stores are single servers. Reset and Close of the testbed close it.
type servers struct {
	tb *Testbed

	mu      sync.Mutex
	all     []*process
	links   []*Link
	clients []io.Closer // our own
	dirs    []string    // what there is beside those of the processes

	once sync.Once
	err  error
}

func (tb *Testbed) newServers() *servers {
	s := &servers{tb: tb}
	tb.mu.Lock()
	tb.groups[s] = struct{}{}
	tb.mu.Unlock()
	return s
}

// spawn starts one of them.
func (s *servers) spawn(c command) (*process, error) {
	p, err := s.tb.spawn(c)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.all = append(s.all, p)
	s.mu.Unlock()
	return p, nil
}

// alive is the error of a process that has ended by itself.
func (s *servers) alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.all {
		select {
		case <-p.exited:
			return p.failed(nil)
		default:
		}
	}
	return nil
}

// sample is what all of them have used, those that have ended included.
func (s *servers) sample() Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := Sample{Known: true}
	for _, p := range s.all {
		sum = sum.add(p.sample())
	}
	return sum
}

// Close ends all of them at once: what they hold goes with them.
func (s *servers) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		links, all, clients, dirs := s.links, s.all, s.clients, s.dirs
		s.mu.Unlock()
		var errs []error
		for _, c := range clients {
			_ = c.Close() // the server goes away now
		}
		for _, l := range links {
			errs = append(errs, l.Close())
		}
		for _, p := range all {
			errs = append(errs, p.kill(), os.RemoveAll(p.dir))
		}
		for _, dir := range dirs {
			errs = append(errs, os.RemoveAll(dir))
		}
		s.tb.mu.Lock()
		delete(s.tb.groups, s)
		s.tb.pastStores += s.sample().CPU
		s.tb.mu.Unlock()
		s.err = errors.Join(errs...)
	})
	return s.err
}

// closeServers ends the trial's groups of servers.
func (tb *Testbed) closeServers() error {
	tb.mu.Lock()
	var open []*servers
	for s := range tb.groups {
		open = append(open, s)
	}
	tb.mu.Unlock()
	var errs []error
	for _, s := range open {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// redisServer is one of several servers.
type redisServer struct {
	*process
	port int
	c    *redis.Client // with every right, directly
}

func (r *redisServer) addr() string { return hostPort(r.port) }

// ready waits until the server answers.
func (r *redisServer) ready(ctx context.Context) error {
	return r.until(ctx, storeTimeout, func(ctx context.Context) error {
		if err := answers(ctx, "http", r.addr(), "", "", nil); err != nil { // see redisClient.ready
			return err
		}
		return r.c.Ping(ctx).Err()
	})
}

// markerKey is written to find out who has what. It begins as keys of ours do.
const markerKey = KeyPrefix + "harness:marker"

// replicated writes a marker to a primary and says how many of n replicas have it,
// and all that was written before, within d.
func (r *redisServer) replicated(ctx context.Context, marker string, n int, d time.Duration) (int, error) {
	p := r.c.Pipeline()
	p.Set(ctx, markerKey, marker, 0)
	acked := p.Do(ctx, "WAIT", n, d.Milliseconds())
	if _, err := p.Exec(ctx); err != nil {
		return 0, fmt.Errorf("ask a primary what is replicated: %w", err)
	}
	return acked.Int()
}

// following is nil when a replica has synchronised with its primary.
func following(ctx context.Context, r *redisServer) error {
	info, err := r.c.Info(ctx, "replication").Result()
	if err != nil {
		return err
	}
	if !strings.Contains(info, "master_link_status:up") {
		return errors.New("a replica has not synchronised")
	}
	return nil
}

// startRedis starts a server with a configuration that begins as that of every
// Redis of ours, and goes on with more.
func (s *servers) startRedis(path, password, more string) (*redisServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := s.tb.root.sub("redis")
	if err != nil {
		return nil, err
	}
	conf := redisConf(loopback, port, password) + fmt.Sprintf("dir %q\n", dir) + more
	p, err := s.configured(path, dir, conf)
	if err != nil {
		return nil, err
	}
	quietRedis()
	c := redis.NewClient(harnessOptions(port, password))
	s.clients = append(s.clients, c)
	return &redisServer{p, port, c}, nil
}

// harnessOptions are those of our own clients.
func harnessOptions(port int, password string) *redis.Options {
	return &redis.Options{
		Addr: hostPort(port), Password: password, ClientName: HarnessName, DisableIdentity: true,
		PoolSize: 2, MaxRetries: -1, DialerRetries: 1, DialTimeout: time.Second, ReadTimeout: 10 * time.Second, ContextTimeoutEnabled: true,
	}
}

// configured starts a Redis, or with further arguments a Sentinel, whose
// configuration is a file: it has passwords, and a Sentinel writes to it.
func (s *servers) configured(path, dir, conf string, args ...string) (*process, error) {
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		return nil, err
	}
	return s.spawn(command{name: filepath.Base(path), path: path, args: append([]string{file}, args...), dir: dir})
}

// installed is the program of a kind of store, or why there is none: topologies are
// made of private processes, wherever the testbed's own stores come from.
func installed(kind string) (string, error) {
	paths := ServerPaths(kind)
	if len(paths) == 0 {
		return "", Unsupported(fmt.Sprintf("%s is not installed, and several servers are needed", serverNames(kind)[0]))
	}
	return paths[0], nil
}
