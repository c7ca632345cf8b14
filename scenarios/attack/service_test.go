package attack

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// service is a small sound service of its own, written without a look at the bundled
// ones: sessions in a cookie or signed tokens, and one defect at a time that is put in on
// purpose. What an attack finds here has to be that defect, and nothing else.
type service struct {
	defect string

	mu        sync.Mutex
	offset    time.Duration
	away      bool // the store
	passwords map[string]string
	wrong     map[string][]time.Time
	disabled  map[string]bool
	sessions  map[string]*session // by id
	secret    []byte              // of CSRF tokens
	dropped   map[string]*session // what was logged out
	most      int                 // sessions of one user; 0: any number
	tokens    *tokenSide          // nil: sessions
}

// The defects.
const (
	algorithmConfusion = "algorithm confusion" // the header says how a token is verified
	fixation           = "fixation"            // log-in takes the id that it is sent
	noRotation         = "no rotation"         // an id goes on through log-in, step-up and change of password
	denylistByBytes    = "denylist by bytes"   // of tokens, rather than of log-ins
	csrfOff            = "CSRF off"
	outageIs401        = "401 on store failure"
	noAudienceCheck    = "missing aud check"
	namesUsers         = "enumeration by message"
	identityBleed      = "identity bleed" // who used a connection first is who uses it later
)

// connUser is where a connection keeps who used it.
type connUser struct{}

// wrongPasswords is how many there may be for an account from an address in a minute.
const wrongPasswords = 5

// population is how many users it knows.
const population = 5000

var errAway = errors.New("the store does not answer")

func newService(defect string) *service {
	s := &service{
		defect: defect, passwords: map[string]string{}, wrong: map[string][]time.Time{}, disabled: map[string]bool{},
		sessions: map[string]*session{}, secret: []byte(rand.Text()),
	}
	return s
}

// listen serves on n addresses, as n nodes that share what they know.
func (s *service) listen(t *testing.T, n int) []string {
	var addrs []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{
			Handler: s, MaxHeaderBytes: 8192, ReadTimeout: 10 * time.Second,
			ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
				return context.WithValue(ctx, connUser{}, new(string))
			},
		}
		var wg sync.WaitGroup
		wg.Go(func() { _ = srv.Serve(ln) }) // until it is closed
		t.Cleanup(func() {
			srv.Close()
			wg.Wait()
		})
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs
}

// material is what a starter of the service knows.
func (s *service) material() Material {
	m := Material{
		Clock: func(_ context.Context, d time.Duration) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.offset = d
			return nil
		},
		Outage: func(context.Context) (func() error, error) {
			s.setAway(true)
			return func() error {
				s.setAway(false)
				return nil
			}, nil
		},
	}
	m.Disable = func(_ context.Context, user string, disabled bool) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.disabled[user] = disabled; disabled {
			s.endAll(caller{user: user}, false)
		}
		return nil
	}
	if s.tokens != nil {
		m.Keys, m.Sign = s.tokens.public(), s.tokens.signRaw
	}
	return m
}

func (s *service) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
	if !away && s.defect == comesBack {
		for id, at := range s.dropped {
			s.sessions[id] = at
		}
	}
}

func (s *service) now() time.Time { return time.Now().Add(s.offset) }

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	s.mu.Lock()
	defer s.mu.Unlock()
	handlers := map[string]struct {
		method string
		handle func(http.ResponseWriter, *http.Request)
	}{
		"/me": {"GET", s.me}, "/healthz": {"GET", func(w http.ResponseWriter, _ *http.Request) { say(w, 200, "status", "ok") }},
		"/login": {"POST", s.login}, "/logout": {"POST", s.logout}, "/logout-all": {"POST", s.logoutAll},
		"/password": {"POST", s.password}, "/step-up": {"POST", s.stepUp},
	}
	if s.tokens != nil {
		handlers["/token"] = handlers["/login"]
	}
	h, ok := handlers[r.URL.Path]
	if r.URL.Path == "/token" && s.tokens != nil {
		h.handle = s.refresh
	}
	switch {
	case !ok:
		say(w, 404, "detail", "there is nothing here")
	case r.Method != h.method && !(h.method == "GET" && r.Method == "HEAD"):
		w.Header().Set("Allow", h.method)
		say(w, 405, "detail", "this path takes "+h.method)
	case h.method == "POST" && s.tokens == nil && s.foreign(r):
		say(w, 403, "detail", "from another site")
	default:
		h.handle(w, r)
	}
}

// foreign says that a browser tells of a page of another origin.
func (s *service) foreign(r *http.Request) bool {
	if s.defect == csrfOff {
		return false
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return true
		}
	}
	for _, origin := range r.Header.Values("Origin") {
		if _, host, _ := strings.Cut(origin, "://"); !strings.EqualFold(host, r.Host) {
			return true
		}
	}
	return false
}

// caller is who a request is from.
type caller struct {
	user string
	id   string    // of the session
	old  *claimSet // of the token
}

func (s *service) who(r *http.Request) (caller, error) {
	if s.tokens != nil {
		return s.byToken(r)
	}
	return s.bySession(r)
}

// errNobody is a credential that is no good.
var errNobody = errors.New("valid credentials are needed")

func (s *service) refuse(w http.ResponseWriter, err error) {
	if errors.Is(err, errAway) && s.defect != outageIs401 {
		w.Header().Set("Retry-After", "1")
		say(w, 503, "detail", errAway.Error())
		return
	}
	scheme := `Cookie realm="test"`
	if s.tokens != nil {
		scheme = `Bearer realm="test"`
	}
	w.Header().Set("WWW-Authenticate", scheme)
	say(w, 401, "detail", errNobody.Error())
}

func (s *service) me(w http.ResponseWriter, r *http.Request) {
	c, err := s.who(r)
	if err != nil {
		s.refuse(w, err)
		return
	}
	if used := r.Context().Value(connUser{}).(*string); s.defect == identityBleed {
		if *used == "" {
			*used = c.user
		}
		c.user = *used
	}
	say(w, 200, "sub", c.user)
}

// login checks a password. Whoever does not exist is answered as a wrong password is.
func (s *service) login(w http.ResponseWriter, r *http.Request) {
	var body struct{ Username, Password string }
	if !read(w, r, &body) {
		return
	}
	from, _, _ := net.SplitHostPort(r.RemoteAddr)
	key := body.Username + " " + from
	recent := s.wrong[key][:0:0]
	for _, at := range s.wrong[key] {
		if time.Since(at) < time.Minute {
			recent = append(recent, at)
		}
	}
	if len(recent) >= wrongPasswords {
		w.Header().Set("Retry-After", "60")
		say(w, 429, "detail", "too many wrong passwords")
		return
	}
	if !s.right(body.Username, body.Password) {
		s.wrong[key] = append(recent, time.Now())
		if s.defect == namesUsers && s.passwordOf(body.Username) == "" {
			w.Header().Set("WWW-Authenticate", "Cookie")
			say(w, 401, "detail", "there is no such user")
			return
		}
		s.refuse(w, errNobody)
		return
	}
	if s.disabled[body.Username] {
		s.refuse(w, errNobody)
		return
	}
	s.begin(w, r, body.Username, caller{})
}

// begin hands a new credential out, in place of that of old.
func (s *service) begin(w http.ResponseWriter, r *http.Request, user string, old caller) {
	if s.away {
		s.refuse(w, errAway)
		return
	}
	if s.tokens != nil {
		s.tokens.hand(w, s.tokens.begin(user, s.now()))
		return
	}
	s.newSession(w, r, user, old)
}

func (s *service) stepUp(w http.ResponseWriter, r *http.Request) {
	var body struct{ Password string }
	s.change(w, r, &body, func(c caller) (bool, bool) { return s.right(c.user, body.Password), false })
}

func (s *service) password(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Password string
		Next     string `json:"new_password"`
	}
	s.change(w, r, &body, func(c caller) (bool, bool) {
		right := body.Next != "" && s.right(c.user, body.Password)
		if right && !s.away {
			s.passwords[c.user] = body.Next
		}
		return right, true
	})
}

// change does what needs the password once more, and hands a new credential out.
func (s *service) change(w http.ResponseWriter, r *http.Request, body any, do func(caller) (right, others bool)) {
	c, ok := s.unsafe(w, r)
	if !ok || !read(w, r, body) {
		return
	}
	if s.disabled[c.user] {
		say(w, 403, "detail", "the account is disabled")
		return
	}
	right, others := do(c)
	if !right {
		say(w, 403, "detail", "wrong password")
		return
	}
	if others {
		s.endAll(c, true)
	}
	if s.defect != noRotation {
		s.end(c)
	}
	s.begin(w, r, c.user, c)
}

func (s *service) logout(w http.ResponseWriter, r *http.Request) {
	if c, ok := s.unsafe(w, r); ok {
		s.end(c)
		s.gone(w)
	}
}

func (s *service) logoutAll(w http.ResponseWriter, r *http.Request) {
	if c, ok := s.unsafe(w, r); ok {
		s.endAll(c, false)
		s.gone(w)
	}
}

// unsafe lets in who may change something.
func (s *service) unsafe(w http.ResponseWriter, r *http.Request) (caller, bool) {
	c, err := s.who(r)
	switch {
	case err != nil:
		s.refuse(w, err)
	case s.tokens == nil && s.defect != csrfOff && !hmac.Equal([]byte(s.csrf(c.id)), []byte(r.Header.Get("X-CSRF-Token"))):
		say(w, 403, "detail", "the CSRF token is wrong")
	default:
		return c, true
	}
	return c, false
}

func (s *service) csrf(id string) string {
	if s.defect == oneToken {
		id = "everybody"
	}
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(id))
	return hex.EncodeToString(mac.Sum(nil))
}

// passwordOf is the password of a user, "" where there is no such user.
func (s *service) passwordOf(user string) string {
	if changed, ok := s.passwords[user]; ok {
		return changed
	}
	n, ok := strings.CutPrefix(user, "user-")
	if i, err := strconv.Atoi(n); !ok || err != nil || i < 1 || i > population || strconv.Itoa(i) != n {
		return ""
	}
	return "password-" + n
}

func (s *service) right(user, password string) bool {
	want := s.passwordOf(user)
	return hmac.Equal([]byte(password), []byte(want)) && want != ""
}

// read decodes the body, strictly.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		say(w, 415, "detail", "this path takes JSON")
		return false
	}
	dec := json.NewDecoder(io.LimitReader(r.Body, 16384))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		say(w, 400, "detail", "not the JSON that is expected here")
		return false
	}
	return true
}

// say answers with one JSON member.
func say(w http.ResponseWriter, status int, name, value string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{name: value}) // a client that went away
}
