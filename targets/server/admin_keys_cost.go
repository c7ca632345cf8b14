package server

import (
	"fmt"
	"net/http"
	"time"

	"authbench/targets/jwt"
)

// Limits of one measurement of each of four figures. The whole of it stays below the
// harness's own patience.
const (
	minCost = 10 * time.Millisecond
	maxCost = 500 * time.Millisecond
)

// keysCost measures what tokens cost this process with the algorithm, the size of keys
// and the verifier that it has, on a key that is made for it. The node goes on
// answering meanwhile: whoever wants the cost alone leaves it alone.
//
//	POST /keys/cost?for=200ms
//	    {"algorithm":"ES256","verifier":"golang-jwt","issue_ns":[...],"access_ns":[...],
//	     "sign_ns":[...],"verify_ns":[...],"signature_bytes":64,"token_bytes":401,"jwks_bytes":222}
//
// for is spent on each of the four figures, 200ms unless it is given.
func (s *Server) keysCost(w http.ResponseWriter, r *http.Request) {
	k, ok := s.withKeys(w)
	if !ok {
		return
	}
	d := 200 * time.Millisecond
	if text := r.URL.Query().Get("for"); text != "" {
		var err error
		if d, err = time.ParseDuration(text); err != nil || d < minCost || d > maxCost {
			adminProblem(w, http.StatusBadRequest, fmt.Sprintf("for %.20q: want a duration from %v to %v", text, minCost, maxCost))
			return
		}
	}
	c, err := jwt.MeasureCost(r.Context(), k.ring, s.settings.tokenConfig(s.clock.now), d)
	if err != nil {
		adminProblem(w, http.StatusInternalServerError, err.Error())
		return
	}
	adminAnswer(w, c)
}
