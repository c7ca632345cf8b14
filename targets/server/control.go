package server

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/valyala/fasthttp"
)

// control is no authentication at all: the subject is read from a header of the
// size of a session credential and believed. It is the floor that every
// mechanism is compared with. It cannot log anybody out, and says so by doing
// nothing.
type control struct {
	size  int
	users *directory
}

// padding fills a control credential. It cannot be part of a user name.
const padding = '~'

// maxControl bounds what is believed, and echoed.
const maxControl = 4096

func (c *control) authenticate(h *fasthttp.RequestHeader) (caller, error) {
	v, ok := bearer(h)
	if !ok {
		return caller{}, errAbsent()
	}
	if len(v) > maxControl {
		return caller{}, errRejected("malformed")
	}
	if i := bytes.IndexByte(v, padding); i >= 0 {
		v = v[:i]
	}
	subject := string(v)
	return caller{subject: subject, roles: c.users.roles(subject)}, nil
}

func (c *control) challenge(bool) string { return `Bearer realm="authbench"` }

func (c *control) ambient() bool { return false }

func (c *control) csrf(*fasthttp.RequestHeader, caller) bool { return true }

func (c *control) login(_ *fasthttp.RequestHeader, subject string, _ []string) (grant, error) {
	credential := subject + strings.Repeat(string(padding), max(0, c.size-len(subject)))
	body, err := json.Marshal(struct {
		Access string `json:"access_token"`
		Type   string `json:"token_type"`
	}{credential, "Bearer"})
	return grant{body: body}, err
}

func (c *control) renew(who caller, roles []string, _ bool) (grant, error) {
	return c.login(nil, who.subject, roles)
}

func (c *control) logout(caller) (grant, error)    { return grant{}, nil }
func (c *control) logoutAll(caller) (grant, error) { return grant{}, nil }
