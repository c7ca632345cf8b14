package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/scenarios/testbed"
	"authbench/scenarios/testbed/link"
)

// trouble grows under load. begin is called before the calm and may do what is the
// same throughout, step for every level, end whatever happened.
type trouble interface {
	begin(ctx context.Context, r *rig, levels []float64) error
	step(ctx context.Context, r *rig, level float64) error
	end() error
}

// troubleKind is a trouble and what it should move.
type troubleKind struct {
	how    string
	what   string    // in words, for a sentence
	levels []float64 // one a step
	unit   string    // of levels
	delays bool      // it needs delay links
	// leads are the signals that have to move before users suffer, shows those that
	// have to move at all.
	leads, shows []string
	// harmless: users do not suffer, the trouble is another one. refusals: they suffer
	// when they are refused, not when they have to wait.
	harmless, refusals bool
	make               func() trouble
}

func troubles() []troubleKind {
	return []troubleKind{
		{
			how: "pool", what: "the way to the store grew longer, while a node had few connections to it", unit: "ms each way",
			levels: []float64{0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12}, delays: true,
			leads: []string{"pool: waits"}, shows: []string{"pool: time waited"},
			make: func() trouble { return &farStore{} },
		},
		{
			how: "slow-store", what: "the way to the store grew longer", unit: "ms each way",
			levels: []float64{1, 2, 4, 6, 8, 12, 16, 20, 28, 36, 44}, delays: true,
			leads: []string{"pool: connections in use"},
			make:  func() trouble { return &farStore{} },
		},
		{
			how: "eviction", what: "other data filled a Redis that forgets what was used least lately", unit: "keys of 1 KB a second",
			levels: []float64{1000, 1000, 1000, 1000, 1000, 1000, 1000, 2000, 4000, 8000, 12000},
			leads:  []string{"redis: keys evicted", "redis: share of its memory"}, shows: []string{"credentials rejected"}, refusals: true,
			make: func() trouble { return &ballast{} },
		},
		{
			how: "login-burst", what: "more and more users logged in, over few connections to a store 2 ms away", unit: "log-ins a second",
			levels: []float64{150, 250, 400, 700, 1000, 1400, 1800, 2200, 2600, 3000}, delays: true,
			leads: []string{"log-ins"}, shows: []string{"pool: waits"},
			make: func() trouble { return &loginBurst{} },
		},
		{
			how: "reuse", what: "a thief replayed refresh tokens that their owners had traded in", unit: "replays a step",
			levels: []float64{1, 1, 2, 3, 4, 5}, harmless: true,
			shows: []string{"refresh tokens reused", "credentials rejected"},
			make:  func() trouble { return &thief{} },
		},
	}
}

// farStore delays every link to the store.
type farStore struct{ r *rig }

func (f *farStore) begin(_ context.Context, r *rig, _ []float64) error {
	f.r = r
	return nil
}

func (f *farStore) step(ctx context.Context, r *rig, ms float64) error { return r.delay(ctx, ms) }

func (f *farStore) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
	defer cancel()
	return f.r.delay(ctx, 0)
}

// delay makes every link longer, by ms each way.
func (r *rig) delay(ctx context.Context, ms float64) error {
	each := time.Duration(ms * float64(time.Millisecond)).Round(link.Step)
	for _, links := range r.links {
		for _, l := range links {
			if err := l.Set(ctx, testbed.LinkSetting{Kind: link.Delay, Delay: each}); err != nil {
				return err
			}
		}
	}
	return nil
}

// ballast fills a Redis that has a limit, and that forgets what was used least lately.
type ballast struct {
	admin *redis.Client
	was   map[string]string

	mu      sync.Mutex
	rate    float64 // keys a second
	stop    context.CancelFunc
	written sync.WaitGroup
	err     error
}

const (
	ballastRoom  = 2 << 20 // bytes that Redis has left when it begins
	ballastValue = 1000    // bytes
	ballastEvery = 20 * time.Millisecond
)

func (b *ballast) begin(ctx context.Context, r *rig, _ []float64) (err error) {
	store := r.t.Testbed.Store(testbed.Redis)
	if b.admin, err = store.AdminRedis(); err != nil {
		return err
	}
	figures, err := store.Figures(ctx)
	if err != nil {
		return err
	}
	limit := strconv.Itoa(int(figures["redis_memory_used_bytes"]) + ballastRoom)
	b.was = map[string]string{}
	// The policy first: the one that is there must not act on the limit.
	for _, set := range [][2]string{{"maxmemory-policy", "allkeys-lru"}, {"maxmemory", limit}} {
		got, err := b.admin.ConfigGet(ctx, set[0]).Result()
		if err != nil {
			return fmt.Errorf("CONFIG GET %s: %w", set[0], err)
		}
		b.was[set[0]] = got[set[0]]
		if err := b.admin.ConfigSet(ctx, set[0], set[1]).Err(); err != nil {
			return fmt.Errorf("CONFIG SET %s: %w", set[0], err)
		}
	}
	ctx, b.stop = context.WithCancel(ctx)
	b.written.Go(func() { b.write(ctx) })
	return nil
}

func (b *ballast) step(_ context.Context, _ *rig, keys float64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rate = keys
	return b.err
}

// write sends keys at the rate of the moment, a handful at a time.
func (b *ballast) write(ctx context.Context) {
	value := make([]byte, ballastValue)
	tick := time.NewTicker(ballastEvery)
	defer tick.Stop()
	owed, n := 0.0, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		b.mu.Lock()
		owed += b.rate * ballastEvery.Seconds()
		b.mu.Unlock()
		_, err := b.admin.Pipelined(ctx, func(p redis.Pipeliner) error {
			for ; owed >= 1; owed-- {
				n++
				p.Set(ctx, testbed.KeyPrefix+"ballast:"+strconv.Itoa(n), value, time.Minute)
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			b.mu.Lock()
			b.err = fmt.Errorf("write ballast: %w", err)
			b.mu.Unlock()
		}
	}
}

// end puts the settings back: the limit first, so that nothing more is forgotten. The
// keys go when the stores are reset, or after a minute.
func (b *ballast) end() error {
	if b.admin == nil {
		return nil
	}
	if b.stop != nil {
		b.stop()
		b.written.Wait()
	}
	ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
	defer cancel()
	var errs []error
	for _, name := range []string{"maxmemory", "maxmemory-policy"} {
		if was, ok := b.was[name]; ok {
			errs = append(errs, b.admin.ConfigSet(ctx, name, was).Err())
		}
	}
	return errors.Join(append(errs, b.admin.Close())...)
}

// loginBurst has users log in, open loop, beside those who use what they have.
type loginBurst struct {
	stop  context.CancelCauseFunc
	ended chan error
}

const (
	burstAway  = 1.0  // ms each way to the store
	burstCalm  = 50.0 // log-ins a second before it
	burstUsers = 500  // who log in, over and over
	// burstConns are their connections: with few, they would wait outside, and do the
	// others no harm.
	burstConns = 400
)

func (b *loginBurst) begin(ctx context.Context, r *rig, levels []float64) error {
	if err := r.delay(ctx, burstAway); err != nil {
		return err
	}
	v := r.t.Values
	stages := []loadgen.Stage{{Duration: settling + v.duration("calm"), Rate: burstCalm}}
	for _, level := range levels {
		stages = append(stages, loadgen.Stage{Duration: v.duration("step"), Rate: level})
	}
	n := burstUsers
	if known := r.c.Users.Count; known > 0 {
		n = min(n, known)
	}
	users := population(r.c, n)
	all := make([]*user, n)
	for i := range users {
		all[i] = &users[i]
	}
	plan, err := loginPlan(r.c, r.nodes, all)
	if err != nil {
		return err
	}
	session, err := r.t.Engine.Open(ctx, plan, burstConns)
	if err != nil {
		return err
	}
	ctx, b.stop = context.WithCancelCause(ctx)
	b.ended = make(chan error, 1)
	go func() {
		_, err := session.Run(ctx, loadgen.Phase{Operation: "login", Stages: stages, Seed: r.t.Seed + 1, Timeout: opTimeout})
		if errors.Is(err, errEnough) {
			err = nil
		}
		b.ended <- errors.Join(err, session.Close())
	}()
	return nil
}

func (*loginBurst) step(context.Context, *rig, float64) error { return nil } // it is in the schedule

// end waits for the engine. Subtle: two phases at a time each switch the garbage
// collector off and back to what they found, so that this one, which began later, has
// to end before the background load does.
func (b *loginBurst) end() error {
	if b.stop == nil {
		return nil
	}
	b.stop(errEnough)
	err := <-b.ended
	b.stop = nil
	return err
}

// thief uses refresh tokens that were traded in before.
type thief struct {
	next    int // user
	replays int // that were answered
	let     int // of those: that were accepted
}

func (*thief) begin(context.Context, *rig, []float64) error { return nil }
func (*thief) end() error                                   { return nil }

// step lets so many owners refresh, and the thief come after each.
func (t *thief) step(ctx context.Context, r *rig, replays float64) error {
	for range int(replays) {
		if t.next >= len(r.users) {
			return errors.New("there are too few users to steal from")
		}
		owner := user{vars: r.users[t.next].vars}
		stolen := user{vars: owner.vars}
		node := t.next % len(r.nodes)
		t.next++
		for _, u := range []*user{&owner, &stolen} {
			sleep(ctx, 5*time.Millisecond) // a grace of 0 is the millisecond that it began in
			a, err := r.do(ctx, checker.Refresh, node, u, false)
			if err != nil {
				return err
			}
			if u == &stolen && (a.Outcome == results.OK || a.Outcome == results.Rejected) {
				t.replays++
			}
			if u == &stolen && a.Outcome == results.OK {
				t.let++
			}
		}
	}
	return nil
}
