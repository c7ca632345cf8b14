package attack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"authbench/targets/contract"
)

// inBearer: the credential follows the scheme Bearer.
func inBearer(t *Target) string {
	for name, value := range t.Contract.Use.Headers {
		scheme, rest, _ := strings.Cut(value, " ")
		if strings.EqualFold(name, "Authorization") && strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(rest) == "{credential}" {
			return ""
		}
	}
	return "its credential is not in an Authorization header of the scheme Bearer"
}

// authorized has use sent with these values of Authorization, one field each.
func (f *forge) authorized(ctx context.Context, u *User, values ...string) (*contract.Answer, error) {
	req, err := f.t.Forge(&f.t.Contract.Use, u, "x")
	if err != nil {
		return nil, err
	}
	req.Headers = slices.DeleteFunc(req.Headers, func(h contract.Header) bool { return strings.EqualFold(h.Name, "Authorization") })
	for _, v := range values {
		req.Headers = append(req.Headers, contract.Header{Name: "Authorization", Value: v})
	}
	return f.t.Send(ctx, 0, &f.t.Contract.Use, req, u.Vars)
}

func schemeCase(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	for _, scheme := range []string{"bearer", "BEARER", "bEARER", "BeArEr"} {
		a, err := f.authorized(ctx, f.u, scheme+" "+f.u.Credential())
		if err != nil {
			return err
		}
		y.Check(scheme, a, Accepted())
	}
	return nil
}

func otherSchemes(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	token := f.u.Credential()
	for _, value := range []string{
		"Basic " + token, "Digest " + token, "DPoP " + token, "Negotiate " + token, "Bearer:" + token, "Bearer=" + token, "Bearer," + token,
		"Bearer\x0b" + token, "Bearertoken " + token, "XBearer " + token, "Bearer", "Bearer ", "Bearer Bearer " + token, "Bearer token=" + token,
		"Bearer \"" + token + "\"", "Basic Bearer " + token, "Bearer " + token + ", Bearer " + token, "Bearer " + token + " " + token, "Bearer x, Bearer " + token,
	} {
		a, err := f.authorized(ctx, f.u, value)
		if err != nil {
			return err
		}
		y.Check(strings.ReplaceAll(value, token, "TOKEN"), a, broken())
	}
	return nil
}

// twoFields repeats the header field: whoever stands before the target may look at the
// other one.
func twoFields(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	other, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	good, bad := "Bearer "+f.u.Credential(), "Bearer "+f.sealed(make([]byte, len(f.sig)))
	for what, values := range sorted(map[string][]string{
		"a good one, then a forged one": {good, bad},
		"a forged one, then a good one": {bad, good},
		"two users'":                    {good, "Bearer " + other.Credential()},
		"a good one, then an empty one": {good, ""},
		"an empty one, then a good one": {"", good},
		"Basic, then a good one":        {"Basic eDp4", good},
		"a good one, then Basic":        {good, "Basic eDp4"},
	}) {
		a, err := f.authorized(ctx, f.u, values...)
		if err != nil {
			return err
		}
		y.Check(what, a, Refused(400, 431))
	}
	return nil
}

// twoPlaces sends two tokens in two places: the one that the contract names decides, or
// the request is refused.
func twoPlaces(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	other, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	forged := f.sealed(make([]byte, len(f.sig)))
	send := func(what, credential string, extra contract.Header, want Want) error {
		req, err := t.Forge(&t.Contract.Use, f.u, credential)
		if err != nil {
			return err
		}
		req.Headers = append(req.Headers, extra)
		a, err := t.Send(ctx, 0, &t.Contract.Use, req, f.u.Vars)
		if err == nil {
			y.Check(what, a, want)
		}
		return err
	}
	mine := oneOf(Accepted(), Refused(400, 431))
	if cookieOf(t.Contract) != "" {
		for what, v := range sorted(map[string]string{"another user's": other.Credential(), "a forged": forged}) {
			if err := send(what+" token in Authorization beside a good cookie", f.u.Credential(), contract.Header{Name: "Authorization", Value: "Bearer " + v}, mine); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range []string{"access_token", "token", "jwt", "session", "sid", "Authorization", "__Host-session", "__Host-token", "id_token"} {
		for what, v := range sorted(map[string]string{"another user's": other.Credential(), "a forged": forged}) {
			if err := send(what+" token in the cookie "+name, f.u.Credential(), contract.Header{Name: "Cookie", Value: name + "=" + v}, mine); err != nil {
				return err
			}
		}
		if err := send("a forged token, and a good one in the cookie "+name, forged, contract.Header{Name: "Cookie", Value: name + "=" + f.u.Credential()}, Refused(400, 431)); err != nil {
			return err
		}
	}
	return nil
}

// oversize sends more than a header field should have. 431 is the right answer; 401 and a
// closed connection will do.
func oversize(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []variation
	for _, size := range []int{9 << 10, 17 << 10, 65 << 10, 1 << 20} {
		fill := strings.Repeat("A", size)
		all = append(all,
			variation{fmt.Sprintf("a signature of %d KiB", size>>10), f.parts[0] + "." + f.parts[1] + "." + fill},
			variation{fmt.Sprintf("a payload of %d KiB", size>>10), f.parts[0] + "." + f.parts[1] + fill + "." + f.parts[2]},
			variation{fmt.Sprintf("a header of %d KiB", size>>10), f.parts[0] + fill + "." + f.parts[1] + "." + f.parts[2]},
			variation{fmt.Sprintf("%d KiB of dots", size>>10), strings.Repeat(".", size)},
			variation{fmt.Sprintf("%d KiB and no dot", size>>10), fill})
	}
	all = append(all, variation{"4000 dots", strings.Repeat(".", 4000)}, variation{"1000 empty tokens", strings.Repeat("e30.", 1000)})
	return f.each(ctx, all, Refused(400, 413, 431).OrClosed())
}

// whiteSpace puts white space where a token has none. A lenient decoder skips it, so that
// one token has many spellings. At the ends it is the header field's (RFC 9110 section
// 5.5), and where a form carries the token that is another matter: see the refresh step.
func whiteSpace(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	h, p, s := f.parts[0], f.parts[1], f.parts[2]
	var all []variation
	for _, space := range []string{" ", "\t", "\v", "\f", "\u00a0", "\u2028", "\u200b", "%20", "%0A", "%09", "+", "\\n"} {
		all = append(all,
			variation{fmt.Sprintf("%q in the header", space), h[:4] + space + h[4:] + "." + p + "." + s},
			variation{fmt.Sprintf("%q in the payload", space), h + "." + p[:4] + space + p[4:] + "." + s},
			variation{fmt.Sprintf("%q in the signature", space), h + "." + p + "." + s[:4] + space + s[4:]},
			variation{fmt.Sprintf("%q before the first dot", space), h + space + "." + p + "." + s},
			variation{fmt.Sprintf("%q behind the last dot", space), h + "." + p + "." + space + s})
	}
	for _, fold := range []string{"\r\n ", "\n ", "\r ", "\r\n\t"} {
		all = append(all, variation{fmt.Sprintf("%q in the signature", fold), h + "." + p + "." + s[:4] + fold + s[4:]})
	}
	if err := f.each(ctx, all, broken()); err != nil {
		return err
	}
	name := refreshName(t.Contract)
	if _, err := parseJWS(f.u.Vars[name]); name == "" || err != nil {
		return nil
	}
	token := f.u.Vars[name]
	for _, space := range []string{"\n", "\r\n", "\r", " ", "\t", "\x00"} {
		for where, spelt := range sorted(map[string]string{
			"in": token[:len(token)-5] + space + token[len(token)-5:], "behind": token + space, "before": space + token,
		}) {
			a, err := t.Do(ctx, 0, t.Contract.Refresh, f.u.Vars.With(contract.Vars{name: spelt}))
			if err != nil {
				return err
			}
			y.Check(fmt.Sprintf("%q %s the refresh token", space, where), a, Refused(400, 401))
		}
	}
	return nil
}

// refreshName is the name of what the refresh step sends and login has handed out beside
// the credential; "" where there is no such thing.
func refreshName(c *contract.Contract) string {
	for name := range sorted(c.Login.Extract) {
		if name != "credential" && name != "subject" && needs(c.Refresh, name) {
			return name
		}
	}
	return ""
}

// trailingBits changes the bits behind the last byte of a segment. In the signature that
// leaves the bytes as they were: a decoder that does not look (RFC 4648 section 3.5) has
// several spellings of one token.
func trailingBits(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []variation
	for i, name := range []string{"header", "payload", "signature"} {
		for _, spelt := range sameBytes(f.parts[i]) {
			parts := f.parts
			parts[i] = spelt
			all = append(all, variation{"the " + name + " ends in " + spelt[len(spelt)-1:], strings.Join(parts[:], ".")})
		}
	}
	if len(all) == 0 {
		y.Unknown("every segment of its tokens ends with a whole byte, so that there are no such bits")
	}
	return f.refused(ctx, all, 400)
}

// otherAlphabet spells a token whose signature has - or _ as base64 does.
func otherAlphabet(ctx context.Context, t *Target, y *Tally) error {
	for range 20 {
		f, err := begin(ctx, t, y)
		if f == nil {
			return err
		}
		if !strings.ContainsAny(f.parts[2], "-_") {
			continue
		}
		standard := strings.NewReplacer("-", "+", "_", "/").Replace
		input := f.input()
		return f.refused(ctx, []variation{
			{"the signature in the other alphabet", input + "." + standard(f.parts[2])},
			{"and padded", input + "." + pad(standard(f.parts[2]))},
			{"all of it in the other alphabet", standard(f.u.Credential())},
			{"- for / and _ for +", input + "." + strings.NewReplacer("-", "/", "_", "+").Replace(f.parts[2])},
			{"percent-encoded", input + "." + strings.NewReplacer("-", "%2D", "_", "%5F").Replace(f.parts[2])},
			{"in hexadecimal digits", fmt.Sprintf("%s.%x", input, f.sig)},
		}, 400)
	}
	y.Unknown("none of 20 signatures has a character in which the alphabets differ")
	return nil
}

func oddBytes(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	token := f.u.Credential()
	var all []variation
	for _, b := range []byte{0x00, 0x01, 0x08, 0x0e, 0x1b, 0x1f, 0x7f, 0x80, 0xa0, 0xad, 0xc3, 0xff} {
		odd := string([]byte{b})
		all = append(all,
			variation{fmt.Sprintf("%#02x behind the token", b), token + odd},
			variation{fmt.Sprintf("%#02x before the token", b), odd + token},
			variation{fmt.Sprintf("%#02x behind the header", b), strings.Replace(token, ".", odd+".", 1)},
			variation{fmt.Sprintf("%#02x in the signature", b), token[:len(token)-4] + odd + token[len(token)-4:]})
	}
	for _, odd := range []string{"\u00e9", "\ufeff", "\u202e", "\U0001f511", "%00", "\\u0000", "\\x00"} {
		all = append(all, variation{fmt.Sprintf("%+q behind the token", odd), token + odd}, variation{fmt.Sprintf("%+q before the token", odd), odd + token})
	}
	return f.each(ctx, all, broken())
}

func longKid(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []variation
	for _, size := range []int{257, 1000, 4000, 20000, 100000} {
		for _, unit := range []string{"k", "\x00", "../", "\u00e9", "%s"} {
			header := f.header.with("kid", strings.Repeat(unit, size/len(unit)))
			all = append(all, variation{fmt.Sprintf("a kid of %d times %+q", size/len(unit), unit), f.under(header.bytes())})
		}
	}
	return f.each(ctx, all, Refused(400, 413, 431).OrClosed())
}
