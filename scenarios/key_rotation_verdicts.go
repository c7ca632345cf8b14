package scenarios

import (
	"fmt"
	"strings"
	"time"

	"authbench/results"
)

// The checks of key-rotation.
const (
	CheckKeyRejects   = "rotation-false-rejects"           // good tokens refused although the change was made as it should be
	CheckKeyCost      = "rotation-cost"                    // good tokens refused where it was not: reported, not judged
	CheckRemovedKey   = "removed-key-accepted-after-bound" // uses
	CheckKeyFetches   = "jwks-fetches"                     // of the verifier that fetched most
	CheckDiscovery    = "rotation-discovered"              // ms until the last verifier knew a key that nobody had announced
	CheckKeyForged    = "forged-accepted"                  // tokens that nobody issued
	CheckKidConflicts = "kid-conflicts"                    // verifiers that did not notice another key under a known kid
)

// keysChanged says why a change of keys cannot be said to have been seen: some node did
// not accept tokens of so many keys, or of so many algorithms. "" if all did.
func keysChanged(nodes []keyNode, keys, algorithms int) string {
	for _, n := range nodes {
		if len(n.kids) < keys || len(n.algs) < algorithms {
			return fmt.Sprintf("%s accepted tokens of %d keys and %d algorithms, want %d and %d: no change was seen", n.name, len(n.kids), len(n.algs), keys, algorithms)
		}
	}
	return ""
}

// failedToFail says why verifiers cannot be said to have gone without a key set.
func failedToFail(verifiers []keyNode) string {
	for _, n := range verifiers {
		if n.asked.bad == 0 || n.seen.failed() == 0 {
			return fmt.Sprintf("%s did not ask while the key set could not be had", n.name)
		}
	}
	return ""
}

// unsettled is the share of uses that may end in neither yes nor no.
const unsettled = 0.01

// rejectVerdict: good tokens are accepted. unseen says why there was nothing to see.
func rejectVerdict(c keyCounts, unseen string) results.Verdict {
	v := results.Verdict{
		Check: CheckKeyRejects, Status: results.Pass, Unit: "uses", Measured: number(float64(c.falseRejects)), Bound: number(0),
		Reason: fmt.Sprintf("of %d uses of tokens that had not ended", c.uses),
	}
	switch {
	case c.falseRejects > 0:
		v.Status = results.Fail
	case c.uses == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "no token was used before its end"
	case unseen != "":
		v.Status, v.Reason = results.Unknown, unseen
	case float64(c.failed) > unsettled*float64(c.uses):
		v.Status, v.Reason = results.Unknown, fmt.Sprintf("%d uses beside %d answered ones ended in neither yes nor no", c.failed, c.uses)
	}
	return v
}

// costVerdict reports what a change costs that is not made as it should be.
func costVerdict(c keyCounts, what string) results.Verdict {
	v := results.Verdict{
		Check: CheckKeyCost, Status: results.Pass, Unit: "good tokens refused", Measured: number(float64(c.refused())),
		Reason: fmt.Sprintf("of %d uses; %s; reported, not judged", c.answered(), what),
	}
	if c.refused() == 0 {
		v.Status, v.Reason = results.Unknown, "nothing was refused: what was done did not show"
	}
	return v
}

// removedVerdict: a removed key stops being accepted, everywhere, within its bound.
func removedVerdict(nodes []keyNode) results.Verdict {
	sum := total(nodes)
	v := results.Verdict{
		Check: CheckRemovedKey, Status: results.Pass, Unit: "uses", Measured: number(float64(sum.beyond)), Bound: number(0),
		Reason: fmt.Sprintf("of %d uses later than the bound of their node; %d of %d after the removal were accepted", sum.tested, sum.removedIn, sum.removedUses),
	}
	if sum.beyond > 0 {
		v.Status = results.Fail
		return v
	}
	for _, n := range nodes {
		if n.tested == 0 {
			v.Status, v.Measured, v.Reason = results.Unknown, nil, "no token of the removed key was used later than the bound on the "+n.name
		}
	}
	return v
}

// fetchVerdict: no verifier asks more often than once in the interval, the first
// question and one under way apart.
func fetchVerdict(verifiers []keyNode, elapsed, interval time.Duration) results.Verdict {
	bound := float64(elapsed/interval) + 2
	v := results.Verdict{Check: CheckKeyFetches, Status: results.Pass, Unit: "fetches", Bound: &bound}
	most := 0
	var each []string
	for _, n := range verifiers {
		most = max(most, n.asked.all)
		each = append(each, fmt.Sprintf("%s %d", n.name, n.asked.all))
		if n.asked.all == 0 {
			v.Status = results.Unknown
		}
	}
	v.Measured = number(float64(most))
	v.Reason = fmt.Sprintf("%s in %s; at most one in %s", strings.Join(each, ", "), elapsed.Round(100*time.Millisecond), interval)
	if float64(most) > bound {
		v.Status = results.Fail
	}
	return v
}

// discoveryVerdict: every verifier knows a key that nobody announced within the bound.
func discoveryVerdict(verifiers []keyNode, news map[string]news, within time.Duration) results.Verdict {
	bound := within.Seconds() * 1e3
	v := results.Verdict{
		Check: CheckDiscovery, Status: results.Pass, Unit: "ms", Bound: &bound,
		Reason: "from the rotation to the first accepted token of the new key on the last verifier",
	}
	longest := -1.0
	for kid := range news {
		for _, n := range verifiers {
			took, ok := n.known[kid]
			if !ok {
				v.Status, v.Reason = results.Fail, n.name+" never accepted a token of the new key"
				return v
			}
			longest = max(longest, float64(took)/1e6)
		}
	}
	if longest < 0 {
		v.Status, v.Reason = results.Unknown, "there was no new key"
		return v
	}
	if v.Measured = &longest; longest > bound {
		v.Status = results.Fail
	}
	return v
}

// forgedVerdict: what nobody issued is refused.
func forgedVerdict(c keyCounts) results.Verdict {
	v := results.Verdict{
		Check: CheckKeyForged, Status: results.Pass, Unit: "uses", Measured: number(float64(c.forgedIn)), Bound: number(0),
		Reason: fmt.Sprintf("of %d uses of tokens that nobody issued", c.forged),
	}
	switch {
	case c.forgedIn > 0:
		v.Status = results.Fail
	case c.forged == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "no forged token was answered"
	}
	return v
}

// conflictVerdict: every verifier notices that a kid came back with another key.
func conflictVerdict(verifiers []keyNode) results.Verdict {
	v := results.Verdict{Check: CheckKidConflicts, Status: results.Pass, Unit: "verifiers that did not notice", Bound: number(0)}
	silent := 0
	for _, n := range verifiers {
		if n.asked.bad == 0 {
			v.Status, v.Reason = results.Unknown, n.name+" did not ask for the set with the other key"
			return v
		}
		if n.seen.Conflicts == 0 {
			silent++
		}
	}
	if v.Measured = number(float64(silent)); silent > 0 {
		v.Status, v.Reason = results.Fail, "a key under a known kid was not counted as a conflict"
	}
	return v
}
