package scenarios

import (
	"os"
	"testing"
	"time"

	"authbench/results"
	"authbench/scenarios/testbed"
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
	bed, err := testbed.New(t.Context(), testbed.Options{Self: os.Args[0], Provider: "process"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bed.Close(); err != nil {
			t.Error(err)
		}
	})
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
			trial := selfTrial(t, bed, KeyRotation(), "jwt-es256", quick(c.how), 1)
			for _, v := range trial.Verdicts {
				if v.Status == results.Fail || v.Status == results.Invalid || v.Status == results.Unknown {
					t.Errorf("%s is %s: %s", v.Check, v.Status, v.Reason)
				}
			}
		})
		if c.defect == "" {
			continue
		}
		t.Run(c.defect, func(t *testing.T) {
			t.Setenv(defectVar, c.defect)
			trial := selfTrial(t, bed, KeyRotation(), "jwt-es256", quick(c.how), 1)
			if !has(trial, c.check, results.Fail) {
				t.Errorf("%s did not fail: %+v", c.check, trial.Verdicts)
			}
		})
	}
}
