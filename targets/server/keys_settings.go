package server

import (
	"fmt"

	"authbench/targets/jwt"
)

// noURL is the jwks_url of a node that has keys of its own.
const noURL = "none"

// setURL is where a key set is fetched from.
type setURL struct{ dst *string }

func (setURL) String() string { return "none, or the https URL of a JWK set (http on this machine)" }

func (u setURL) set(v string) error {
	if v != noURL {
		if err := jwt.CheckSetURL(v); err != nil {
			return fmt.Errorf("want %s", u)
		}
	}
	*u.dst = v
	return nil
}

// checkKeys is for what no single setting of the keys shows.
func (s *Settings) checkKeys() error {
	switch {
	case s.JWKSMinInterval > s.JWKSCache:
		return fmt.Errorf("setting jwks_min_interval=%s: longer than jwks_cache=%s", s.JWKSMinInterval, s.JWKSCache)
	case s.RotateEvery > 0 && s.KeyPublish >= s.RotateEvery:
		return fmt.Errorf("setting key_publish=%s: not shorter than rotate_every=%s, so that the next key would come before this one signs", s.KeyPublish, s.RotateEvery)
	case s.RotateEvery > 0 && s.KeyOverlap == 0:
		return fmt.Errorf("setting rotate_every=%s: with key_overlap=0s no key would ever go", s.RotateEvery)
	case s.RotateEvery > 0 && s.KeyOverlap < s.Lifetime+s.Leeway:
		return fmt.Errorf("setting key_overlap=%s: shorter than lifetime=%s and leeway=%s, so that every rotation would end tokens before their time", s.KeyOverlap, s.Lifetime, s.Leeway)
	case s.RotateEvery > 0 && s.JWKSURL != "" && s.JWKSURL != noURL:
		return fmt.Errorf("setting rotate_every=%s: the keys are somebody else's, from jwks_url", s.RotateEvery)
	}
	return nil
}
