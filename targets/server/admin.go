package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// newAdmin is the second listener, for the harness: it moves the node's clock,
// rotates its keys and tells about its users. It is outside what is measured,
// so net/http will do. Every request needs the secret as a bearer token.
//
//	GET  /clock         {"now":"...","offset":"0s","frozen":false}
//	POST /clock         {"offset":"-90s"} or {"freeze":"2030-01-01T00:00:00.5Z"}; {} sets it right
//	GET  /keys          which keys verify, which one signs: see keysView
//	POST /keys/sign     a token of any header and payload: see signRaw
//	POST /keys/rotate   a new active key: {"algorithm":"ES256","publish_for":"2s"}, or nothing; older ones go on verifying
//	POST /keys/cost     what signing and verifying take: see keysCost
//	DELETE /keys/{kid}  a key that verifies nothing any more, at once
//	POST /sessions/bulk many log-ins at once: see bulkLogins
//	GET  /memory        what the node holds: see memory
//	GET  /users         {"count":10000,"first":"user-1","last":"user-10000"}
//	GET  /users/{name}  {"name":"user-1","disabled":false,"roles":["user"]}
//	POST /users/{name}  {"disabled":true,"roles":["user","admin"]}, or one of the two
//	POST /tier          {"services":["127.0.0.1:8081"]}: which ones an edge calls from now on
//	GET  /store/rtt     the round trip to the store: see getStoreRTT
func (s *Server) newAdmin() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /clock", s.getClock)
	mux.HandleFunc("POST /clock", s.setClock)
	mux.HandleFunc("GET /keys", s.getKeys)
	mux.HandleFunc("POST /keys/sign", s.signRaw)
	mux.HandleFunc("POST /keys/rotate", s.rotateKeys)
	mux.HandleFunc("POST /keys/cost", s.keysCost)
	mux.HandleFunc("DELETE /keys/{kid}", s.removeKey)
	mux.HandleFunc("POST /sessions/bulk", s.bulkLogins)
	mux.HandleFunc("GET /memory", s.memory)
	mux.HandleFunc("GET /users", s.getUsers)
	mux.HandleFunc("GET /users/{name}", s.getUser)
	mux.HandleFunc("POST /users/{name}", s.setUser)
	mux.HandleFunc("POST /tier", s.setTier)
	mux.HandleFunc("GET /store/rtt", s.getStoreRTT)
	return &http.Server{
		Handler:           s.guard(mux),
		ReadHeaderTimeout: s.settings.ReadTimeout,
		ReadTimeout:       s.settings.ReadTimeout,
		WriteTimeout:      s.settings.WriteTimeout,
		MaxHeaderBytes:    s.settings.MaxHeaderBytes,
	}
}

func serveAdmin(srv *http.Server, ln net.Listener) error {
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// guard lets in who knows the secret. Hashes are compared, so that neither
// content nor length shows in the time it takes.
func (s *Server) guard(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(s.adminSecret))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(secret))
		ok := strings.EqualFold(scheme, "Bearer") && s.adminSecret != ""
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !ok {
			w.Header().Set("WWW-Authenticate", `Bearer realm="authbench admin"`)
			adminProblem(w, http.StatusUnauthorized, "the admin secret is needed")
			return
		}
		w.Header().Set("Cache-Control", noStore)
		r.Body = http.MaxBytesReader(w, r.Body, int64(s.settings.MaxBodyBytes))
		next.ServeHTTP(w, r)
	})
}

func adminProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", typeProblem)
	w.WriteHeader(status)
	_, _ = w.Write(problemBody(status, detail)) // a client that went away
}

func adminAnswer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", typeJSON)
	_ = json.NewEncoder(w).Encode(v) // a client that went away
}

func (s *Server) getClock(w http.ResponseWriter, _ *http.Request) {
	v := struct {
		Now    time.Time `json:"now"`
		Offset string    `json:"offset"`
		Frozen bool      `json:"frozen"`
	}{Now: s.clock.now(), Offset: "0s"}
	if m := s.clock.moved.Load(); m != nil {
		v.Offset, v.Frozen = m.offset.String(), !m.frozen.IsZero()
	}
	adminAnswer(w, v)
}

func (s *Server) setClock(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Offset *string
		Freeze *time.Time
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil && !errors.Is(err, io.EOF) {
		adminProblem(w, http.StatusBadRequest, fmt.Sprintf("not a clock setting: %v", err))
		return
	}
	switch {
	case body.Offset != nil && body.Freeze != nil:
		adminProblem(w, http.StatusBadRequest, "either offset or freeze")
		return
	case body.Freeze != nil:
		if body.Freeze.IsZero() {
			adminProblem(w, http.StatusBadRequest, "freeze at the year 1 is not supported")
			return
		}
		s.clock.moved.Store(&clockSetting{frozen: *body.Freeze})
	case body.Offset != nil:
		d, err := time.ParseDuration(*body.Offset)
		if err != nil {
			adminProblem(w, http.StatusBadRequest, fmt.Sprintf("offset: %v", err))
			return
		}
		s.clock.moved.Store(&clockSetting{offset: d})
	default:
		s.clock.moved.Store(nil)
	}
	s.getClock(w, r)
}

func (s *Server) getUsers(w http.ResponseWriter, _ *http.Request) {
	adminAnswer(w, struct {
		Count int    `json:"count"`
		First string `json:"first"`
		Last  string `json:"last"`
	}{s.settings.Users, username(1), username(s.settings.Users)})
}
