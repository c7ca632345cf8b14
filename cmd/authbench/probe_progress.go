package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"authbench/results"
	"authbench/scenarios"
	"authbench/scenarios/attack"
	"authbench/targets/contract"
)

// probeProgress says on standard error how far a probe is: one line that is rewritten on a
// terminal, elsewhere a line now and then.
type probeProgress struct {
	live       *live
	cases, did int
	failed     int
	began      time.Time
	told       time.Time
}

func newProbeProgress(w io.Writer, p scenarios.Probing) *probeProgress {
	pp := &probeProgress{live: newLive(w), began: time.Now(), told: time.Now()}
	for _, class := range p.Classes {
		pp.cases += len(class.Cases)
	}
	return pp
}

func (p *probeProgress) checked(c contract.Check) {
	if c.Verdict == results.Fail {
		p.live.Tell(scenarios.Step{Message: fmt.Sprintf("FAIL  %s: %s", c.Name, strings.TrimSpace(c.Expected+". "+c.Detail))})
	}
}

// tried tells of a case. What failed is told at once.
func (p *probeProgress) tried(r attack.Result) {
	p.did++
	if r.Status == results.Fail {
		p.failed++
		p.live.Tell(scenarios.Step{Message: fmt.Sprintf("FAIL  %s %s", r.ID, r.Title)})
	}
	if p.live.bar != nil {
		p.live.bar.ChangeMax(p.cases)
		p.live.bar.Set(p.did)
		p.live.bar.Describe(r.ID + " " + r.Title)
		return
	}
	if now := time.Now(); now.Sub(p.told) >= quietFor {
		p.told = now
		fmt.Fprintf(p.live.w, "%d of %d cases, %d failed, %s so far: %s\n", p.did, p.cases, p.failed, now.Sub(p.began).Round(time.Second), r.ID)
	}
}

func (p *probeProgress) close() { p.live.Close() }
