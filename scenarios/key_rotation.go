package scenarios

import (
	"context"
	"errors"
	"slices"
	"time"

	"authbench/targets/contract"
)

// KeyRotation changes the keys that sign tokens while tokens are in use: on the issuer,
// and on verifiers that know its public keys alone, fetched as a JWK set and believed for
// a while. What is counted are good tokens that were refused and bad ones that were
// accepted; what is promised depends on how the change is made.
func KeyRotation() Scenario {
	return Scenario{
		Name:    "key-rotation",
		Summary: "signing keys change, leak or go missing while tokens are in use on the issuer and on nodes that fetch its public keys",
		Params: []Param{
			{Key: "how", Default: "overlap", Words: rotationKinds(), Meaning: "what happens to the keys, or to the way that verifiers hear of them"},
			{Key: "nodes", Default: "3", Meaning: "the issuer, and nodes that verify with its public keys"},
			{Key: "users", Default: "60", Meaning: "users that log in on the issuer, anew in every round: a round is as long as a token lives"},
			{Key: "rate", Default: "2000", Meaning: "uses of their tokens a second, on all nodes in turn"},
			{Key: "during", Default: "12s", Meaning: "time under load, at least"},
			{Key: "storm", Default: "500", Meaning: "uses a second of tokens with kids that nobody knows, on all nodes in turn, with how=storm"},
			{Key: "lifetime", Default: "2s", Meaning: "of a token; longer where the case takes longer"},
			{Key: "leeway", Default: "1s", Meaning: "past its end"},
			{Key: "jwks_cache", Default: "1s", Meaning: "how long a verifier uses a key set before it asks again"},
			{Key: "jwks_timeout", Default: "1s", Meaning: "of one fetch"},
			{Key: "jwks_min_interval", Default: "500ms", Meaning: "least time between two fetches"},
		},
		Applies:  rotationApplies,
		Settings: rotationSettings,
		Run:      runRotation,
	}
}

// The kinds of change.
const (
	keysOverlap   = "overlap"      // published ahead, and the old one verifies as long as its tokens live
	keysNoOverlap = "no-overlap"   // one key instead of another, at once
	keysEmergency = "emergency"    // the active key has leaked and is removed
	keysStorm     = "storm"        // an immediate rotation in a storm of unknown kids
	keysSlow      = "jwks-slow"    // the key set is not answered in time
	keys500       = "jwks-500"     // it is answered with an error
	keysEmpty     = "jwks-empty"   // it has no keys
	keysMigrate   = "migrate"      // to another algorithm
	keysSchedule  = "schedule"     // rotations by themselves
	keysWrong     = "wrong-secret" // one node has the keys of another deployment
	keysReused    = "kid-reused"   // a key comes under the kid of another
)

func rotationKinds() []string {
	return []string{
		keysOverlap, keysNoOverlap, keysEmergency, keysStorm, keysSlow, keys500, keysEmpty,
		keysMigrate, keysSchedule, keysWrong, keysReused,
	}
}

// sharesKeys says that all nodes have keys by a file, and none fetches any.
func sharesKeys(c *contract.Contract, how string) bool {
	return how == keysWrong || c.Settings["jwks_url"] == ""
}

func rotationApplies(c *contract.Contract, v Values) string {
	_, aged := c.Settings["lifetime"]
	_, public := c.Settings["jwks_url"]
	_, shared := c.Settings["reload_keys"]
	switch {
	case c.Mechanism == "none":
		return "it has no credential that a key signs"
	case c.Mechanism != "token" && c.Mechanism != "hybrid":
		return "no key that others verify with signs its credential"
	case c.Start == nil || !c.Start.Admin || !aged || !shared:
		return "its keys are not ours to change"
	case !public && !slices.Contains([]string{keysNoOverlap, keysWrong}, v["how"]):
		return "its key is a shared secret: there is no public key that a key set could publish, and nodes get it as a file"
	}
	return ""
}

// rotationSettings are those of all nodes.
func rotationSettings(c *contract.Contract, v Values) map[string]string {
	set := map[string]string{"lifetime": rotationLife(v).String(), "leeway": v["leeway"]}
	if c.Settings["jwks_url"] != "" {
		for _, key := range []string{"jwks_cache", "jwks_timeout", "jwks_min_interval"} {
			set[key] = v[key]
		}
	}
	return set
}

// rotationLife is how long a token lives: long enough to see that it is refused before
// its end, where a key is removed.
func rotationLife(v Values) time.Duration {
	life := v.duration("lifetime")
	if v["how"] == keysEmergency {
		life = max(life, removalBound(v)+emergencyWatch+time.Second)
	}
	return (life + time.Second - 1).Truncate(time.Second) // exp counts whole seconds
}

// removalBound is how long a verifier may go on with a key that was removed: until the
// set that it has is too old, and the next one is there.
func removalBound(v Values) time.Duration {
	return v.duration("jwks_cache") + v.duration("jwks_timeout")
}

// discoveryBound is how long a verifier may not know a key that was not published
// ahead, from the first token that names it.
func discoveryBound(v Values) time.Duration {
	return v.duration("jwks_min_interval") + v.duration("jwks_timeout")
}

// publishFor is how long a key is published before it signs: as long as a verifier may
// not ask, and the time of a fetch.
func publishFor(v Values) time.Duration { return removalBound(v) }

// keyOverlap is how long a key verifies after its successor signs: as long as its
// tokens live, and as long as a verifier may not hear of anything.
func keyOverlap(v Values) time.Duration {
	return rotationLife(v) + v.duration("leeway") + v.duration("jwks_cache")
}

// emergencyWatch is how long tokens of a removed key are used past its bound.
const emergencyWatch = time.Second

func runRotation(ctx context.Context, t *Trial) error {
	k, err := newKeyTrial(ctx, t)
	if err != nil {
		return err
	}
	act := map[string]func(context.Context) error{
		keysOverlap: k.overlap, keysNoOverlap: k.noOverlap, keysEmergency: k.emergency, keysStorm: k.storm,
		keysSlow: k.misbehave, keys500: k.misbehave, keysEmpty: k.misbehave,
		keysMigrate: k.overlap, keysSchedule: k.schedule, keysWrong: k.wrongSecret, keysReused: k.reused,
	}[t.Values["how"]]
	err = act(ctx)
	if err == nil {
		err = k.conclude(ctx)
	}
	return errors.Join(err, k.close())
}
