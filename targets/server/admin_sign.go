package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"authbench/targets/jwt"
)

// signRaw signs anything with a key of the ring, so that a probe can send what only the
// holder of a key could forge, and see it refused for what it says. Whoever has the admin
// secret owns the node: they rotate its keys, too.
//
//	POST /keys/sign {"kid":"","algorithm":"RS512","header":"BASE64URL","payload":"BASE64URL"}
//	{"token":"..."}
//
// Without a kid it is the key that signs at present, without an algorithm the key's own.
// "padded" (base64url) is what an RSA key is applied to instead, as it is.
func (s *Server) signRaw(w http.ResponseWriter, r *http.Request) {
	k, ok := s.withKeys(w)
	if !ok {
		return
	}
	var body struct {
		KeyID     string `json:"kid"`
		Algorithm string
		Header    string
		Payload   string
		Padded    *string
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil {
		adminProblem(w, http.StatusBadRequest, fmt.Sprintf("not a token to sign: %v", err))
		return
	}
	raw := jwt.Raw{KeyID: body.KeyID, Algorithm: body.Algorithm}
	var errs []error
	decode := func(name, text string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: not base64url: %w", name, err))
		}
		return b
	}
	raw.Header, raw.Payload = decode("header", body.Header), decode("payload", body.Payload)
	if body.Padded != nil {
		raw.Padded = decode("padded", *body.Padded)
	}
	if err := errors.Join(errs...); err != nil {
		adminProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	token, err := k.ring.SignRaw(raw)
	switch {
	case errors.Is(err, jwt.ErrNotHere):
		adminProblem(w, http.StatusNotFound, err.Error())
	case errors.Is(err, jwt.ErrCannotSign):
		adminProblem(w, http.StatusConflict, err.Error())
	case err != nil:
		adminProblem(w, http.StatusBadRequest, err.Error())
	default:
		adminAnswer(w, map[string]string{"token": token})
	}
}
