package decide

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"authbench/report/evidence"
	"authbench/results"
)

var update = flag.Bool("update", false, "rewrite the decision records of the examples")

// examples are the requirement files that are committed, by name.
func examples(t *testing.T) map[string]*Requirements {
	t.Helper()
	files, err := filepath.Glob("../../examples/decide/*/requirements.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d examples (%v)", len(files), err)
	}
	out := map[string]*Requirements{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(file))
		r, err := Parse("examples/decide/"+name+"/requirements.yaml", data)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = r
	}
	return out
}

// published are the reference runs that are committed.
func published(t *testing.T) (*evidence.Board, map[string]File) {
	t.Helper()
	dirs, err := filepath.Glob("../../results/published/*/run.json")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no reference run (%v)", err)
	}
	var src []evidence.Source
	files := map[string]File{}
	for _, path := range dirs {
		run, dir, err := results.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := results.Digest(dir)
		if err != nil {
			t.Fatal(err)
		}
		src = append(src, evidence.Source{Run: run})
		files[run.ID] = File{Digest: digest, Path: "results/published/" + filepath.Base(dir)}
	}
	return evidence.Read(src...), files
}

// TestExamples holds the committed records against what the reference runs give.
func TestExamples(t *testing.T) {
	b, files := published(t)
	for name, r := range examples(t) {
		var got bytes.Buffer
		if err := Decide(b, r, files).ADR(&got); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("../../examples/decide", name, "adr.md")
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s is not what the reference runs give: go test ./report/decide -run TestExamples -update", path)
		}
	}
}

// TestRecommendations pins what the examples come to on the made-up runs.
func TestRecommendations(t *testing.T) {
	b := board(t)
	for name, want := range map[string]string{
		"bank-back-office":  "recommended: session-redis",
		"spa-public-api":    "recommended: jwt-es256+short",
		"mobile-app":        "recommended: jwt-es256+memo",
		"multi-region-saas": "too close: jwt-es256+epoch-local, jwt-es256+push",
	} {
		d := Decide(b, examples(t)[name], nil)
		if got := d.Outcome.Key(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
			for _, o := range d.Options {
				t.Logf("%s %s", o.Arm, o.Status)
			}
		}
		if len(d.Flips) == 0 {
			t.Errorf("%s: nothing would change it", name)
		}
	}
}

// TestFlips: the recommendation changes when a requirement that decides is changed,
// to what was announced, and only then.
func TestFlips(t *testing.T) {
	real, _ := published(t)
	made := board(t)
	for i, r := range []*Requirements{
		ask(t, "weights.cpu", "1"),
		ask(t, "revocation.window", "20m", "deployment.nodes", "2"),
		ask(t, "revocation.window", "1s", "keys.shared_secret_allowed", "false", "deployment.nodes", "2", "deployment.store_round_trip", "300us", "weights.operations", "0"),
		ask(t, "keys.third_parties_verify", "true", "load.p99", "700us", "revocation.window", "2m"),
	} {
		t.Run("made-up requirements/"+strconv.Itoa(i), func(t *testing.T) { checkFlips(t, made, r) })
	}
	for what, b := range map[string]*evidence.Board{"made-up runs": made, "reference runs": real} {
		for name, r := range examples(t) {
			t.Run(what+"/"+name, func(t *testing.T) { checkFlips(t, b, r) })
		}
	}
}

func checkFlips(t *testing.T, b *evidence.Board, r *Requirements) {
	d := Decide(b, r, nil)
	outcome := func(key, value string) string {
		next, err := r.With(key, value)
		if err != nil {
			t.Fatal(err)
		}
		_, _, o := newDecider(b).evaluate(next) // nothing is remembered
		return o.Key()
	}
	now := d.Outcome.Key()
	for _, f := range d.Flips {
		if then := outcome(f.Key, f.To); then != f.Outcome.Key() || then == now {
			t.Errorf("%s at %s: %s, announced %s, was %s", f.Key, f.To, then, f.Outcome.Key(), now)
		}
		if f.Key == "deployment.store_round_trip" { // the nearest that changes it
			to, _ := parseDuration(f.To)
			if v := duration(to + (r.RoundTrip-to)/10); outcome(f.Key, v) != now {
				t.Errorf("%s at %s changes it, announced from %s on", f.Key, v, f.To)
			}
		}
	}
	for _, h := range d.Harmless {
		for _, v := range h.Values {
			if then := outcome(h.Key, v); then != now {
				t.Errorf("%s at %s: %s, announced that nothing changes from %s", h.Key, v, then, now)
			}
		}
	}
	said := map[string]bool{}
	for _, f := range d.Flips {
		said[f.Key] = true
	}
	for _, h := range d.Harmless {
		said[h.Key] = true
	}
	for _, f := range Fields() {
		if f.Kind == text || f.Section() == "weights" || said[f.Key] || d.Outcome.Kind == Unsigned {
			continue
		}
		// Of these nothing is said: they only size what was chosen.
		if f.Key != "load.users" && f.Key != "load.requests_per_second" && f.Key != "load.p99" && f.Key != "load.request_bytes" {
			t.Errorf("nothing is said of %s", f.Key)
		}
	}
	checkRanges(t, d, outcome, now)
}

// checkRanges tries weights within what is announced to be harmless, and beyond.
func checkRanges(t *testing.T, d *Decision, outcome func(key, value string) string, now string) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, x := range d.Weights {
		try := func(v float64) string { return outcome(x.Key, strconv.FormatFloat(v, 'g', -1, 64)) }
		hi := x.Hi
		if x.Above == nil {
			hi = 4*x.At + 1
		}
		for i := range 8 {
			at := rng.Float64()
			if i < 2 {
				at = float64(i) // the edges belong to it
			}
			if v := x.Lo + at*(hi-x.Lo); x.Moot == "" && try(v) != now {
				t.Errorf("%s at %v: %s, announced that nothing changes between %v and %v", x.Key, v, try(v), x.Lo, hi)
			}
		}
		if x.Below != nil && try(.98*x.Lo) == now {
			t.Errorf("%s below %v changes nothing", x.Key, x.Lo)
		}
		if x.Above != nil && try(1.02*x.Hi) == now {
			t.Errorf("%s above %v changes nothing", x.Key, x.Hi)
		}
	}
}
