package server

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"authbench/targets/jwt"
)

// Tier is where a node stands when the request of a user passes through several: at
// the edge, which users reach, or behind it, as a service that does a part of the
// work. The zero Tier stands alone.
//
// It is no setting of an arm: the arm says how a credential is checked, the tier says
// who does so, and how the others learn of it. That is the Shape:
//
//   - each: the edge hands the user's credential on, and every service checks it as
//     the arm does.
//   - introspect: the edge hands an opaque credential on, which a service cannot
//     read; it asks the issuer (RFC 7662), which is the edge here, and believes the
//     answer for Hold.
//   - phantom: the edge looks the opaque credential up, and hands on a short-lived
//     signed token in its place, which the services verify; it hands the same one on
//     for Hold ("phantom token", as Curity describes the pattern).
//   - edge: the edge alone checks. Services believe the user's name in a header of
//     the edge's.
type Tier struct {
	Role  string // edge, service, or "": alone
	Shape string

	Services []string // of an edge: host:port of each; the admin plane can change them
	Order    string   // in which it calls them: chain (one after the other), parallel

	Issuer string // of a service that introspects: host:port of whom it asks
	// Hold is how long an answer of the issuer is believed, or how long the edge
	// hands on the same token in place of a credential, without another look-up.
	Hold time.Duration
	Memo int // of a service that verifies such tokens: how many verified ones it remembers
	// Guard is what makes a service believe in a header of the edge's: secret (it
	// carries one that both know) or none. With none, whoever reaches the service is
	// whoever they say.
	Guard string

	Timeout     time.Duration // of one call from tier to tier
	Connections int           // to each node that is called, at most
}

// The roles and shapes.
const (
	roleEdge    = "edge"
	roleService = "service"

	shapeEach       = "each"
	shapeIntrospect = "introspect"
	shapePhantom    = "phantom"
	shapeEdge       = "edge"
)

// kinds are the settings of a tier.
func (t *Tier) kinds() map[string]kind {
	return map[string]kind{
		"role":        oneOf{&t.Role, []string{roleEdge, roleService}},
		"shape":       oneOf{&t.Shape, []string{shapeEach, shapeIntrospect, shapePhantom, shapeEdge}},
		"services":    addresses{&t.Services},
		"order":       oneOf{&t.Order, []string{"chain", "parallel"}},
		"issuer":      text{&t.Issuer},
		"hold":        duration{&t.Hold, 0},
		"memo":        number{&t.Memo, 0, 10_000_000},
		"guard":       oneOf{&t.Guard, []string{"secret", "none"}},
		"timeout":     duration{&t.Timeout, time.Millisecond},
		"connections": number{&t.Connections, 1, 10_000},
	}
}

// DecodeTier reads the settings of a tier strictly; without any the node stands alone.
func DecodeTier(values map[string]string) (Tier, error) {
	if len(values) == 0 {
		return Tier{}, nil
	}
	t := Tier{
		Shape: shapeEach, Order: "chain", Hold: 10 * time.Second, Guard: "secret",
		Timeout: time.Second, Connections: 64,
	}
	kinds := t.kinds()
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		k := kinds[key]
		if k == nil {
			errs = append(errs, fmt.Errorf("tier %s=%s: want one of %s", key, values[key], strings.Join(slices.Sorted(maps.Keys(kinds)), ", ")))
			continue
		}
		if err := k.set(values[key]); err != nil {
			errs = append(errs, fmt.Errorf("tier %s=%s: %w", key, values[key], err))
		}
	}
	if len(errs) == 0 {
		errs = append(errs, t.check())
	}
	return t, errors.Join(errs...)
}

// check is for what no single value shows.
func (t *Tier) check() error {
	switch {
	case t.Role == "":
		return errors.New("tier: role is missing: want edge or service")
	case t.Role == roleService && len(t.Services) > 0:
		return errors.New("tier: services belong to an edge")
	case t.Role == roleService && t.Shape == shapeIntrospect && t.Issuer == "":
		return errors.New("tier: issuer is missing: whom the service asks")
	}
	return nil
}

// Map is every setting in force, as it would be written; nil for a node that stands
// alone.
func (t Tier) Map() map[string]string {
	if t.Role == "" {
		return nil
	}
	m := map[string]string{}
	for key, k := range t.kinds() {
		if v := value(k); v != "" {
			m[key] = v
		}
	}
	return m
}

// addresses is a list of host:port with commas between.
type addresses struct{ dst *[]string }

func (addresses) String() string { return "host:port, several with commas between" }

func (a addresses) set(v string) error {
	list := strings.Split(v, ",")
	if slices.Contains(list, "") {
		return fmt.Errorf("want %s", a)
	}
	*a.dst = list
	return nil
}

// The keys that tiers share, below a key directory: a secret by which they know each
// other, and the ring that the edge signs with. The services read the whole ring: one
// that is broken into can sign, too, unless it is given the public keys only.
const (
	tierDir       = "tier"
	tierFile      = "tier.key"
	tierAlgorithm = "ES256"
)

// generateTierKeys writes them.
func generateTierKeys(dir string) error {
	ring, err := jwt.NewRing(tierAlgorithm)
	if err != nil {
		return err
	}
	dir = filepath.Join(dir, tierDir)
	return errors.Join(ring.Save(dir), jwt.WriteSecret(dir, tierFile, newSecret()))
}

// tierSecret is what tiers know each other by.
func tierSecret(keysDir string) ([]byte, error) {
	if keysDir == "" {
		return nil, errors.New("tier: nodes of several tiers share keys: it needs a directory of them")
	}
	return sharedKey(filepath.Join(keysDir, tierDir), tierFile)
}

// internalTokens is what issuer and verifiers of tokens between tiers agree on.
// Neither is anything of the users' own tokens, so that none passes for the other.
//
// A token lives as long as the edge hands it on, in the whole seconds that exp counts
// and one more for the one that has begun; the leeway lets it reach the last service.
func internalTokens(t Tier, now func() time.Time) jwt.Config {
	life := t.Hold.Truncate(time.Second) + 2*time.Second
	return jwt.Config{
		Issuer: "https://edge.authbench.test", Audience: "authbench-internal",
		Lifetime: life, RefreshLifetime: life, Leeway: time.Second, Now: now,
	}
}
