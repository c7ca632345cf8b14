package storetest

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	clusterMembers = 3
	clusterSlots   = 16384
)

// StartCluster starts a Redis Cluster of three primaries and returns its URL. It
// skips or fails like StartRedis.
func StartCluster(t testing.TB) string {
	t.Helper()
	var members []*redis.Client
	var addrs, bus []string
	for range clusterMembers {
		port := freePort(t)
		s := StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", port)
		opt, err := redis.ParseURL(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		c := redis.NewClient(opt)
		t.Cleanup(func() { _ = c.Close() })
		members, addrs, bus = append(members, c), append(addrs, opt.Addr), append(bus, port)
	}
	do := func(c *redis.Client, args ...any) {
		t.Helper()
		if err := c.Do(t.Context(), args...).Err(); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
	}
	for i, c := range members {
		do(c, "CLUSTER", "ADDSLOTSRANGE", clusterSlots*i/clusterMembers, clusterSlots*(i+1)/clusterMembers-1)
	}
	for i := 1; i < clusterMembers; i++ {
		host, port, _ := net.SplitHostPort(addrs[i])
		do(members[0], "CLUSTER", "MEET", host, port, bus[i])
	}
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	for {
		err := whole(ctx, members)
		if err == nil {
			return "redis+cluster://" + strings.Join(addrs, ",")
		}
		if ctx.Err() != nil {
			t.Fatalf("the cluster does not come together: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func whole(ctx context.Context, members []*redis.Client) error {
	for _, c := range members {
		info, err := c.ClusterInfo(ctx).Result()
		if err != nil {
			return err
		}
		if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_size:%d", clusterMembers)) {
			return fmt.Errorf("a member says %q", info)
		}
	}
	return nil
}
