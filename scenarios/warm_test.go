package scenarios

import (
	"context"
	"testing"

	"authbench/loadgen"
	"authbench/targets/contract"
)

// answering is a session on which so many requests of every stretch are answered.
type answering struct {
	each    int64
	phases  []loadgen.Phase
	answers int64
}

func (s *answering) Run(_ context.Context, p loadgen.Phase) (*loadgen.Recording, error) {
	s.phases = append(s.phases, p)
	s.answers += s.each
	return &loadgen.Recording{Answered: s.each}, nil
}

func (s *answering) Close() error { return nil }

func TestWarm(t *testing.T) {
	for name, tc := range map[string]struct {
		ready   contract.Ready
		limits  contract.Limits
		each    int64
		phases  int
		atLeast int64
	}{
		"not asked for": {each: 100},
		"asked for":     {ready: contract.Ready{Uses: 450}, each: 100, phases: 5, atLeast: 450},
		"limited":       {ready: contract.Ready{Uses: 450}, limits: contract.Limits{Rate: 10}, each: 100},
		"never answers": {ready: contract.Ready{Uses: 450}, phases: int(warmLimit / warmStretch)},
	} {
		t.Run(name, func(t *testing.T) {
			s := &answering{each: tc.each}
			trial := &Trial{Arm: Arm{Contract: &contract.Contract{Ready: tc.ready, Limits: tc.limits}}}
			if err := trial.warm(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if len(s.phases) != tc.phases || s.answers < tc.atLeast {
				t.Errorf("%d stretches, %d uses, want %d and at least %d", len(s.phases), s.answers, tc.phases, tc.atLeast)
			}
			for _, p := range s.phases {
				if p.Rate != 0 || p.Operation != "use" {
					t.Errorf("phase %+v, want closed-loop use", p)
				}
			}
		})
	}
}
