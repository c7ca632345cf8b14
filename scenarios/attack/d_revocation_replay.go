package attack

import (
	"context"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// spelling is one way to send a credential.
type spelling struct {
	name string
	req  contract.RawRequest
}

// replayed logs users out and sends what they held again in every spelling. What ends
// the credential must not go by its bytes.
func replayed(ctx context.Context, t *Target, y *Tally) error {
	const users = 3
	type replay struct {
		u    *User
		ways []spelling
	}
	var out []replay
	var acked time.Time
	taken, at := map[string]bool{}, 0
	for range users {
		u, err := t.LogIn(ctx)
		if err != nil {
			return err
		}
		ways, err := t.spellings(u)
		if err != nil {
			return err
		}
		for i, s := range ways {
			a, err := t.Send(ctx, 0, &t.Contract.Use, s.req, u.Vars)
			if err != nil {
				return err
			}
			if i == 0 && !y.Control("the credential before the log-out", a) {
				return nil
			}
			if a.Outcome == results.OK {
				taken[s.name] = true
			}
		}
		held := &User{u.N, u.Vars}
		if acked, err = t.logOut(ctx, 0, u); err != nil {
			return err
		}
		a, err := t.Use(ctx, held)
		if err != nil {
			return err
		}
		if a.Outcome == results.OK {
			at++
		}
		out = append(out, replay{held, ways})
	}
	b := t.Contract.Promises.Bound()
	if at > 0 {
		y.Say("%d of %d were accepted right after the log-out; promised: %s", at, users, b)
	}
	if b.Expiry {
		y.Say("what ends the credential is its expiry")
	}
	y.Say("%d spellings, of which %d are accepted while the credential lives", len(out[0].ways), len(taken))
	return t.pastBound(ctx, acked, func() error {
		for _, r := range out {
			for _, s := range r.ways {
				a, err := t.Send(ctx, 0, &t.Contract.Use, s.req, r.u.Vars)
				if err != nil {
					return err
				}
				y.Check(s.name, a, Refused(400, 431).OrClosed())
			}
		}
		return t.bystander(ctx, y)
	})
}

// spellings are ways to say what u holds: the first is that of the contract, and some of
// the others mean the same to many a parser.
func (t *Target) spellings(u *User) ([]spelling, error) {
	base, err := t.Forge(&t.Contract.Use, u, u.Credential())
	if err != nil {
		return nil, err
	}
	out := []spelling{{"as it was", base}}
	for _, s := range respelled(u.Credential()) {
		req, err := t.Forge(&t.Contract.Use, u, s.text)
		if err != nil {
			return nil, err
		}
		out = append(out, spelling{s.name, req})
	}
	at, template, err := t.carrier(u)
	if err != nil || at < 0 {
		return out, err
	}
	filled := strings.ReplaceAll(template, marker, u.Credential())
	change := func(name string, headers ...contract.Header) {
		req := base
		req.Headers = append(append(append([]contract.Header{}, base.Headers[:at]...), headers...), base.Headers[at+1:]...)
		out = append(out, spelling{name, req})
	}
	header := base.Headers[at].Name
	change("header name in lower case", contract.Header{Name: strings.ToLower(header), Value: filled})
	change("header name in upper case", contract.Header{Name: strings.ToUpper(header), Value: filled})
	change("the header twice", contract.Header{Name: header, Value: filled}, contract.Header{Name: header, Value: filled})
	if name := cookieOf(t.Contract); name != "" {
		for _, v := range []struct{ name, value string }{
			{"behind another cookie", "theme=dark; " + filled},
			{"before another cookie", filled + "; theme=dark"},
			{"the cookie twice", filled + "; " + filled},
			{"behind an empty cookie of that name", name + "=; " + filled},
			{"in quotes", strings.ReplaceAll(template, marker, `"`+u.Credential()+`"`)},
			{"behind a blank", strings.ReplaceAll(template, marker, " "+u.Credential())},
			{"cookie name in lower case", strings.Replace(filled, name+"=", strings.ToLower(name)+"=", 1)},
			{"cookies without a blank between", "theme=dark;" + filled},
		} {
			change(v.name, contract.Header{Name: header, Value: v.value})
		}
		change("in a second Cookie header", contract.Header{Name: header, Value: "theme=dark"}, contract.Header{Name: header, Value: filled})
		return out, nil
	}
	scheme, _, ok := strings.Cut(template, " ")
	if !ok {
		return out, nil
	}
	for _, v := range []struct{ name, value string }{
		{"scheme in lower case", strings.ToLower(scheme) + filled[len(scheme):]},
		{"scheme in upper case", strings.ToUpper(scheme) + filled[len(scheme):]},
		{"two blanks behind the scheme", scheme + " " + filled[len(scheme):]},
		{"a blank behind it", filled + " "},
		{"a comma behind it", filled + ","},
		{"twice in one header", filled + ", " + filled},
	} {
		change(v.name, contract.Header{Name: header, Value: v.value})
	}
	return out, nil
}

// carrier is which header carries the credential of a use, and its value with marker in
// the credential's place; -1 where none does.
func (t *Target) carrier(u *User) (at int, template string, err error) {
	req, err := t.Forge(&t.Contract.Use, u, marker)
	if err != nil {
		return -1, "", err
	}
	for i, h := range req.Headers {
		if strings.Contains(h.Value, marker) {
			return i, h.Value, nil
		}
	}
	return -1, "", nil
}

// text is a credential written in another way.
type text struct{ name, text string }

// respelled is credential in other letters for the same bytes, or nearly.
func respelled(credential string) []text {
	out := []text{
		{"with padding", credential + "="},
		{"percent-encoded", percent(credential)},
		{"in upper case", strings.ToUpper(credential)},
		{"in lower case", strings.ToLower(credential)},
	}
	if plain, err := url.PathUnescape(credential); err == nil && plain != credential {
		out = append(out, text{"percent-decoded", plain})
	}
	parts := strings.Split(credential, ".")
	last := len(parts) - 1
	with := func(signature string) string { return strings.Join(append(parts[:last:last], signature), ".") }
	for i, s := range sameBytes(parts[last]) {
		out = append(out, text{fmt.Sprintf("other unused bits %d", i+1), with(s)})
	}
	if standard := strings.NewReplacer("-", "+", "_", "/").Replace(credential); standard != credential {
		out = append(out, text{"in the standard alphabet", standard})
	}
	if twin := twinOf(parts); twin != "" {
		out = append(out, text{"the ECDSA twin (r, n-s)", with(twin)})
	}
	if len(parts) == 3 {
		out = append(out,
			text{"every part with padding", pad(parts[0]) + "." + pad(parts[1]) + "." + pad(parts[2])},
			text{"with a dot behind", credential + "."},
		)
	}
	return out
}

// percent writes every byte of s as %XX.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

// pad fills base64 up to whole quartets.
func pad(s string) string { return s + strings.Repeat("=", (4-len(s)%4)%4) }

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// sameBytes are the other texts that a decoder which does not look at the unused bits of
// the last character of base64url takes for s.
func sameBytes(s string) []string {
	unused := map[int]int{2: 4, 3: 2}[len(s)%4]
	if unused == 0 {
		return nil
	}
	at := strings.IndexByte(base64url, s[len(s)-1])
	if at < 0 {
		return nil
	}
	var out []string
	from := at >> unused << unused
	for i := from; i < from+1<<unused; i++ {
		if i != at {
			out = append(out, s[:len(s)-1]+base64url[i:i+1])
		}
	}
	return out
}

// twinOf is the other signature that verifies wherever that of an ECDSA token does: s
// replaced by n - s. "" for tokens of other algorithms.
func twinOf(parts []string) string {
	if len(parts) != 3 {
		return ""
	}
	var header struct{ Alg string }
	b, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil || json.Unmarshal(b, &header) != nil {
		return ""
	}
	curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[header.Alg]
	if curve == nil {
		return ""
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	size := (curve.Params().BitSize + 7) / 8
	if err != nil || len(sig) != 2*size {
		return ""
	}
	s := new(big.Int).SetBytes(sig[size:])
	s.Sub(curve.Params().N, s)
	s.FillBytes(sig[size:])
	return base64.RawURLEncoding.EncodeToString(sig)
}
