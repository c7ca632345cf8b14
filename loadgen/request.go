package loadgen

import "authbench/loadgen/http1"

// HeaderField is one header line. In a Response the name is in canonical form
// (net/textproto).
type HeaderField = http1.Field

// NewRequest renders one virtual user's request: method, target ("/me?x=1"),
// host[:port], header lines, body. Host and Content-Length are derived and may
// not be among the header lines; anything that could break out of its line is
// an error. expect is what an accepted answer has to contain, see Request.
func NewRequest(method, target, host string, header []HeaderField, body, expect []byte) (Request, error) {
	r := http1.Request{Method: method, Target: target, Host: host, Header: header, Body: body}
	b, err := r.Render()
	if err != nil {
		return Request{}, err
	}
	return Request{Bytes: b, Head: method == "HEAD", Expect: expect}, nil
}
