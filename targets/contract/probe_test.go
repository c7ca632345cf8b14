package contract

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func withProbe(section string) string {
	return strings.Replace(good, "users:\n", "probe:\n"+section+"users:\n", 1)
}

func TestProbeSection(t *testing.T) {
	for _, c := range []struct{ section, want string }{
		{"  jwks: /.well-known/jwks.json\n", ""},
		{"  jwks_file: keys.json\n", ""},
		{"  secret_env: SHOP_SECRET\n  algorithm: HS256\n", ""},
		{"  private_key_file: k.pem\n  algorithm: ES256\n  kid: one\n  jwks: /keys\n", ""},
		{"  jwks: keys.json\n", `starts with "/"`},
		{"  jwks: /keys\n  jwks_file: keys.json\n", "both jwks and jwks_file"},
		{"  secret_env: S\n  private_key_file: k.pem\n  algorithm: HS256\n", "both secret_env and private_key_file"},
		{"  secret_env: S\n", "algorithm is missing"},
		{"  algorithm: HS256\n", "neither secret_env nor private_key_file"},
		{"  kid: one\n", "neither secret_env nor private_key_file"},
		{"  secret_env: S\n  algorithm: RS256\n", "RS256 wants a private key"},
		{"  private_key_file: k.pem\n  algorithm: HS512\n", "HS512 wants a secret"},
		{"  secret_env: A=B\n  algorithm: HS256\n", "cannot name an environment variable"},
		{"  jkws: /keys\n", "did you mean"},
	} {
		_, err := Parse("shop.yaml", []byte(withProbe(c.section)), nil)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v, want %q", c.section, err, c.want)
		}
	}
	session := strings.Replace(withProbe("  jwks: /keys\n"), "mechanism: token", "mechanism: session", 1)
	if _, err := Parse("shop.yaml", []byte(session), nil); err == nil || !strings.Contains(err.Error(), "about signed tokens") {
		t.Errorf("a session with a section probe: %v", err)
	}
}

func TestProbeKey(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.yaml")
	load := func(section string) *Contract {
		t.Helper()
		if err := os.WriteFile(file, []byte(withProbe(section)), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, _ := x509.MarshalECPrivateKey(k)
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(k)
	for title, der := range map[string][]byte{"EC PRIVATE KEY": sec1, "PRIVATE KEY": pkcs8} {
		text := append([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"), pem.EncodeToMemory(&pem.Block{Type: title, Bytes: der})...)
		if err := os.WriteFile(filepath.Join(dir, "k.pem"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := load("  private_key_file: k.pem\n  algorithm: ES256\n").ProbeKey()
		if same, ok := got.(*ecdsa.PrivateKey); err != nil || !ok || !same.Equal(k) {
			t.Errorf("%s: %T, %v", title, got, err)
		}
	}
	for _, text := range []string{"", "no PEM", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"} {
		if err := os.WriteFile(filepath.Join(dir, "k.pem"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := load("  private_key_file: k.pem\n  algorithm: ES256\n").ProbeKey(); err == nil {
			t.Errorf("%.20q is taken for a key: %T", text, k)
		}
	}
	c := load("  secret_env: AUTHBENCH_TEST_PROBE_SECRET\n  algorithm: HS256\n")
	if _, err := c.ProbeKey(); err == nil {
		t.Error("a variable that is not there is no error")
	}
	t.Setenv("AUTHBENCH_TEST_PROBE_SECRET", "hunter2")
	if k, err := c.ProbeKey(); err != nil || string(k.([]byte)) != "hunter2" {
		t.Errorf("%v, %v", k, err)
	}
	c.URL, c.Start = "", &Start{Env: map[string]string{"AUTHBENCH_TEST_PROBE_SECRET": "its own"}}
	if k, err := c.ProbeKey(); err != nil || string(k.([]byte)) != "its own" {
		t.Errorf("of a target that is started with another: %v, %v", k, err)
	}
	if k, err := load("  jwks: /keys\n").ProbeKey(); k != nil || err != nil {
		t.Errorf("no key: %v, %v", k, err)
	}
	c = load("  jwks_file: keys.json\n")
	if _, err := c.ProbeKeySet(); err == nil {
		t.Error("a set that is not there is no error")
	}
	if err := os.WriteFile(filepath.Join(dir, "keys.json"), []byte(`{"keys":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if set, err := c.ProbeKeySet(); err != nil || string(set) != `{"keys":[]}` {
		t.Errorf("%s, %v", set, err)
	}
}
