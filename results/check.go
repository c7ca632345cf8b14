package results

import "fmt"

// NamedPhase is one phase of a trial.
type NamedPhase struct {
	Name string // "login", "steady", "saturate"
	*Measurement
}

// Phases lists the phases that the trial has, in the order of their running.
func (t *Trial) Phases() []NamedPhase {
	var out []NamedPhase
	if t.Login != nil {
		out = append(out, NamedPhase{"login", t.Login})
	}
	out = append(out, NamedPhase{"steady", &t.Measurement})
	if t.Saturate != nil {
		out = append(out, NamedPhase{"saturate", t.Saturate})
	}
	return out
}

// Check returns an error unless the arrivals of every phase of the trial are
// accounted for, exactly.
func (t *Trial) Check() error {
	for _, p := range t.Phases() {
		err := p.Accounting.Check()
		if err == nil && p.WrongSubject > p.Accounting.ProtocolError {
			err = fmt.Errorf("%d answers named another user, but only %d protocol errors are counted",
				p.WrongSubject, p.Accounting.ProtocolError)
		}
		if err != nil {
			return fmt.Errorf("trial of %s in block %d, %s: %w", t.Arm, t.Block, p.Name, err)
		}
	}
	return nil
}

// Usable says whether the numbers of the phase may go into a summary or a
// comparison: it was measured, and the harness does not call it invalid.
func (m *Measurement) Usable() bool {
	return m != nil && m.DurationNS > 0 && m.Validity.Status != ValidityInvalid
}
