package main

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"authbench/scenarios/testbed"
)

// storeFlags say where the stores come from.
type storeFlags struct {
	provider, redisURL, mysqlDSN string
}

func (f *storeFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.provider, "stores", testbed.Auto, "where Redis and MySQL come from: auto, "+strings.Join(testbed.Providers(), ", "))
	fl.StringVar(&f.redisURL, "redis-url", "", "your own Redis, redis://[user:password@]host:port/db (or AUTHBENCH_REDIS_URL)")
	fl.StringVar(&f.mysqlDSN, "mysql-dsn", "", "your own MySQL or MariaDB, user:password@tcp(host:port)/database (or AUTHBENCH_MYSQL_DSN)")
}

// maskedArgs are arguments without the passwords of stores: what was typed is written
// into results.
func maskedArgs(args []string) []string {
	out := slices.Clone(args)
	for i, arg := range out {
		name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case !strings.HasPrefix(arg, "-") || name != "redis-url" && name != "mysql-dsn":
		case joined:
			out[i] = strings.TrimSuffix(arg, value) + testbed.MaskAddress(value)
		case i+1 < len(out):
			out[i+1] = testbed.MaskAddress(out[i+1])
		}
	}
	return out
}

// options is a testbed by these flags and the environment; what it needs and
// where it runs is up to the verb.
func (f *storeFlags) options(a *app) (testbed.Options, error) {
	if f.provider != testbed.Auto && !slices.Contains(testbed.Providers(), f.provider) {
		return testbed.Options{}, usageError("--stores %s: not one of auto, %s", f.provider, strings.Join(testbed.Providers(), ", "))
	}
	o := testbed.Options{
		Self: a.self, Provider: f.provider, RedisURL: f.redisURL, MySQLDSN: f.mysqlDSN,
		RedisImage: a.getenv("AUTHBENCH_REDIS_IMAGE"), MySQLImage: a.getenv("AUTHBENCH_MYSQL_IMAGE"),
		Log: slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if o.RedisURL == "" {
		o.RedisURL = a.getenv("AUTHBENCH_REDIS_URL")
	}
	if o.MySQLDSN == "" {
		o.MySQLDSN = a.getenv("AUTHBENCH_MYSQL_DSN")
	}
	return o, nil
}
