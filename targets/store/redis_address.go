package store

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// redisAddress is what a Redis URL says. It may be a single server, the primary
// that Sentinels name, or a cluster:
//
//	redis://[user:password@]host:port/db
//	redis+sentinel://[user:password@]host:port,host:port/NAME/db
//	redis+cluster://[user:password@]host:port,host:port
//
// With rediss in the place of redis the connection is TLS. Parameters of all:
//
//	ca=FILE                        certificates to trust, PEM; without it those of the system
//	replica=host:port              of a single server: where reads may go
//	sentinel_user=, sentinel_password=
//
// Hosts and ports of Sentinels and of a cluster are seeds: the rest is asked for.
type redisAddress struct {
	one                            *redis.Options // user, password, database, TLS; of a single server also where
	hosts                          []string       // of Sentinels, or of a cluster
	master                         string         // the name that Sentinels know the primary by; "": no Sentinels
	cluster                        bool
	replica                        string
	sentinelUser, sentinelPassword string
}

// parseRedisURL reads a URL. No error has any of its text but the scheme, since a
// password is in it.
func parseRedisURL(text string) (*redisAddress, error) {
	bad := func(format string, args ...any) (*redisAddress, error) {
		return nil, fmt.Errorf("store: redis URL: "+format, args...)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return bad("it has no scheme: want redis://host:port/db")
	}
	a := &redisAddress{}
	plain, shape, _ := strings.Cut(scheme, "+")
	if shape != "" { // a list of hosts is no URL
		at := strings.IndexAny(rest+"/", "/?#")
		authority := rest[:at]
		user := authority[:strings.LastIndex(authority, "@")+1]
		a.hosts = strings.Split(strings.TrimPrefix(authority, user), ",")
		for _, h := range a.hosts {
			if _, _, err := net.SplitHostPort(h); err != nil {
				return bad("%d hosts, of which one is not host:port", len(a.hosts))
			}
		}
		rest = user + a.hosts[0] + rest[at:]
	}
	u, err := url.Parse(plain + "://" + rest)
	if err != nil {
		return bad("it is none") // the cause would print the password
	}
	switch shape {
	case "":
	case "sentinel":
		name, db, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
		if name == "" {
			return bad("it does not say which primary of the Sentinels: want %s://host:port/NAME/db", scheme)
		}
		a.master, u.Path = name, "/"+cmp.Or(db, "0")
	case "cluster":
		if a.cluster = true; strings.Trim(u.Path, "/") != "" {
			return bad("a cluster has no numbered databases")
		}
	default:
		return bad("no scheme %q: want redis, redis+sentinel, redis+cluster, or the same with rediss", scheme)
	}
	q := u.Query()
	own := func(key string) string {
		v := q.Get(key)
		q.Del(key)
		return v
	}
	ca := own("ca")
	a.replica, a.sentinelUser, a.sentinelPassword = own("replica"), own("sentinel_user"), own("sentinel_password")
	u.RawQuery = q.Encode()
	if a.one, err = redis.ParseURL(u.String()); err != nil {
		return bad("%w", err)
	}
	switch {
	case a.replica != "" && shape != "":
		return bad("replica= is for a single server: Sentinels name the replicas, and a cluster is not read through them")
	case ca != "" && a.one.TLSConfig == nil:
		return bad("ca= without TLS: want %s", strings.Replace(scheme, "redis", "rediss", 1))
	case ca != "":
		if a.one.TLSConfig.RootCAs, err = certificates(ca); err != nil {
			return bad("ca: %w", err)
		}
	}
	return a, nil
}

// certificates reads a file of PEM certificates.
func certificates(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no PEM certificate", file)
	}
	return pool, nil
}

// Client is a Redis in any shape.
type Client = redis.UniversalClient

// client makes a client with the options of redisOptions. It does not connect.
// hello, if not nil, is done on every new connection.
func (a *redisAddress) client(cfg Config, hello func(context.Context, *redis.Conn) error) Client {
	// The client would log a line per failed dial, thousands a second while Redis
	// is away. Every such error also comes back from the call.
	logging.Disable()
	opt := *a.one
	redisOptions(&opt, cfg)
	if opt.OnConnect = hello; hello != nil && a.master != "" {
		opt.OnConnect = notToSentinels(hello)
	}
	if a.hosts == nil {
		return redis.NewClient(&opt)
	}
	return redis.NewUniversalClient(a.universal(&opt))
}

// notToSentinels leaves out the connections to Sentinels, which the client opens with
// the same options as those to the primary.
func notToSentinels(hello func(context.Context, *redis.Conn) error) func(context.Context, *redis.Conn) error {
	return func(ctx context.Context, conn *redis.Conn) error {
		role, err := conn.Do(ctx, "ROLE").Slice()
		switch {
		case err != nil:
			return err
		case len(role) > 0 && role[0] == "sentinel":
			return nil
		}
		return hello(ctx, conn)
	}
}

// reader makes a client for reads, which a replica answers.
func (a *redisAddress) reader(cfg Config) (Client, error) {
	opt := *a.one
	redisOptions(&opt, cfg)
	switch {
	case a.cluster:
		return nil, errors.New("store: redis URL: reads of a cluster go to its primaries")
	case a.master != "":
		u := a.universal(&opt)
		u.ReadOnly = true // a replica that the Sentinels name; the primary where there is none
		return redis.NewUniversalClient(u), nil
	case a.replica == "":
		return nil, errors.New("store: redis URL: reads are to go to a replica, and it names none: want ?replica=host:port")
	}
	opt.Addr = a.replica
	if opt.TLSConfig != nil {
		t := opt.TLSConfig.Clone()
		t.ServerName, _, _ = net.SplitHostPort(a.replica)
		opt.TLSConfig = t
	}
	return redis.NewClient(&opt), nil
}

// universal is opt for Sentinels or a cluster.
//
// MaxRedirects -1: a cluster client would repeat a command on another node, also
// one whose answer was lost. A slot that has moved is then one error, after which
// the client asks anew where slots are.
func (a *redisAddress) universal(opt *redis.Options) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: a.hosts, MasterName: a.master, IsClusterMode: a.cluster,
		SentinelUsername: a.sentinelUser, SentinelPassword: a.sentinelPassword,
		DB: opt.DB, Username: opt.Username, Password: opt.Password, TLSConfig: opt.TLSConfig, OnConnect: opt.OnConnect,
		MaxRetries: opt.MaxRetries, MaxRedirects: -1, DialerRetries: opt.DialerRetries,
		DialTimeout: opt.DialTimeout, ReadTimeout: opt.ReadTimeout, WriteTimeout: opt.WriteTimeout, PoolTimeout: opt.PoolTimeout,
		ContextTimeoutEnabled: opt.ContextTimeoutEnabled,
		PoolSize:              opt.PoolSize, PipelinePoolSize: opt.PipelinePoolSize,
		ReadBufferSize: opt.ReadBufferSize, WriteBufferSize: opt.WriteBufferSize,
		Protocol: opt.Protocol, DisableIdentity: opt.DisableIdentity, MaintNotificationsConfig: opt.MaintNotificationsConfig,
	}
}
