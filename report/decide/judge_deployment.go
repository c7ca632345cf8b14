package decide

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// tryCost is the command that measures what an arm costs.
func (c *candidate) tryCost() string { return "authbench bench " + c.named() }

func judgeClients(c *candidate, r *Requirements) Check {
	cookie, known := c.cookie()
	switch {
	case !known:
		return notShown("", "its declaration does not say how the credential travels")
	case !cookie:
		return meets(Declared, "its credential travels in a header, which any client can send")
	case slices.Contains(r.Clients, "third_party"):
		return excluded(Declared, "its credential is a cookie, which belongs to a browser and to one site: programs of others have no use for it")
	case !strings.EqualFold(c.arm.Settings["same_site"], "None"):
		return excluded(Declared, "its cookie is SameSite=%s: a browser does not send it with the requests of another site's pages", c.arm.Settings["same_site"])
	}
	return meets(Declared, "its cookie is SameSite=None; browsers that block cookies of third parties drop it all the same")
}

func judgeNodes(c *candidate, _ *Requirements) Check {
	if c.inNode() {
		return excluded(Declared, "its sessions live in the memory of one node, and no other node knows them")
	}
	var cites []Cite
	for _, p := range c.revocations("logout") {
		if p.Chaos.Nodes > 1 && p.passed("false-rejects") {
			cites = append(cites, p.cite("credentials in use on %s, none refused wrongly", number.Count(p.Chaos.Nodes, "node")))
		}
	}
	if len(cites) == 0 {
		return notShown(c.tryRevocation(""), "no trial of these runs used it on several nodes")
	}
	return meets(Measured, "any node knows its credentials").citing(cites...)
}

func judgeBytes(c *candidate, r *Requirements) Check {
	if c.cost == nil || c.cost.RequestBytes.Missing != "" {
		return notShown(c.tryCost(), "the bytes of its requests were not measured")
	}
	v := c.cost.RequestBytes
	cite := Cite{Run: c.run.ID, Scenario: "steady", Figure: fmt.Sprintf("%s bytes a request, at most %s in %s", number.Short(v.Value), number.Short(v.Max), number.Count(v.N, "trial"))}
	if v.Max > float64(r.RequestBytes) {
		return excluded(Measured, "its requests have %s bytes", number.Short(v.Max)).citing(cite)
	}
	return meets(Measured, "its requests have %s bytes", number.Short(v.Max)).citing(cite)
}

// farP99 is the p99 of each trial with the round trip to the store added.
func (c *candidate) farP99(trip time.Duration) (stat.Estimate, error) {
	var v []float64
	for _, t := range c.cost.Steady {
		q, ok := evidence.Quantile(t.Latency, t.Latency.P99, .99)
		far, known := farther(c.cost, t, trip)
		if ok && known {
			v = append(v, q+far)
		}
	}
	return centre(v)
}

// background is about how many operations a request a store may count that no use waits
// for: a node that polls. An arm most of whose uses ask nobody cannot be told from one
// of whose uses every twentieth asks.
const background = 0.1

// farther is what a longer round trip to the store adds to the slowest hundredth of
// the responses: nothing where fewer than that ask the store, else a round trip for
// each operation, and at least one. A model, not a measurement. It is not known where
// the operations that were counted may have been in the background.
func farther(a *evidence.Arm, t *results.Trial, trip time.Duration) (float64, bool) {
	switch ops := t.StoreOpsPerRequest; {
	case trip == 0 || len(a.Needs) == 0 || a.UseAsks == "never":
		return 0, true
	case !t.StoreOpsKnown:
		return 0, false
	case ops <= 0.01:
		return 0, true
	case a.UseAsks == "sometimes" && ops < background:
		return 0, false
	default:
		return float64(trip) * max(1, ops), true
	}
}

// centre is the centre of values of trials, with its interval. A value beyond the
// timeout has no centre.
func centre(v []float64) (stat.Estimate, error) {
	if slices.ContainsFunc(v, func(x float64) bool { return math.IsInf(x, 1) }) {
		return stat.Estimate{Value: math.Inf(1)}, nil
	}
	return stat.Location(v, stat.Level)
}

func judgeP99(c *candidate, r *Requirements) Check {
	if c.cost == nil {
		return notShown(c.tryCost(), "its response times were not measured")
	}
	e, err := c.farP99(r.RoundTrip)
	limit := float64(r.P99)
	switch {
	case err != nil:
		return notShown(c.tryCost()+" --profile full", "its trials are too short for a p99, or it is not known how many of its uses wait for the store")
	case math.IsInf(e.Value, 1):
		return excluded(Measured, "its p99 lies beyond the timeout").citing(Cite{Run: c.run.ID, Scenario: "steady", Figure: "p99 beyond the timeout"})
	}
	between := "no interval"
	if e.Bounded {
		between = fmt.Sprintf("[%s, %s]", number.Micros(e.Lo), number.Micros(e.Hi))
	}
	cite := Cite{Run: c.run.ID, Scenario: "steady", Figure: fmt.Sprintf("p99 %s %s µs over %s, with the round trip to the store", number.Micros(e.Value), between, number.Count(e.N, "block"))}
	switch {
	case !e.Bounded:
		return notShown(c.tryCost(), "%s give no interval for its p99", number.Count(e.N, "block")).citing(cite)
	case e.Hi <= limit:
		return meets(Measured, "its p99 is at most %s µs", number.Micros(e.Hi)).citing(cite)
	case e.Lo > limit:
		return excluded(Measured, "its p99 is at least %s µs", number.Micros(e.Lo)).citing(cite)
	}
	return notShown(c.tryCost()+" --profile full", "the interval of its p99 spans the limit").citing(cite)
}

func judgeSecret(c *candidate, _ *Requirements) Check {
	alg := c.arm.Settings["algorithm"]
	switch {
	case c.arm.Mechanism == "session":
		return meets(Declared, "its credential is not signed")
	case alg == "":
		return notShown("", "its declaration does not say how tokens are signed")
	case oneSecret(alg):
		return excluded(Declared, "%s is one shared secret: whoever can verify a token can also mint one", alg)
	}
	return meets(Declared, "%s: verifiers have the public key only", alg)
}

func judgeThirds(c *candidate, r *Requirements) Check {
	switch alg := c.arm.Settings["algorithm"]; {
	case c.arm.Mechanism == "session":
		return excluded(Declared, "its credential is opaque: only the server can tell whose it is")
	case alg == "" || oneSecret(alg):
		return judgeSecret(c, r)
	default:
		check := meets(Declared, "%s: who has the public key can verify a token", alg)
		if c.arm.Settings["revocation"] != "none" {
			check.Reason += "; whether it was revoked they have to ask"
		}
		return check
	}
}
