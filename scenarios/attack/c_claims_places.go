package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// texts is a member that is a list of strings; nil where there is none.
func (o object) texts(name string) (list []string, err error) {
	if o.has(name) {
		err = json.Unmarshal(o[name], &list)
	}
	return list, err
}

// refreshAsAccess uses what is to be traded for a new token.
func refreshAsAccess(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	name := refreshName(t.Contract)
	token := f.u.Vars[name]
	all := []variation{{"the " + name, token}}
	j, err := parseJWS(token)
	if err == nil {
		all = append(all,
			variation{"its payload with the access token's header and signature", f.parts[0] + "." + j.parts[1] + "." + f.parts[2]},
			variation{"its header with the access token's payload", j.parts[0] + "." + f.parts[1] + "." + j.parts[2]})
	}
	if err := f.refused(ctx, all); err != nil {
		return err
	}
	if j == nil || t.Material.Sign == nil {
		return nil
	}
	// One thing that tells the two apart is made the same at a time.
	var almost []minting
	for _, tell := range []string{"aud", "typ", "token_type", "use", "scope"} {
		header, claims := j.header, j.claim
		switch {
		case f.claim.has(tell) && string(f.claim[tell]) != string(j.claim[tell]):
			claims = claims.with(tell, f.claim[tell])
		case f.header.has(tell) && string(f.header[tell]) != string(j.header[tell]):
			header = header.with(tell, f.header[tell])
		default:
			continue
		}
		if !sameKind(f, header, claims) {
			almost = append(almost, minting{what: "the " + name + ", with the access token's " + tell, header: header.bytes(), payload: claims.bytes()})
		}
	}
	return f.minted(ctx, almost, Refused())
}

// sameKind says whether nothing is left by which a token could be told from the access
// token: header and audience are the same.
func sameKind(f *forge, header, claims object) bool {
	return string(header["typ"]) == string(f.header["typ"]) && string(claims["aud"]) == string(f.claim["aud"])
}

// accessAsRefresh trades the credential for a new one, as if it were the refresh token.
func accessAsRefresh(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	name := refreshName(t.Contract)
	for what, token := range sorted(map[string]string{"the access token": u.Credential(), "an empty text": "", "rubbish": "x", "three segments of rubbish": "e30.e30.e30"}) {
		a, err := t.Do(ctx, 0, t.Contract.Refresh, u.Vars.With(contract.Vars{name: token}))
		if err != nil {
			return err
		}
		y.Check(what, a, Refused(400, 401))
	}
	a, err := t.Do(ctx, 0, t.Contract.Refresh, u.Vars)
	if err == nil {
		y.Control("the real refresh token", a)
	}
	return err
}

// sameSub is the right user of somebody else.
func sameSub(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	all, err := t.foes()
	if err != nil {
		return err
	}
	var forged []variation
	for _, a := range all {
		for _, iss := range []string{"https://evil.test", f.claim.text("iss"), ""} {
			for what, header := range sorted(map[string]object{"the known kid": f.header, "a kid of its own": f.header.with("kid", "evil")}) {
				token, err := a.sign(header, f.claim.with("iss", iss).bytes())
				if err != nil {
					return err
				}
				forged = append(forged, variation{fmt.Sprintf("iss %q, %s, signed with %s by somebody else", iss, what, a.alg), token})
			}
		}
	}
	if err := f.refused(ctx, forged); err != nil || t.Material.Sign == nil || !f.claim.has("iss") {
		return err
	}
	return f.minted(ctx, []minting{f.claiming("iss of somebody else, signed with the right key", f.claim.with("iss", "https://evil.test"))}, Refused())
}

// forgedAnywhere sends forgeries of an expired token wherever the contract takes a
// credential: a log-out, say, may forgive that a token is over, and must not forgive that
// it is nobody's.
func forgedAnywhere(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	fakes, err := f.overAndForged()
	if err != nil {
		return err
	}
	for name, step := range sorted(stepsOf(t.Contract)) {
		carried := "credential"
		if name == "refresh" && refreshName(t.Contract) != "" {
			carried = refreshName(t.Contract)
		} else if !needs(step, carried) {
			continue
		}
		for _, v := range fakes {
			vars := f.u.Vars.With(contract.Vars{carried: v.credential, "new_password": newPassword()})
			a, err := t.Do(ctx, 0, step, vars)
			if err != nil {
				return err
			}
			want := Refused(400)
			if a.Outcome == results.Forbidden {
				want = oneOf(want, Forbidden()) // a CSRF token that belongs to no credential
			}
			y.Check(name+": "+v.what, a, want)
		}
	}
	// Nothing of it had an effect.
	a, err := t.Use(ctx, f.u)
	if err == nil {
		y.Check("the real token afterwards", a, Accepted())
	}
	return err
}

// stepsOf are the steps that take a credential, by the names of the contract.
func stepsOf(c *contract.Contract) map[string]*contract.Step {
	all := map[string]*contract.Step{
		"use": &c.Use, "refresh": c.Refresh, "revoke": c.Revoke, "revoke_all": c.RevokeAll, "password": c.Password, "step_up": c.StepUp, "restricted": c.Restricted,
	}
	out := map[string]*contract.Step{}
	for name, step := range all {
		if step != nil {
			out[name] = step
		}
	}
	return out
}

// overAndForged are forgeries of f that would have ended long ago, and some that would
// not.
func (f *forge) overAndForged() ([]variation, error) {
	long := time.Now().AddDate(-1, 0, 0).Unix()
	claims := map[string]object{"expired": f.claim.with("exp", long).with("iat", long-60), "not expired": f.claim}
	others, err := f.t.foes()
	if err != nil {
		return nil, err
	}
	var all []variation
	for when, claim := range sorted(claims) {
		payload := claim.bytes()
		all = append(all,
			variation{when + ", alg none", compact(f.header.with("alg", "none").bytes(), payload, nil)},
			variation{when + ", without a signature", f.parts[0] + "." + b64(payload) + "."},
			variation{when + ", an empty secret", keyed(hashes()["HS256"], f.header.with("alg", "HS256").bytes(), payload, nil)},
			variation{when + ", a signature of zeros", compact(f.head, payload, make([]byte, len(f.sig)))})
		if string(payload) != string(f.body) {
			all = append(all, variation{when + ", the signature that it had", f.saying(payload)})
		}
		for _, a := range others {
			token, err := a.sign(f.header, payload)
			if err != nil {
				return nil, err
			}
			all = append(all, variation{when + ", signed with " + a.alg + " by somebody else", token})
		}
		for _, key := range f.t.Material.Keys {
			for form, secret := range sorted(forms(key)) {
				if when == "expired" && strings.Contains(form, "PEM") { // one that is not is A8's
					all = append(all, variation{when + ", the public key as a secret, " + form, keyed(hashes()["HS256"], f.header.with("alg", "HS256").bytes(), payload, secret)})
				}
			}
		}
	}
	return all, nil
}
