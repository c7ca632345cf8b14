package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
)

// shape is a case of several servers in the place of one, in a sentence, and whether
// what was written at one node was lost or late at another.
type shape struct {
	*trialCase
	says    string
	strayed bool
}

// shapesOf lists the cases of sessions in Redis with replicas.
func shapesOf(b *evidence.Board) []shape {
	list, unfit := casesOf(b, "failover", "of sessions in Redis", func(c *trialCase) bool {
		return session(c.Ref) && slices.Contains(c.Ref.Needs, "redis")
	})
	if unfit != nil {
		return nil
	}
	var out []shape
	for _, c := range list {
		var s shape
		switch c.setting("how", "sentinel") {
		case "sentinel":
			s = promoted(placed{c, lastTable(c, "failover")})
		case "replica-redis":
			s = behind(placed{c, lastTable(c, "lag")})
		default:
			continue
		}
		if s.says != "" {
			out = append(out, s)
		}
	}
	return out
}

// promoted tells of a replica that was promoted although it had been cut off.
func promoted(p placed) shape {
	const out, in = "logged out, acknowledged by the primary alone", "logged in, acknowledged by the primary alone"
	if p.table == nil || p.count(out, "credentials") == 0 {
		return shape{}
	}
	back, outs := p.count(out, "accepted"), p.count(out, "credentials")
	kept, ins := p.count(in, "accepted"), p.count(in, "credentials")
	return shape{p.trialCase, fmt.Sprintf("%s: a replica that had been cut off was promoted; %s log-outs undone, %s log-ins lost",
		p.name(), number.Of(back, outs), number.Of(ins-kept, ins)), back > 0 || kept < ins}
}

// behind tells of reads from a replica that lags, at the greatest lag.
func behind(p placed) shape {
	if p.table == nil || len(p.table.Rows) == 0 {
		return shape{}
	}
	last := p.table.Rows[len(p.table.Rows)-1].Label
	window, ok := p.value(last, "window")
	if !ok || last == "0s" {
		return shape{}
	}
	through := p.count(last, "let through")
	return shape{p.trialCase, fmt.Sprintf("%s: reads from a replica %s behind let %s uses through, the last %s ms after the log-out, and refused %s fresh log-ins",
		p.name(), last, number.Integer(through), number.Short(window), number.Of(p.count(last, "log-ins refused"), p.count(last, "log-outs"))), through > 0}
}

// tellShapes is what they say, with the trials.
func tellShapes(list []shape) (says string, cites []Cite) {
	var parts []string
	for _, s := range list {
		parts = append(parts, s.says)
		cites = append(cites, s.cite(s.setting("how", "sentinel")))
	}
	return strings.Join(parts, "; ") + ".", cites
}

// replicasConsistent: C21. One Redis is one thing; a replica of it, promoted or read
// from, is another.
func replicasConsistent(b *evidence.Board) Finding {
	f, list := redisConsistent(b), shapesOf(b)
	if len(list) == 0 {
		return f
	}
	says, cites := tellShapes(list)
	f.Says = strings.Join(nonEmpty([]string{strings.TrimSuffix(f.Says, oneRedis), says}), " ")
	f.Cites = append(f.Cites, cites...)
	strayed := slices.ContainsFunc(list, func(s shape) bool { return s.strayed })
	switch f.Status {
	case Supported:
		if strayed {
			f.Status = Depends
			f.On = "how many Redis there are: it holds of one, not where a replica is promoted or read from"
		}
	case Depends:
		if strayed {
			f.On += ", and whether a replica is promoted or read from"
		}
	case NotMeasured:
		if strayed {
			return found(Contradicted, cites, says, "One Redis was not measured.")
		}
		return f
	}
	return f
}

// partitionsHurt: C32, with the partition between a primary and its replicas.
func partitionsHurt(b *evidence.Board) Finding {
	f := sessionsSuffer(b)
	list := slices.DeleteFunc(shapesOf(b), func(s shape) bool { return s.setting("how", "sentinel") != "sentinel" })
	if len(list) == 0 {
		return f
	}
	says, cites := tellShapes(list)
	hurt := slices.ContainsFunc(list, func(s shape) bool { return s.strayed })
	spared := slices.ContainsFunc(list, func(s shape) bool { return !s.strayed })
	switch {
	case f.Status == NotMeasured && hurt && spared:
		return found(Depends, cites, says, "Eviction was not measured.").on("the arm")
	case f.Status == NotMeasured && hurt:
		return found(Supported, cites, says, "Eviction was not measured.")
	case f.Status == NotMeasured:
		return found(Contradicted, cites, says, "Eviction was not measured.")
	case f.Status == Supported && spared, f.Status == Contradicted && hurt:
		f = f.on("the arm and the fault")
		f.Status = Depends
	}
	f.Says, f.Cites = f.Says+" "+says, append(f.Cites, cites...)
	return f
}
