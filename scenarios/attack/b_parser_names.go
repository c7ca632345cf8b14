package attack

import (
	"context"
	"fmt"
	"strings"
)

// headerTwice has a member of the header twice: a parser refuses that, or takes the last
// (RFC 7515 section 4), which is wrong here.
func headerTwice(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	all := []minting{
		{what: "alg, then none", header: f.header.after("alg", raw(`"none"`)), payload: f.body},
		{what: "alg, then HS256", header: f.header.after("alg", raw(`"`+otherFamily(f.alg)+`"`)), payload: f.body},
		{what: "alg, then null", header: f.header.after("alg", raw("null")), payload: f.body},
		{what: "alg, then none, spelt with an escape", header: escapedTwice(f.header), payload: f.body},
	}
	if f.kid != "" {
		all = append(all, minting{what: "kid, then unknown", header: f.header.after("kid", raw(`"unknown"`)), payload: f.body})
	}
	return f.minted(ctx, all, Refused(400))
}

// escapedTwice is o with an alg of none at its end, whose name is written in another way.
func escapedTwice(o object) []byte {
	b := o.bytes()
	return append(b[:len(b)-1], []byte(`,"al\u0067":"none"}`)...)
}

// otherFamily is an algorithm that is not alg's.
func otherFamily(alg string) string {
	if strings.HasPrefix(alg, "HS") {
		return "RS256"
	}
	return "HS256"
}

// claimTwice has a claim twice: a parser refuses that, or takes the last (RFC 7519 section
// 4), which is wrong here.
func claimTwice(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	another := "\"" + t.Contract.User(canary)["subject"] + "\""
	wrong := map[string][]string{"exp": {"1", "0"}}
	for _, name := range []string{"iss", "aud"} {
		if f.claim.has(name) {
			wrong[name] = []string{`"https://evil.test"`, `""`}
		}
	}
	if f.claim.has("nbf") {
		wrong["nbf"] = []string{"4102444800"}
	}
	var all []minting
	for name, values := range sorted(wrong) {
		for _, v := range values {
			all = append(all, minting{what: name + ", then " + v, header: f.head, payload: f.claim.after(name, raw(v))})
		}
	}
	if err := f.minted(ctx, all, Refused(400)); err != nil || f.claim.text("sub") == "" {
		return err
	}
	// What is said last is who it is, or nobody. The answer for the first is wrong.
	return f.minted(ctx, []minting{
		{what: "another's sub, then the right one", header: f.head, payload: f.claim.before("sub", raw(another))},
	}, oneOf(Accepted(), Refused(400)))
}

// otherNames has claims under names that differ in their letter case alone, which are
// other names (RFC 7519 section 10.1.1). Of a claim that may be missing that says nothing.
func otherNames(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var refused []minting
	for _, name := range []string{"exp", "iss", "aud", "sub", "alg", "kid"} {
		respelt := f.misnamed(name)
		if len(respelt) == 0 {
			continue
		}
		token, err := f.mint(ctx, respelt[0])
		if err != nil {
			return fmt.Errorf("sign %s: %w", respelt[0].what, err)
		}
		a, err := t.With(ctx, f.u, token)
		if err != nil {
			return err
		}
		if a.Status/100 == 2 {
			y.Say("a token without %s is not refused, so that other spellings of it say nothing", name)
			continue
		}
		refused = append(refused, respelt[1:]...)
	}
	if end, ok := f.claim.number("exp"); ok { // an end long past is not made good by another member
		for _, spelt := range []string{"EXP", "Exp"} {
			payload := f.claim.with("exp", 1).after(spelt, fmt.Appendf(nil, "%d", end))
			refused = append(refused, minting{what: "exp that is over, then " + spelt, header: f.head, payload: payload})
		}
	}
	if err := f.minted(ctx, refused, Refused(400)); err != nil || f.claim.text("sub") == "" {
		return err
	}
	var same []minting
	another := raw(`"` + t.Contract.User(canary)["subject"] + `"`)
	for _, spelt := range []string{"SUB", "Sub", "\u017fub", "sub ", "sub\x00"} {
		same = append(same, minting{what: fmt.Sprintf("another's name in %q, behind sub", spelt), header: f.head, payload: f.claim.after(spelt, another)})
	}
	return f.minted(ctx, same, oneOf(Accepted(), Refused(400)))
}

// misnamed are the tokens without a member, and with it under names that are almost its
// own; none where f has no such member.
func (f *forge) misnamed(name string) []minting {
	spellings := []string{strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], name[:2] + strings.ToUpper(name[2:])}
	if f.header.has(name) {
		rest := f.header.without(name)
		all := []minting{{what: "no " + name, header: rest.bytes(), payload: f.body}}
		for _, spelt := range spellings {
			all = append(all, minting{what: spelt + " instead of " + name, header: rest.with(spelt, f.header[name]).bytes(), payload: f.body})
		}
		return all
	}
	if !f.claim.has(name) {
		return nil
	}
	rest := f.claim.without(name)
	all := []minting{f.claiming("no "+name, rest)}
	for _, spelt := range spellings {
		all = append(all, f.claiming(spelt+" instead of "+name, rest.with(spelt, f.claim[name])))
	}
	return all
}
