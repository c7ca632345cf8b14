package report

import (
	"fmt"
	"strings"

	"authbench/report/evidence"
)

// found is what one scenario says of trials that have no table of their own.
type found struct {
	Scenario  string
	Sentences []string
}

func foundSection(v *view) any {
	if v.Held == nil {
		return nil
	}
	var out []found
	for _, g := range v.Held.Tried {
		if _, disturbed := g.Outage(); disturbed || hasSection(g.Scenario) || len(g.Facts()) == 0 {
			continue
		}
		if n := len(out); n == 0 || out[n-1].Scenario != g.Scenario {
			out = append(out, found{Scenario: g.Scenario})
		}
		last := &out[len(out)-1]
		last.Sentences = append(last.Sentences, sentences(g, g.Note())...)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// sentences are the facts of a scenario, each with whose it is.
func sentences(g *evidence.Tried, note string) []string {
	var out []string
	for _, f := range g.Facts() {
		block := ""
		if f.Block > 0 {
			block = fmt.Sprintf("block %d", f.Block)
		}
		out = append(out, strings.Join(nonEmpty([]string{g.Arm, note, block}), ", ")+": "+f.Of.Text)
	}
	return out
}
