package testbed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"authbench/scenarios/testbed/link"
)

// Replicated is a store of one primary and one replica, whose lag can be set. A node
// that has its URL may read from the replica.
type Replicated struct {
	*servers
	url string
	// lag keeps the replica that far behind; settle waits until it has everything;
	// stop ends replication for good, and tells nobody.
	lag    func(ctx context.Context, d time.Duration) error
	settle func(ctx context.Context) error
	stop   func(ctx context.Context) error
}

// URL is how a node reaches both.
func (r *Replicated) URL() string { return r.url }

// Lag keeps the replica behind by d from now on. Redis takes milliseconds, MySQL whole
// seconds.
func (r *Replicated) Lag(ctx context.Context, d time.Duration) error { return r.lag(ctx, d) }

// Settle returns when the replica has all that was written so far.
func (r *Replicated) Settle(ctx context.Context) error { return r.settle(ctx) }

// Freeze ends replication; the replica goes on to answer with what it has.
func (r *Replicated) Freeze(ctx context.Context) error { return r.stop(ctx) }

// NewReplicated starts a primary of that kind with a replica that follows closely.
func (tb *Testbed) NewReplicated(ctx context.Context, kind string) (_ *Replicated, err error) {
	path, err := installed(kind)
	if err != nil {
		return nil, err
	}
	r := &Replicated{servers: tb.newServers()}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s with a replica: %w", kind, err), r.Close())
		}
	}()
	if kind == MySQL {
		return r, r.startMySQLPair(ctx, path)
	}
	return r, r.startRedisPair(ctx, path)
}

// startRedisPair has the replica follow through a link, which holds back what the
// primary sends.
func (r *Replicated) startRedisPair(ctx context.Context, path string) error {
	password := newPassword()
	own := fmt.Sprintf("masterauth %s\nrepl-diskless-sync-delay 0\n", password)
	primary, err := r.startRedis(path, password, own)
	if err != nil {
		return err
	}
	if err := primary.ready(ctx); err != nil {
		return err
	}
	l, err := r.tb.linkTo(ctx, Redis, primary.addr(), false)
	if err != nil {
		return err
	}
	r.links = append(r.links, l)
	host, port, _ := strings.Cut(l.Addr(), ":")
	replica, err := r.startRedis(path, password, own+fmt.Sprintf("replicaof %s %s\n", host, port))
	if err != nil {
		return err
	}
	r.url = fmt.Sprintf("redis://:%s@%s/0?replica=%s", password, primary.addr(), replica.addr())
	r.lag = func(ctx context.Context, d time.Duration) error {
		if d == 0 {
			return l.Set(ctx, LinkSetting{})
		}
		return l.Set(ctx, LinkSetting{Kind: link.Latency, Delay: d})
	}
	r.stop = func(ctx context.Context) error { return l.Set(ctx, LinkSetting{Kind: link.Blackhole}) }
	r.settle = func(ctx context.Context) error {
		n, err := primary.replicated(ctx, "settle", 1, settlePatience)
		if err == nil && n < 1 {
			err = fmt.Errorf("the replica does not have what was written, after %v", settlePatience)
		}
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return poll(ctx, func(ctx context.Context) error { return errors.Join(r.alive(), following(ctx, replica)) })
}

// settlePatience is how long a replica may take to have everything.
const settlePatience = 5 * time.Second
