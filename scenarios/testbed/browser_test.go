package testbed

import (
	"net/http"
	"testing"
	"time"
)

// A browser finds the made-up sites by https and by http, and leaves nothing: newBed
// looks for its process, runAll for what it wrote to the temporary directory.
func TestBrowser(t *testing.T) {
	need(t, "chromium", lookChromium() != "")
	tb := newBed(t, Options{})
	visited := make(chan string, 8)
	sites, err := NewSites(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page" { // it asks for things of its own beside
			visited <- r.Host
		}
	}), "a.example", "b.example")
	if err != nil {
		t.Fatal(err)
	}
	defer sites.Close()
	b, err := tb.NewBrowser(t.Context(), sites, BrowserOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ address, host string }{{"https://a.example/page", "a.example"}, {"http://b.example/page", "b.example"}} {
		if err := b.Visit(t.Context(), one.address); err != nil {
			t.Fatal(err)
		}
		select {
		case host := <-visited:
			if host != one.host {
				t.Errorf("%s asked for host %q", one.address, host)
			}
		case <-time.After(readyTimeout):
			t.Errorf("%s was never asked for", one.address)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
