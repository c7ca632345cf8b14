package testbed

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
)

// Probe looks at a store as a node does: with a node's rights, on one connection,
// directly or through a link. It waits as long as its contexts allow.
type Probe struct {
	redis *redis.Client
	mysql *sql.DB
}

// probeLimit bounds what a context does not.
const probeLimit = time.Minute

// Probe makes one; nil is the direct path. It connects on first use.
func (s *Store) Probe(l *Link) (*Probe, error) {
	at := s.url
	if l != nil {
		var err error
		if at, err = via(s.about.Kind, s.url, l.Addr()); err != nil {
			return nil, err
		}
	}
	if s.about.Kind == MySQL {
		db, err := openMySQL(at, probeLimit)
		return &Probe{mysql: db}, err
	}
	c, err := openRedis(at, probeLimit)
	return &Probe{redis: c}, err
}

// Ping does one round trip, after it has connected where it must, and returns how
// long that took. No operation of it counts in StoreOps.
func (p *Probe) Ping(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	var err error
	if p.mysql != nil {
		_, err = p.mysql.ExecContext(ctx, "DO 1")
	} else {
		err = p.redis.Ping(ctx).Err()
	}
	return time.Since(begin), err
}

// Pull moves n bytes to us and returns how long that took.
func (p *Probe) Pull(ctx context.Context, n int) (time.Duration, error) {
	begin := time.Now()
	var got string
	var err error
	if p.mysql != nil {
		err = p.mysql.QueryRowContext(ctx, fmt.Sprintf("SELECT REPEAT('x', %d)", n)).Scan(&got)
	} else {
		got, err = p.redis.Echo(ctx, strings.Repeat("x", n)).Result()
	}
	if err == nil && len(got) != n {
		err = fmt.Errorf("%d of %d bytes arrived", len(got), n)
	}
	return time.Since(begin), err
}

// Redis and MySQL are the probe's connection, nil for the other kind.
func (p *Probe) Redis() *redis.Client { return p.redis }

// MySQL is the probe's pool of one connection, nil for a Redis.
func (p *Probe) MySQL() *sql.DB { return p.mysql }

// Close closes the connection.
func (p *Probe) Close() error {
	if p.mysql != nil {
		return p.mysql.Close()
	}
	return p.redis.Close()
}

// openRedis makes a client with one connection that never repeats a command.
func openRedis(at string, limit time.Duration) (*redis.Client, error) {
	opts, err := redisOptions(at)
	if err != nil {
		return nil, err
	}
	opts.PoolSize = 1
	opts.MaxRetries = -1
	opts.DialerRetries = 1
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout, opts.PoolTimeout = limit, limit, limit, limit
	opts.ConnMaxIdleTime = -1 // what holds a place keeps it
	opts.ContextTimeoutEnabled = true
	opts.DisableIdentity = true
	quietRedis()
	return redis.NewClient(opts), nil
}

// openMySQL makes a pool of one connection.
func openMySQL(dsn string, limit time.Duration) (*sql.DB, error) {
	cfg, err := mysqlConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = limit, limit, limit
	cfg.Logger = &mysql.NopLogger{}
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("MySQL DSN: %w", err)
	}
	db := sql.OpenDB(conn)
	db.SetMaxOpenConns(1)
	return db, nil
}
