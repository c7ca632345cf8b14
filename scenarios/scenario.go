// Package scenarios is what can be asked of an arm, one file a scenario, and
// the experiment that asks it of all arms in turn. A scenario sees a target
// only through its contract, over the wire.
package scenarios

import (
	"context"
	"maps"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// Scenario is one kind of measurement.
type Scenario struct {
	Name    string
	Summary string // one line, for lists
	// Params are its settings.
	Params []Param
	// Applies says why an arm cannot take part, or "". Nil: all can.
	Applies func(c *contract.Contract, v Values) string
	// Settings are those of the arm that the scenario changes; may be nil.
	Settings func(c *contract.Contract, v Values) map[string]string
	// Limit bounds one case; 0: caseLimit.
	Limit time.Duration
	// Run measures one arm on fresh nodes and reset stores. It fills the trial's
	// measurements; an error means that the trial could not be completed.
	Run func(ctx context.Context, t *Trial) error
}

// All lists the scenarios. Adding one is its file and a line here.
func All() []Scenario {
	return []Scenario{
		Steady(),
		Revocation(),
		RedisOutage(),
		MySQLOutage(),
		Eviction(),
		PoolExhaustion(),
		LoginStorm(),
		ClockSkew(),
		KeyRotation(),
		Lifetime(),
		ClaimsSize(),
		SessionFootprint(),
		Failover(),
		FanOut(),
		StoreRTT(),
		StoreKnee(),
		EarlyWarning(),
		ScaleOut(),
		RollingRestart(),
		StaleAuthorisation(),
		Algorithms(),
		Probe(),
		CSRF(),
	}
}

// Arm is one arm of an experiment.
type Arm struct {
	Name      string // "session-redis", or "session-redis~aa" for the duplicate
	Contract  *contract.Contract
	Source    string // the arm name or file that the contract came from
	Duplicate bool   // the same arm once more: shows the noise floor
}

// Trial is what a scenario gets to work with, and what it fills in.
type Trial struct {
	Arm      Arm
	Testbed  *testbed.Testbed
	Engine   loadgen.Engine
	Workload results.Workload
	Seed     uint64 // the block's: all arms of a block see the same arrivals
	// LoadgenCores is how many cores the generator may use.
	LoadgenCores int
	// Values are the settings of the scenario, Changed those of the arm that are not
	// its contract's.
	Values  Values
	Changed map[string]string
	// Load makes the arm's contract with some of its settings changed; nil in a
	// comparison of costs.
	Load func(set map[string]string) (*contract.Contract, error)

	Result     results.Trial
	Histograms []results.PhaseHistograms
	Verdicts   []results.Verdict // of scenarios that judge by themselves
}

// variant is the arm's contract with more of its settings changed than the trial
// does: another version of it.
func (t *Trial) variant(set map[string]string) (*contract.Contract, error) {
	all := maps.Clone(t.Changed)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, set)
	return t.Load(all)
}

// Fault is the kind of fault of the trial, or "".
func (t *Trial) Fault() string {
	for _, key := range []string{"fault", "cut"} {
		if name := t.Values[key]; name != "" && name != "none" {
			return name
		}
	}
	return ""
}

// judge adds a verdict on the trial.
func (t *Trial) judge(v results.Verdict) {
	v.Scenario, v.Arm, v.Fault, v.Block = t.Result.Scenario, t.Arm.Name, t.Fault(), t.Result.Block
	t.Verdicts = append(t.Verdicts, v)
}

// Step tells the person waiting what is being done.
type Step struct {
	Arm     string
	Block   int
	Blocks  int
	Trial   int // of Trials, from 1
	Trials  int
	Left    time.Duration // estimate; 0 when there is none yet
	Message string        // set for news that should stay on the screen
}
