package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"authbench/targets/jwt"
)

// keyView is a key on the admin plane.
type keyView struct {
	ID        string    `json:"kid"`
	Algorithm string    `json:"algorithm"`
	Created   time.Time `json:"created,omitzero"`
	Stage     jwt.Stage `json:"stage"`
	Private   bool      `json:"private"` // it can sign with it
	Signs     time.Time `json:"signs,omitzero"`
	Ends      time.Time `json:"ends,omitzero"`
}

// keysView is what GET /keys answers.
type keysView struct {
	Algorithm string            `json:"algorithm"` // of a new key, unless asked for another
	Active    string            `json:"active"`    // "": this node does not sign
	From      string            `json:"from,omitempty"`
	Keys      []keyView         `json:"keys"`
	Conflicts uint64            `json:"conflicts"` // kids that came back with another key
	Rotations uint64            `json:"rotations"`
	Fetches   map[string]uint64 `json:"fetches,omitempty"` // by result
	Age       string            `json:"age,omitempty"`     // of the fetched set
}

// withKeys answers for mechanisms without keys.
func (s *Server) withKeys(w http.ResponseWriter) (*keyring, bool) {
	if s.tokens == nil {
		adminProblem(w, http.StatusNotFound, "this mechanism has no key ring")
		return nil, false
	}
	return s.tokens.keys, true
}

func (s *Server) getKeys(w http.ResponseWriter, _ *http.Request) {
	k, ok := s.withKeys(w)
	if !ok {
		return
	}
	keys, active := k.ring.Keys()
	v := keysView{
		Algorithm: k.ring.Algorithm(), Active: active, Keys: []keyView{},
		Conflicts: k.ring.Conflicts(), Rotations: k.rotations.Load(),
	}
	for _, i := range keys {
		v.Keys = append(v.Keys, keyView(i))
	}
	if k.remote != nil {
		v.From, v.Fetches = k.set.JWKSURL, k.remote.Fetches()
		if age, ok := k.remote.Age(); ok {
			v.Age = age.Round(time.Millisecond).String()
		}
	}
	adminAnswer(w, v)
}

// rotateKeys adds a key that becomes the active one, at once or when it has been
// published for as long as publish_for says.
func (s *Server) rotateKeys(w http.ResponseWriter, r *http.Request) {
	k, ok := s.withKeys(w)
	if !ok {
		return
	}
	var body struct {
		Algorithm  string
		PublishFor *string `json:"publish_for"`
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil && !errors.Is(err, io.EOF) {
		adminProblem(w, http.StatusBadRequest, fmt.Sprintf("not a rotation: %v", err))
		return
	}
	publish := k.set.KeyPublish
	if body.PublishFor != nil {
		var err error
		if publish, err = time.ParseDuration(*body.PublishFor); err != nil || publish < 0 {
			adminProblem(w, http.StatusBadRequest, fmt.Sprintf("publish_for: %.40q is not a duration", *body.PublishFor))
			return
		}
	}
	if body.Algorithm != "" && !slices.Contains(jwt.Algorithms(), body.Algorithm) {
		adminProblem(w, http.StatusBadRequest, fmt.Sprintf("algorithm: %.40q is none of %v", body.Algorithm, jwt.Algorithms()))
		return
	}
	s.keysChanged(w, r, k.rotate(body.Algorithm, publish))
}

// removeKey takes a key out at once: what is signed with it is refused from the
// answer on, here; elsewhere when it is heard of.
func (s *Server) removeKey(w http.ResponseWriter, r *http.Request) {
	if k, ok := s.withKeys(w); ok {
		s.keysChanged(w, r, k.remove(r.PathValue("kid")))
	}
}

func (s *Server) keysChanged(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case err == nil:
		s.getKeys(w, r)
	case errors.Is(err, errForeign), errors.Is(err, jwt.ErrFamily):
		adminProblem(w, http.StatusConflict, err.Error())
	case errors.Is(err, jwt.ErrNotHere):
		adminProblem(w, http.StatusNotFound, err.Error())
	default:
		adminProblem(w, http.StatusInternalServerError, err.Error())
	}
}
