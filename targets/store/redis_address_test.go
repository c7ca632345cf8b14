package store

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestRedisAddress(t *testing.T) {
	ca := authorityFile(t)
	for _, tc := range []struct {
		url     string
		hosts   []string
		addr    string
		master  string
		cluster bool
		db      int
		secure  bool
	}{
		{url: "redis://h:1/3", addr: "h:1", db: 3},
		{url: "rediss://h:1?ca=" + ca, addr: "h:1", secure: true},
		{url: "redis+sentinel://:geheim@h:1,i:2/main/4?sentinel_user=u&sentinel_password=w", hosts: []string{"h:1", "i:2"}, addr: "h:1", master: "main", db: 4},
		{url: "redis+sentinel://u:geheim@[::1]:1,i:2/main", hosts: []string{"[::1]:1", "i:2"}, addr: "[::1]:1", master: "main"},
		{url: "rediss+cluster://u:geh@eim@h:1,i:2,j:3?ca=" + ca, hosts: []string{"h:1", "i:2", "j:3"}, addr: "h:1", cluster: true, secure: true},
	} {
		a, err := parseRedisURL(tc.url)
		if err != nil {
			// Two @ in a row are no URL: said without the text.
			if !strings.Contains(tc.url, "geh@eim") || strings.Contains(err.Error(), "eim") {
				t.Errorf("%s: %v", tc.url, err)
			}
			continue
		}
		if !slices.Equal(a.hosts, tc.hosts) || a.one.Addr != tc.addr || a.master != tc.master || a.cluster != tc.cluster || a.one.DB != tc.db || (a.one.TLSConfig != nil) != tc.secure {
			t.Errorf("%s: %+v, %s db %d", tc.url, a, a.one.Addr, a.one.DB)
		}
		if tc.secure && a.one.TLSConfig.RootCAs == nil {
			t.Errorf("%s: trusts everybody's authorities", tc.url)
		}
		if tc.master == "main" && strings.Contains(tc.url, "sentinel_user") && (a.sentinelUser != "u" || a.sentinelPassword != "w" || a.one.Password != "geheim") {
			t.Errorf("%s: %+v", tc.url, a)
		}
	}
}

// TestRedisAddressRefused: what is wrong is named, and never with the password.
func TestRedisAddressRefused(t *testing.T) {
	for url, want := range map[string]string{
		"localhost:6379":                              "no scheme",
		"http://:geheim@h:1":                          "scheme",
		"redis+ring://:geheim@h:1":                    "redis+ring",
		"redis+sentinel://:geheim@h:1,i:2":            "which primary",
		"redis+sentinel://:geheim@h:1,i/main":         "host:port",
		"redis+cluster://:geheim@h:1/3":               "databases",
		"redis://:geheim@h:x/0":                       "none",
		"redis://:geheim@h:1/0?nonsense=1":            "nonsense",
		"redis://:geheim@h:1/0?ca=/nowhere":           "without TLS",
		"rediss://:geheim@h:1/0?ca=/nowhere/ca.pem":   "no such file",
		"redis+cluster://:geheim@h:1,i:2?replica=j:3": "single server",
	} {
		_, err := parseRedisURL(url)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want something about %q", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("the password is in %q", err)
		}
	}
	for url, want := range map[string]string{
		"redis://h:1/0":           "?replica=host:port",
		"redis+cluster://h:1":     "primaries",
		"redis://h:1?replica=i:2": "",
	} {
		a, err := parseRedisURL(url)
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.reader(Config{}.withDefaults())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want something about %q", url, err, want)
		}
		if c != nil {
			c.Close()
		}
	}
}

// TestStrictInEveryShape: what redisOptions sets reaches the clients of Sentinels and
// clusters, which have options of their own.
func TestStrictInEveryShape(t *testing.T) {
	cfg := Config{}.withDefaults()
	var want redis.Options
	redisOptions(&want, cfg)
	for _, url := range []string{"redis+sentinel://h:1/main", "redis+cluster://h:1"} {
		a, err := parseRedisURL(url)
		if err != nil {
			t.Fatal(err)
		}
		c := a.client(cfg, nil)
		defer c.Close()
		var got redis.Options
		switch c := c.(type) {
		case *redis.Client:
			got = *c.Options()
		case *redis.ClusterClient:
			o := c.Options()
			if o.MaxRedirects != 0 {
				t.Errorf("%s: a command may be sent %d times more", url, o.MaxRedirects)
			}
			got = redis.Options{
				MaxRetries: o.MaxRetries, DialerRetries: o.DialerRetries, DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout,
				WriteTimeout: o.WriteTimeout, PoolTimeout: o.PoolTimeout, ContextTimeoutEnabled: o.ContextTimeoutEnabled,
				PoolSize: o.PoolSize, PipelinePoolSize: o.PipelinePoolSize, Protocol: o.Protocol, DisableIdentity: o.DisableIdentity,
				ReadBufferSize: o.ReadBufferSize,
			}
		}
		if retries := got.MaxRetries; retries > 0 {
			t.Errorf("%s: %d retries", url, retries)
		}
		for name, same := range map[string]bool{
			"DialerRetries": got.DialerRetries == want.DialerRetries, "DialTimeout": got.DialTimeout == want.DialTimeout,
			"ReadTimeout": got.ReadTimeout == want.ReadTimeout, "WriteTimeout": got.WriteTimeout == want.WriteTimeout,
			"PoolTimeout": got.PoolTimeout == want.PoolTimeout, "ContextTimeoutEnabled": got.ContextTimeoutEnabled,
			"PoolSize": got.PoolSize == want.PoolSize, "PipelinePoolSize": got.PipelinePoolSize == want.PipelinePoolSize,
			"Protocol": got.Protocol == want.Protocol, "DisableIdentity": got.DisableIdentity, "ReadBufferSize": got.ReadBufferSize == want.ReadBufferSize,
		} {
			if !same {
				t.Errorf("%s: %s is not as for a single server", url, name)
			}
		}
	}
}

func TestMySQLAddress(t *testing.T) {
	ca := url.QueryEscape(authorityFile(t)) // a DSN is cut at its last slash
	a, err := parseMySQLDSN("u:geheim@tcp(127.0.0.1:3306)/db?ca=" + ca + "&replica=127.0.0.1%3A3307&sql_mode=ANSI")
	if err != nil {
		t.Fatal(err)
	}
	if a.TLS == nil || a.TLS.RootCAs == nil || a.TLS.ServerName != "127.0.0.1" || len(a.Params) != 1 || a.Params["sql_mode"] == "" {
		t.Errorf("%+v, %v", a.TLS, a.Params)
	}
	r, err := a.reader()
	if err != nil || r.Addr != "127.0.0.1:3307" || r.TLS == nil || a.Addr != "127.0.0.1:3306" {
		t.Errorf("replica %+v, %v", r, err)
	}
	for dsn, want := range map[string]string{
		"u:geheim@tcp(h:1)/":                      "database",
		"u:geheim@tcp(h:1)/db?ca=%2Fnowhere":      "no such file",
		"u:geheim@unix(/run/my.sock)/db?ca=" + ca: "tcp(host:port)",
	} {
		if _, err := parseMySQLDSN(dsn); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v, want something about %q", dsn, err, want)
		}
	}
	plain, err := parseMySQLDSN("u:p@tcp(h:1)/db")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.reader(); err == nil || !strings.Contains(err.Error(), "replica=") {
		t.Errorf("a replica that is not named: %v", err)
	}
}

// authorityFile is a certificate to trust.
func authorityFile(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
