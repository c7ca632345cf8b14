package claims

import (
	"fmt"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
)

// probed is an arm in which cases of attack were tried.
type probed struct {
	*trialCase
	wrong  int64 // answers that were wrong
	reason string
}

// probedOf lists the arms of a kind in which all cases of these ids came to a verdict.
func probedOf(b *evidence.Board, what, would string, k kind, ids ...string) ([]probed, *Finding) {
	var out []probed
	list, unfit := casesOf(b, "probe", what, func(c *trialCase) bool { return k(c.Ref) })
	if unfit != nil {
		unfit.Would = would
		return nil, unfit
	}
	for _, c := range list {
		p := probed{trialCase: c}
		whole := true
		for _, id := range ids {
			wrong, reason, ok := c.verdict(id)
			whole = whole && ok
			p.wrong += int64(wrong)
			if p.reason == "" || wrong > 0 {
				p.reason = reason
			}
		}
		if whole {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		f := missing(fmt.Sprintf("no probe came to a verdict on %s %s", listing(ids), what), would)
		return nil, &f
	}
	return out, nil
}

// parted splits them: those that withstood, and those that did not, with the answers that
// were wrong.
func parted(list []probed, what string) (sound, broken []string, cites []Cite) {
	for _, p := range list {
		cites = append(cites, p.cite(what))
		if p.wrong == 0 {
			sound = append(sound, p.Arm)
			continue
		}
		broken = append(broken, fmt.Sprintf("%s (%s wrong)", p.Arm, number.Count(int(p.wrong), "answer")))
	}
	return sound, broken, cites
}

// auditOf says how the arms of a probe came off in a case: "no fault was found with
// session-redis; " and fault and who has it.
func auditOf(b *evidence.Board, id, fault string) (says string, cites []Cite) {
	list, unfit := probedOf(b, "", "", func(*evidence.Arm) bool { return true }, id)
	if unfit != nil {
		return "", nil
	}
	sound, broken, cites := parted(list, id)
	var parts []string
	if len(sound) > 0 {
		parts = append(parts, "no fault was found with "+listing(sound))
	}
	if len(broken) > 0 {
		parts = append(parts, fault+" "+listing(broken))
	}
	return strings.Join(parts, "; "), cites
}

// openToFixation: C19. An id that was set before the log-in, F1 of the probe.
func openToFixation(b *evidence.Board) Finding {
	list, unfit := probedOf(b, "of sessions", "authbench run probe --arm session-redis --set only=F", session, "F1")
	if unfit != nil {
		return *unfit
	}
	sound, broken, cites := parted(list, "F1")
	told := "An id that was set before the log-in: "
	switch {
	case len(broken) == 0:
		return found(Contradicted, cites, told+"it was good for nothing after it with "+listing(sound)+".")
	case len(sound) == 0:
		return found(Supported, cites, told+"it was taken over by the log-in with "+listing(broken)+".")
	}
	return found(Depends, cites, told+"taken over with "+listing(broken)+", not with "+listing(sound)+".").
		on("whether the log-in hands out a new id: %s do, %s do not", listing(sound), listing(broken))
}

// enoughEntropy: C33. An audit can find that there are fewer bits, and never that there
// are enough.
func enoughEntropy(b *evidence.Board) Finding {
	list, unfit := probedOf(b, "of sessions", "authbench run probe --arm session-redis --set only=F6", session, "F6")
	if unfit != nil {
		return *unfit
	}
	sound, broken, cites := parted(list, "F6")
	if len(sound) == 0 {
		return missing("only ids with a defect were looked at", "authbench run probe --arm session-redis --set only=F6").near(cites, "A defect was found with %s.", listing(broken))
	}
	var says []string
	for _, p := range list {
		if p.reason != "" {
			says = append(says, p.Arm+": "+strings.TrimSuffix(p.reason, "."))
		}
	}
	told := "Ids of " + listing(sound) + " were looked at, and no defect was found."
	if len(says) > 0 {
		told = "Ids were looked at. " + strings.Join(says, "; ") + "."
	}
	if len(broken) > 0 {
		return found(Depends, cites, told).on("the generator: a defect was found with %s, none with %s", listing(broken), listing(sound))
	}
	return found(Supported, cites, told, "How many bits it takes is arithmetic, which no run can measure: a sample finds too few, and never proves enough.")
}

// strictAllowlist: C40. Confusion is the classes of key and algorithm.
func strictAllowlist(b *evidence.Board) Finding {
	const would = "authbench run probe --arm jwt-es256 --arm jwt-rs256 --arm jwt-hs256 --set only=A"
	signed := func(a *evidence.Arm) bool { return token(a) || a.Mechanism == "hybrid" }
	list, unfit := probedOf(b, "of tokens", would, signed, "A1")
	if unfit != nil {
		return *unfit
	}
	var confused bool
	for i, p := range list {
		for _, id := range []string{"A3", "A8", "A10", "A11", "A12", "A14", "A16"} { // those that apply
			wrong, _, ok := p.verdict(id)
			list[i].wrong += int64(wrong)
			confused = confused || ok && (id == "A8" || id == "A10")
		}
	}
	sound, broken, cites := parted(list, "A1 to A16")
	told := "Tokens without a signature, signed with a key that is no secret or by another algorithm, and with a kid or a key of the attacker’s: "
	switch {
	case !confused:
		return missing("only alg none was tried, and no key of another algorithm", would).near(cites, "%s", told)
	case len(broken) == 0:
		return found(Supported, cites, told+"none was accepted by "+listing(sound)+".")
	case len(sound) == 0:
		return found(Contradicted, cites, told+"some were accepted by "+listing(broken)+".")
	}
	return found(Depends, cites, told+"some were accepted by "+listing(broken)+", none by "+listing(sound)+".").on("the arm: %s let some in", listing(broken))
}
