package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Wait says how many replicas have to have a revocation before it counts as made.
// A primary alone acknowledges what a failover may lose (Redis WAIT). 0: it alone.
type Wait struct {
	Replicas int
	Timeout  time.Duration // for the replicas; below that of a read
}

var errClusterWait = errors.New("store: redis: waiting for replicas is for a primary, not for a cluster")

// Write executes one write and waits for the replicas, on one connection: WAIT is
// about what that connection has seen written. One round trip. Replicas is not 0.
//
// With an error the write may have been done, at the primary alone or not.
func (w Wait) Write(ctx context.Context, c Client, write func(redis.Pipeliner) redis.Cmder) error {
	p := c.Pipeline()
	cmd := write(p)
	acked := p.Do(ctx, "WAIT", w.Replicas, w.Timeout.Milliseconds())
	_, _ = p.Exec(ctx) // each command has its own error
	if err := cmd.Err(); err != nil {
		return err
	}
	n, err := acked.Int()
	if err != nil {
		return fmt.Errorf("wait for replicas: %w", err)
	}
	if n < w.Replicas {
		return fmt.Errorf("done at the primary, but %d of %d replicas have it after %v", n, w.Replicas, w.Timeout)
	}
	return nil
}

// Run is Script.Run with the wait. The text is sent only where the server has not
// seen the script, and so has done nothing.
func (w Wait) Run(ctx context.Context, c Client, s *redis.Script, keys []string, args ...any) *redis.Cmd {
	if w.Replicas == 0 {
		return s.Run(ctx, c, keys, args...)
	}
	var cmd *redis.Cmd
	err := w.Write(ctx, c, func(p redis.Pipeliner) redis.Cmder {
		cmd = s.EvalSha(ctx, p, keys, args...)
		return cmd
	})
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		err = w.Write(ctx, c, func(p redis.Pipeliner) redis.Cmder {
			cmd = s.Eval(ctx, p, keys, args...)
			return cmd
		})
	}
	if err != nil {
		cmd.SetErr(err)
	}
	return cmd
}
