package jwt

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// jwk is a key as RFC 7517 writes it. We write public ones only.
type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	// Operations are what the key is for, where it says so (RFC 7517 section 4.3).
	Operations []string `json:"key_ops,omitempty"`
	N          string   `json:"n,omitempty"`
	E          string   `json:"e,omitempty"`
	Curve      string   `json:"crv,omitempty"`
	X          string   `json:"x,omitempty"`
	Y          string   `json:"y,omitempty"`
	Public     string   `json:"pub,omitempty"` // of AKP, RFC 9964
	// What has no place in a published set: of a private key, of a shared secret.
	Private string `json:"d,omitempty"`
	P       string `json:"p,omitempty"`
	Q       string `json:"q,omitempty"`
	Seed    string `json:"priv,omitempty"`
	Secret  string `json:"k,omitempty"`
}

// leaks says that more is published than a verifier may know.
func (j jwk) leaks() bool { return j.Private+j.P+j.Q+j.Seed+j.Secret != "" }

// key is the public key that j describes. It has to say which algorithm it is for,
// since a key is bound to one (RFC 8725 section 3.1).
func (j jwk) key() (*Key, error) {
	alg, err := findAlgorithm(j.Algorithm)
	switch {
	case err != nil:
		return nil, err
	case alg.fromJWK == nil:
		return nil, fmt.Errorf("%s keys are secret, and are not taken from anybody", alg.name)
	case j.ID == "" || len(j.ID) > maxKeyID:
		return nil, fmt.Errorf("a kid of %d characters, want 1 to %d", len(j.ID), maxKeyID)
	case j.leaks():
		return nil, errors.New("its private part is published")
	case j.Use != "" && j.Use != "sig":
		return nil, fmt.Errorf("it is for %.20q, not for signatures", j.Use)
	case j.Operations != nil && !slices.Contains(j.Operations, "verify"):
		return nil, fmt.Errorf("it is for %.40q, not to verify", j.Operations)
	case j.Type != alg.keyType:
		return nil, fmt.Errorf("kty is %.20q, %s wants %s", j.Type, alg.name, alg.keyType)
	}
	public, err := alg.fromJWK(j)
	if err != nil {
		return nil, err
	}
	return newKey(j.ID, alg, nil, public), nil
}

// Limits of a key set that is read.
const (
	maxKeyID   = 256 // characters
	maxSetKeys = 100
)

var (
	errNotASet  = errors.New("not a JWK set")
	errEmptySet = errors.New("no key in the set can be used")
)

// parseSet reads a JWK set (RFC 7517 section 5) for its signing keys. Keys that we
// cannot use are passed over, as that section asks; why says what was wrong with the
// first of them, or is nil. A set without one that we can use is an error.
func parseSet(b []byte) (keys []*Key, why error, err error) {
	var set struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errNotASet, err)
	}
	switch {
	case set.Keys == nil:
		return nil, nil, fmt.Errorf(`%w: it has no "keys"`, errNotASet)
	case len(*set.Keys) > maxSetKeys:
		return nil, nil, fmt.Errorf("%w: it has %d keys, at most %d are read", errNotASet, len(*set.Keys), maxSetKeys)
	}
	for _, raw := range *set.Keys {
		var j jwk
		err := json.Unmarshal(raw, &j)
		if err == nil {
			var k *Key
			if k, err = j.key(); err == nil {
				keys = append(keys, k)
			}
		}
		if err != nil && why == nil {
			why = fmt.Errorf("key %.40q: %w", j.ID, err)
		}
	}
	if len(keys) == 0 {
		return nil, why, errEmptySet
	}
	return keys, why, nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decodeB64 is strict: one value has one spelling.
func decodeB64(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }
