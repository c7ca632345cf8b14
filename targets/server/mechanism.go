package server

import (
	"errors"

	"github.com/valyala/fasthttp"

	"authbench/targets/revoke"
)

// mechanism is how a request proves who it is. Its errors are of two sorts: a
// *rejection means that the credential is no good (401), everything else that
// the store failed (503).
type mechanism interface {
	// authenticate says who sent the request.
	authenticate(h *fasthttp.RequestHeader) (caller, error)
	// challenge is the WWW-Authenticate header of a 401; presented says whether
	// there was a credential at all.
	challenge(presented bool) string
	// ambient reports whether a browser attaches the credential by itself, so
	// that unsafe requests need a defence against CSRF.
	ambient() bool
	// csrf checks the request's CSRF token. Without an ambient credential there
	// is nothing to check.
	csrf(h *fasthttp.RequestHeader, c caller) bool
	// login makes a credential for a user whose password was right. What the
	// request carried before is dropped, never adopted.
	login(h *fasthttp.RequestHeader, subject string, roles []string) (grant, error)
	// renew replaces the caller's credential after a proof of identity. With
	// others it kills the user's other credentials first, if it can.
	renew(c caller, roles []string, others bool) (grant, error)
	// logout and logoutAll revoke what can be revoked.
	logout(c caller) (grant, error)
	logoutAll(c caller) (grant, error)
}

// caller is who sent a request.
type caller struct {
	subject string
	roles   []string
	session string // the session id, if there is one
	tokenID string // the jti, if there is one
	token   revoke.Token
}

// grant is what the client is given: a JSON body, a Set-Cookie header, or
// neither.
type grant struct {
	body   []byte
	cookie string
	again  bool // it was handed out before: the refresh token was replayed within its grace
}

// rejection is why a credential is refused, in a word of the event log.
type rejection struct {
	reason    string
	presented bool
}

func (r *rejection) Error() string { return "credential rejected: " + r.reason }

// rejected returns the rejection inside err, or nil if err means something else.
func rejected(err error) *rejection {
	var r *rejection
	if errors.As(err, &r) {
		return r
	}
	return nil
}

func errAbsent() error { return &rejection{reason: "absent"} }

func errRejected(reason string) error { return &rejection{reason: reason, presented: true} }
