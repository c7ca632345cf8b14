package attack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// signatureCases forge tokens. What could only be forged with the key is signed by
// Material.Sign; what an attacker can do alone is done here.
func signatureCases() []Case {
	hmacs := signedWith("a shared secret", "HS")
	public := signedWith("a key pair", "RS", "PS", "ES", "Ed", "ML-DSA")
	return []Case{
		{ID: "A1", Title: "alg none, without a signature", Reference: "RFC 8725 3.2; ASVS 5.0 9.1.2; WSTG-SESS-10", Applies: signed, Try: none},
		{ID: "A3", Title: "alg none, with the signature that it had", Reference: "RFC 8725 3.2; ASVS 5.0 9.1.2", Applies: signed, Try: noneSigned},
		{ID: "A4", Title: "the real algorithm, without a signature", Reference: "RFC 7515 5.2; ASVS 5.0 9.1.1", Applies: signed, Try: unsigned},
		{ID: "A6", Title: "a payload that was changed, every member of it", Reference: "RFC 7515 5.2; ASVS 5.0 9.1.1", Applies: signed, Try: tampered},
		{ID: "A8", Title: "a public key taken for a secret", Reference: "RFC 8725 2.1, 3.1; ASVS 5.0 9.1.2", Applies: public, Needs: knowsKeys, Try: confused},
		{ID: "A10", Title: "another hash under the secret", Reference: "RFC 8725 3.1; ASVS 5.0 9.1.2", Applies: hmacs, Needs: canSign, Try: otherAlgorithm("HS256", "HS384", "HS512")},
		{
			ID: "A11", Title: "another algorithm under the RSA key", Reference: "RFC 8725 3.1; ASVS 5.0 9.1.2",
			Applies: signedWith("an RSA key", "RS", "PS"), Needs: canSign, Try: otherAlgorithm("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
		},
		{ID: "A12", Title: "a blank secret, and those that can be guessed", Reference: "RFC 7518 3.2; RFC 8725 3.5; ASVS 5.0 9.1.1", Applies: signed, Try: guessed},
		{ID: "A14", Title: "a key that the token brings along: jwk, jku, x5c, x5u", Reference: "RFC 7515 4.1.2-4.1.6; RFC 8725 3.10; ASVS 5.0 9.1.3", Applies: signed, Try: brought},
		{ID: "A16", Title: "a kid that is a path, a query or a command", Reference: "RFC 8725 3.10; ASVS 5.0 9.1.3; WSTG-SESS-10", Applies: signed, Try: kidInjected},
		{ID: "A18", Title: "ECDSA with r or s of zero, the order, or in DER", Reference: "RFC 7518 3.4; FIPS 186-5 6.4.2; CVE-2022-21449", Applies: signedWith("ECDSA", "ES"), Try: psychic},
		{ID: "A20", Title: "Ed25519 with S plus multiples of the order", Reference: "RFC 8032 5.1.7; RFC 8037 3.1", Applies: signedWith("Ed25519", "Ed"), Try: malleable},
		{ID: "A22", Title: "ML-DSA of another parameter set, or of another length", Reference: "FIPS 204 algorithm 8; RFC 9964", Applies: signedWith("ML-DSA", "ML-DSA"), Try: latticed},
		{ID: "A24", Title: "RSA signatures with other paddings and numbers", Reference: "RFC 8017 8.2.2, 9.2; CVE-2006-4339", Applies: signedWith("PKCS #1 v1.5", "RS"), Try: padded},
		{ID: "A25", Title: "crit with what nobody understands", Reference: "RFC 7515 4.1.11; RFC 8725 3.10", Applies: signed, Needs: canSign, Try: critical},
		{ID: "A27", Title: "an unknown kid, or none", Reference: "RFC 7515 4.1.4; RFC 8725 3.10; ASVS 5.0 9.1.3", Applies: carrying("kid"), Needs: canSign, Try: unknownKid},
		{ID: "A28", Title: "every byte of a signature changed", Reference: "RFC 7515 5.2; ASVS 5.0 9.1.1", Applies: signed, Try: flipped},
		{ID: "A29", Title: "a signature cut short or made longer", Reference: "RFC 7515 5.2; RFC 7518 3.2-3.5", Applies: signed, Try: resized},
		{ID: "A30", Title: "parts of two tokens put together", Reference: "RFC 7515 5.2; ASVS 5.0 9.1.1", Applies: signed, Try: transplanted},
		{ID: "A31", Title: "every character of header and payload changed", Reference: "RFC 7515 5.2; ASVS 5.0 9.1.1", Applies: signed, Try: respelt},
		{ID: "A32", Title: "the algorithm's name misspelt, under the right key", Reference: "RFC 7515 4.1.1; RFC 8725 3.1", Applies: signed, Needs: canSign, Try: misspelt},
		{ID: "A33", Title: "a key of somebody else's under the known kid", Reference: "RFC 7515 5.2; ASVS 5.0 9.1.3", Applies: signed, Try: foreignKey},
	}
}

// nones are the spellings of alg none: in all letter cases, and as what a parser may take
// for it.
func nones(alg string) map[string]object {
	out := map[string]object{"alg missing": {}}
	with := func(v any) { o := object{}.with("alg", v); out["alg "+string(o["alg"])] = o }
	for mask := range 1 << len("none") {
		spelt := []byte("none")
		for i := range spelt {
			if mask>>i&1 == 1 {
				spelt[i] -= 'a' - 'A'
			}
		}
		with(string(spelt))
	}
	for _, v := range []any{"", nil, " none", "none ", "none\x00", "\tnone", "null", "undefined", "plain", 0, false, []string{}, []string{alg}, []string{"none"}, []string{"none", alg}, map[string]string{}} {
		with(v)
	}
	return out
}

// claimants are the payloads of a forgery: as it was, and with the canary's name.
func (f *forge) claimants() map[string][]byte {
	return map[string][]byte{
		"the payload as it was": f.body,
		"another's sub":         f.claim.with("sub", f.t.Contract.User(canary)["subject"]).bytes(),
	}
}

func none(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []variation
	for what, alg := range sorted(nones(f.alg)) {
		for who, payload := range sorted(f.claimants()) {
			for also, base := range sorted(map[string]object{"": f.header, ", no kid": f.header.without("kid"), ", only alg": {}}) {
				header := b64(merged(base.without("alg"), alg).bytes())
				name := what + also + ", " + who
				all = append(all, variation{name, header + "." + b64(payload) + "."}, variation{name + ", two segments", header + "." + b64(payload)})
			}
		}
	}
	return f.refused(ctx, all)
}

func noneSigned(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []variation
	for what, alg := range sorted(nones(f.alg)) {
		for who, payload := range sorted(f.claimants()) {
			header := merged(f.header.without("alg"), alg).bytes()
			all = append(all, variation{what + ", " + who, compact(header, payload, f.sig)})
		}
	}
	return f.refused(ctx, all)
}

func unsigned(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []variation
	for who, payload := range sorted(f.claimants()) {
		input := f.parts[0] + "." + b64(payload)
		for _, sig := range []string{"", ".", "=", "==", "A", "AA", "AAAA", "null", "undefined", "e30", "bnVsbA", "%00", "-", "_"} {
			all = append(all, variation{fmt.Sprintf("%q for a signature, %s", sig, who), input + "." + sig})
		}
		all = append(all, variation{"no third segment, " + who, input})
	}
	return f.refused(ctx, all, 400)
}

// tampered changes each member of the payload, takes it out, and puts in what might be
// believed.
func tampered(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []variation
	for name, value := range sorted(f.claim) {
		for _, other := range otherValues(value) {
			all = append(all, variation{fmt.Sprintf("%s %s", name, other), f.saying(f.claim.with(name, other).bytes())})
		}
		all = append(all, variation{"without " + name, f.saying(f.claim.without(name).bytes())})
	}
	for _, add := range []struct {
		name  string
		value any
	}{
		{"admin", true},
		{"role", "admin"},
		{"roles", []string{"admin"}},
		{"scope", "admin"},
		{"groups", []string{"admin"}},
		{"sub", f.t.Contract.User(canary)["subject"]},
		{"sub", "admin"},
		{"sub", "root"},
		{"exp", 4102444800},
		{"x", 1},
	} {
		all = append(all, variation{fmt.Sprintf("%s put in", add.name), f.saying(f.claim.with(add.name, add.value).bytes())})
	}
	all = append(all,
		variation{"white space put in", f.saying(append([]byte(" "), f.body...))},
		variation{"an empty payload", f.saying([]byte("{}"))},
		variation{"no payload", f.saying(nil)})
	return f.refused(ctx, slices.DeleteFunc(all, func(v variation) bool { return v.credential == f.u.Credential() }))
}

// otherValues are values of the same type as value, and one of another.
func otherValues(value raw) []raw {
	switch text := string(value); text[0] {
	case '"':
		return []raw{raw(`"x` + text[1:]), raw(text[:len(text)-1] + `x"`), raw(`""`), raw("0")}
	case '[':
		return []raw{raw("[]"), raw(`["admin"]`), raw(`"admin"`)}
	case '{':
		return []raw{raw("{}"), raw("[]")}
	case 't', 'f':
		return []raw{raw("true"), raw("false"), raw("1")}
	case 'n':
		return []raw{raw("1"), raw(`"x"`)}
	default:
		return []raw{raw(text + "1"), raw("0"), raw(`"` + text + `"`)}
	}
}

// otherAlgorithm signs with the target's key as its tokens are not signed; and says in the
// header what was not done.
func otherAlgorithm(names ...string) func(context.Context, *Target, *Tally) error {
	return func(ctx context.Context, t *Target, y *Tally) error {
		f, err := begin(ctx, t, y)
		if f == nil {
			return err
		}
		var all []minting
		for _, name := range names {
			if name == f.alg {
				continue
			}
			header := f.header.with("alg", name)
			all = append(all,
				minting{what: "signed with " + name + ", as it says", header: header.bytes(), payload: f.body, algorithm: name},
				minting{what: "signed with " + name + ", without a kid", header: header.without("kid").bytes(), payload: f.body, algorithm: name},
				minting{what: "signed with " + name + ", and says " + f.alg, header: f.head, payload: f.body, algorithm: name},
				minting{what: "says " + name + ", signed with " + f.alg, header: header.bytes(), payload: f.body})
		}
		return f.minted(ctx, all, Refused())
	}
}

// critical names extensions that have to be understood (RFC 7515 section 4.1.11). b64 of
// RFC 7797 may be: what is said with it is not what was signed.
func critical(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []minting
	for _, crit := range []string{
		`["x-unknown"]`, `["exp"]`, `["alg"]`, `["kid"]`, `["typ"]`, `["crit"]`, `["x-absent"]`, `["b64"]`, `["x-unknown","x-unknown"]`,
		`[]`, `null`, `"x-unknown"`, `""`, `{}`, `{"x-unknown":true}`, `0`, `true`, `[null]`, `[1]`, `[""]`, `[["x-unknown"]]`, `["http://example.com/UNDEFINED"]`,
	} {
		header := f.header.with("x-unknown", true).with("exp", 1).with("b64", false).with("http://example.com/UNDEFINED", true)
		all = append(all, minting{what: "crit " + crit, header: header.with("crit", raw(crit)).bytes(), payload: f.body})
	}
	return f.minted(ctx, all, Refused())
}

// unknownKid signs with the right key, and says that it was another.
func unknownKid(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	if f.kid == "" {
		return errors.New("its tokens have a kid that is no text")
	}
	kids := []any{
		"", "unknown", f.kid + "x", "x" + f.kid, f.kid[:len(f.kid)-1], f.kid + " ", " " + f.kid, f.kid + "\x00", f.kid + "/", "./" + f.kid,
		otherCase(f.kid), strings.Repeat(f.kid, 2), "*", "%", "null", "0", "__proto__", "constructor", strings.Repeat("k", 1000),
		nil, 0, 1, true,
		[]string{f.kid},
		[]string{},
		map[string]string{"kid": f.kid},
		map[string]string{},
	}
	all := []minting{{what: "no kid", header: f.header.without("kid").bytes(), payload: f.body}}
	for _, kid := range kids {
		if kid == f.kid {
			continue
		}
		header := f.header.with("kid", kid)
		all = append(all, minting{what: fmt.Sprintf("kid %.60s", header["kid"]), header: header.bytes(), payload: f.body})
	}
	return f.minted(ctx, all, Refused())
}

// misspelt signs with the right key and algorithm, and spells its name otherwise: alg is
// case-sensitive, and has to be there (RFC 7515 section 4.1.1).
func misspelt(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	all := []minting{{what: "no alg", header: f.header.without("alg").bytes(), payload: f.body}}
	for _, alg := range []any{
		strings.ToLower(f.alg), otherCase(f.alg), f.alg + " ", " " + f.alg, f.alg + "\x00", f.alg + "\n", f.alg[:len(f.alg)-1], f.alg + "0", "",
		nil, 256, true,
		[]string{f.alg},
		map[string]string{"alg": f.alg},
		"HS256", "RS256", "PS256", "ES256", "ES256K", "ES384", "EdDSA", "ML-DSA-44", "none", "A256GCM", "dir",
	} {
		if alg == f.alg {
			continue
		}
		header := f.header.with("alg", alg)
		all = append(all, minting{what: fmt.Sprintf("alg %s", header["alg"]), header: header.bytes(), payload: f.body})
	}
	return f.minted(ctx, all, Refused())
}

// sorted yields a map in the order of its keys, so that a probe is the same each time.
func sorted[V any](m map[string]V) func(yield func(string, V) bool) {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// merged is a with the members of b.
func merged(a, b object) object {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
