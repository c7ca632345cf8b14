package fault

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"authbench/scenarios/testbed"
)

// The marker is something of ours in a store that tells whether what was written
// at an instant is still there: a key, or a table.
const (
	markerKey   = testbed.KeyPrefix + "fault-marker"
	markerTable = testbed.TablePrefix + "fault_marker"
)

// markerPatience bounds one look: a store whose disk is busy may stand still for
// seconds, and the next look is the better one.
const markerPatience = 5 * time.Second

// putMarker writes it; acknowledged, and so as durable as anything.
func putMarker(ctx context.Context, s *testbed.Store) error {
	return fresh(s, nil, func(p *testbed.Probe) (err error) {
		if p.Redis() != nil {
			if err := p.Redis().Set(ctx, markerKey, 1, 0).Err(); err != nil {
				return err
			}
			return until(ctx, func(ctx context.Context) error { return written(ctx, p.Redis()) })
		}
		_, err = p.MySQL().ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+markerTable+" (id INT PRIMARY KEY)")
		return err
	})
}

// written is nil when a Redis has handed what it acknowledged to the kernel.
//
// Subtle: with appendfsync everysec Redis puts a write off for up to 2 s while an
// earlier fsync is under way, and answers all the same. A kill in that time loses
// what was acknowledged, on a busy disk only.
func written(ctx context.Context, c *redis.Client) error {
	info, err := c.Info(ctx, "persistence").Result()
	if err != nil {
		return err
	}
	for line := range strings.Lines(info) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "aof_buffer_length:"); ok && n != "0" {
			return fmt.Errorf("%s bytes are held back that Redis has not written to its log", n)
		}
	}
	return nil
}

// takeMarker removes it.
func takeMarker(ctx context.Context, s *testbed.Store) error {
	ctx, cancel := context.WithTimeout(ctx, markerPatience)
	defer cancel()
	return fresh(s, nil, func(p *testbed.Probe) (err error) {
		if p.Redis() != nil {
			return p.Redis().Del(ctx, markerKey).Err()
		}
		_, err = p.MySQL().ExecContext(ctx, "DROP TABLE IF EXISTS "+markerTable)
		return err
	})
}

// marker is nil when the marker is there, or not there, as it should be.
func marker(ctx context.Context, s *testbed.Store, should bool) error {
	ctx, cancel := context.WithTimeout(ctx, markerPatience)
	defer cancel()
	return fresh(s, nil, func(p *testbed.Probe) (err error) {
		var n int64
		if p.Redis() != nil {
			n, err = p.Redis().Exists(ctx, markerKey).Result()
		} else {
			err = p.MySQL().QueryRowContext(ctx, `SELECT COUNT(*) FROM information_schema.tables
				WHERE table_schema = DATABASE() AND table_name = ?`, markerTable).Scan(&n)
		}
		switch is := n == 1; {
		case err != nil:
			return err
		case is && !should:
			return fmt.Errorf("what was written to %s just before is still there", s.Kind())
		case !is && should:
			return fmt.Errorf("what %s had acknowledged is gone", s.Kind())
		}
		return nil
	})
}
