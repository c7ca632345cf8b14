package evidence

import "authbench/results"

// Tabled is a table of one arm in one scenario.
type Tabled struct {
	*Tried
	Block int
	Table *results.Table
}

// Tables lists the tables of a scenario, arm by arm and block by block. A nil
// Promises has none.
func (p *Promises) Tables(scenario string) []Tabled {
	var out []Tabled
	if p == nil {
		return nil
	}
	for _, g := range p.Tried {
		if g.Scenario != scenario {
			continue
		}
		for _, t := range g.Trials {
			for i := range t.Chaos.Tables {
				out = append(out, Tabled{g, t.Block, &t.Chaos.Tables[i]})
			}
		}
	}
	return out
}

// TablesOf lists those of one name, for a claim to be held against.
func (p *Promises) TablesOf(scenario, name string) []Tabled {
	var out []Tabled
	for _, t := range p.Tables(scenario) {
		if t.Table.Name == name {
			out = append(out, t)
		}
	}
	return out
}
