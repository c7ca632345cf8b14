package testbed

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/scenarios/testbed/link"
)

// Sentinel is a Redis with two replicas and three Sentinels that watch it, each a
// process of its own. The replicas reach the primary through links, so that their
// replication can be cut while everybody else reaches it; Sentinels and nodes go
// directly.
type Sentinel struct {
	*servers
	password  string
	primary   *redisServer
	replicas  []*redisServer
	sentinels []*watcher
}

// watcher is one Sentinel.
type watcher struct {
	*process
	port int
	id   string // by which Sentinels know each other
	c    *redis.SentinelClient
}

const (
	sentinelName   = "authbench" // of the primary, among Sentinels
	sentinelCount  = 3
	sentinelQuorum = 2
	replicaCount   = 2
	// sentinelDown is how long a primary does not answer before a Sentinel calls it
	// down. Ten times that is how long a replica may have been cut off at most.
	sentinelDown = 500 * time.Millisecond
	// Before the kill Sentinels are patient: after failover-timeout they would point
	// the replicas to the primary itself, past our links. After it they are not: an
	// election without a winner is repeated after twice that time.
	sentinelPatience = 10 * time.Minute
	sentinelHaste    = 2 * time.Second
)

// NewSentinel starts it and returns when the replicas have what the primary has, and
// the Sentinels know all of it.
func (tb *Testbed) NewSentinel(ctx context.Context) (_ *Sentinel, err error) {
	path, err := installed(Redis)
	if err != nil {
		return nil, err
	}
	s := &Sentinel{servers: tb.newServers(), password: newPassword()}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("redis with Sentinels: %w", err), s.Close())
		}
	}()
	// A full synchronisation waits 5 s for more replicas, unless told not to.
	own := fmt.Sprintf("masterauth %s\nrepl-diskless-sync-delay 0\n", s.password)
	if s.primary, err = s.startRedis(path, s.password, own); err != nil {
		return nil, err
	}
	if err := s.primary.ready(ctx); err != nil {
		return nil, err
	}
	for range replicaCount {
		l, err := tb.linkTo(ctx, Redis, s.primary.addr(), false)
		if err != nil {
			return nil, err
		}
		s.links = append(s.links, l)
		host, port, _ := strings.Cut(l.Addr(), ":")
		r, err := s.startRedis(path, s.password, own+fmt.Sprintf("replicaof %s %s\n", host, port))
		if err != nil {
			return nil, err
		}
		s.replicas = append(s.replicas, r)
	}
	if err := s.startSentinels(path); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return s, poll(ctx, s.settled)
}

// startSentinels tells each of all the others, which else takes some seconds.
func (s *Sentinel) startSentinels(path string) error {
	for range sentinelCount {
		port, err := freePort()
		if err != nil {
			return err
		}
		var id [20]byte
		_, _ = rand.Read(id[:]) // never fails
		s.sentinels = append(s.sentinels, &watcher{port: port, id: hex.EncodeToString(id[:])})
	}
	for _, w := range s.sentinels {
		dir, err := s.tb.root.sub("sentinel")
		if err != nil {
			return err
		}
		if w.process, err = s.configured(path, dir, s.sentinelConf(w, dir), "--sentinel"); err != nil {
			return err
		}
		opts := harnessOptions(w.port, s.password)
		opts.ClientName = "" // a Sentinel has no name for its clients
		w.c = redis.NewSentinelClient(opts)
		s.clients = append(s.clients, w.c)
	}
	return nil
}

func (s *Sentinel) sentinelConf(w *watcher, dir string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("bind %s\nport %d\ndaemonize no\ndir %q", loopback, w.port, dir)
	line("requirepass %s\nsentinel sentinel-pass %s\nsentinel myid %s", s.password, s.password, w.id)
	line("sentinel monitor %s %s %d %d", sentinelName, loopback, s.primary.port, sentinelQuorum)
	line("sentinel auth-pass %s %s", sentinelName, s.password)
	line("sentinel down-after-milliseconds %s %d", sentinelName, sentinelDown.Milliseconds())
	line("sentinel failover-timeout %s %d", sentinelName, sentinelPatience.Milliseconds())
	line("sentinel parallel-syncs %s %d", sentinelName, replicaCount)
	for _, r := range s.replicas {
		line("sentinel known-replica %s %s %d", sentinelName, loopback, r.port)
	}
	for _, o := range s.sentinels {
		if o != w {
			line("sentinel known-sentinel %s %s %d %s", sentinelName, loopback, o.port, o.id)
		}
	}
	return b.String()
}

// settled is nil when the replicas follow and every Sentinel sees enough others and
// both replicas, so that it could act.
func (s *Sentinel) settled(ctx context.Context) error {
	if err := s.alive(); err != nil {
		return err
	}
	for _, r := range s.replicas {
		if err := following(ctx, r); err != nil {
			return err
		}
	}
	for _, w := range s.sentinels {
		if err := answers(ctx, "http", hostPort(w.port), "", "", nil); err != nil {
			return err
		}
		if err := w.c.CkQuorum(ctx, sentinelName).Err(); err != nil {
			return err
		}
		known, err := w.c.Replicas(ctx, sentinelName).Result()
		if err != nil {
			return err
		}
		usable := 0
		for _, r := range known {
			if r["flags"] == "slave" && r["master-link-status"] == "ok" {
				usable++
			}
		}
		if usable < replicaCount {
			return fmt.Errorf("a Sentinel sees %d usable replicas", usable)
		}
	}
	return nil
}

// URL is how a node reaches whoever is the primary.
func (s *Sentinel) URL() string {
	var hosts []string
	for _, w := range s.sentinels {
		hosts = append(hosts, hostPort(w.port))
	}
	return fmt.Sprintf("redis+sentinel://:%s@%s/%s/0?sentinel_password=%s", s.password, strings.Join(hosts, ","), sentinelName, s.password)
}

// The values of the marker.
const (
	markedBefore = "before the cut"
	markedAfter  = "after the cut"
)

// Settle returns when the replicas have all that was written so far.
func (s *Sentinel) Settle(ctx context.Context) error {
	n, err := s.primary.replicated(ctx, markedBefore, replicaCount, settlePatience)
	if err == nil && n < replicaCount {
		err = fmt.Errorf("%d of %d replicas have what was written, after %v", n, replicaCount, settlePatience)
	}
	return err
}

// Cut ends replication without telling anybody: what is written from now on stays at
// the primary. It returns when that was seen.
func (s *Sentinel) Cut(ctx context.Context) error {
	for _, l := range s.links {
		if err := l.Set(ctx, LinkSetting{Kind: link.Blackhole}); err != nil {
			return err
		}
	}
	n, err := s.primary.replicated(ctx, markedAfter, replicaCount, 200*time.Millisecond)
	if err == nil && n != 0 {
		err = fmt.Errorf("the links are cut, and %d replicas go on", n)
	}
	return err
}

// Kill ends the primary as kill -9 does.
func (s *Sentinel) Kill(ctx context.Context) error {
	if err := s.primary.kill(); err != nil {
		return err
	}
	for _, w := range s.sentinels {
		if err := w.c.Set(ctx, sentinelName, "failover-timeout", fmt.Sprint(sentinelHaste.Milliseconds())).Err(); err != nil {
			return fmt.Errorf("tell a Sentinel: %w", err)
		}
	}
	return nil
}

// Promoted waits until all Sentinels name the same new primary and it takes writes.
// It has to lack what was written after the cut, as the marker shows.
func (s *Sentinel) Promoted(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	var next *redisServer
	err := poll(ctx, func(ctx context.Context) error {
		var err error
		next, err = s.named(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("nobody was promoted: %w", err)
	}
	has, err := next.c.Get(ctx, markerKey).Result()
	switch {
	case err != nil:
		return fmt.Errorf("ask the new primary what it has: %w", err)
	case has != markedBefore:
		return fmt.Errorf("the new primary has what was written %s", has)
	}
	return nil
}

// named is the replica that all Sentinels name, and that says that it is a primary.
func (s *Sentinel) named(ctx context.Context) (*redisServer, error) {
	votes := map[string]int{}
	for _, w := range s.sentinels {
		at, err := w.c.GetMasterAddrByName(ctx, sentinelName).Result()
		if err != nil {
			return nil, err
		}
		votes[strings.Join(at, ":")]++
	}
	for _, r := range s.replicas {
		if votes[r.addr()] < sentinelCount {
			continue
		}
		role, err := r.c.Do(ctx, "ROLE").Slice()
		if err != nil {
			return nil, err
		}
		if len(role) > 0 && role[0] == "master" {
			return r, nil
		}
	}
	return nil, fmt.Errorf("the Sentinels name %v", votes)
}
