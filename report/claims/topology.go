package claims

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// placed is a case with one of its tables, of the last trial that has it.
type placed struct {
	*trialCase
	table *results.Table
}

// placedOf lists the cases of a scenario that have a table of that name.
func placedOf(b *evidence.Board, scenario, name, what, command string, keep func(*trialCase) bool) ([]placed, *Finding) {
	list, unfit := casesOf(b, scenario, what, func(c *trialCase) bool { return keep(c) && lastTable(c, name) != nil })
	if unfit != nil {
		unfit.Would = command
		return nil, unfit
	}
	var out []placed
	for _, c := range list {
		if t := lastTable(c, name); t != nil { // still, without the trials that are not to be used
			out = append(out, placed{c, t})
		}
	}
	if len(out) == 0 {
		f := missing("no trial of "+scenario+" can be used", command)
		return nil, &f
	}
	return out, nil
}

func lastTable(c *trialCase, name string) (last *results.Table) {
	for _, t := range c.Trials {
		for i := range t.Chaos.Tables {
			if t.Chaos.Tables[i].Name == name {
				last = &t.Chaos.Tables[i]
			}
		}
	}
	return last
}

// value is a figure of the table.
func (p placed) value(row, column string) (float64, bool) {
	c, ok := p.table.Cell(row, column)
	if !ok || c.Value == nil {
		return 0, false
	}
	return *c.Value, true
}

// count is a figure that is a count.
func (p placed) count(row, column string) int64 {
	v, _ := p.value(row, column)
	return int64(v)
}

// several are the rows of more than one node.
func (p placed) several() []results.Row {
	return slices.DeleteFunc(slices.Clone(p.table.Rows), func(r results.Row) bool { return r.X == nil || *r.X < 2 })
}

// spanned prints a share in percent with its interval.
func spanned(c results.Cell) string {
	text := number.Short(*c.Value) + number.NBSP + "%"
	if c.Low != nil && c.High != nil {
		text += fmt.Sprintf(" [%s, %s]", number.Short(*c.Low), number.Short(*c.High))
	}
	return text
}

// refusals says what share of uses was refused by number of nodes: "50 % on 2 nodes".
// lowest is the least that it can have been on any of them, any whether it was on some.
func (p placed) refusals() (says string, lowest float64, any bool) {
	var parts []string
	for _, r := range p.several() {
		c, ok := p.table.Cell(r.Label, "refused")
		if !ok || c.Value == nil {
			continue
		}
		low := *c.Value
		if c.Low != nil && low > 0 {
			low = *c.Low
		}
		if len(parts) == 0 || low < lowest {
			lowest = low
		}
		parts, any = append(parts, spanned(c)+" on "+r.Label), any || *c.Value > 0
	}
	return listing(parts), lowest, any
}

const scaleOutCommand = "authbench run scale-out --arm session-memory --arm session-redis --arm jwt-es256"

// memoryNeedsSticky: C03. Sessions in memory are refused with each node in turn, and
// are not with a user on one node.
func memoryNeedsSticky(b *evidence.Board) Finding {
	inMemory := func(c *trialCase) bool { return session(c.Ref) && len(c.Ref.Needs) == 0 }
	list, unfit := placedOf(b, "scale-out", "round-robin", "with sessions in memory, in turn", scaleOutCommand, inMemory)
	if unfit != nil {
		return *unfit
	}
	var says []string
	var cites []Cite
	lost, kept, stuck := 0, 0, 0
	for _, p := range list {
		text, lowest, _ := p.refusals()
		if text == "" {
			continue
		}
		if lowest > 0 {
			lost++
		} else {
			kept++
		}
		text = fmt.Sprintf("%s: with each node in turn %s of the uses were refused", p.name(), text)
		if sticky := lastTable(p.trialCase, "sticky"); sticky != nil {
			if s, _, any := (placed{p.trialCase, sticky}).refusals(); s != "" {
				text += "; with a user on one node " + s
				if !any {
					stuck++
				}
			}
		}
		says, cites = append(says, text), append(cites, p.cite("refused"))
	}
	beside, more := besides(b)
	text := strings.Join(says, ". ") + "."
	switch {
	case lost+kept == 0:
		return missing("no load went to more than one node", scaleOutCommand)
	case kept > 0:
		return found(Contradicted, append(cites, more...), text+beside)
	case stuck < lost:
		return missing("sticky routing was not tried, or refused as well", scaleOutCommand).near(cites, "%s", text+beside)
	}
	return found(Supported, append(cites, more...), text+beside)
}

// besides says how sessions in a store did with each node in turn.
func besides(b *evidence.Board) (says string, cites []Cite) {
	list, unfit := placedOf(b, "scale-out", "round-robin", "", "", func(c *trialCase) bool { return storedSession(c.Ref) })
	if unfit != nil {
		return "", nil
	}
	var parts []string
	for _, p := range list {
		if text, _, _ := p.refusals(); text != "" {
			parts, cites = append(parts, p.name()+" "+text), append(cites, p.cite("refused"))
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return " Sessions in a store, with each node in turn: " + listing(parts) + ".", cites
}

// newNodesServe: C06. A node that came later takes tokens of before, and throughput
// grows with the nodes, as far as there are cores.
func newNodesServe(b *evidence.Board) Finding {
	list, unfit := placedOf(b, "scale-out", "new-nodes", "with plain tokens", scaleOutCommand, func(c *trialCase) bool { return plainToken(c.Ref) })
	if unfit != nil {
		f := scalesOut(b)
		f.Why, f.Would = unfit.Why, unfit.Would
		return f
	}
	var cites []Cite
	var serve, refuse []string
	for _, p := range list {
		text, all := p.served()
		if all {
			serve = append(serve, text)
		} else {
			refuse = append(refuse, text)
		}
		cites = append(cites, p.cite("new nodes"))
	}
	says := "Nodes that were started later, asked for credentials of before: " + listing(append(slices.Clone(serve), refuse...)) + "."
	if others, _ := placedOf(b, "scale-out", "new-nodes", "", "", func(c *trialCase) bool { return session(c.Ref) }); len(others) > 0 {
		var parts []string
		for _, p := range others {
			text, _ := p.served()
			parts, cites = append(parts, text), append(cites, p.cite("new nodes"))
		}
		says += " Of sessions: " + listing(parts) + "."
	}
	says += " " + list[0].growth()
	switch {
	case len(refuse) == 0:
		return found(Supported, cites, says)
	case len(serve) == 0:
		return found(Contradicted, cites, says)
	}
	return found(Depends, cites, says).on("the arm: %s, not %s", listing(serve), listing(refuse))
}

// served says what new nodes accepted: "jwt-es256 40 of 40, the first 35 ms after the
// start of its node".
func (p placed) served() (says string, all bool) {
	var asked, accepted int64
	slowest := 0.0
	for _, r := range p.table.Rows {
		asked, accepted = asked+p.count(r.Label, "asked"), accepted+p.count(r.Label, "accepted")
		if v, ok := p.value(r.Label, "first 200 after"); ok {
			slowest = max(slowest, v)
		}
	}
	says = p.name() + " accepted " + number.Of(accepted, asked)
	if slowest > 0 {
		says += fmt.Sprintf(", the first at most %s ms after the start of the process", number.Short(slowest))
	}
	return says, asked > 0 && accepted == asked
}

// growth says what more nodes added to throughput, or why it is not known.
func (p placed) growth() string {
	t := lastTable(p.trialCase, "capacity")
	if t == nil {
		return "Throughput by number of nodes was not measured."
	}
	c := placed{p.trialCase, t}
	var parts []string
	why := "not asked for"
	for _, r := range c.several() {
		if v, ok := c.value(r.Label, "efficiency"); ok {
			parts = append(parts, fmt.Sprintf("%s of it on %s", number.Percent(v), r.Label))
		} else if cell, ok := t.Cell(r.Label, "efficiency"); ok {
			why = cell.Text
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("Throughput by number of nodes was not measured (%s).", why)
	}
	return fmt.Sprintf("Throughput a node, of that of one: %s.", listing(parts))
}
