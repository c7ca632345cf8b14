package scenarios

import (
	"testing"
	"time"

	"authbench/results"
	"authbench/targets/server"
)

// keyDefect spoils what a node does with its keys; nil: no such defect.
func keyDefect(name string) defect {
	return map[string]defect{
		"believes a key set for long": func(o *server.Options, _ uint64) { o.Settings.JWKSCache = time.Hour },
		"asks at every unknown kid":   func(o *server.Options, _ uint64) { o.Settings.JWKSMinInterval = time.Millisecond },
		"gives the old key up": func(o *server.Options, _ uint64) {
			if o.Settings.KeyOverlap > 0 {
				o.Settings.KeyOverlap = time.Millisecond
			}
		},
	}[name]
}

// TestKeyRotation runs cases over real nodes: sound ones pass, and each planted defect
// shows in the check that is about it.
func TestKeyRotation(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	quick := func(how string) map[string]string {
		return map[string]string{
			"how": how, "during": "1s", "rate": "200", "users": "30", "storm": "200",
			"jwks_cache": "400ms", "jwks_timeout": "400ms", "jwks_min_interval": "200ms",
		}
	}
	for _, c := range []struct{ how, defect, check string }{
		{keysOverlap, "gives the old key up", CheckKeyRejects},
		{keysEmergency, "believes a key set for long", CheckRemovedKey},
		{keysStorm, "asks at every unknown kid", CheckKeyFetches},
		{keysReused, "", ""},
	} {
		t.Run("sound, "+c.how, func(t *testing.T) {
			t.Parallel()
			noneBad(t, rehearsal{scenario: KeyRotation(), arm: "jwt-es256", set: quick(c.how)}.run(t))
		})
		if c.defect == "" {
			continue
		}
		t.Run(c.defect, func(t *testing.T) {
			t.Parallel()
			trial := rehearsal{scenario: KeyRotation(), arm: "jwt-es256", set: quick(c.how), defect: c.defect}.run(t)
			if !has(trial, c.check, results.Fail) {
				t.Errorf("%s did not fail: %+v", c.check, trial.Verdicts)
			}
		})
	}
}
