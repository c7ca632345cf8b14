package server

import (
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// TestHandicap: a use takes at least so long, nothing else does.
// Anything can be slow on a busy machine, so the quickest of some counts.
func TestHandicap(t *testing.T) {
	const handicap = 20 * time.Millisecond
	set, err := Decode(settingsFor("none", "", ""))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := New(t.Context(), Options{Arm: "test", Settings: set, Handicap: handicap})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, credential string
		status           int
		slow             bool
	}{
		{"/me", "Bearer user-1", fasthttp.StatusOK, true},
		{"/me", "", fasthttp.StatusUnauthorized, true},
		{"/healthz", "", fasthttp.StatusOK, false},
	} {
		quickest := time.Hour
		for range 5 {
			ctx := &fasthttp.RequestCtx{}
			ctx.Request.SetRequestURI("http://x" + c.path)
			ctx.Request.Header.Set(fasthttp.HeaderAuthorization, c.credential)
			begin := time.Now()
			srv.http.Handler(ctx)
			quickest = min(quickest, time.Since(begin))
			if got := ctx.Response.StatusCode(); got != c.status {
				t.Fatalf("%s: status %d, want %d", c.path, got, c.status)
			}
		}
		if (quickest >= handicap) != c.slow {
			t.Errorf("%s, %d: %v, slow: %t", c.path, c.status, quickest, c.slow)
		}
	}
}
