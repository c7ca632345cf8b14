package attack

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// parserCases are about how a token is read. Those that a signature would hide have one,
// from Material.Sign.
func parserCases() []Case {
	bearer := first(signed, inBearer)
	return []Case{
		{ID: "B1", Title: "fewer or more than three segments", Reference: "RFC 7515 3.1, 5.2; RFC 7519 7.2", Applies: signed, Try: segments},
		{ID: "B3", Title: "base64url with = padding", Reference: "RFC 7515 2, 5.2", Applies: signed, Try: equalSigns},
		{ID: "B5", Title: "the JSON serialization", Reference: "RFC 7519 3; RFC 7515 7.2", Applies: signed, Try: serialized},
		{ID: "B7", Title: "a payload that is no object", Reference: "RFC 7519 7.2", Applies: signed, Needs: canSign, Try: noObject},
		{ID: "B8", Title: "deep nesting, numbers out of range, bad UTF-8", Reference: "RFC 7519 7.2; RFC 8259 8.1, 9; RFC 8725 3.7", Applies: signed, Needs: canSign, Try: badJSON},
		{ID: "B9", Title: "a five-part JWE", Reference: "RFC 7516 3.1; RFC 8725 2.1, 3.1", Applies: signed, Try: encrypted},
		{ID: "B11", Title: "the scheme in other letter cases is the same scheme", Reference: "RFC 9110 11.1", Applies: bearer, Try: schemeCase},
		{ID: "B13", Title: "tokens that are too long", Reference: "RFC 9110 5.4; RFC 6585 5", Applies: signed, Try: oversize},
		{ID: "B14", Title: "white space inside of a token", Reference: "RFC 7515 2, 5.2; RFC 9112 5.2", Applies: signed, Try: whiteSpace},
		{ID: "B15", Title: "a member of the header twice, the last of them wrong", Reference: "RFC 7515 4", Applies: signed, Needs: canSign, Try: headerTwice},
		{ID: "B16", Title: "a claim twice, the last of them wrong", Reference: "RFC 7519 4", Applies: signed, Needs: canSign, Try: claimTwice},
		{ID: "B17", Title: "base64url with bits behind the last byte", Reference: "RFC 4648 3.5; RFC 7515 5.2", Applies: signed, Try: trailingBits},
		{ID: "B18", Title: "the alphabet of base64 instead of base64url", Reference: "RFC 4648 5; RFC 7515 2", Applies: signed, Try: otherAlphabet},
		{ID: "B19", Title: "NUL, control and other bytes in a token", Reference: "RFC 9110 5.5; RFC 7515 2", Applies: signed, Try: oddBytes},
		{ID: "B20", Title: "a very long kid", Reference: "RFC 8725 3.10", Applies: signed, Try: longKid},
		{ID: "B21", Title: "two Authorization header fields", Reference: "RFC 6750 2, 3.1; RFC 9110 5.3", Applies: bearer, Try: twoFields},
		{ID: "B22", Title: "one token in the header and another in a cookie", Reference: "RFC 6750 2, 3.1", Applies: signed, Try: twoPlaces},
		{ID: "B23", Title: "other schemes than Bearer", Reference: "RFC 9110 11.1; RFC 6750 2.1", Applies: bearer, Try: otherSchemes},
		{ID: "B24", Title: "names of claims in other letter cases", Reference: "RFC 7519 10.1.1; RFC 7515 4", Applies: signed, Needs: canSign, Try: otherNames},
	}
}

// broken is what becomes of a request whose field value cannot be read at all.
func broken() Want { return Refused(400, 431).OrClosed() }

func segments(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	h, p, s := f.parts[0], f.parts[1], f.parts[2]
	var all []variation
	for _, parts := range [][]string{
		{h},
		{p},
		{s},
		{h, p},
		{h, s},
		{p, s},
		{h, p, s, ""},
		{h, p, s, s},
		{h, p, "", s},
		{h, "", p, s},
		{"", h, p, s},
		{h, h, p, s},
		{h, p, p, s},
		{h, p, s, "x"},
		{h, p, s, "", ""},
		{"", p, s},
		{h, "", s},
		{"", "", s},
		{"", "", ""},
		{"", ""},
		{h, "e30", s},
		{"e30", p, s},
		{"e30", "e30", ""},
		{p, h, s},
		{h, s, p},
		{s, p, h},
	} {
		token := strings.Join(parts, ".")
		all = append(all, variation{fmt.Sprintf("%d segments: %s", len(parts), shape(token, f.parts)), token})
	}
	token := f.u.Credential()
	for _, add := range []string{",", ";", ":", "/", "?", "#", "&x", "+", "\"", "\\", "@", "|", "~", "!", "$"} {
		all = append(all, variation{"with " + add + " behind it", token + add}, variation{"with " + add + " before it", add + token})
	}
	for _, dot := range []string{",", ":", "-", "_", "/", "..", "%2E", "%2e", "\u3002", "\uff0e"} {
		all = append(all, variation{fmt.Sprintf("%q instead of the dots", dot), strings.ReplaceAll(token, ".", dot)})
	}
	if cookieOf(t.Contract) != "" { // there ; begins another cookie, and what is behind it is no part of this one
		all = slices.DeleteFunc(all, func(v variation) bool { return strings.Contains(v.credential, ";") })
	}
	return f.refused(ctx, all, 400)
}

// shape is a token in words: its known segments by their letters.
func shape(token string, parts [3]string) string {
	return strings.NewReplacer(parts[0], "h", parts[1], "p", parts[2], "s").Replace(token)
}

func equalSigns(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []variation
	for i, name := range []string{"header", "payload", "signature"} {
		for _, add := range []string{"=", "==", "===", "%3D", "%3D%3D"} {
			parts := f.parts
			parts[i] += add
			all = append(all, variation{fmt.Sprintf("%s behind the %s", add, name), strings.Join(parts[:], ".")})
		}
	}
	parts := f.parts
	for i := range parts {
		parts[i] = pad(parts[i])
	}
	if padded := strings.Join(parts[:], "."); padded != f.u.Credential() {
		all = append(all, variation{"every segment padded", padded})
	}
	return f.refused(ctx, all, 400)
}

func serialized(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	h, p, s := f.parts[0], f.parts[1], f.parts[2]
	forms := map[string]string{
		"flattened":               fmt.Sprintf(`{"payload":"%s","protected":"%s","signature":"%s"}`, p, h, s),
		"general":                 fmt.Sprintf(`{"payload":"%s","signatures":[{"protected":"%s","signature":"%s"}]}`, p, h, s),
		"general, none beside it": fmt.Sprintf(`{"payload":"%s","signatures":[{"header":{"alg":"none"},"signature":""},{"protected":"%s","signature":"%s"}]}`, p, h, s),
		"unprotected header":      fmt.Sprintf(`{"payload":"%s","header":%s,"signature":"%s"}`, p, f.head, s),
		"both headers":            fmt.Sprintf(`{"payload":"%s","protected":"%s","header":{"alg":"none"},"signature":"%s"}`, p, h, s),
		"no signature":            fmt.Sprintf(`{"payload":"%s","signatures":[]}`, p),
		"an array":                fmt.Sprintf(`["%s","%s","%s"]`, h, p, s),
		"text in quotes":          `"` + f.u.Credential() + `"`,
	}
	var all []variation
	for what, text := range sorted(forms) {
		all = append(all, variation{what, text}, variation{what + ", in base64url", b64([]byte(text))}, variation{what + ", as a payload", h + "." + b64([]byte(text)) + "." + s})
	}
	return f.each(ctx, all, broken())
}

func noObject(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []minting
	for _, payload := range []string{
		"null", "[]", "true", "false", "0", "-1", "1e400", `""`, `"` + f.claim.text("sub") + `"`, "", " ", "{", "}", "{}", "{}{}", "[{}]", "[" + string(f.body) + "]",
		string(f.body) + string(f.body), string(f.body) + ",", string(f.body) + "x", string(f.body) + "\x00", "\x00", "NaN", "Infinity", "undefined", "'x'", "{sub:1}",
		"\xef\xbb\xbf" + string(f.body), "//\n" + string(f.body), strings.Replace(string(f.body), "{", "{,", 1), strings.TrimSuffix(string(f.body), "}") + ",}", strings.TrimSuffix(string(f.body), "}"),
	} {
		all = append(all, minting{what: fmt.Sprintf("payload %.60q", payload), header: f.head, payload: []byte(payload)})
	}
	for _, header := range []string{"null", "[]", "{}", "0", `""`, "", "[" + string(f.head) + "]", string(f.head) + string(f.head), string(f.head) + "x", "\xef\xbb\xbf" + string(f.head), strings.TrimSuffix(string(f.head), "}") + ",}"} {
		all = append(all, minting{what: fmt.Sprintf("header %.60q", header), header: []byte(header), payload: f.body})
	}
	return f.minted(ctx, all, Refused(400))
}

// badJSON has what no parser should take signed, and what it may take but must not choke
// on: a member that nobody looks at.
func badJSON(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	const deep = 1000 // as deep as a header field of 4 KB can be
	sub := f.claim.text("sub")
	body := func(name, value string) []byte { return f.claim.without(name).after(name, raw(value)) }
	wrong := []minting{
		{what: "a payload of nested arrays", header: f.head, payload: []byte(strings.Repeat("[", deep) + strings.Repeat("]", deep))},
		{what: "a payload of open brackets", header: f.head, payload: []byte(strings.Repeat("[", deep))},
		{what: "a payload of open braces", header: f.head, payload: []byte(strings.Repeat(`{"a":`, deep/4))},
		{what: "exp 1e400", header: f.head, payload: body("exp", "1e400")},
		{what: "exp -1e400", header: f.head, payload: body("exp", "-1e400")},
		{what: "exp of 400 digits", header: f.head, payload: body("exp", strings.Repeat("9", 400))},
		{what: "exp NaN", header: f.head, payload: body("exp", "NaN")},
		{what: "exp Infinity", header: f.head, payload: body("exp", "Infinity")},
		{what: "exp 0x7fffffff", header: f.head, payload: body("exp", "0x7fffffff")},
		{what: "sub with a byte that is no UTF-8", header: f.head, payload: body("sub", "\""+sub+"\xff\"")},
		{what: "sub with an overlong slash", header: f.head, payload: body("sub", "\""+sub+"\xc0\xaf\"")},
		{what: "sub with half a character", header: f.head, payload: body("sub", "\""+sub+"\xe2\x82\"")},
		{what: "sub with a surrogate in UTF-8", header: f.head, payload: body("sub", "\""+sub+"\xed\xa0\x80\"")},
		{what: "another member that is no UTF-8", header: f.head, payload: f.claim.after("x", raw("\"\xff\""))},
		{what: "a line break in a string", header: f.head, payload: body("sub", "\""+sub+"\n\"")},
		{what: "sub in single quotes", header: f.head, payload: body("sub", "'"+sub+"'")},
		{what: "a payload in UTF-16", header: f.head, payload: utf16le(f.body)},
		{what: "a header of nested arrays", header: []byte(strings.Repeat("[", deep) + strings.Repeat("]", deep)), payload: f.body},
		{what: "a header that is no UTF-8", header: f.header.before("x", raw("\"\xff\"")), payload: f.body},
	}
	if err := f.minted(ctx, wrong, Refused(400)); err != nil {
		return err
	}
	return f.minted(ctx, []minting{
		{what: "a member of nested arrays", header: f.head, payload: f.claim.after("x", raw(strings.Repeat("[", deep)+strings.Repeat("]", deep)))},
		{what: "a member of nested objects", header: f.head, payload: f.claim.after("x", raw(strings.Repeat(`{"a":`, deep/4)+"1"+strings.Repeat("}", deep/4)))},
		{what: "a member of 1e400", header: f.head, payload: f.claim.after("x", raw("1e400"))},
		{what: "a member with a lone surrogate", header: f.head, payload: f.claim.after("x", raw(`"\ud800"`))},
		{what: "a member with NUL", header: f.head, payload: f.claim.after("x", raw(`"\u0000"`))},
		{what: "a member with an empty name", header: f.head, payload: f.claim.after("", raw("1"))},
		{what: "a member called __proto__", header: f.head, payload: f.claim.after("__proto__", raw(`{"admin":true,"roles":["admin"]}`))},
		{what: "300 members", header: f.head, payload: manyMembers(f.claim, 300)},
		{what: "a member of the header of nested arrays", header: f.header.after("x", raw(strings.Repeat("[", deep)+strings.Repeat("]", deep))), payload: f.body},
	}, oneOf(Accepted(), Refused(400, 431)))
}

// utf16le is ASCII text in UTF-16.
func utf16le(b []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, c := range b {
		out = append(out, c, 0)
	}
	return out
}

// manyMembers is o and n members that mean nothing.
func manyMembers(o object, n int) []byte {
	for i := range n {
		o = o.with(fmt.Sprintf("x%d", i), 1)
	}
	return o.bytes()
}
