package jwt

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// stages prints a ring: "RS256 retired, ES256 active".
func stages(r *Ring) string {
	keys, _ := r.Keys()
	var out []string
	for _, k := range keys {
		out = append(out, k.Algorithm+" "+string(k.Stage))
	}
	return strings.Join(out, ", ")
}

// TestStages follows keys through their lives: published, active, retired, gone.
func TestStages(t *testing.T) {
	ring := mustRing(t, "ES256")
	now := epoch
	if _, err := ring.Begin(now, Rotation{Publish: time.Minute, Overlap: time.Hour}); err != nil {
		t.Fatal(err)
	}
	step := func(at time.Duration, changed bool, next time.Duration, want string) {
		t.Helper()
		got, due := ring.Step(epoch.Add(at))
		wantDue := time.Time{}
		if next > 0 {
			wantDue = epoch.Add(next)
		}
		if got != changed || !due.Equal(wantDue) || stages(ring) != want {
			t.Errorf("at %s: changed %v, next %s, %s; want %v, %s, %s", at, got, due.Sub(epoch), stages(ring), changed, next, want)
		}
	}
	step(0, false, time.Minute, "ES256 active, ES256 published")
	step(time.Minute-1, false, time.Minute, "ES256 active, ES256 published")
	step(time.Minute, true, time.Hour+time.Minute, "ES256 retired, ES256 active")
	step(time.Hour+time.Minute-1, false, time.Hour+time.Minute, "ES256 retired, ES256 active")
	step(time.Hour+time.Minute, true, 0, "ES256 active")

	// Two under way, and one step that comes too late for both.
	for _, publish := range []time.Duration{time.Second, 2 * time.Second} {
		if _, err := ring.Begin(now, Rotation{Publish: publish, Overlap: 10 * time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	step(5*time.Second, true, 11*time.Second, "ES256 retired, ES256 retired, ES256 active")
	step(time.Hour, true, 0, "ES256 active")
	// Without an overlap nothing goes by itself.
	if _, err := ring.Rotate(now); err != nil {
		t.Fatal(err)
	}
	step(1000*time.Hour, false, 0, "ES256 retired, ES256 active")
}

// TestMigration: a ring takes another algorithm, whose tokens verify beside the old
// ones; a header that names another algorithm than its key is refused before anything
// is verified.
func TestMigration(t *testing.T) {
	ring := mustRing(t, "RS256")
	cfg := config(&frozen{epoch})
	i, v := pair(t, ring, cfg)
	was := ring.active()
	before := issue(t, i).Access
	if _, err := ring.Begin(epoch, Rotation{Algorithm: "ES256"}); err != nil {
		t.Fatal(err)
	}
	now := ring.active()
	after := issue(t, i).Access
	if was.Algorithm != "RS256" || now.Algorithm != "ES256" || stages(ring) != "RS256 retired, ES256 active" {
		t.Fatalf("%s", stages(ring))
	}
	if n := strings.Count(string(ring.JWKS()), `"kid"`); n != 2 {
		t.Errorf("%d keys are published", n)
	}
	for _, token := range []string{before, after} {
		if _, err := v.Access(token); err != nil {
			t.Error(err)
		}
	}
	es := func(h string) string { return forge(t, jwt.SigningMethodES256, now.private, h, payload(nil)) }
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"ES256 under its kid":          {es(header("ES256", "at+jwt", now.ID)), nil},
		"ES256 under the kid of RS256": {es(header("ES256", "at+jwt", was.ID)), ErrAlgorithm},
		"RS256 in the header, ES256":   {es(header("RS256", "at+jwt", now.ID)), ErrAlgorithm},
		"RS256 in the header, RS256":   {forge(t, jwt.SigningMethodRS256, was.private, header("RS256", "at+jwt", now.ID), payload(nil)), ErrAlgorithm},
		"HS256":                        {forge(t, jwt.SigningMethodHS256, []byte("x"), header("HS256", "at+jwt", was.ID), payload(nil)), ErrAlgorithm},
		"PS256":                        {forge(t, jwt.SigningMethodPS256, was.private, header("PS256", "at+jwt", was.ID), payload(nil)), ErrAlgorithm},
	} {
		_, err := v.Access(c.token)
		if (err == nil) != (c.want == nil) || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if c.want != nil && Reason(err) != c.want.Error() {
			t.Errorf("%s: reason %q", name, Reason(err))
		}
	}
	for _, c := range []struct{ ring, algorithm string }{{"RS256", "HS256"}, {"HS256", "RS256"}} {
		if _, err := mustRing(t, c.ring).Begin(epoch, Rotation{Algorithm: c.algorithm}); !errors.Is(err, ErrFamily) {
			t.Errorf("%s in a ring of %s: %v", c.algorithm, c.ring, err)
		}
	}
	if _, err := ring.Begin(epoch, Rotation{Algorithm: "none"}); err == nil {
		t.Error("a key for none")
	}
}

// TestAllInOneRing: keys of every algorithm that is no secret stand side by side, in the
// ring, in its file and in the published set, and tokens of all of them verify.
func TestAllInOneRing(t *testing.T) {
	cfg := config(&frozen{epoch})
	ring := mustRing(t, "ES256")
	i, v := pair(t, ring, cfg)
	tokens := map[string]string{}
	for _, alg := range ring.methods() {
		if _, err := ring.Begin(epoch, Rotation{Algorithm: alg}); err != nil {
			t.Fatal(err)
		}
		tokens[alg] = issue(t, i).Access
	}
	dir := filepath.Join(t.TempDir(), "keys")
	if err := ring.Save(dir); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadRing(dir, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	keys, why, err := parseSet(ring.JWKS())
	if err != nil || why != nil || len(keys) != len(tokens)+1 {
		t.Fatalf("%d keys, %v, %v", len(keys), why, err)
	}
	published := emptyRing(ring.alg)
	if err := published.replace(keys); err != nil {
		t.Fatal(err)
	}
	_, fromFile := pair(t, loaded, cfg)
	_, fromSet := pair(t, published, cfg)
	for alg, token := range tokens {
		for where, v := range map[string]*Verifier{"ring": v, "file": fromFile, "set": fromSet} {
			if _, err := v.Access(token); err != nil {
				t.Errorf("%s, by the %s: %v", alg, where, err)
			}
		}
	}
	if len(tokens) != len(Algorithms())-1 || len(ring.JWKS()) > maxSetBytes {
		t.Errorf("%d algorithms, a set of %d bytes", len(tokens), len(ring.JWKS()))
	}
}

// TestRemove: a removed key verifies nothing; without the active one another signs.
func TestRemove(t *testing.T) {
	ring := mustRing(t, "ES256")
	i, v := pair(t, ring, config(&frozen{epoch}))
	first := ring.active()
	token := issue(t, i).Access
	if _, err := ring.Begin(epoch, Rotation{Publish: time.Hour}); err != nil {
		t.Fatal(err)
	}
	keys, _ := ring.Keys()
	if err := ring.Remove(epoch, first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Access(token); !errors.Is(err, ErrKey) {
		t.Errorf("signed with the removed key: %v", err)
	}
	if ring.active().ID != keys[1].ID || stages(ring) != "ES256 active" {
		t.Errorf("the published key does not sign: %s", stages(ring))
	}
	if _, next := ring.Step(epoch.Add(24 * time.Hour)); !next.IsZero() || stages(ring) != "ES256 active" {
		t.Errorf("something is still planned: %s, %s", next, stages(ring))
	}
	second := ring.active().ID
	if err := ring.Remove(epoch, second); err != nil {
		t.Fatal(err)
	}
	if ring.active() == nil || ring.active().ID == second || stages(ring) != "ES256 active" {
		t.Errorf("without the only key: %s", stages(ring))
	}
	if _, err := v.Access(issue(t, i).Access); err != nil {
		t.Error(err)
	}
	if err := ring.Remove(epoch, second); !errors.Is(err, ErrNotHere) {
		t.Errorf("removed twice: %v", err)
	}
}

// TestPlansAreSaved: what is planned for a key, and its algorithm, survive the file, and
// a ring that adopts it goes on with its own pointers.
func TestPlansAreSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	ring := mustRing(t, "RS256")
	if err := ring.Save(dir); err != nil {
		t.Fatal(err)
	}
	follower, err := LoadRing(dir, "RS256")
	if err != nil {
		t.Fatal(err)
	}
	was := follower.active()
	if _, err := ring.Begin(epoch, Rotation{Algorithm: "ES256", Publish: time.Minute, Overlap: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if err := ring.Save(dir); err != nil {
		t.Fatal(err)
	}
	adopt := func() {
		t.Helper()
		loaded, err := LoadRing(dir, "RS256")
		if err == nil {
			err = follower.Adopt(loaded)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	adopt()
	if follower.known(was.ID) != was || stages(follower) != "RS256 active, ES256 published" {
		t.Errorf("adopted: %s", stages(follower))
	}
	for _, r := range []*Ring{ring, follower} {
		r.Step(epoch.Add(time.Minute))
		if stages(r) != "RS256 retired, ES256 active" {
			t.Errorf("a minute later: %s", stages(r))
		}
	}
	if err := ring.Save(dir); err != nil { // ends is planned now
		t.Fatal(err)
	}
	adopt()
	a, activeA := ring.Keys()
	b, activeB := follower.Keys()
	same := func(x, y KeyInfo) bool {
		return x.ID == y.ID && x.Algorithm == y.Algorithm && x.Stage == y.Stage && x.Signs.Equal(y.Signs) && x.Ends.Equal(y.Ends)
	}
	if !slices.EqualFunc(a, b, same) || activeA != activeB || a[0].Ends.IsZero() {
		t.Errorf("%+v and %+v", a, b)
	}

	// A kid with another key refuses the whole file.
	other := mustRing(t, "RS256")
	if err := other.Save(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, FileName("RS256"))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), other.active().ID, was.ID)), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadRing(dir, "RS256")
	if err != nil {
		t.Fatal(err)
	}
	if err := follower.Adopt(loaded); !errors.Is(err, ErrKeyReused) || follower.Conflicts() != 1 || follower.known(was.ID) != was {
		t.Errorf("a kid with another key: %v, %d conflicts", err, follower.Conflicts())
	}
}

// TestRingForgetsOldKids: what a ring remembers is bounded.
func TestRingForgetsOldKids(t *testing.T) {
	r := emptyRing(mustRing(t, "ES256").alg)
	alg := r.alg
	for range remembered + 10 {
		k := &Key{ID: newKeyID(), alg: alg}
		if err := r.vet(k); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.prints) != remembered || len(r.order) != remembered {
		t.Errorf("%d and %d kids are remembered, at most %d", len(r.prints), len(r.order), remembered)
	}
}
