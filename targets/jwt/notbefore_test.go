package jwt

import (
	"errors"
	"testing"
	"time"
)

// TestNotBefore: with the setting a token is no good before it was made, less the
// leeway; without it nothing looks at iat.
func TestNotBefore(t *testing.T) {
	clock := &frozen{epoch}
	cfg := config(clock)
	for _, dated := range []bool{false, true} {
		cfg.NotBefore = dated
		i, v := pair(t, rings(t)["HS256"], cfg)
		clock.t = epoch
		p := issue(t, i)
		if has := p.Claims.NotBefore != nil; has != dated || dated && *p.Claims.NotBefore != *p.Claims.IssuedAt {
			t.Errorf("dated %v: nbf %v", dated, p.Claims.NotBefore)
		}
		for _, c := range []struct {
			now  time.Time
			want error
		}{{epoch.Add(-cfg.Leeway), nil}, {epoch.Add(-cfg.Leeway - time.Millisecond), ErrNotYet}, {epoch.Add(-time.Hour), ErrNotYet}} {
			if !dated {
				c.want = nil
			}
			clock.t = c.now
			for what, verify := range map[string]func() error{
				"access":  func() error { _, err := v.Access(p.Access); return err },
				"refresh": func() error { _, err := v.Refresh(p.Refresh); return err },
			} {
				if err := verify(); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
					t.Errorf("dated %v, %s at %s: %v, want %v", dated, what, c.now, err, c.want)
				}
			}
		}
	}
}
