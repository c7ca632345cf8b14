package revoke

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"authbench/targets/store"
)

// mirror is a node's copy of the list. It is good for Bound from the instant at
// which the last poll was *sent*: whatever was acknowledged before that is in
// the answer. Instants are monotonic, so that no clock that is set, or skewed,
// lengthens the bound.
type mirror struct {
	list   *list
	bound  time.Duration
	failed func(error)
	made   time.Time

	stop context.CancelFunc
	done sync.WaitGroup

	mu      sync.RWMutex
	at      position
	asOf    time.Time // zero: never polled
	entries map[string]entry
}

type entry struct {
	value string
	gen   string    // of the list that it is from
	seq   int64     // the change is not later than this one
	until time.Time // it may be forgotten
}

func newMirror(l *list, cfg Config) (*mirror, error) {
	if cfg.Bound <= 0 || cfg.PollEvery <= 0 || cfg.PollEvery >= cfg.Bound {
		return nil, fmt.Errorf("revoke: a bound of %v with a poll every %v: want 0 < poll < bound", cfg.Bound, cfg.PollEvery)
	}
	m := &mirror{list: l, bound: cfg.Bound, failed: cfg.Failed, made: time.Now(), entries: map[string]entry{}}
	if m.failed == nil {
		m.failed = func(error) {}
	}
	return m, nil
}

// start keeps the copy fresh until close: a poll, and then wait, over and over.
// After an error the next poll is due in retry.
func (m *mirror) start(retry time.Duration, wait func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.done.Go(func() {
		swept := time.Now()
		for ctx.Err() == nil {
			err := m.poll(ctx)
			if err == nil {
				err = wait(ctx)
			}
			if err != nil && ctx.Err() == nil {
				m.failed(err)
				sleep(ctx, retry)
			}
			if time.Since(swept) > time.Minute {
				swept = time.Now()
				m.forget(swept)
			}
		}
	})
}

func (m *mirror) close() {
	m.stop()
	m.done.Wait()
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// poll catches up with the store.
func (m *mirror) poll(ctx context.Context) error {
	sent := time.Now()
	m.mu.RLock()
	at := m.at
	m.mu.RUnlock()
	c, err := m.list.changes(ctx, at)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.all {
		m.dropSubjects(c.position)
	}
	for _, e := range c.members {
		m.set(c.gen, c.seq, e[0], e[1])
	}
	m.at, m.asOf = c.position, sent
	return nil
}

// dropSubjects makes room for a list that may be another one. Denied log-ins
// stay: what this node has seen revoked stays so although the store forgot it,
// and no new log-in has that name. A generation must go, or it would keep a user
// out who got another one, unless it is of this list and later than the answer.
func (m *mirror) dropSubjects(to position) {
	for member, e := range m.entries {
		if strings.HasPrefix(member, subjectMember("")) && (e.gen != to.gen || e.seq <= to.seq) {
			delete(m.entries, member)
		}
	}
}

// set notes a change, unless a later one is here: a poll is answered while this
// node goes on revoking.
func (m *mirror) set(gen string, seq int64, member, value string) {
	if e, ok := m.entries[member]; ok && e.gen == gen && e.seq > seq {
		return
	}
	m.entries[member] = entry{value, gen, seq, time.Now().Add(m.list.keep)}
}

// learn notes what this node itself has just revoked; the next poll would. What
// the node has read already has it, or a later change of the same member.
func (m *mirror) learn(gen string, seq int64, member, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if gen != m.at.gen || seq > m.at.seq {
		m.set(gen, seq, member, value)
	}
}

// follows applies one change, if it is the one that follows on what is here. Else
// something was missed, and a poll has to get it.
func (m *mirror) follows(gen string, seq int64, id, member, value string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case gen != m.at.gen || seq > m.at.seq+1:
		return false
	case seq == m.at.seq+1:
		m.set(gen, seq, member, value)
		m.at.seq = seq
	}
	m.at.last = id
	return true
}

// last is the entry of the stream that was read last.
func (m *mirror) last() string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.at.last
}

// look gives read access to a copy that is fresh enough, or says why there is
// none.
func (m *mirror) look(read func(gen string, entries map[string]entry)) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.asOf.IsZero() {
		return fmt.Errorf("revoke: %w: there is none of the list yet", store.ErrStale)
	}
	if age := time.Since(m.asOf); age >= m.bound {
		return fmt.Errorf("revoke: %w: that of the list is %v old, good for %v", store.ErrStale, age.Round(time.Millisecond), m.bound)
	}
	read(m.at.gen, m.entries)
	return nil
}

// ready is nil if the copy can be used and the store answers.
func (m *mirror) ready(ctx context.Context) error {
	if err := m.look(func(string, map[string]entry) {}); err != nil {
		return err
	}
	return m.list.Ping(ctx)
}

// forget drops what no token can have any more.
func (m *mirror) forget(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for member, e := range m.entries {
		if now.After(e.until) {
			delete(m.entries, member)
		}
	}
}
