package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
)

// revoked is a case in which credentials were ended, with its figures.
type revoked struct {
	*evidence.Tried // both of the others have it
	*trialCase
	evidence.Revoked
}

// expires says whether the arm leaves the credential to its end.
func (r *revoked) expires() bool { return strings.Contains(r.Bound, "exp") }

// revocationsOf lists the cases of the scenario in which enough was revoked and
// used again to say something. what tells those that are kept from others, in words.
func revocationsOf(b *evidence.Board, what string, keep func(*revoked) bool) ([]*revoked, *Finding) {
	var out []*revoked
	list, unfit := casesOf(b, "revocation", what, func(c *trialCase) bool { return c.how() != "refresh" })
	if unfit != nil {
		return nil, unfit
	}
	why := strings.TrimSpace("no run tried revocation " + what)
	for _, c := range list {
		figures, ok := c.Revoked()
		r := &revoked{c.Tried, c, figures}
		switch {
		case !ok || !keep(r):
		case r.Revocations == 0 || r.Uses == 0:
			why = c.Arm + " acknowledged no revocation, or nothing was used after it"
		case float64(r.Unresolved) > .01*float64(r.Revocations):
			why = fmt.Sprintf("of %s %s were never resolved", c.Arm, number.Count(int(r.Unresolved), "revocation"))
		default:
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		f := missing(why, "authbench run revocation")
		return nil, &f
	}
	return out, nil
}

// tellOne says what became of the credentials: "session-redis let 0 of 983 uses
// through, of 80 revocations (below 3.75 % of them, at 95 %)".
func (r *revoked) tellOne() string {
	text := fmt.Sprintf("%s let %s of %s uses through", r.name(), number.Integer(r.LetThrough), number.Integer(r.Uses))
	n := number.Count(int(r.Revocations), "revocation")
	switch {
	case r.LetThrough == 0:
		return fmt.Sprintf("%s, of %s (below %s of them, at 95 %%)", text, n, number.Percent(r.RateUpper95))
	case r.Accepted.Open:
		return fmt.Sprintf("%s, of %s, some to the end of the trial", text, n)
	}
	return fmt.Sprintf("%s, of %s, the last %s after the acknowledgement", text, n, r.Accepted.Most())
}

// tell says it of several, with the trials.
func tell(list []*revoked, what string) (says string, cites []Cite) {
	after := map[string]string{"everywhere": "a log-out everywhere", "password": "a change of password", "step-up": "a step-up"}
	var parts []string
	for _, r := range list {
		text := r.tellOne()
		if how := after[r.how()]; how != "" {
			text += ", after " + how
		}
		parts = append(parts, text)
		cites = append(cites, r.cite(what))
	}
	return strings.Join(parts, "; "), cites
}

// where keeps some of them.
func where(list []*revoked, keep func(*revoked) bool) []*revoked {
	return slices.DeleteFunc(slices.Clone(list), func(r *revoked) bool { return !keep(r) })
}

// logout is a plain one, with the links whole.
func logout(r *revoked) bool { return r.Fault == "" && r.how() == "logout" }

// cannotInvalidate: C08. A token was invalidated directly where the arm refused it
// within a bound of its own, before it expired.
func cannotInvalidate(b *evidence.Board) Finding {
	list, unfit := revocationsOf(b, "of tokens", func(r *revoked) bool { return token(r.Ref) && logout(r) })
	if unfit != nil {
		return *unfit
	}
	goesOn := func(r *revoked) bool { return r.BeyondBound > 0 || r.expires() && r.LetThrough > 0 }
	ended := func(r *revoked) bool { return r.BeyondBound == 0 && !r.expires() }
	on, off := where(list, goesOn), where(list, ended)
	return sides(on, off, list, "whether a verifier asks, or is told, what was revoked")
}

// sides judges a claim that pro agrees with and con does not.
func sides(pro, con, all []*revoked, on string) Finding {
	says, cites := tell(all, "accepts-after-revoke")
	says = "After a log-out: " + says + "."
	switch {
	case len(pro) > 0 && len(con) > 0:
		return found(Depends, cites, says).on("%s: it holds of %s, not of %s", on, names(pro), names(con))
	case len(pro) > 0:
		return found(Supported, cites, says)
	case len(con) > 0:
		return found(Contradicted, cites, says)
	}
	return missing("nothing was used in the time in which it would have shown", "authbench run revocation").near(cites, "%s", says)
}

func names(list []*revoked) string {
	var words []string
	for _, r := range list {
		words = append(words, r.name())
	}
	return listing(words)
}

// deletionAtOnce: C26. Nothing may be let through after the acknowledgement. What
// an arm declares to let through counts against the claim all the same; more than
// that contradicts it.
func deletionAtOnce(b *evidence.Board) Finding {
	list, unfit := revocationsOf(b, "of sessions", func(r *revoked) bool {
		return session(r.Ref) && (r.how() == "logout" || r.how() == "everywhere")
	})
	if unfit != nil {
		return *unfit
	}
	if broken := where(list, func(r *revoked) bool { return r.BeyondBound > 0 }); len(broken) > 0 {
		says, cites := tell(list, "bound-violations")
		return found(Contradicted, cites, "After a log-out: "+says+".")
	}
	now := where(list, func(r *revoked) bool { return r.LetThrough == 0 })
	later := where(list, func(r *revoked) bool { return r.LetThrough > 0 })
	return sides(now, later, list, "whether a node answers from a copy of its own")
}

// latencyMatters: C30. If all arms rejected alike there would be nothing to decide.
func latencyMatters(b *evidence.Board) Finding {
	list, unfit := revocationsOf(b, "by a plain log-out", logout)
	if unfit != nil {
		return *unfit
	}
	if len(list) < 2 {
		f := missing("only one arm was tried, and it takes two to differ", "authbench run revocation --arm session-redis --arm jwt-es256")
		_, cites := tell(list, "time-to-reject")
		return f.near(cites, "Longest time to reject: %s %s.", list[0].Arm, list[0].Longest.Most())
	}
	var parts []string
	quick, slow := false, false
	for _, r := range list {
		text := fmt.Sprintf("%s %s", r.name(), r.Longest.Most())
		if r.expires() {
			text += fmt.Sprintf(" (%s)", r.Bounded())
		}
		parts = append(parts, text)
		quick = quick || !r.Longest.Open && r.Longest.Hi < 1e9
		slow = slow || r.Longest.Open || r.Longest.Hi >= 1e9
	}
	_, cites := tell(list, "time-to-reject")
	says := fmt.Sprintf("Longest time to reject after a log-out: %s.", listing(parts))
	if quick && slow {
		return found(Supported, cites, says)
	}
	return found(Contradicted, cites, says, "All of the arms that were tried lie on one side of a second.")
}

// redisConsistent: C21, as far as one Redis goes: written through one node, read at
// once through the others.
func redisConsistent(b *evidence.Board) Finding {
	list, unfit := revocationsOf(b, "of sessions in Redis on several nodes", func(r *revoked) bool {
		return session(r.Ref) && logout(r) && r.nodes() > 1 && slices.Contains(r.Ref.Needs, "redis")
	})
	if unfit != nil {
		return *unfit
	}
	elsewhere := func(r *revoked) (n int64) {
		for _, o := range r.Nodes() {
			if o.Node != 0 { // which takes the log-outs
				n += o.LetThrough
			}
		}
		return n
	}
	f := sides(where(list, func(r *revoked) bool { return elsewhere(r) == 0 }), where(list, func(r *revoked) bool { return elsewhere(r) > 0 }), list,
		"whether a node answers from a copy of its own")
	if f.Status != NotMeasured {
		f.Says = fmt.Sprintf("%s Logged out on one of %d nodes, used on all.%s", f.Says, list[0].nodes(), oneRedis)
	}
	return f
}

// oneRedis ends what is said where several were not tried.
const oneRedis = " One Redis: a lagging replica and a failover were not measured."

// newIDAfterChange: C43.
func newIDAfterChange(b *evidence.Board) Finding {
	list, unfit := revocationsOf(b, "of sessions by a change of password or a step-up", func(r *revoked) bool {
		return session(r.Ref) && r.Fault == "" && (r.how() == "password" || r.how() == "step-up")
	})
	if unfit != nil {
		unfit.Would = "authbench run revocation --arm session-redis --set how=password"
		return *unfit
	}
	f := sides(where(list, func(r *revoked) bool { return r.LetThrough == 0 }), where(list, func(r *revoked) bool { return r.LetThrough > 0 }), list, "the store of sessions")
	f.Says = strings.Replace(f.Says, "After a log-out: ", "The old credentials: ", 1)
	return f
}
