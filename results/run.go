// Package results is a run on disk: what was asked, what was measured, where,
// and with which settings. The types here are run.json; the field names are a
// public format (docs/schema/run.schema.json is generated from them).
//
// Durations that end in _ns are integer nanoseconds. A quantile that is null
// fell among the arrivals that did not end ok (see Quantiles).
package results

import "time"

// SchemaVersion is raised when a field changes its meaning or disappears.
const SchemaVersion = 1

// Run is run.json.
type Run struct {
	SchemaVersion int         `json:"schema_version"`
	ID            string      `json:"id"`   // directory name: <timestamp>-<name>
	Name          string      `json:"name"` // what was run: "bench", a scenario
	Profile       string      `json:"profile"`
	Command       []string    `json:"command"` // as typed, to repeat it
	Tool          Tool        `json:"tool"`
	Seed          uint64      `json:"seed"`
	Started       time.Time   `json:"started"`
	Finished      time.Time   `json:"finished"`
	Partial       bool        `json:"partial"` // interrupted: only the finished trials are here
	PartialReason string      `json:"partial_reason,omitempty"`
	Environment   Environment `json:"environment"`
	Workload      Workload    `json:"workload"`
	Baseline      string      `json:"baseline"`           // the arm the others are compared with
	Expected      []Expected  `json:"expected,omitempty"` // said before the first block
	Arms          []Arm       `json:"arms"`
	NotMeasured   []Missing   `json:"not_measured"` // arms that were asked for and could not run, with the reason
	Blocks        []Block     `json:"blocks,omitempty"`
	Trials        []Trial     `json:"trials"`
	Knees         []Knee      `json:"knees,omitempty"`
	Verdicts      []Verdict   `json:"verdicts"`
	Warnings      []string    `json:"warnings"`
}

// Knee is the highest rate at which an arm met an objective, found in one pass: a
// bracket, not an estimate.
type Knee struct {
	Arm                     string      `json:"arm"`
	Objective               string      `json:"objective"`
	MetPerSecond            float64     `json:"met_per_second"`             // the highest rate that met it; 0: none did
	MissedPerSecond         float64     `json:"missed_per_second"`          // the lowest that did not; 0: none
	GeneratorLimitPerSecond float64     `json:"generator_limit_per_second"` // the lowest beyond the generator; 0: none
	Summary                 string      `json:"summary"`                    // in words
	Probes                  []KneeProbe `json:"probes"`
}

// KneeProbe is one rate that was tried.
type KneeProbe struct {
	PerSecond  float64    `json:"per_second"`
	Result     string     `json:"result" jsonschema:"enum=met,enum=not_met,enum=generator_limit,enum=unknown"`
	Accounting Accounting `json:"accounting"`
	Latency    Quantiles  `json:"latency_ns"`
	Validity   Validity   `json:"validity"`
}

// Tool is the harness itself.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
}

// Environment is the machine and the servers, as they name themselves.
type Environment struct {
	CPU       string    `json:"cpu"`
	Cores     int       `json:"cores"`
	MemoryB   int64     `json:"memory_bytes"`
	OS        string    `json:"os"`
	Kernel    string    `json:"kernel"`
	Go        string    `json:"go"`
	Virtual   string    `json:"virtualisation"` // "" when it cannot be told
	Engine    string    `json:"engine"`         // the load engine that ran
	Placement Placement `json:"placement"`
	Stores    []Store   `json:"stores"`
}

// Placement is the cores that each side was confined to; empty means any.
type Placement struct {
	Loadgen []int `json:"loadgen"`
	Target  []int `json:"target"`
	Store   []int `json:"store"`
}

// Store is one store server. Product and Version are what the server answered,
// never what was configured.
type Store struct {
	Kind     string            `json:"kind" jsonschema:"enum=redis,enum=mysql"`
	Product  string            `json:"product"`  // "Redis", "Valkey", "MariaDB", "MySQL", "miniredis"
	Version  string            `json:"version"`  // INFO server, SELECT VERSION()
	Provider string            `json:"provider"` // process, docker, external, embedded
	Network  string            `json:"network"`  // "loopback", "host", "published"
	StandIn  bool              `json:"stand_in"` // not the real product: no verdict is drawn from it
	Settings map[string]string `json:"settings"` // persistence, memory policy, durability
}

// Workload is what was offered, the same for every arm.
type Workload struct {
	Scenario       string  `json:"scenario"`
	Blocks         int     `json:"blocks"` // planned
	Users          int     `json:"users"`
	Connections    int     `json:"connections"`
	Rate           float64 `json:"rate_per_second"`
	RateFrom       string  `json:"rate_from"` // "--rate" or how calibration arrived at it
	Arrivals       string  `json:"arrivals" jsonschema:"enum=poisson,enum=constant"`
	Popularity     string  `json:"popularity"`
	WarmupNS       int64   `json:"warmup_ns"`
	SteadyNS       int64   `json:"steady_ns"`
	SaturateNS     int64   `json:"saturate_ns"`
	SaturateConns  int     `json:"saturate_connections"`
	TimeoutNS      int64   `json:"timeout_ns"`
	InFlightCap    int     `json:"in_flight_cap"`
	CalibratedRate float64 `json:"calibrated_capacity_per_second"` // slowest arm, closed loop
	CalibratedArm  string  `json:"calibrated_arm"`
	// Margin is the share of the baseline up to which a difference does not matter
	// to whoever asked: an arm inside it is equivalent. 0: the default, 0.05.
	Margin float64 `json:"margin,omitempty"`
}

// Expected is what the blocks were expected to show by a primary metric, before any
// was measured.
type Expected struct {
	Metric      string  `json:"metric"`
	SD          float64 `json:"sd"`          // of a paired log-ratio, taken for granted
	From        string  `json:"from"`        // where the SD is from, in words
	Comparisons int     `json:"comparisons"` // judged together
	// Detectable is about the least factor above 1 that the planned blocks show with
	// a probability of 0.8; 0: they cannot show any.
	Detectable float64 `json:"detectable"`
}

// Arm is one configured mechanism, as it ran.
type Arm struct {
	Name      string            `json:"name"`
	Summary   string            `json:"summary"`
	Mechanism string            `json:"mechanism"`
	Contract  string            `json:"contract"` // arm name or file
	Duplicate bool              `json:"duplicate_of_baseline"`
	Needs     []string          `json:"needs"`
	UseAsks   string            `json:"use_asks,omitempty" jsonschema:"enum=always,enum=sometimes,enum=never"` // whether a use asks one of them; "" is always
	Settings  map[string]string `json:"settings"`
	Promises  map[string]string `json:"promises"`
	Notes     []string          `json:"notes"` // what a reader has to know: "every verifier can mint"
}

// Missing is an arm that was asked for and not measured.
type Missing struct {
	Arm    string `json:"arm"`
	Reason string `json:"reason"`
}

// Block is what is known of a block beside its trials. A probe that could not be
// made is null.
type Block struct {
	Block     int  `json:"block"` // from 1
	GapBefore *Gap `json:"gap_before" jsonschema:"nullable"`
	GapAfter  *Gap `json:"gap_after" jsonschema:"nullable"`
}

// Gap is how still the machine stood when nothing was asked of it: threads that
// asked to be woken every millisecond, a wake-up that was missed counted as late
// as it is.
type Gap struct {
	DurationNS int64 `json:"duration_ns"`
	Wakes      int64 `json:"wakes"`   // of all threads, one a core
	P99NS      int64 `json:"p99_ns"`  // lateness of a wake-up
	MaxNS      int64 `json:"max_ns"`  //
	LostNS     int64 `json:"lost_ns"` // time in which a thread wanted to run and could not
}

// Trial is one measurement of one arm in one block. Its own fields are those
// of the steady phase; the other phases stand beside it.
type Trial struct {
	Scenario string    `json:"scenario"`
	Arm      string    `json:"arm"`
	Block    int       `json:"block"`    // from 1
	Position int       `json:"position"` // place in the block's random order, from 1
	Started  time.Time `json:"started"`
	Measurement
	Login    *Measurement `json:"login,omitempty"`
	Saturate *Measurement `json:"saturate,omitempty"`
	Chaos    *Chaos       `json:"chaos,omitempty"`
	Error    string       `json:"error,omitempty"` // why the trial could not be completed
}

// Measurement is one phase of one trial.
type Measurement struct {
	DurationNS         int64            `json:"duration_ns"`
	Offered            float64          `json:"offered_per_second"`  // scheduled / duration; 0 in a closed loop
	Achieved           float64          `json:"achieved_per_second"` // ok / duration
	Accounting         Accounting       `json:"accounting"`
	WrongSubject       int64            `json:"wrong_subject"`  // of the protocol errors: 200 for somebody else
	Latency            Quantiles        `json:"latency_ns"`     // done - intended, every scheduled arrival ranked
	Service            Quantiles        `json:"service_ns"`     // done - sent, ok only
	Lag                Quantiles        `json:"lag_ns"`         // sent - intended where a connection was free
	Queued             Quantiles        `json:"queued_ns"`      // waiting for a connection, over all arrivals
	QueuedShare        float64          `json:"queued_share"`   // arrivals that had to wait for a connection / scheduled
	RequestBytes       float64          `json:"request_bytes"`  // written per request sent
	ResponseBytes      float64          `json:"response_bytes"` // read per response, headers included
	Usage              Usage            `json:"usage"`          //
	StoreOps           int64            `json:"store_ops"`      // as the stores counted them
	StoreOpsPerRequest float64          `json:"store_ops_per_request"`
	StoreOpsByName     map[string]int64 `json:"store_ops_by_name,omitempty"` // "redis.get": 4000
	StoreOpsKnown      bool             `json:"store_ops_known"`             // false: the store does not count, or is not ours to ask
	Timeline           *Timeline        `json:"timeline,omitempty"`          // CPU over time; absent for windows below 5 s without faults
	Validity           Validity         `json:"validity"`
}

// The validity states. The evidence of an invalid measurement is not to be
// trusted: its numbers are kept here and left out of every summary.
const (
	ValidityValid    = "valid"
	ValidityDegraded = "degraded"
	ValidityInvalid  = "invalid"
	ValidityUnknown  = "unknown" // nothing was said of it
)

// Validity is what the harness says of its own part in a measurement.
type Validity struct {
	Status  string   `json:"status" jsonschema:"enum=valid,enum=degraded,enum=invalid,enum=unknown"`
	Reasons []string `json:"reasons"` // cause and remedy, in words
}

// Quantiles summarises one histogram. For Latency every scheduled arrival is
// ranked and one that did not end ok counts as slower than every ok: a quantile
// that falls there is null and prints as "> timeout". An arm cannot look fast
// by failing. Mean is over the recorded values only.
type Quantiles struct {
	Count int64   `json:"count"` // arrivals ranked
	Mean  float64 `json:"mean"`
	P50   *int64  `json:"p50" jsonschema:"nullable"`
	P90   *int64  `json:"p90" jsonschema:"nullable"`
	P95   *int64  `json:"p95" jsonschema:"nullable"`
	P99   *int64  `json:"p99" jsonschema:"nullable"`
	P999  *int64  `json:"p99_9" jsonschema:"nullable"`
	P9999 *int64  `json:"p99_99" jsonschema:"nullable"`
	Max   *int64  `json:"max" jsonschema:"nullable"`
}

// Usage is what each side spent during the phase.
type Usage struct {
	Target  Process `json:"target"`
	Store   Process `json:"store"`
	Link    Process `json:"link"`
	Loadgen Process `json:"loadgen"`
}

// Process is CPU and memory of one side, its processes added up. CPU is the
// process clock (clock_gettime on the process's CPU clock: nanoseconds, exited
// threads included). CPUPerRequest divides by the requests that were answered.
type Process struct {
	CPUNS         int64   `json:"cpu_ns"`
	CPUPerRequest float64 `json:"cpu_ns_per_request"`
	RSSBytes      int64   `json:"rss_bytes"`
	Known         bool    `json:"known"` // false: could not be read (an external store)
}

// The verdict states. No data is unknown, never a pass.
const (
	Pass          = "pass"
	Fail          = "fail"
	Unknown       = "unknown"
	Invalid       = "invalid"
	NotApplicable = "not_applicable"
)

// Verdict is one check of one arm.
type Verdict struct {
	Scenario string   `json:"scenario"`
	Arm      string   `json:"arm"`
	Check    string   `json:"check"`
	Fault    string   `json:"fault,omitempty"` // the kind of fault of the trial
	Block    int      `json:"block,omitempty"` // of the trial; 0: it is about all of them
	Status   string   `json:"status" jsonschema:"enum=pass,enum=fail,enum=unknown,enum=invalid,enum=not_applicable"`
	Measured *float64 `json:"measured" jsonschema:"nullable"`
	Bound    *float64 `json:"bound" jsonschema:"nullable"`
	Unit     string   `json:"unit"`
	Reason   string   `json:"reason"`
}
