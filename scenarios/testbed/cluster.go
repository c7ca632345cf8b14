package testbed

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Cluster is a Redis Cluster of three primaries, which share the slots, and no
// replicas. Each is a process of its own.
type Cluster struct {
	*servers
	password string
	members  []*redisServer
}

const (
	clusterMembers = 3
	clusterSlots   = 16384
)

// NewCluster starts one and returns when every member says that it is whole.
func (tb *Testbed) NewCluster(ctx context.Context) (_ *Cluster, err error) {
	path, err := installed(Redis)
	if err != nil {
		return nil, err
	}
	c := &Cluster{servers: tb.newServers(), password: newPassword()}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("redis cluster: %w", err), c.Close())
		}
	}()
	var bus []int
	for range clusterMembers {
		// Else it is the port + 10000, where outgoing connections have theirs.
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		bus = append(bus, port)
		m, err := c.startRedis(path, c.password, fmt.Sprintf("masterauth %s\ncluster-enabled yes\ncluster-port %d\ncluster-node-timeout 2000\n", c.password, port))
		if err != nil {
			return nil, err
		}
		c.members = append(c.members, m)
	}
	for i, m := range c.members {
		if err := m.ready(ctx); err != nil {
			return nil, err
		}
		from, to := clusterSlots*i/clusterMembers, clusterSlots*(i+1)/clusterMembers-1
		if err := m.c.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", from, to).Err(); err != nil {
			return nil, fmt.Errorf("give slots to a member: %w", err)
		}
	}
	for i, m := range c.members[1:] {
		if err := c.members[0].c.Do(ctx, "CLUSTER", "MEET", loopback, m.port, bus[i+1]).Err(); err != nil {
			return nil, fmt.Errorf("introduce a member: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return c, poll(ctx, c.whole)
}

// whole is nil when every member knows all others and who has which slots.
func (c *Cluster) whole(ctx context.Context) error {
	if err := c.alive(); err != nil {
		return err
	}
	for _, m := range c.members {
		info, err := m.c.ClusterInfo(ctx).Result()
		if err != nil {
			return err
		}
		for _, want := range []string{"cluster_state:ok", fmt.Sprintf("cluster_known_nodes:%d", clusterMembers), fmt.Sprintf("cluster_size:%d", clusterMembers)} {
			if !strings.Contains(info, want) {
				return fmt.Errorf("a member does not say %s", want)
			}
		}
	}
	return nil
}

// URL is how a node reaches it.
func (c *Cluster) URL() string {
	var hosts []string
	for _, m := range c.members {
		hosts = append(hosts, m.addr())
	}
	return fmt.Sprintf("redis+cluster://:%s@%s", c.password, strings.Join(hosts, ","))
}

// Keys is how many each member holds.
func (c *Cluster) Keys(ctx context.Context) ([]int64, error) {
	var out []int64
	for _, m := range c.members {
		n, err := m.c.DBSize(ctx).Result()
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}
