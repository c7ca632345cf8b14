//go:build unix

package fault

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/scenarios/testbed"
)

// looks is how the test sees each fault: with clients of its own.
func looks() map[string]func(context.Context, *Place) error {
	return map[string]func(context.Context, *Place) error{
		"delay":                 func(ctx context.Context, p *Place) error { return takes(ctx, p, 2*time.Millisecond) },
		"slow-reply":            func(ctx context.Context, p *Place) error { return takes(ctx, p, 80*time.Millisecond) },
		"bandwidth":             seeBandwidth,
		"blackhole":             seeSilence,
		"blackhole-up":          seeSilence,
		"blackhole-down":        seeSilence,
		"refuse":                seeRefused,
		"connect-hang":          seeHang,
		"reset":                 func(_ context.Context, p *Place) error { return first(p, syscall.ECONNRESET) },
		"truncate":              seeTruncated,
		"flap":                  seeFlap,
		"kill":                  seeGone,
		"kill-empty":            seeGone,
		"restore-old":           seeGone,
		"stop":                  seeStopped,
		"oom":                   func(ctx context.Context, p *Place) error { return seeOOM(ctx, p) },
		"evict-lru":             seeFewer,
		"evict-volatile":        seeFewer,
		"flushall":              seeFewer,
		"client-pause":          seePaused,
		"redis-readonly":        func(ctx context.Context, p *Place) error { return setSays(ctx, p, "READONLY") },
		"maxclients":            seeCrowd,
		"mysql-readonly":        func(ctx context.Context, p *Place) error { return updateSays(ctx, p, 1290) },
		"mysql-lock":            func(ctx context.Context, p *Place) error { return updateSays(ctx, p, 1205) },
		"mysql-max-connections": func(ctx context.Context, p *Place) error { return updateSays(ctx, p, 1040) },
	}
}

// exchange sends PING in the clear and reads a line; a MySQL greets by itself.
// The line is "-NOAUTH ..." or the greeting: an answer.
func exchange(addr string, kind string, limit time.Duration) (line string, err error) {
	c, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	if kind == testbed.Redis {
		if _, err := io.WriteString(c, "PING\r\n"); err != nil {
			return "", err
		}
		return bufio.NewReader(c).ReadString('\n')
	}
	b := make([]byte, 10)
	n, err := io.ReadFull(c, b)
	return string(b[:n]), err
}

// takes looks up to five times: a busy machine can make one exchange slow
// where there is no delay, but none quick where there is one.
func takes(_ context.Context, p *Place, d time.Duration) error {
	return each(p.Links, func(l *testbed.Link) error {
		for range 5 {
			begin := time.Now()
			if _, err := exchange(l.Addr(), l.Kind(), 5*time.Second); err != nil {
				return err
			}
			took := time.Since(begin)
			if l.Kind() == testbed.MySQL && d < 10*time.Millisecond {
				took *= 2 // the greeting comes by itself: half a round trip
			}
			if took < d {
				return fmt.Errorf("took %v", took)
			}
		}
		return nil
	})
}

func seeBandwidth(ctx context.Context, p *Place) error {
	return each(p.Links, func(l *testbed.Link) error {
		probe, err := p.Store.Probe(l)
		if err != nil {
			return err
		}
		took, err := probe.Pull(ctx, 5000)
		if probe.Close(); err != nil {
			return err
		}
		if took < 200*time.Millisecond {
			return fmt.Errorf("5,000 bytes at 20,000 B/s took %v", took)
		}
		return nil
	})
}

func seeSilence(_ context.Context, p *Place) error {
	return each(p.Links, func(l *testbed.Link) error {
		// What goes up reaches a MySQL only after its greeting has come down.
		if line, err := exchange(l.Addr(), l.Kind(), patience); err == nil {
			if l.Kind() == testbed.MySQL {
				return fresh(p.Store, l, func(probe *testbed.Probe) error { return silent(context.Background(), probe) })
			}
			return fmt.Errorf("it answers %q", line)
		} else if !timedOut(err) {
			return err
		}
		return nil
	})
}

func first(p *Place, want error) error {
	for _, l := range p.Links {
		if line, err := exchange(l.Addr(), l.Kind(), time.Second); !errors.Is(err, want) {
			return fmt.Errorf("it answers %q, %w", line, orWorks(err))
		}
	}
	return nil
}

func seeRefused(_ context.Context, p *Place) error { return first(p, syscall.ECONNREFUSED) }

func seeHang(_ context.Context, p *Place) error {
	return each(p.Links, func(l *testbed.Link) error {
		c, err := net.DialTimeout("tcp", l.Addr(), patience)
		if err == nil {
			c.Close()
			return errors.New("it connects")
		}
		if !timedOut(err) {
			return err
		}
		return nil
	})
}

func seeTruncated(_ context.Context, p *Place) error {
	for _, l := range p.Links {
		line, err := exchange(l.Addr(), l.Kind(), time.Second)
		if len(line) != 3 || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
			return fmt.Errorf("it answers %q, %w", line, orWorks(err))
		}
	}
	return nil
}

func seeFlap(ctx context.Context, p *Place) error {
	return each(p.Links, func(l *testbed.Link) error {
		changes, was := 0, false
		for changes < 3 {
			_, err := exchange(l.Addr(), l.Kind(), time.Second)
			if is := err == nil; is != was {
				changes, was = changes+1, is
			}
			if ctx.Err() != nil {
				return fmt.Errorf("%d changes", changes)
			}
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	})
}

// direct is the store's own address.
func direct(p *Place) string {
	addr, _ := p.Store.Addr()
	return addr
}

func seeGone(_ context.Context, p *Place) error {
	if line, err := exchange(direct(p), p.Store.Kind(), time.Second); !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("it answers %q, %w", line, orWorks(err))
	}
	return nil
}

func seePaused(ctx context.Context, p *Place) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := client(p)
	defer c.Close()
	if err := c.Ping(ctx).Err(); err == nil || !timedOut(err) {
		return fmt.Errorf("PING: %w", orWorks(err))
	}
	return nil
}

func seeStopped(_ context.Context, p *Place) error {
	if line, err := exchange(direct(p), p.Store.Kind(), patience); err == nil || !timedOut(err) {
		return fmt.Errorf("it answers %q, %w", line, orWorks(err))
	}
	return nil
}

func client(p *Place) *redis.Client {
	opts, _ := redis.ParseURL(p.Store.URL())
	opts.MaxRetries, opts.PoolSize, opts.ContextTimeoutEnabled = -1, 1, true
	return redis.NewClient(opts)
}

func setSays(ctx context.Context, p *Place, word string) error {
	c := client(p)
	defer c.Close()
	if err := c.Set(ctx, sample+":0", "y", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), word) {
		return fmt.Errorf("SET: %w", orWorks(err))
	}
	return nil
}

// seeCrowd says nothing, so that nobody minds.
func seeCrowd(_ context.Context, p *Place) error {
	c, err := net.DialTimeout("tcp", direct(p), patience)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	b := make([]byte, 29)
	if _, err := io.ReadFull(c, b); string(b) != "-ERR max number of clients re" {
		return fmt.Errorf("it says %q, %w", b, orWorks(err))
	}
	return nil
}

// seeOOM: writing is refused, deleting works. That is the asymmetry that matters.
func seeOOM(ctx context.Context, p *Place) error {
	if err := setSays(ctx, p, "OOM"); err != nil {
		return err
	}
	c := client(p)
	defer c.Close()
	if n, err := c.Del(ctx, sample+":1").Result(); err != nil || n != 1 {
		return fmt.Errorf("DEL %d, %w", n, orWorks(err))
	}
	return nil
}

func seeFewer(ctx context.Context, p *Place) error {
	c := client(p)
	defer c.Close()
	n, err := c.DBSize(ctx).Result()
	if err == nil && n > 1800 {
		err = fmt.Errorf("%d keys", n)
	}
	return err
}

func updateSays(ctx context.Context, p *Place, number uint16) error {
	db, err := sql.Open("mysql", p.Store.URL()+"?innodb_lock_wait_timeout=1")
	if err != nil {
		return err
	}
	defer db.Close()
	var n int
	if err := db.QueryRowContext(ctx, "SELECT v FROM authbench_t WHERE id = 1").Scan(&n); err != nil && !isMySQLError(err, number) {
		return fmt.Errorf("reading: %w", err)
	}
	if _, err := db.ExecContext(ctx, "UPDATE authbench_t SET v = v + 1 WHERE id = 1"); !isMySQLError(err, number) {
		return fmt.Errorf("UPDATE: %w", orWorks(err))
	}
	return nil
}
