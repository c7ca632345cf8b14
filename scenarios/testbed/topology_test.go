//go:build unix

package testbed

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestSentinel: what is written under the cut is gone after the failover, what was
// written before is there, and the client of a node finds the new primary.
func TestSentinel(t *testing.T) {
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process"})
	began := time.Now()
	s, err := tb.NewSentinel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("up in %v", time.Since(began))
	var hosts []string
	for _, w := range s.sentinels {
		hosts = append(hosts, hostPort(w.port))
	}
	c := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: sentinelName, SentinelAddrs: hosts, SentinelPassword: s.password, Password: s.password, MaxRetries: -1,
	})
	t.Cleanup(func() { c.Close() })
	set := func(key string) {
		t.Helper()
		if err := c.Set(t.Context(), key, 1, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set("kept")
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Cut(t.Context()); err != nil {
		t.Fatal(err)
	}
	set("lost")
	if err := s.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	if err := s.Promoted(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("promoted in %v", time.Since(began))
	n := int64(-1)
	for deadline := time.Now().Add(5 * time.Second); n < 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, err := c.Exists(t.Context(), "kept").Result(); err == nil {
			n = got
		}
	}
	if lost, err := c.Exists(t.Context(), "lost").Result(); n != 1 || lost != 0 || err != nil {
		t.Errorf("kept %d, lost %d, %v", n, lost, err)
	}
	if cpu := tb.Usage().Store; !cpu.Known || cpu.CPU == 0 {
		t.Errorf("CPU of the store %+v", cpu)
	}
}

// TestReplicated: a replica is as late as it was told to be, and catches up.
func TestReplicated(t *testing.T) {
	for _, kind := range []string{Redis, MySQL} {
		t.Run(kind, func(t *testing.T) {
			needServer(t, kind)
			tb := newBed(t, Options{Provider: "process"})
			began := time.Now()
			r, err := tb.NewReplicated(t.Context(), kind)
			if errors.Is(err, errors.ErrUnsupported) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("up in %v", time.Since(began))
			for _, lag := range []time.Duration{0, 2 * time.Second, 0} {
				if err := r.Lag(t.Context(), lag); err != nil {
					t.Fatal(err)
				}
				if kind == MySQL {
					mysqlWrite(t, r.URL())
				}
				began := time.Now()
				if err := r.Settle(t.Context()); err != nil {
					t.Fatal(err)
				}
				// MariaDB reckons with the whole second in which something was written.
				if took := time.Since(began); took < lag-time.Second {
					t.Errorf("a replica that is %v behind had everything after %v", lag, took)
				}
			}
			if err := r.Freeze(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func mysqlWrite(t *testing.T, dsn string) {
	t.Helper()
	dsn, _, _ = strings.Cut(dsn, "?")
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	execAll(t, db, "CREATE TABLE IF NOT EXISTS authbench_t (id INT)", "INSERT INTO authbench_t VALUES (1)")
}

// TestCluster: keys are spread over all members, and a client finds them.
func TestCluster(t *testing.T) {
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process"})
	began := time.Now()
	c, err := tb.NewCluster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("up in %v", time.Since(began))
	var addrs []string
	for _, m := range c.members {
		addrs = append(addrs, m.addr())
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, Password: c.password})
	t.Cleanup(func() { client.Close() })
	const keys = 90
	for i := range keys {
		if err := client.Set(t.Context(), fmt.Sprint("key-", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	held, err := c.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, n := range held {
		if sum += n; n == 0 {
			t.Errorf("a member has no key: %v", held)
		}
	}
	if sum != keys {
		t.Errorf("%d keys, want %d", sum, keys)
	}
}

// TestGuarded: who has a user's address and trusts the right authority gets in, and
// nobody else.
func TestGuarded(t *testing.T) {
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process"})
	g, err := tb.NewGuarded(t.Context(), Redis)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	at, err := g.As(t.Context(), "reader", "+get")
	if err != nil {
		t.Fatal(err)
	}
	try := func(address string) error {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		password, _ := u.User.Password()
		o := &redis.Options{Addr: u.Host, Username: u.User.Username(), Password: password, MaxRetries: -1, DialerRetries: 1}
		if u.Scheme == "rediss" {
			pem, err := os.ReadFile(u.Query().Get("ca"))
			if err != nil {
				t.Fatal(err)
			}
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(pem)
			o.TLSConfig = &tls.Config{RootCAs: pool}
		}
		c := redis.NewClient(o)
		defer c.Close()
		if err := c.Set(t.Context(), KeyPrefix+"x", 1, 0).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") && u.Scheme == "rediss" && address == at {
			t.Errorf("SET without the right: %v", err)
		}
		_, err = c.Get(t.Context(), KeyPrefix+"x").Result()
		return err
	}
	if err := try(at); !errors.Is(err, redis.Nil) {
		t.Errorf("with everything right: %v", err)
	}
	if err := try(g.Distrust(at)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("with the wrong authority: %v", err)
	}
	if err := try(g.Plain(at)); err == nil || errors.Is(err, redis.Nil) {
		t.Errorf("without TLS: %v", err)
	}
}
