package results

// Chaos is what a trial under faults or revocations measured. Instants are
// nanoseconds since the trial's zero, on one monotonic clock.
type Chaos struct {
	Nodes      int               `json:"nodes"`
	Settings   map[string]string `json:"settings"` // of the scenario, as it ran, and those of the arm that were changed for it
	Fault      string            `json:"fault"`    // the kind of fault; "" without one
	Faults     []Fault           `json:"faults"`   // every time that one was injected
	Revocation *Revocation       `json:"revocation,omitempty"`
	Outage     *Outage           `json:"outage,omitempty"`
	Facts      []Fact            `json:"facts"`            // what else was found, in the order to be told
	Tables     []Table           `json:"tables,omitempty"` // figures at each of several settings
	Violations []Violation       `json:"violations"`
	Operations int64             `json:"operations"` // in the history that was checked
}

// Fault is the life of one disturbance. An instant that was not reached is null.
type Fault struct {
	Name        string `json:"name"`
	On          string `json:"on"` // "redis", "link to redis of node 2"
	RequestedNS int64  `json:"requested_ns"`
	ConfirmedNS *int64 `json:"confirmed_ns" jsonschema:"nullable"` // seen to be active
	RecoverNS   *int64 `json:"recover_ns" jsonschema:"nullable"`   // asked to end
	RecoveredNS *int64 `json:"recovered_ns" jsonschema:"nullable"` // seen to be over
	Unreachable bool   `json:"unreachable"`                        // the store is away or answers with errors meanwhile
	DataLoss    bool   `json:"data_loss"`                          // what the store had acknowledged is gone, or old again
	Error       string `json:"error,omitempty"`
}

// Revocation is how long revoked credentials went on working.
type Revocation struct {
	Revocations  int64            `json:"revocations"`         // acknowledged, each of another credential
	Unresolved   int64            `json:"unresolved"`          // neither acknowledged nor known from a rejection
	Uses         int64            `json:"uses"`                // of revoked credentials, after the acknowledgement
	Triggered    int64            `json:"triggered_uses"`      // of those: sent because of an acknowledgement, on every node at once
	LetThrough   int64            `json:"let_through"`         // 200 for a use invoked after the acknowledgement
	BeyondBound  int64            `json:"beyond_bound"`        // of those: invoked after acknowledgement + bound
	Bound        string           `json:"bound"`               // as the arm declares it
	RateUpper95  float64          `json:"rate_upper_95"`       // 3 / revocations when nothing was beyond the bound; else 0
	TimeToReject Quantiles        `json:"time_to_reject_ns"`   // longest that each credential and node can have gone on: next rejection - revoke sent
	LastAccept   Quantiles        `json:"last_accept_ns"`      // shortest: last accepted use - acknowledgement, 0 where none
	ByNode       []NodeRevocation `json:"by_node"`             //
	Curve        []CurvePoint     `json:"curve"`               // share still accepted by the time since the acknowledgement
	Unknown      int64            `json:"unknown_credentials"` // credential and node pairs that were not used after the revoke
	ResolutionNS int64            `json:"resolution_ns"`       // median distance between two uses of one credential on one node
}

// NodeRevocation is the same for one node.
type NodeRevocation struct {
	Node         int       `json:"node"`
	LetThrough   int64     `json:"let_through"`
	TimeToReject Quantiles `json:"time_to_reject_ns"`
}

// CurvePoint is one point of the curve of what was still accepted.
type CurvePoint struct {
	AfterNS  int64   `json:"after_ns"`
	Accepted float64 `json:"accepted"` // share of credential and node pairs
}

// Outage is what users saw before, during and after a fault.
type Outage struct {
	Stages    []Stage `json:"stages"`
	DetectNS  *int64  `json:"detect_ns" jsonschema:"nullable"`  // from the confirmed fault to the first answer that says so
	RecoverNS *int64  `json:"recover_ns" jsonschema:"nullable"` // from the confirmed end of the fault until uses are accepted and stay so
	// What became of credentials, asked once more when the fault was over.
	LiveAsked     int64 `json:"live_asked"`
	SessionsLost  int64 `json:"sessions_lost"` // were live before the fault, are refused now
	RevokedAsked  int64 `json:"revoked_asked"`
	Resurrected   int64 `json:"resurrected"` // were revoked before the fault, are accepted now
	LogoutsDuring Tries `json:"logouts_during"`
	LoginsDuring  Tries `json:"logins_during"`
	// Stampede is store operations a second while users come back, right after
	// recovery, over those before the fault; null where the store does not count.
	Stampede *float64 `json:"stampede" jsonschema:"nullable"`
}

// Tries counts how operations ended.
type Tries struct {
	OK     int64 `json:"ok"`
	Failed int64 `json:"failed"`
}

// Stage is one stretch of time: before, during or after the fault.
type Stage struct {
	Name          string     `json:"name" jsonschema:"enum=before,enum=during,enum=after"`
	DurationNS    int64      `json:"duration_ns"`
	Accounting    Accounting `json:"accounting"` // uses of live credentials
	Latency       Quantiles  `json:"latency_ns"`
	Goodput       float64    `json:"goodput_per_second"`
	FreeGoodput   float64    `json:"storeless_goodput_per_second"` // of a path that needs no store
	FreeBad       int64      `json:"storeless_failed"`
	WronglyIn     int64      `json:"wrongly_accepted"` // revoked, and accepted
	WronglyOut    int64      `json:"wrongly_rejected"` // live, and refused as if it were no good
	Unavailable   int64      `json:"unavailable"`      // told that it cannot be found out now
	Hung          int64      `json:"hung"`             // no answer within a second
	SlowestNS     int64      `json:"slowest_answer_ns"`
	RevokedAsked  int64      `json:"revoked_asked"`
	RevokedDenied int64      `json:"revoked_denied"`
}

// Fact is one sentence with its figure.
type Fact struct {
	Name  string   `json:"name"` // for machines: "refresh.lineages"
	Text  string   `json:"text"` // for people
	Value *float64 `json:"value" jsonschema:"nullable"`
	Unit  string   `json:"unit"`
}

// Violation is one broken promise, with the few events that show it.
type Violation struct {
	Check   string  `json:"check"`
	Summary string  `json:"summary"`
	Events  []Event `json:"events"` // at most five, in order
}

// Event is one line of a history, small enough to print.
type Event struct {
	AtNS       int64  `json:"at_ns"`          // invoke
	DoneNS     int64  `json:"done_ns"`        // complete
	What       string `json:"what"`           // login, use, revoke, refresh, fault ...
	Node       int    `json:"node"`           // from 0; -1 where it has none
	User       string `json:"user,omitempty"` //
	Credential string `json:"credential,omitempty"`
	Outcome    string `json:"outcome,omitempty"`
	Status     int    `json:"status,omitempty"`
	Text       string `json:"text,omitempty"`
}
