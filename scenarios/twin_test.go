package scenarios

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func TestTwin(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"sub": "user-1"}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	other, ok := twin(token)
	if !ok || other == token {
		t.Fatalf("%v, %s", ok, other)
	}
	if _, err := jwt.Parse(other, func(*jwt.Token) (any, error) { return &key.PublicKey, nil }, jwt.WithValidMethods([]string{"ES256"})); err != nil {
		t.Errorf("the twin does not verify: %v", err)
	}
	if back, ok := twin(other); !ok || back != token {
		t.Error("the twin of the twin is not the token")
	}
	hs, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{}).SignedString([]byte("secret"))
	for _, no := range []string{"", "a.b", "a.b.c", hs, token + "A", "x" + token} {
		if _, ok := twin(no); ok {
			t.Errorf("%q has a twin", no)
		}
	}
}
