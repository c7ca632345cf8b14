package claims

import (
	"fmt"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
)

// expiryLimits: C20. A credential that its owner gave up is what a thief has: how
// long can it be replayed where only expiry ends it?
func expiryLimits(b *evidence.Board) Finding {
	list, unfit := revocationsOf(b, "of tokens that only expire", func(r *revoked) bool {
		return token(r.Ref) && logout(r) && r.expires() && r.Uses > r.LetThrough
	})
	if unfit != nil {
		return *unfit
	}
	says, cites := tell(list, "bound-violations")
	says = "Where only expiry ends a token, replayed after a log-out: " + says + "."
	replayed := where(list, func(r *revoked) bool { return r.LetThrough > 0 })
	switch {
	case len(where(list, func(r *revoked) bool { return r.BeyondBound > 0 })) > 0:
		return found(Contradicted, cites, says, "Some were accepted beyond expiry and leeway.")
	case len(replayed) == 0:
		return missing("no token was replayed before it expired", "authbench run revocation --arm jwt-es256").near(cites, "%s", says)
	}
	var bounds []string
	for _, r := range replayed {
		bounds = append(bounds, r.Arm+" "+r.Bounded())
	}
	return found(Supported, cites, says, fmt.Sprintf("None was accepted beyond expiry and leeway: %s. How much harm is done until then was not measured.", strings.Join(bounds, ", ")))
}

// smallBlacklist: C09. It suffices as long as the list is there; how small it is goes by
// log-outs and by the life of a token.
func smallBlacklist(b *evidence.Board) Finding {
	denies := func(a *evidence.Arm) bool {
		return token(a) && a.Settings["revocation"] == "denylist" || strings.Contains(a.Name, "denylist")
	}
	list, unfit := revocationsOf(b, "with a denylist", func(r *revoked) bool { return denies(r.Ref) && r.Fault == "" })
	if unfit != nil {
		unfit.Would = "authbench run revocation --arm jwt-es256+denylist"
		return *unfit
	}
	says, cites := tell(list, "bound-violations")
	says = "After a log-out: " + says + "."
	if len(where(list, func(r *revoked) bool { return r.BeyondBound > 0 })) > 0 {
		return found(Contradicted, cites, says)
	}
	size, weighed := entrySize(b, denies)
	if size == "" {
		size = "The size of the list was not measured."
	}
	cites = append(cites, weighed...)
	var back, gone []string
	outages := disturbed(b, func(c *trialCase) bool { return denies(c.Ref) && c.LostData() })
	for _, o := range outages {
		if o.RevokedAsked == 0 {
			continue
		}
		text := fmt.Sprintf("%s accepted %s revoked again", o.name(), number.Of(o.Resurrected, o.RevokedAsked))
		cites = append(cites, o.cite("resurrections"))
		if o.Resurrected > 0 {
			back = append(back, text)
		} else {
			gone = append(gone, text)
		}
	}
	switch {
	case len(back) > 0:
		told := fmt.Sprintf("Once its store had lost its data, %s.", strings.Join(append(back, gone...), ", "))
		return found(Depends, cites, says, told, size).on("whether its store keeps its data: it ends tokens as long as it does")
	}
	if len(weighed) > 0 {
		return missing("it ends tokens, but no outage was tried that takes its data", "authbench run redis-outage --arm jwt-es256+denylist --set fault=kill-empty").near(cites, "%s %s", says, size)
	}
	return missing("it ends tokens, but how small it stays was not measured, and no outage was tried that takes its data", "authbench run redis-outage --arm jwt-es256+denylist --set fault=kill-empty").near(cites, "%s", says)
}

// othersStayIn: C48. Several devices of a user, one of which logs out.
func othersStayIn(b *evidence.Board) Finding {
	list, unfit := revocationsOf(b, "of tokens of users with several devices", func(r *revoked) bool {
		_, _, ok := r.fact("devices.others")
		return ok && token(r.Ref) && r.Fault == "" && (r.how() == "logout" || r.how() == "everywhere")
	})
	const command = "authbench run revocation --arm jwt-es256+denylist --set devices=2"
	if unfit != nil {
		unfit.Would = command
		return *unfit
	}
	var in, out, says []string
	var cites []Cite
	for _, r := range list {
		n, text, _ := r.fact("devices.others")
		if n > 0 {
			in = append(in, r.Arm+" on "+r.how())
		} else {
			out = append(out, r.Arm+" on "+r.how())
		}
		says = append(says, r.Arm+": "+text)
		cites = append(cites, r.cite("devices.others"))
	}
	switch told := strings.Join(says, " "); {
	case len(in) > 0 && len(out) > 0:
		return found(Depends, cites, told).on("what is denied, a log-in or the user: other devices stay in with %s, not with %s", listing(in), listing(out))
	case len(in) > 0:
		return found(Supported, cites, told)
	default:
		return found(Contradicted, cites, told)
	}
}

// replays are the cases in which used refresh tokens were played again.
func replays(b *evidence.Board) (accepting, refusing []*trialCase, unfit *Finding) {
	list, unfit := casesOf(b, "revocation", "in which refresh tokens are played again", func(c *trialCase) bool { return c.how() == "refresh" })
	if unfit != nil {
		unfit.Would = tryRefresh
		return nil, nil, unfit
	}
	for _, c := range list {
		accepted, text, ok := c.fact("refresh.replays")
		var part, whole int64
		if n, _ := fmt.Sscanf(text, "%d of %d", &part, &whole); !ok || n < 2 || whole == 0 {
			continue // nothing was played again
		}
		if accepted > 0 {
			accepting = append(accepting, c)
		} else {
			refusing = append(refusing, c)
		}
	}
	return accepting, refusing, nil
}

func tellReplays(list []*trialCase) (says string, cites []Cite) {
	var parts []string
	for _, c := range list {
		_, text, _ := c.fact("refresh.replays")
		store := "no store"
		if len(c.Ref.Needs) > 0 {
			store = listing(c.Ref.Needs)
		}
		parts = append(parts, fmt.Sprintf("%s (%s): %s", c.Arm, store, text))
		cites = append(cites, c.cite("refresh.replays"))
	}
	return strings.Join(parts, " "), cites
}

const tryRefresh = "authbench run revocation --arm jwt-es256 --arm jwt-es256+short --set how=refresh"

// refreshWithoutStorage: C22. It can be done; what it cannot do is see a replay.
func refreshWithoutStorage(b *evidence.Board) Finding {
	accepting, refusing, unfit := replays(b)
	if unfit != nil {
		return *unfit
	}
	says, cites := tellReplays(append(append([]*trialCase(nil), accepting...), refusing...))
	switch {
	case len(accepting) == 0:
		return missing("no arm was tried that refreshes without a store", tryRefresh).near(cites, "%s", says)
	case len(refusing) > 0:
		return found(Depends, cites, says).on("whether a stolen refresh token has to be noticed: %s accepted replays, %s refused them", arms(accepting), arms(refusing))
	}
	return found(Supported, cites, says)
}

// blocklistsBringState: C31. What refuses a replay has to remember.
func blocklistsBringState(b *evidence.Board) Finding {
	accepting, refusing, unfit := replays(b)
	if unfit != nil {
		return *unfit
	}
	says, cites := tellReplays(append(append([]*trialCase(nil), refusing...), accepting...))
	for _, c := range refusing {
		if len(c.Ref.Needs) == 0 {
			return found(Contradicted, cites, says)
		}
	}
	for _, c := range accepting {
		if len(c.Ref.Needs) == 0 && len(refusing) > 0 {
			return found(Supported, cites, says, "Store operations per refresh were not measured.")
		}
	}
	return missing("it takes an arm with state that refuses replays beside one without that does not", tryRefresh).near(cites, "%s", says)
}

func arms(list []*trialCase) string {
	var words []string
	for _, c := range list {
		words = append(words, c.Arm)
	}
	return listing(words)
}
