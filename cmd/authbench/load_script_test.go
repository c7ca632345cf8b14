package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestLoadScripts runs load against servers that the scripts find in URL and
// TLS_URL; ca.pem is who signed the latter.
func TestLoadScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script/load",
		Setup: func(env *testscript.Env) error {
			handler := loadTarget(filepath.Join(env.WorkDir, "asked"))
			plain := httptest.NewServer(handler)
			secure := httptest.NewUnstartedServer(handler)
			secure.EnableHTTP2 = true
			secure.Config.ErrorLog = log.New(io.Discard, "", 0) // a script has no trust in it
			secure.StartTLS()
			gone := httptest.NewServer(handler)
			gone.Close()
			env.Defer(plain.Close)
			env.Defer(secure.Close)
			env.Setenv("URL", plain.URL)
			env.Setenv("TLS_URL", secure.URL)
			env.Setenv("GONE_URL", gone.URL)
			ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
			return os.WriteFile(filepath.Join(env.WorkDir, "ca.pem"), ca, 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "waitfor": waitFor},
	})
}

// loadTarget answers as it is asked: /status/404, /slow (after 30 s or when the
// client has gone), /echo (200 if the request is the one that request.txtar
// sends), anything else at once. Asked /first or /slow, it leaves the file asked.
func loadTarget(asked string) http.Handler {
	leave := func() { _ = os.WriteFile(asked, []byte("asked"), 0o600) } // without it, the script fails
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/first", func(http.ResponseWriter, *http.Request) { leave() })
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.PathValue("code"))
		if err != nil {
			code = http.StatusBadRequest
		}
		w.WriteHeader(code)
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		leave()
		select {
		case <-r.Context().Done():
		case <-time.After(30 * time.Second):
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		good := err == nil && r.Method == "PUT" && r.Host == "shop.test" && r.URL.RawQuery == "q=a%20b&r=1" &&
			r.Header.Get("X-One") == "1" && r.Header.Get("X-Two") == "a: b" && string(body) == "hello\n"
		if !good {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	mux.HandleFunc("/proto", func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	return mux
}
