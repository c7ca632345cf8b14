// Command scs is a small service with sessions: net/http, alexedwards/scs and Redis.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	lifetime := flag.Duration("lifetime", 24*time.Hour, "how long a session lives, however much it is used")
	flag.Parse()
	log.Fatal(run(*listen, *lifetime))
}

func run(listen string, lifetime time.Duration) error {
	opts, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		return fmt.Errorf("REDIS_URL: %w", err)
	}
	opts.PoolSize = 64
	client := redis.NewClient(opts)
	if err := client.Ping(context.Background()).Err(); err != nil {
		return err
	}
	s := scs.New()
	s.Lifetime = lifetime
	s.Store = goredisstore.NewWithPrefix(client, "authbench:scs:")
	s.Cookie.Secure = true
	srv := &http.Server{Addr: listen, Handler: handler(s), ReadHeaderTimeout: 10 * time.Second}
	return srv.ListenAndServe()
}

// handler has the routes. Those that need a session ask for it themselves: the others
// go on while Redis is away.
func handler(s *scs.SessionManager) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"hello": "there"}) })
	with := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, s.LoadAndSave(h)) }
	with("POST /login", func(w http.ResponseWriter, r *http.Request) { logIn(s, w, r) })
	with("GET /me", func(w http.ResponseWriter, r *http.Request) {
		name := s.GetString(r.Context(), "user")
		if name == "" {
			http.Error(w, "not logged in", http.StatusUnauthorized)
			return
		}
		answer(w, map[string]any{"sub": name, "roles": []string{"user"}})
	})
	with("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Destroy(r.Context()); err != nil {
			http.Error(w, "cannot log out now", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	// A browser that was sent here by another site is refused what changes anything.
	return http.NewCrossOriginProtection().Handler(mux)
}

func logIn(s *scs.SessionManager, w http.ResponseWriter, r *http.Request) {
	var body struct{ Username, Password string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10)).Decode(&body); err != nil {
		http.Error(w, "want JSON with username and password", http.StatusBadRequest)
		return
	}
	if !knows(body.Username, body.Password) {
		http.Error(w, "wrong user name or password", http.StatusUnauthorized)
		return
	}
	// A new id: whoever planted the old one must not share the session.
	if err := s.RenewToken(r.Context()); err != nil {
		http.Error(w, "cannot log in now", http.StatusServiceUnavailable)
		return
	}
	s.Put(r.Context(), "user", body.Username)
	answer(w, map[string]any{"sub": body.Username})
}

// knows says whether there is such a user: user-1 to user-10000, whose passwords are
// password-1 to password-10000. Cheap on purpose, for tests only.
func knows(username, password string) bool {
	number := strings.TrimPrefix(username, "user-")
	n, err := strconv.Atoi(number)
	known := err == nil && n >= 1 && n <= 10000 && username == "user-"+strconv.Itoa(n)
	given, right := sha256.Sum256([]byte(password)), sha256.Sum256([]byte("password-"+number))
	return subtle.ConstantTimeCompare(given[:], right[:]) == 1 && known
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		log.Print(err)
	}
}
