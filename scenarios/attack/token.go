package attack

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// jws is a signed token in the compact form of RFC 7515 section 3.1, taken apart.
type jws struct {
	parts         [3]string // as they stand in the token
	head, body    []byte    // header and payload, decoded
	header, claim object    // their members
	sig           []byte
	alg, kid      string
}

var errNotCompact = errors.New("the credential is no signed token in compact form (RFC 7515 section 3.1)")

// parseJWS takes a token apart, whoever signed it.
func parseJWS(token string) (*jws, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errNotCompact
	}
	j := &jws{parts: [3]string(parts)}
	for i, into := range []*[]byte{&j.head, &j.body, &j.sig} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, errNotCompact
		}
		*into = b
	}
	if json.Unmarshal(j.head, &j.header) != nil || json.Unmarshal(j.body, &j.claim) != nil || j.header == nil || j.claim == nil {
		return nil, errNotCompact
	}
	j.alg, j.kid = j.header.text("alg"), j.header.text("kid")
	return j, nil
}

// b64 is base64url without padding (RFC 7515 section 2).
func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// compact is the token of these parts.
func compact(header, payload, sig []byte) string {
	return b64(header) + "." + b64(payload) + "." + b64(sig)
}

// under is j with another header and the signature that it has.
func (j *jws) under(header []byte) string { return b64(header) + "." + j.parts[1] + "." + j.parts[2] }

// saying is j with another payload and the signature that it has.
func (j *jws) saying(payload []byte) string {
	return j.parts[0] + "." + b64(payload) + "." + j.parts[2]
}

// sealed is j with another signature.
func (j *jws) sealed(sig []byte) string { return j.parts[0] + "." + j.parts[1] + "." + b64(sig) }

// input is what was signed.
func (j *jws) input() string { return j.parts[0] + "." + j.parts[1] }

// object is the members of a JSON object, as they are written.
type object map[string]json.RawMessage

// raw is JSON text as it is written.
type raw = json.RawMessage

// with is o with a member set: to JSON text where value is raw.
func (o object) with(name string, value any) object {
	out := maps.Clone(o)
	if text, ok := value.(raw); ok {
		out[name] = text
		return out
	}
	b, err := json.Marshal(value)
	if err != nil {
		b = []byte("null") // cannot happen: what is set is plain
	}
	out[name] = b
	return out
}

// without is o less these members.
func (o object) without(names ...string) object {
	out := maps.Clone(o)
	for _, n := range names {
		delete(out, n)
	}
	return out
}

// bytes is the object as JSON.
func (o object) bytes() []byte {
	b, err := json.Marshal(o)
	if err != nil {
		return []byte("{}") // cannot happen: every member is JSON
	}
	return b
}

// text is a member that is a string, or "".
func (o object) text(name string) string {
	var s string
	_ = json.Unmarshal(o[name], &s) // of another type: ""
	return s
}

// number is a member that is a number of seconds.
func (o object) number(name string) (seconds int64, ok bool) {
	var f *float64
	if json.Unmarshal(o[name], &f) != nil || f == nil {
		return 0, false
	}
	return int64(*f), true
}

// has says whether the member is there.
func (o object) has(name string) bool { _, ok := o[name]; return ok }

// before is o as JSON with a member put in front that o may have already: a parser that
// takes the last of two takes o's (RFC 7515 section 4, RFC 7519 section 4).
func (o object) before(name string, value raw) []byte {
	return []byte("{" + string(member(name, value)) + "," + string(o.bytes()[1:]))
}

// after is o as JSON with a member at the end that o may have already.
func (o object) after(name string, value raw) []byte {
	b := o.bytes()
	return []byte(string(b[:len(b)-1]) + "," + string(member(name, value)) + "}")
}

func member(name string, value raw) []byte {
	key, _ := json.Marshal(name) // a string: cannot fail
	return fmt.Appendf(nil, "%s:%s", key, value)
}

// forge is a live token of a fresh user, of which others are made.
type forge struct {
	t *Target
	y *Tally
	u *User
	*jws
}

// begin logs a user in and looks whether their token works. A nil forge without an error
// has noted in y why the case is over.
func begin(ctx context.Context, t *Target, y *Tally) (*forge, error) {
	u, err := t.LogIn(ctx)
	if err != nil {
		return nil, err
	}
	j, err := parseJWS(u.Credential())
	if err != nil {
		return nil, err
	}
	a, err := t.Use(ctx, u)
	if err != nil || !y.Control("the token as it was handed out", a) {
		return nil, err
	}
	return &forge{t, y, u, j}, nil
}

// variation is one credential to try.
type variation struct{ what, credential string }

// refused has all of these refused, with one of the status codes at the least.
func (f *forge) refused(ctx context.Context, all []variation, also ...int) error {
	return f.each(ctx, all, Refused(also...))
}

// roomy is how long a credential may be, in bytes, before a target may refuse the request
// for its length alone (RFC 6585 section 5), whatever is in it.
const roomy = 4000

// each holds the answers to all of these against want.
func (f *forge) each(ctx context.Context, all []variation, want Want) error {
	for _, v := range all {
		a, err := f.t.With(ctx, f.u, v.credential)
		if err != nil {
			return err
		}
		if len(v.credential) > roomy {
			f.y.Check(v.what, a, oneOf(want, Status(431)))
			continue
		}
		f.y.Check(v.what, a, want)
	}
	return nil
}

// minting is one token to have signed.
type minting struct {
	what            string
	header, payload []byte
	algorithm       string // as Signing has it
	padded          []byte // as Signing has it
}

// mint has a token signed.
func (f *forge) mint(ctx context.Context, m minting) (string, error) {
	return f.t.Material.Sign(ctx, Signing{Header: m.header, Payload: m.payload, KeyID: f.kid, Algorithm: m.algorithm, Padded: m.padded})
}

// minted has these signed by a key of the target, and holds the answers against want. The
// first is the token as it was, signed anew: were that not accepted, a refusal of the
// others would say nothing.
func (f *forge) minted(ctx context.Context, all []minting, want Want) error {
	ok, err := f.remint(ctx)
	if err != nil || !ok {
		return err
	}
	for _, m := range all {
		token, err := f.mint(ctx, m)
		if err != nil {
			return fmt.Errorf("sign %s: %w", m.what, err)
		}
		if err := f.each(ctx, []variation{{m.what, token}}, want); err != nil {
			return err
		}
	}
	return nil
}

// remint has the token that f is signed anew, and looks whether it works.
func (f *forge) remint(ctx context.Context) (bool, error) {
	token, err := f.mint(ctx, minting{header: f.header.bytes(), payload: f.claim.bytes()})
	if err != nil {
		return false, fmt.Errorf("sign the token anew: %w", err)
	}
	a, err := f.t.With(ctx, f.u, token)
	if err != nil {
		return false, err
	}
	return f.y.Control("the token signed anew, with nothing changed", a), nil
}

// The reasons of Case.Applies and Case.Needs that only signed tokens have.

// signedWith says why the case is not for tokens signed otherwise than with one of these
// algorithms, named by how they begin: "RS", "PS".
func signedWith(what string, begins ...string) func(*Target) string {
	return func(t *Target) string {
		if why := signed(t); why != "" || t.token == nil {
			return why
		}
		for _, b := range begins {
			if strings.HasPrefix(t.token.alg, b) {
				return ""
			}
		}
		return fmt.Sprintf("its tokens are signed with %s, and not with %s", t.token.alg, what)
	}
}

// carrying says why the case is not for tokens whose header, or payload, has no such member.
func carrying(member string) func(*Target) string {
	return func(t *Target) string {
		if why := signed(t); why != "" || t.token == nil || t.token.header.has(member) || t.token.claim.has(member) {
			return why
		}
		return "its tokens have no " + member
	}
}

// canSign says what is missing to sign as the target does.
func canSign(t *Target) string {
	if t.Material.Sign == nil {
		return "nothing here can sign as the target does: it has no admin plane, and its contract no key in the section probe"
	}
	return ""
}

// knowsKeys says what is missing to take a public key for something else.
func knowsKeys(t *Target) string {
	if len(t.Material.Keys) == 0 {
		return "its public keys are not known: its contract says in no section probe where they are"
	}
	return ""
}
