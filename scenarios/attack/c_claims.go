package attack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"authbench/targets/contract"
)

// claimCases change one thing in the claims of a token that was handed out, and have it
// signed by the target's own key.
func claimCases() []Case {
	refresh := has("refresh", func(c *contract.Contract) *contract.Step { return c.Refresh })
	return []Case{
		{ID: "C1", Title: "a token that has expired", Reference: "RFC 7519 4.1.4; ASVS 5.0 9.2.1", Applies: carrying("exp"), Needs: canSign, Try: expired},
		{ID: "C2", Title: "no exp", Reference: "RFC 9068 2.2, 4; ASVS 5.0 9.2.1", Applies: carrying("exp"), Needs: canSign, Try: endless},
		{ID: "C4", Title: "nbf in the future", Reference: "RFC 7519 4.1.5; ASVS 5.0 9.2.1", Applies: signed, Needs: canSign, Try: early},
		{ID: "C5", Title: "another issuer", Reference: "RFC 7519 4.1.1; RFC 9068 4; RFC 8725 3.8", Applies: carrying("iss"), Needs: canSign, Try: otherIssuer},
		{ID: "C6", Title: "another audience, or none", Reference: "RFC 7519 4.1.3; RFC 9068 4; ASVS 5.0 9.2.3; RFC 8725 3.9", Applies: signed, Needs: canSign, Try: otherAudience},
		{ID: "C8", Title: "a refresh token used as an access token", Reference: "RFC 8725 3.11, 3.12; ASVS 5.0 9.2.2", Applies: first(signed, refresh, twoTokens), Try: refreshAsAccess},
		{ID: "C9", Title: "an access token at the refresh endpoint", Reference: "RFC 6749 5.2; RFC 8725 3.11; ASVS 5.0 9.2.2", Applies: first(signed, refresh, twoTokens), Try: accessAsRefresh},
		{ID: "C10", Title: "the same sub from another issuer", Reference: "RFC 8725 3.8; RFC 7519 4.1.2; ASVS 5.0 9.2.4", Applies: signed, Try: sameSub},
		{ID: "C11", Title: "expired and forged, wherever a credential is taken", Reference: "RFC 7515 5.2; RFC 8725 3.2; ASVS 5.0 9.1.1", Applies: signed, Try: forgedAnywhere},
		{ID: "C12", Title: "exp of another type", Reference: "RFC 7519 2, 4.1.4", Applies: carrying("exp"), Needs: canSign, Try: mistypedEnd},
		{ID: "C13", Title: "another typ", Reference: "RFC 9068 2.1, 4; RFC 8725 3.11", Applies: first(signed, typed), Needs: canSign, Try: otherType},
		{ID: "C14", Title: "a sub that is empty or no text", Reference: "RFC 7519 4.1.2; RFC 9068 2.2", Applies: carrying("sub"), Needs: canSign, Try: nobody},
		{ID: "C15", Title: "iat in the future, or no number", Reference: "RFC 7519 4.1.6", Applies: signed, Needs: canSign, Try: oddIssue},
		{ID: "C16", Title: "a live token when its time is over", Reference: "RFC 7519 4.1.4; ASVS 5.0 9.2.1", Applies: carrying("exp"), Needs: canWait, Try: outlived},
	}
}

// canWait says what is missing to see a token end.
func canWait(t *Target) string {
	if t.Material.Clock == nil {
		return "its clock cannot be moved from here, and a probe does not wait for a token to end"
	}
	return ""
}

// twoTokens: what the refresh step takes is not the credential itself.
func twoTokens(t *Target) string {
	if refreshName(t.Contract) == "" {
		return "it has no refresh token beside the credential"
	}
	return ""
}

// typed: the token's type says what it is for.
func typed(t *Target) string {
	if t.token == nil {
		return ""
	}
	switch typ := t.token.header.text("typ"); strings.ToLower(strings.TrimPrefix(typ, "application/")) {
	case "":
		return "its tokens say no type (typ)"
	case "jwt":
		return "its tokens are of the type of all tokens (typ " + typ + ")"
	}
	return ""
}

// leeway is what the target forgives: what it promises, or what libraries forgive at most
// by themselves, and clocks of other machines that are a little off.
func (f *forge) leeway() time.Duration {
	var slack time.Duration
	if f.t.Material.Clock == nil {
		slack = 5 * time.Second
	}
	if d, err := contract.ParseDuration(f.t.Contract.Promises.Leeway); err == nil {
		return d.D() + slack
	}
	return 5*time.Minute + slack
}

// claiming is a token with these claims, and its own header.
func (f *forge) claiming(what string, claims object) minting {
	return minting{what: what, header: f.head, payload: claims.bytes()}
}

func expired(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	// A token is good while now < exp + leeway: whole seconds, so that this one ended just
	// now.
	over := time.Now().Add(-f.leeway()).Unix()
	var all []minting
	for _, ago := range []int64{0, 1, 2, 60, 3600, 86400, 366 * 86400} {
		all = append(all, f.claiming(fmt.Sprintf("over since the leeway and %d s", ago), f.claim.with("exp", over-ago)))
	}
	for _, exp := range []string{"1", "0", "-1", "-9223372036854775808", "1e9", "0.5"} {
		all = append(all, f.claiming("exp "+exp, f.claim.with("exp", raw(exp))))
	}
	ms := time.Now().Add(-time.Hour)
	all = append(all, f.claiming("exp and iat of long ago", f.claim.with("exp", ms.Add(-time.Hour).Unix()).with("iat", ms.Add(-2*time.Hour).Unix())))
	return f.minted(ctx, all, Refused())
}

func endless(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	return f.minted(ctx, []minting{
		f.claiming("no exp", f.claim.without("exp")),
		f.claiming("exp null", f.claim.with("exp", nil)),
		f.claiming("neither exp nor iat", f.claim.without("exp", "iat", "nbf")),
		{what: "exp in the header", header: f.header.with("exp", 4102444800).bytes(), payload: f.claim.without("exp").bytes()},
		f.claiming("expires_in instead", f.claim.without("exp").with("expires_in", 3600)),
	}, Refused())
}

func mistypedEnd(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []minting
	for _, exp := range []string{
		`"4102444800"`, `""`, `"never"`, `"2100-01-01T00:00:00Z"`, `true`, `false`, `[]`, `[4102444800]`, `{}`, `{"$numberLong":"4102444800"}`, `-4102444800`, `1e400`, `-1e400`, `"NaN"`, `"Infinity"`,
	} {
		all = append(all, f.claiming("exp "+exp, f.claim.with("exp", raw(exp))))
	}
	return f.minted(ctx, all, Refused())
}

func early(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	from := time.Now().Add(f.leeway() + 10*time.Second)
	var all []minting
	for _, later := range []time.Duration{0, time.Minute, time.Hour, 24 * 365 * 10 * time.Hour} {
		claims := f.claim.with("nbf", from.Add(later).Unix())
		all = append(all, f.claiming(fmt.Sprintf("nbf the leeway and %s ahead", later+10*time.Second), claims))
		all = append(all, f.claiming(fmt.Sprintf("nbf the leeway and %s ahead, exp behind it", later+10*time.Second), claims.with("exp", from.Add(later+time.Hour).Unix())))
	}
	for _, nbf := range []string{`"tomorrow"`, `true`, `[]`, `{}`, `1e400`} {
		all = append(all, f.claiming("nbf "+nbf, f.claim.with("nbf", raw(nbf))))
	}
	return f.minted(ctx, all, Refused())
}

// otherTexts are values that are not the text s, however near they come.
func otherTexts(s string) []any {
	return slices.DeleteFunc([]any{
		"", "other", s + "/", s + " ", " " + s, s + "\x00", s + ".evil.test", s + "x", "x" + s, otherCase(s), s[:max(0, len(s)-1)],
		strings.Replace(s, "https://", "http://", 1), strings.TrimPrefix(s, "https://"), strings.Replace(s, "://", "://evil.test/", 1), s + "#", s + "?", "*", "null",
		nil, 0, 1, true,
		map[string]string{},
		map[string]string{s: s},
	}, func(v any) bool { return v == any(s) })
}

func otherIssuer(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	iss := f.claim.text("iss")
	all := []minting{f.claiming("no iss", f.claim.without("iss"))}
	for _, other := range append(otherTexts(iss), []string{iss}, []string{"other", iss}, []string{}) {
		claims := f.claim.with("iss", other)
		all = append(all, f.claiming("iss "+string(claims["iss"]), claims))
	}
	return f.minted(ctx, all, Refused())
}

// otherAudience says that the token is for somebody else. A list with the right audience
// in it may be taken or not; one without it, and an audience where the target's own tokens
// have none, has to be refused (RFC 7519 section 4.1.3).
func otherAudience(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var mine []string
	if json := f.claim["aud"]; len(json) > 0 && json[0] == '"' {
		mine = []string{f.claim.text("aud")}
	} else if mine, err = f.claim.texts("aud"); err != nil {
		return fmt.Errorf("aud of the token: %w", err)
	}
	if len(mine) == 0 {
		y.Say("its tokens are for nobody in particular (no aud)")
		claims := func(aud any) minting {
			o := f.claim.with("aud", aud)
			return f.claiming("aud "+string(o["aud"]), o)
		}
		return f.minted(ctx, []minting{claims("https://other.test"), claims([]string{"https://other.test"}), claims([]string{"https://other.test", "another"})}, Refused())
	}
	all := []minting{f.claiming("no aud", f.claim.without("aud"))}
	others := otherTexts(mine[0])
	others = append(others, []string{}, []string{""}, []string{"other"}, []string{"other", "another"}, []any{nil}, []any{0}, []any{[]string{mine[0]}})
	if iss := f.claim.text("iss"); iss != "" && !slices.Contains(mine, iss) {
		others = append(others, iss)
	}
	for _, other := range others {
		claims := f.claim.with("aud", other)
		all = append(all, f.claiming("aud "+string(claims["aud"]), claims))
	}
	if err := f.minted(ctx, all, Refused()); err != nil {
		return err
	}
	var lists []minting
	for _, list := range [][]string{{mine[0]}, {mine[0], "other"}, {"other", mine[0]}, {mine[0], mine[0]}} {
		claims := f.claim.with("aud", list)
		lists = append(lists, f.claiming("aud "+string(claims["aud"]), claims))
	}
	return f.minted(ctx, lists, oneOf(Accepted(), Refused()))
}

func otherType(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	typ := f.header.text("typ")
	all := []minting{{what: "no typ", header: f.header.without("typ").bytes(), payload: f.body}}
	for _, other := range []any{
		"", "JWT", "jwt", "rt+jwt", "id+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "oauth-authz-req+jwt", "JOSE", typ + "x", typ + " ", typ + "; charset=utf-8", "text/" + typ, "application/jwt", "application/",
		nil, 0, true,
		[]string{typ},
		map[string]string{},
	} {
		header := f.header.with("typ", other)
		all = append(all, minting{what: "typ " + string(header["typ"]), header: header.bytes(), payload: f.body})
	}
	all = append(all, minting{what: "typ in the payload", header: f.header.without("typ").bytes(), payload: f.claim.with("typ", typ).bytes()})
	return f.minted(ctx, all, Refused())
}

func nobody(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	all := []minting{f.claiming("no sub", f.claim.without("sub"))}
	for _, sub := range []any{"", nil, 0, 1, -1, 1.5, true, false, []string{}, []string{f.claim.text("sub")}, map[string]string{}, map[string]string{"$ne": ""}} {
		claims := f.claim.with("sub", sub)
		all = append(all, f.claiming("sub "+string(claims["sub"]), claims))
	}
	return f.minted(ctx, all, Refused())
}

// oddIssue has iat say what cannot be. RFC 7519 gives it no meaning that would refuse a
// token; it must not break anything.
func oddIssue(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	all := []minting{f.claiming("no iat", f.claim.without("iat"))}
	for _, iat := range []any{time.Now().Add(time.Hour).Unix(), time.Now().AddDate(10, 0, 0).Unix(), 0, -1, raw("1e400"), "now", nil, true, []int{1}, map[string]int{}} {
		claims := f.claim.with("iat", iat)
		all = append(all, f.claiming("iat "+string(claims["iat"]), claims))
	}
	if err := f.minted(ctx, all, oneOf(Accepted(), Refused())); err != nil {
		return err
	}
	y.Say("iat has no meaning by which a token is refused (RFC 7519 4.1.6): either answer is right, and a 5xx is not")
	return nil
}

// outlived moves the clock to where a token that was handed out has ended.
func outlived(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	exp, ok := f.claim.number("exp")
	if !ok {
		return errors.New("its exp is no number")
	}
	for _, past := range []time.Duration{0, time.Second, time.Hour, 24 * 365 * time.Hour} {
		ahead := time.Until(time.Unix(exp, 0)) + f.leeway() + past
		err := t.ahead(ctx, ahead, func() error {
			a, err := t.Use(ctx, f.u)
			if err == nil {
				y.Check(fmt.Sprintf("%s past exp and leeway", past), a, Refused())
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
