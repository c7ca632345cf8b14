package revoke_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"authbench/targets/revoke"
	"authbench/targets/revoke/revoketest"
	"authbench/targets/store/storetest"
)

// TestCluster: in a Redis Cluster a strategy revokes as anywhere else, for users whose
// keys lie on all servers, or says that it cannot.
func TestCluster(t *testing.T) {
	url := storetest.StartCluster(t)
	for _, k := range revoke.All() {
		t.Run(k.Kind, func(t *testing.T) {
			cfg := revoketest.Config(k.Kind, url)
			if k.Kind == "families" {
				if _, err := revoke.Open(cfg); err == nil || !strings.Contains(err.Error(), "Cluster") {
					t.Errorf("%v, want a word about clusters", err)
				}
				return
			}
			a, b := revoketest.Open(t, cfg), revoketest.Open(t, cfg)
			for i := range 12 {
				gone, other, all := begin(t, a, fmt.Sprint("alice-", i)), begin(t, a, fmt.Sprint("bob-", i)), begin(t, b, fmt.Sprint("carol-", i))
				if err := a.Revoke(t.Context(), gone); err != nil {
					t.Fatal(err)
				}
				if err := b.RevokeAll(t.Context(), all.Subject); err != nil {
					t.Fatal(err)
				}
				refused(t, b, gone)
				refused(t, a, all)
				if err := b.Check(t.Context(), other); err != nil {
					t.Errorf("%s: %v", other.Subject, err)
				}
				if err := b.Renew(t.Context(), other); err != nil {
					t.Errorf("renew %s: %v", other.Subject, err)
				}
				if err := b.Renew(t.Context(), gone); !errors.Is(err, revoke.ErrRevoked) {
					t.Errorf("renew %s: %v", gone.Subject, err)
				}
			}
		})
	}
}

func begin(t *testing.T, s revoke.Strategy, subject string) revoke.Token {
	t.Helper()
	l := revoke.Login{Session: revoke.NewSession(), Subject: subject}
	g, err := s.Begin(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return revoke.Token{Session: l.Session, Subject: subject, Generation: g}
}

// refused waits for as long as a node that copies may lag.
func refused(t *testing.T, s revoke.Strategy, token revoke.Token) {
	t.Helper()
	var err error
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = s.Check(t.Context(), token); errors.Is(err, revoke.ErrRevoked) {
			return
		}
	}
	t.Errorf("%s: %v, want %v", token.Subject, err, revoke.ErrRevoked)
}
