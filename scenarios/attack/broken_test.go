package attack

import (
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// soundTarget is the service as a target of two nodes.
func soundTarget(t *testing.T, defect, algorithm string) *Target {
	t.Helper()
	s, text := newService(defect), sessionContract
	if algorithm != "" {
		s.tokens, text = newTokenSide(t, defect, algorithm), tokenContract
	}
	c, err := contract.Parse("sound.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*contract.Client
	for _, addr := range s.listen(t, 2) {
		nodes = append(nodes, &contract.Client{Contract: c, Host: addr, Timeout: 5 * time.Second})
	}
	target := NewTarget(nodes, s.material(), 0)
	target.Samples = 1000
	return target
}

// probeAll runs every case and lists the ids of those that failed and those that are
// unknown.
func probeAll(t *testing.T, target *Target, names ...string) (failed, unknown []string, report *Report) {
	t.Helper()
	classes, err := Select(names)
	if err != nil {
		t.Fatal(err)
	}
	report, err = Run(t.Context(), target, Options{Classes: classes})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Cases {
		switch r.Status {
		case results.Fail:
			failed = append(failed, r.ID)
			t.Logf("%s %s: sent %s, got %s, want %s. %s", r.ID, r.Title, r.Sent, r.Got, r.Want, r.Reason)
		case results.Unknown:
			unknown = append(unknown, r.ID)
			t.Logf("%s %s is unknown: %s", r.ID, r.Title, r.Reason)
		}
	}
	return failed, unknown, report
}

// TestSound: nothing is found where nothing is.
func TestSound(t *testing.T) {
	for _, algorithm := range []string{"", "ES256", "RS256", "HS256"} {
		t.Run("sound "+algorithm, func(t *testing.T) {
			t.Parallel()
			failed, unknown, report := probeAll(t, soundTarget(t, "", algorithm))
			if len(failed) > 0 || len(unknown) > 0 {
				t.Errorf("failed %v, unknown %v", failed, unknown)
			}
			if report.Count(results.Pass) < 20 {
				t.Errorf("only %d cases passed", report.Count(results.Pass))
			}
		})
	}
}

// TestBroken: each defect is found by the cases of its class, and by no other.
func TestBroken(t *testing.T) {
	for _, tt := range []struct {
		defect, algorithm string
		ids               string // that fail
	}{
		{algorithmConfusion, "ES256", "A8"},
		{algorithmConfusion, "RS256", "A8"},
		{noAudienceCheck, "ES256", "C6"},
		{denylistByBytes, "ES256", "D1 D6"},
		{fixation, "", "F1 F3"},
		{noRotation, "", "F1 F3 F12"},
		{csrfOff, "", "G3 G5"},
		{namesUsers, "", "H3"},
		{identityBleed, "ES256", "H6"},
		{outageIs401, "", "I1"},
		{outageIs401, "ES256", "I1"},
	} {
		t.Run(tt.defect+" "+tt.algorithm, func(t *testing.T) {
			t.Parallel()
			failed, _, _ := probeAll(t, soundTarget(t, tt.defect, tt.algorithm))
			if want := strings.Fields(tt.ids); !slices.Equal(failed, want) {
				t.Errorf("failed %v, want %v", failed, want)
			}
		})
	}
}
