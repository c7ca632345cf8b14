package testbed

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
)

// mask stands for what must not be read.
const mask = "***"

// MaskAddress is the address of a store without its passwords:
// redis://user:***@host:6379/0, user:***@tcp(host:3306)/database.
func MaskAddress(address string) string { return hide(address, passwordsIn(address)) }

// passwordsIn are the passwords of a store's address, as they stand there and decoded.
func passwordsIn(address string) []string {
	var out []string
	add := func(s string) {
		if s == "" {
			return
		}
		out = append(out, s)
		if plain, err := url.PathUnescape(s); err == nil && plain != s {
			out = append(out, plain)
		}
	}
	rest := address
	if _, after, ok := strings.Cut(address, "://"); ok {
		rest = after
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		_, password, _ := strings.Cut(rest[:at], ":")
		add(password)
	}
	_, query, _ := strings.Cut(rest, "?")
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); strings.Contains(strings.ToLower(name), "password") {
			add(value)
		}
	}
	return out
}

// hide is text with every secret masked, the longest first: one may be part of another.
func hide(text string, secrets []string) string {
	byLength := slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, s := range byLength {
		if s != "" {
			text = strings.ReplaceAll(text, s, mask)
		}
	}
	return text
}

// redisOptions reads the address of a Redis. What a parser says of a bad one may have the
// password in it.
func redisOptions(address string) (*redis.Options, error) {
	opts, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.New("redis URL: not of the form redis://[user:password@]host:port/db")
	}
	return opts, nil
}

// mysqlConfig reads the address of a MySQL, likewise.
func mysqlConfig(dsn string) (*mysql.Config, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, errors.New("MySQL DSN: not of the form user:password@tcp(host:port)/database")
	}
	return cfg, nil
}
