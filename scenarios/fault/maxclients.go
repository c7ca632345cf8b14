package fault

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"authbench/scenarios/testbed"
)

func maxClients() Fault {
	return Fault{
		Name: "maxclients", Summary: "others have taken all connections that Redis allows: open ones are closed, new ones refused with an error",
		Class: OfStore, Stores: redisOnly(), Unreachable: true, Intermittent: true,
		New: func(Params) (Injector, error) { return &crowded{}, nil },
	}
}

// crowded lowers maxclients to the harness's own connections, which stay, and
// closes all others. The connection that undoes it is one of those.
type crowded struct{ redisConfig }

func (c *crowded) Inject(ctx context.Context, p *Place) error {
	if err := c.open(ctx, p.Store); err != nil {
		return err
	}
	ours, _, err := c.clients(ctx)
	if err != nil {
		return err
	}
	if err := c.change(ctx, map[string]string{"maxclients": strconv.Itoa(max(1, ours))}); err != nil {
		return err
	}
	return c.closeOthers(ctx)
}

// clients counts the harness's connections and lists the ids of all others.
func (c *crowded) clients(ctx context.Context) (ours int, others []string, err error) {
	text, err := c.admin.ClientList(ctx).Result()
	if err != nil {
		return 0, nil, err
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case strings.Contains(line, " name="+testbed.HarnessName+" "):
			ours++
		case len(fields) > 0:
			others = append(others, strings.TrimPrefix(fields[0], "id="))
		}
	}
	return ours, others, nil
}

func (c *crowded) closeOthers(ctx context.Context) error {
	_, others, err := c.clients(ctx)
	if err != nil {
		return err
	}
	for _, id := range others {
		if err := c.admin.ClientKillByFilter(ctx, "ID", id).Err(); err != nil {
			return fmt.Errorf("CLIENT KILL ID %s: %w", id, err)
		}
	}
	return nil
}

func (c *crowded) Active(ctx context.Context, p *Place) error {
	switch _, others, err := c.clients(ctx); {
	case err != nil:
		return err
	case len(others) > 0: // they were quicker
		return errors.Join(fmt.Errorf("%d connections are still open", len(others)), c.closeOthers(ctx))
	}
	return turnedAway(ctx, p.Store)
}

// turnedAway is nil when a new connection is told that there are too many. It only
// listens: who writes first may get a broken pipe instead.
func turnedAway(ctx context.Context, s *testbed.Store) error {
	addr, err := s.Addr()
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if !strings.Contains(line, "max number of clients") {
		return fmt.Errorf("a new connection is not told that there are too many: %q, %w", line, orWorks(err))
	}
	return nil
}

// Recover needs the connection that Inject opened. Had it been lost, somebody else
// may sit in its place, and only a restart helps: it brings the settings back and
// loses nothing.
func (c *crowded) Recover(ctx context.Context, p *Place) error {
	err := c.redisConfig.Recover(ctx, p)
	if err == nil || errors.As(err, new(hopeless)) || !strings.Contains(err.Error(), "max number of clients") {
		return err
	}
	return errors.Join(p.Store.Kill(ctx), p.Store.Restart(ctx))
}

func (c *crowded) Recovered(ctx context.Context, p *Place) error { return c.isBack(ctx, p) }
