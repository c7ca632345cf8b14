package decide

import (
	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
	"authbench/results/stat"
)

// Capacity is how many cores the required rate takes: requests a second x CPU of a
// request at saturation. It is a model: it leaves no headroom, and takes for granted
// that twice the requests cost twice the CPU.
type Capacity struct {
	PerSecond float64   `json:"requests_per_second"`
	Target    Estimated `json:"target_cores"`
	Store     Estimated `json:"store_cores"`
}

// Estimated is a number with its interval over blocks, or why there is none.
type Estimated struct {
	Value   float64 `json:"value"`
	Lo      float64 `json:"lo"`
	Hi      float64 `json:"hi"`
	Bounded bool    `json:"bounded"`
	Missing string  `json:"missing,omitempty"`
}

// String is "1.58 [1.52, 1.66]".
func (e Estimated) String() string {
	switch {
	case e.Missing != "":
		return e.Missing
	case !e.Bounded:
		return number.Short(e.Value)
	}
	return number.Short(e.Value) + " [" + number.Short(e.Lo) + ", " + number.Short(e.Hi) + "]"
}

// capacity is nil where the rate is not stated or the cost was not measured.
func (c *candidate) capacity(r *Requirements) *Capacity {
	if r.PerSecond == 0 || c.cost == nil {
		return nil
	}
	saturated := func(t *results.Trial) *results.Measurement { return t.Saturate }
	cores := func(side func(results.Usage) results.Process) Estimated {
		return estimate(c.cost.Sat, evidence.CPU(saturated, side), r.PerSecond/1e9)
	}
	out := &Capacity{PerSecond: r.PerSecond, Target: cores(evidence.Target), Store: Estimated{Bounded: true}}
	if len(c.arm.Needs) > 0 {
		out.Store = cores(c.cost.StoreUsage)
	}
	return out
}

// estimate is the centre of a number over trials, times factor.
func estimate(trials []*results.Trial, get func(*results.Trial) (float64, bool), factor float64) Estimated {
	var v []float64
	for _, t := range trials {
		if x, ok := get(t); ok {
			v = append(v, factor*x)
		}
	}
	e, err := stat.Location(v, stat.Level)
	if err != nil {
		return Estimated{Missing: "not measured"}
	}
	out := Estimated{Value: e.Value, Bounded: e.Bounded}
	if e.Bounded {
		out.Lo, out.Hi = e.Lo, e.Hi
	}
	return out
}
