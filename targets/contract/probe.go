package contract

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Probe is what only whoever runs a target knows, and probe needs to try more than an
// outsider could: where its public keys are, and a key that it signs with. Meant for keys
// of a test installation. Nothing of it is written anywhere.
type Probe struct {
	// The path, from the first slash, where the target publishes its JWK set: the keys that
	// verify its tokens.
	JWKS string `yaml:"jwks,omitempty" jsonschema:"pattern=^/"`
	// A file with that JWK set, beside the contract, where it is not published.
	JWKSFile string `yaml:"jwks_file,omitempty"`
	// The environment variable that holds the secret with which the target signs its
	// tokens: the target's own where start.env sets it, else authbench's.
	SecretEnv string `yaml:"secret_env,omitempty"`
	// A PEM file, beside the contract, with the private key with which the target signs its
	// tokens (PKCS #8, PKCS #1 or SEC 1).
	PrivateKeyFile string `yaml:"private_key_file,omitempty"`
	// What it signs with, as RFC 7518 names it: RS256. Needed beside a secret or a private
	// key.
	Algorithm string `yaml:"algorithm,omitempty"`
	// The kid of that key, where it is not the only one.
	KeyID string `yaml:"kid,omitempty"`
}

// ProbeKey is the key with which the target signs, as the section probe has it: a secret
// ([]byte) or a private key; nil where it has none. An error never says what a secret is.
func (c *Contract) ProbeKey() (any, error) {
	switch p := c.Probe; {
	case p.SecretEnv != "":
		secret := os.Getenv(p.SecretEnv)
		if c.Start != nil && c.Start.Env[p.SecretEnv] != "" {
			var err error
			if secret, err = Expand(c.Start.Env[p.SecretEnv], Vars(c.Settings).With(c.secrets)); err != nil {
				return nil, fmt.Errorf("probe.secret_env: start.env.%s: %w", p.SecretEnv, err)
			}
		}
		if secret == "" {
			return nil, fmt.Errorf("probe.secret_env: there is no environment variable %s, or it is empty", p.SecretEnv)
		}
		return []byte(secret), nil
	case p.PrivateKeyFile != "":
		text, err := c.beside(p.PrivateKeyFile)
		if err != nil {
			return nil, fmt.Errorf("probe.private_key_file: %w", err)
		}
		key, err := parsePrivateKey(text)
		if err != nil {
			return nil, fmt.Errorf("probe.private_key_file: %s: %w", p.PrivateKeyFile, err)
		}
		return key, nil
	}
	return nil, nil
}

// ProbeKeySet is the JWK set of probe.jwks_file; nil where the section names none.
func (c *Contract) ProbeKeySet() ([]byte, error) {
	if c.Probe.JWKSFile == "" {
		return nil, nil
	}
	set, err := c.beside(c.Probe.JWKSFile)
	if err != nil {
		return nil, fmt.Errorf("probe.jwks_file: %w", err)
	}
	return set, nil
}

// parsePrivateKey reads the first private key of a PEM file.
func parsePrivateKey(text []byte) (any, error) {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil, errors.New("it holds no private key in PEM")
		}
		switch block.Type {
		case "PRIVATE KEY":
			return x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			return x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			return x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("the private key is encrypted: it has to be without a passphrase")
		}
		text = rest
	}
}

// probe checks the section of that name. Its files are not read before they are needed:
// a target can be measured without them.
func (d *decoder) probe(c *Contract) {
	p := c.Probe
	if p.JWKS != "" {
		d.pathText("probe.jwks", p.JWKS)
	}
	if p.JWKS != "" && p.JWKSFile != "" {
		d.atKey("probe.jwks_file", "both jwks and jwks_file: the keys are in one place")
	}
	if p.SecretEnv != "" && p.PrivateKeyFile != "" {
		d.atKey("probe.private_key_file", "both secret_env and private_key_file: a key is one or the other")
	}
	if strings.ContainsAny(p.SecretEnv, "=\x00 ") {
		d.at("probe.secret_env", "%q cannot name an environment variable", p.SecretEnv)
	}
	signs := p.SecretEnv != "" || p.PrivateKeyFile != ""
	switch {
	case signs && p.Algorithm == "":
		d.atKey("probe", "algorithm is missing: what is signed with the key?")
	case !signs && p.Algorithm != "":
		d.atKey("probe.algorithm", "is of the key that signs, and there is neither secret_env nor private_key_file")
	case !signs && p.KeyID != "":
		d.atKey("probe.kid", "is of the key that signs, and there is neither secret_env nor private_key_file")
	}
	if shared := strings.HasPrefix(p.Algorithm, "HS"); signs && p.Algorithm != "" && shared != (p.SecretEnv != "") {
		d.at("probe.algorithm", "%s wants %s", p.Algorithm, map[bool]string{true: "a secret (secret_env)", false: "a private key (private_key_file)"}[shared])
	}
	if c.Probe != (Probe{}) && c.Mechanism != "token" && c.Mechanism != "hybrid" {
		d.atKey("probe", "is about signed tokens, and the mechanism is %s", c.Mechanism)
	}
}
