package jwt

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/mldsa"
)

func TestSaveAndLoad(t *testing.T) {
	for alg, ring := range rings(t) {
		t.Run(alg, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "keys")
			if _, err := ring.Rotate(epoch); err != nil {
				t.Fatal(err)
			}
			if err := ring.Save(dir); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(filepath.Join(dir, FileName(alg)))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Fatalf("%v %v", info.Mode(), err)
			}
			loaded, err := LoadRing(dir, alg)
			if err != nil {
				t.Fatal(err)
			}
			cfg := config(&frozen{epoch})
			i, v := pair(t, ring, cfg)
			i2, v2 := pair(t, loaded, cfg)
			if _, err := v2.Access(issue(t, i).Access); err != nil {
				t.Errorf("the loaded ring refuses ours: %v", err)
			}
			if _, err := v.Access(issue(t, i2).Access); err != nil {
				t.Errorf("we refuse the loaded ring's: %v", err)
			}
			if !bytes.Equal(ring.JWKS(), loaded.JWKS()) {
				t.Error("the key sets differ")
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	ring := mustRing(t, "HS256")
	write := func(change func(s string) string, mode os.FileMode) string {
		dir := t.TempDir()
		if err := ring.Save(dir); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, FileName("HS256"))
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(change(string(b))), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	same := func(s string) string { return s }
	secret := base64.StdEncoding.EncodeToString(ring.active().private.([]byte))
	for _, c := range []struct{ name, dir, want string }{
		{"absent", t.TempDir(), "authbench keys"},
		{"readable by others", write(same, 0o644), "chmod 600"},
		{"readable by group", write(same, 0o640), "chmod 600"},
		{"not JSON", write(func(string) string { return "x" }, 0o600), "not a key ring"},
		{"another algorithm", write(func(s string) string { return strings.Replace(s, "HS256", "RS256", 1) }, 0o600), `keys for "RS256"`},
		{"active key gone", write(func(s string) string { return strings.Replace(s, `"active": "`, `"active": "x`, 1) }, 0o600), "active key"},
		{"short key", write(func(s string) string { return strings.Replace(s, secret, "AAAA", 1) }, 0o600), "3 bytes, want 32 to 512"},
		{"too large", write(func(s string) string { return s + strings.Repeat(" ", maxSecretFile) }, 0o600), "larger"},
	} {
		if _, err := LoadRing(c.dir, "HS256"); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.dir) {
			t.Errorf("%s: %v, want %q and the path", c.name, err, c.want)
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, FileName("HS256")), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadRing(dir, "HS256"); err == nil {
		t.Error("a directory was read as a key ring")
	}
}

// Keys rebuilt from the published set are the ones that verify.
func TestJWKS(t *testing.T) {
	for alg, ring := range rings(t) {
		var set struct{ Keys []map[string]string }
		if err := json.Unmarshal(ring.JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		number := func(name string) *big.Int {
			b, err := base64.RawURLEncoding.DecodeString(set.Keys[0][name])
			if err != nil {
				t.Fatal(err)
			}
			return new(big.Int).SetBytes(b)
		}
		switch k := ring.active().public.(type) {
		case *rsa.PublicKey:
			if k.N.Cmp(number("n")) != 0 || int64(k.E) != number("e").Int64() {
				t.Errorf("%s: %v", alg, set)
			}
		case *ecdsa.PublicKey:
			p, err := k.Bytes()
			half := len(p) - 1
			if err != nil || fmt.Sprintf("04%0*x%0*x", half, number("x"), half, number("y")) != fmt.Sprintf("%x", p) {
				t.Errorf("%s: %v, %v", alg, set, err)
			}
		case ed25519.PublicKey:
			if set.Keys[0]["x"] != b64(k) || set.Keys[0]["crv"] != "Ed25519" {
				t.Errorf("%s: %v", alg, set)
			}
		case *mldsa.PublicKey:
			if set.Keys[0]["pub"] != b64(k.Bytes()) || set.Keys[0]["kty"] != "AKP" || set.Keys[0]["priv"] != "" {
				t.Errorf("%s: %.200v", alg, set)
			}
		default:
			if len(set.Keys) != 0 || string(ring.JWKS()) != `{"keys":[]}` {
				t.Errorf("%s publishes %s", alg, ring.JWKS())
			}
		}
	}
}

func FuzzLoadRing(f *testing.F) {
	for _, alg := range []string{"HS256", "ES256"} {
		ring := mustRing(f, alg)
		dir := f.TempDir()
		if err := ring.Save(dir); err != nil {
			f.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, FileName(alg)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"alg":"HS256","keys":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := WriteSecret(dir, FileName("HS256"), data); err != nil {
			t.Fatal(err)
		}
		r, err := LoadRing(dir, "HS256")
		if err != nil {
			return
		}
		if k := r.active(); k == nil || len(k.private.([]byte)) < hmacBytes {
			t.Fatalf("loaded a ring with key %v", k)
		}
	})
}
