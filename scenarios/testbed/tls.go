package testbed

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
)

// Guarded is a single store that takes TLS connections only, from users with few
// rights.
type Guarded struct {
	*servers
	kind string
	addr string
	ca   string // file
	// grant makes a user, and other nobody's certificates.
	grant func(ctx context.Context, user, password, rights string) error
	other string
}

// NewGuarded starts one, with a certificate for loopback of an authority of its own.
func (tb *Testbed) NewGuarded(ctx context.Context, kind string) (_ *Guarded, err error) {
	path, err := installed(kind)
	if err != nil {
		return nil, err
	}
	g := &Guarded{servers: tb.newServers(), kind: kind}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s with TLS: %w", kind, err), g.Close())
		}
	}()
	dir, err := tb.root.sub("tls")
	if err != nil {
		return nil, err
	}
	g.dirs = append(g.dirs, dir)
	right, err := newAuthority(dir, "ca")
	if err != nil {
		return nil, err
	}
	wrong, err := newAuthority(dir, "other")
	if err != nil {
		return nil, err
	}
	cert, key, err := right.issue(dir)
	if err != nil {
		return nil, err
	}
	g.ca, g.other = right.file, wrong.file
	if kind == MySQL {
		return g, g.startMySQLTLS(ctx, path, cert, key, right)
	}
	return g, g.startRedisTLS(ctx, path, cert, key, right)
}

// As makes a user with these rights, and returns how a node reaches the store as that
// user. Rights are in the words of the store: commands of a Redis ACL, privileges of
// MySQL.
func (g *Guarded) As(ctx context.Context, user, rights string) (string, error) {
	password := newPassword()
	if err := g.grant(ctx, user, password, rights); err != nil {
		return "", fmt.Errorf("%s with TLS: make user %s: %w", g.kind, user, err)
	}
	if g.kind == MySQL {
		return fmt.Sprintf("%s:%s@tcp(%s)/authbench?ca=%s", user, password, g.addr, url.QueryEscape(g.ca)), nil
	}
	return fmt.Sprintf("rediss://%s:%s@%s/0?ca=%s", user, password, g.addr, url.QueryEscape(g.ca)), nil
}

// Distrust is that address for a node that trusts another authority.
func (g *Guarded) Distrust(address string) string {
	return strings.Replace(address, url.QueryEscape(g.ca), url.QueryEscape(g.other), 1)
}

// Plain is that address without TLS.
func (g *Guarded) Plain(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return strings.Replace(address, "rediss:", "redis:", 1)
}

func (g *Guarded) startRedisTLS(ctx context.Context, path, cert, key string, ca *authority) error {
	password := newPassword()
	port, err := freePort()
	if err != nil {
		return err
	}
	dir, err := g.tb.root.sub("redis")
	if err != nil {
		return err
	}
	conf := redisConf(loopback, 0, password) + fmt.Sprintf("dir %q\ntls-port %d\ntls-cert-file %q\ntls-key-file %q\ntls-ca-cert-file %q\ntls-auth-clients no\n",
		dir, port, cert, key, ca.file)
	p, err := g.configured(path, dir, conf)
	if err != nil {
		return err
	}
	quietRedis()
	opts := harnessOptions(port, password)
	opts.TLSConfig = &tls.Config{RootCAs: ca.pool(), ServerName: loopback, MinVersion: tls.VersionTLS12}
	m := &redisServer{p, port, redis.NewClient(opts)}
	g.clients = append(g.clients, m.c)
	g.addr = m.addr()
	g.grant = func(ctx context.Context, user, password, rights string) error {
		args := []any{"ACL", "SETUSER", user, "reset", "on", ">" + password, "~" + KeyPrefix + "*"}
		for _, r := range strings.Fields(rights) {
			args = append(args, r)
		}
		return m.c.Do(ctx, args...).Err()
	}
	if err := m.ready(ctx); err != nil {
		if strings.Contains(logged(dir), "tls-") {
			return errors.Join(Unsupported("this Redis was built without TLS"), err)
		}
		return err
	}
	return nil
}

// logged is what a server wrote to its standard output.
func logged(dir string) string { return string(fileTail(filepath.Join(dir, "stdout"))) }

func (g *Guarded) startMySQLTLS(ctx context.Context, path, cert, key string, ca *authority) error {
	m, err := g.startMySQL(ctx, path, newPassword(), newPassword(),
		func(cfg *mysql.Config) {
			cfg.TLS = &tls.Config{RootCAs: ca.pool(), ServerName: loopback, MinVersion: tls.VersionTLS12}
		},
		"--ssl-ca="+ca.file, "--ssl-cert="+cert, "--ssl-key="+key, "--require-secure-transport=ON")
	if err != nil {
		return err
	}
	g.addr = hostPort(m.port)
	g.grant = func(ctx context.Context, user, password, rights string) error {
		return m.exec(ctx, fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s' REQUIRE SSL", user, password),
			fmt.Sprintf("GRANT %s ON authbench.* TO '%s'@'%%'", rights, user))
	}
	return nil
}

// authority issues certificates.
type authority struct {
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certLife is longer than any trial.
const certLife = 24 * time.Hour

func newAuthority(dir, name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := template("authbench " + name)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	a := &authority{filepath.Join(dir, name+".pem"), cert, key}
	return a, writePEM(a.file, "CERTIFICATE", der)
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certLife),
	}
}

// issue makes a certificate for loopback.
func (a *authority) issue(dir string) (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	t := template("authbench store")
	t.IPAddresses, t.KeyUsage = []net.IP{net.ParseIP(loopback)}, x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, private.Public(), a.key)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "store.pem"), filepath.Join(dir, "store.key")
	return cert, key, errors.Join(writePEM(cert, "CERTIFICATE", der), writePEM(key, "PRIVATE KEY", secret))
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
