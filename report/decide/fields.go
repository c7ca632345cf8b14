package decide

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind of a field, for the schema and the documentation.
const (
	text     = "text"
	yesNo    = "true or false"
	length   = "duration, or any"
	exact    = "duration"
	count    = "whole number"
	limit    = "whole number, or any"
	amount   = "number"
	percent  = "percentage"
	someOf   = "list"
	oneOf    = "word"
	topLevel = ""
)

// Field is one key of the requirements file.
type Field struct {
	Key     string // dotted: revocation.window
	Kind    string
	Words   []string // that a word or a list is made of
	Default string
	Meaning string
	// If puts a value into a condition, for "would change to X ...".
	If  func(value string) string
	set func(*Requirements, string) error
	get func(*Requirements) string
}

// Section is the part of the key before the dot; "" at the top.
func (f Field) Section() string {
	section, _, ok := strings.Cut(f.Key, ".")
	if !ok {
		return topLevel
	}
	return section
}

// Get is the value of the field, as in the file.
func (f Field) Get(r *Requirements) string { return f.get(r) }

// Fields lists every key of the file, in the order of the documentation. A new
// requirement is a line here and a judge in constraints.
func Fields() []Field {
	return slices.Concat(
		[]Field{
			textField("title", "what is to be decided, in a few words", func(r *Requirements) *string { return &r.Title }),
			textField("context", "a sentence or two about the system", func(r *Requirements) *string { return &r.Context }),
		},
		revocationFields(), storeFields(), deploymentFields(), keyFields(), weightFields(),
	)
}

func revocationFields() []Field {
	return []Field{
		lengthField("revocation.window", "any", "the longest time that a logged-out credential may still be accepted", "if a logged-out credential may go on for %s", func(r *Requirements) *Length { return &r.Window }),
		boolField("revocation.log_out_everywhere", "false", "all credentials of a user can be ended at once", "log-out everywhere", func(r *Requirements) *bool { return &r.LogOutAll }),
		boolField("revocation.end_one_device", "false", "one of a user's credentials can be ended while the others go on", "ending one device and not the others", func(r *Requirements) *bool { return &r.EndOne }),
		boolField("revocation.list_devices", "false", "the server keeps a record of every log-in, so that it can show them", "a list of a user's devices", func(r *Requirements) *bool { return &r.ListDevices }),
	}
}

func storeFields() []Field {
	ret := Field{
		Key: "store_dies.logged_out_may_return", Kind: oneOf, Words: returns(), Default: "after-any-loss",
		Meaning: "when a logged-out credential may be accepted again: never; after older data was put back; after any loss of the store's data",
		If: func(v string) string {
			return map[string]string{
				"never":           "if a logged-out credential may never be accepted again",
				"after-a-restore": "if a logged-out credential may return when older data is put back, and only then",
				"after-any-loss":  "if a logged-out credential may return whenever the store loses its data",
			}[v]
		},
		set: func(r *Requirements, s string) error {
			i, err := parseOneOf(s, returns())
			r.Return = Return(max(i, 0))
			return err
		},
		get: func(r *Requirements) string { return r.Return.String() },
	}
	unavailable := Field{
		Key: "store_dies.unavailable_at_most", Kind: percent, Default: "0 %",
		Meaning: "of the uses of live credentials while the store is away, the share that may go without an answer; heeded where keep_answering is more than 0s",
		If: func(v string) string {
			return "if " + v + " of the uses may go without an answer while the store is away"
		},
		set: func(r *Requirements, s string) (err error) {
			r.UnavailableMost, err = parsePercent(s)
			return err
		},
		get: func(r *Requirements) string { return strconv.FormatFloat(100*r.UnavailableMost, 'f', -1, 64) + " %" },
	}
	return []Field{
		lengthField("store_dies.users_may_stay_in", "any", "how long credentials may be accepted while nobody can look up whether they were revoked; 0s: never", "if users may stay in for %s while the store is away", func(r *Requirements) *Length { return &r.StayIn }),
		boolField("store_dies.users_may_be_thrown_out", "true", "users may have to log in again because the store has lost its data", "users being thrown out by a loss of data", func(r *Requirements) *bool { return &r.ThrownOut }),
		ret,
		lengthField("store_dies.keep_answering", "0s", "how long live credentials have to be answered while the store is away; 0s: 503 is fine", "if live credentials have to be answered for %s while the store is away", func(r *Requirements) *Length { return &r.KeepAnswering }),
		unavailable,
	}
}

func deploymentFields() []Field {
	clients := Field{
		Key: "clients", Kind: someOf, Words: clientKinds(), Default: "browser",
		Meaning: "who holds credentials: browser; native (apps); third_party (programs of others call the API); cross_domain (pages of another site call it)",
		If:      func(v string) string { return "if the clients are " + strings.ReplaceAll(v, ",", ", ") },
		set: func(r *Requirements, s string) error {
			var list []string
			for _, kind := range clientKinds() { // in this order, each once
				if slices.Contains(strings.Split(s, ","), kind) {
					list = append(list, kind)
				}
			}
			for word := range strings.SplitSeq(s, ",") {
				if _, err := parseOneOf(word, clientKinds()); err != nil {
					return err
				}
			}
			r.Clients = list
			return nil
		},
		get: func(r *Requirements) string { return strings.Join(r.Clients, ",") },
	}
	return []Field{
		clients,
		countField("deployment.nodes", "1", 1, "nodes behind one address", "on %s node(s)", func(r *Requirements) *int { return &r.Nodes }),
		countField("deployment.regions", "1", 1, "regions that they are spread over; the store is in one of them", "in %s region(s)", func(r *Requirements) *int { return &r.Regions }),
		durationField("deployment.store_round_trip", "0s", "to the store and back from the region that is farthest from it, on top of the run's own; latency + round trip x store operations is a model", "with a round trip of %s to the store", func(r *Requirements) *time.Duration { return &r.RoundTrip }),
		numberField("load.requests_per_second", "0", "at the peak, all nodes together, for the cores that this takes; 0: not stated", func(r *Requirements) *float64 { return &r.PerSecond }),
		countField("load.users", "0", 0, "logged in at the same time; 0: not stated", "with %s users", func(r *Requirements) *int { return &r.Users }),
		limitField("load.request_bytes", "the largest request that may carry a credential: request line and headers of a GET, in bytes", func(r *Requirements) *int { return &r.RequestBytes }),
		p99Field(),
	}
}

func p99Field() Field {
	return Field{
		Key: "load.p99", Kind: length, Default: "any",
		Meaning: "the longest 99th percentile of response times at the rate of the run, with the round trip to the store added",
		If:      func(v string) string { return "if 99 % of the answers may take " + v },
		set: func(r *Requirements, s string) error {
			var l Length
			err := setLength(&l, true)(s)
			if err == nil && !l.Any && l.D == 0 {
				return fmt.Errorf("0s cannot be met: leave it out or say any")
			}
			r.P99 = l.D
			return err
		},
		get: func(r *Requirements) string { return Length{r.P99, r.P99 == 0}.String() },
	}
}

func keyFields() []Field {
	return []Field{
		boolField("keys.shared_secret_allowed", "true", "tokens may be signed with a secret that every verifier holds and could mint with", "a secret shared by all verifiers", func(r *Requirements) *bool { return &r.SharedSecret }),
		boolField("keys.third_parties_verify", "false", "others check credentials by themselves, with a public key", "others checking tokens by themselves", func(r *Requirements) *bool { return &r.ThirdsVerify }),
	}
}

func weightFields() []Field {
	return []Field{
		numberField("weights.cpu", "1", "CPU of a request at saturation, target and store together", func(r *Requirements) *float64 { return &r.CPU }),
		numberField("weights.latency", "1", "median response time, with the round trip to the store added", func(r *Requirements) *float64 { return &r.Latency }),
		numberField("weights.bytes", "1", "bytes of a request", func(r *Requirements) *float64 { return &r.Bytes }),
		numberField("weights.revocation", "1", "the declared revocation window, against revocation.window: an arm that uses up all of it counts as twice as bad as one that needs none; not weighed where revocation.window is any or 0s", func(r *Requirements) *float64 { return &r.Revocation }),
		numberField("weights.operations", "1", "moving parts: the node, each store, and keys that are to be handed out and rotated", func(r *Requirements) *float64 { return &r.Operations }),
	}
}

func textField(key, meaning string, at func(*Requirements) *string) Field {
	return Field{
		Key: key, Kind: text, Meaning: meaning,
		set: func(r *Requirements, s string) error { *at(r) = strings.TrimSpace(s); return nil },
		get: func(r *Requirements) string { return *at(r) },
	}
}

func boolField(key, def, meaning, noun string, at func(*Requirements) *bool) Field {
	return Field{
		Key: key, Kind: yesNo, Default: def, Meaning: meaning,
		If: func(v string) string {
			switch {
			case strings.HasSuffix(key, "allowed") || strings.Contains(key, "_may_"):
				return map[string]string{"true": "if " + noun + " is acceptable", "false": "if " + noun + " is not acceptable"}[v]
			default:
				return map[string]string{"true": "if " + noun + " is required", "false": "if " + noun + " is not required"}[v]
			}
		},
		set: func(r *Requirements, s string) (err error) { *at(r), err = parseBool(s); return err },
		get: func(r *Requirements) string { return strconv.FormatBool(*at(r)) },
	}
}

func lengthField(key, def, meaning, condition string, at func(*Requirements) *Length) Field {
	return Field{
		Key: key, Kind: length, Default: def, Meaning: meaning,
		If: func(v string) string {
			if v == "any" {
				v = "any length of time"
			}
			return fmt.Sprintf(condition, v)
		},
		set: func(r *Requirements, s string) error { return setLength(at(r), true)(s) },
		get: func(r *Requirements) string { return at(r).String() },
	}
}

func durationField(key, def, meaning, condition string, at func(*Requirements) *time.Duration) Field {
	return Field{
		Key: key, Kind: exact, Default: def, Meaning: meaning,
		If:  func(v string) string { return fmt.Sprintf(condition, v) },
		set: func(r *Requirements, s string) (err error) { *at(r), err = parseDuration(s); return err },
		get: func(r *Requirements) string { return duration(*at(r)) },
	}
}

func countField(key, def string, least int, meaning, condition string, at func(*Requirements) *int) Field {
	return Field{
		Key: key, Kind: count, Default: def, Meaning: meaning,
		If: func(v string) string {
			plural := "s"
			if v == "1" {
				plural = ""
			}
			return strings.Replace(fmt.Sprintf(condition, v), "(s)", plural, 1)
		},
		set: func(r *Requirements, s string) (err error) { *at(r), err = parseCount(s, least); return err },
		get: func(r *Requirements) string { return strconv.Itoa(*at(r)) },
	}
}

func limitField(key, meaning string, at func(*Requirements) *int) Field {
	return Field{
		Key: key, Kind: limit, Default: "any", Meaning: meaning,
		If: func(v string) string {
			if v == "any" {
				v = "any number of"
			}
			return "if a request may have " + v + " bytes"
		},
		set: func(r *Requirements, s string) (err error) {
			if s == "any" {
				*at(r) = 0
				return nil
			}
			*at(r), err = parseCount(s, 1)
			return err
		},
		get: func(r *Requirements) string {
			if *at(r) == 0 {
				return "any"
			}
			return strconv.Itoa(*at(r))
		},
	}
}

func numberField(key, def, meaning string, at func(*Requirements) *float64) Field {
	return Field{
		Key: key, Kind: amount, Default: def, Meaning: meaning,
		If:  func(v string) string { return "with " + key + " at " + v },
		set: func(r *Requirements, s string) (err error) { *at(r), err = parseNumber(s); return err },
		get: func(r *Requirements) string { return strconv.FormatFloat(*at(r), 'f', -1, 64) },
	}
}
