// Package contract says what a target looks like on the wire: how to reach it,
// log in, use a credential, refresh and revoke it, and what the answers mean.
// Bundled arms and a reader's own service are files of the same kind.
package contract

import "authbench/results"

// Contract is one target file. The zero value of an optional part means that
// the target has no such operation.
type Contract struct {
	Name      string   `yaml:"name"`
	Summary   string   `yaml:"summary"`
	Mechanism string   `yaml:"mechanism"` // none, session, token or hybrid
	Notes     []string `yaml:"notes,omitempty"`

	// Exactly one of URL and Start.
	URL   string `yaml:"url,omitempty"`
	Start *Start `yaml:"start,omitempty"`
	Ready Ready  `yaml:"ready,omitempty"`

	// Settings of a target that we start; its command sees them as the file has
	// them plus any --set. Values are scalars.
	Settings map[string]string `yaml:"settings,omitempty"`
	// Promises is what the target is held to. A value may refer to settings:
	// "{lifetime}".
	Promises Promises `yaml:"promises,omitempty"`

	Users    Users    `yaml:"users"`
	Statuses Statuses `yaml:"statuses,omitempty"`

	Login     Step  `yaml:"login"`
	Use       Step  `yaml:"use"`
	Refresh   *Step `yaml:"refresh,omitempty"`
	Revoke    *Step `yaml:"revoke,omitempty"`
	RevokeAll *Step `yaml:"revoke_all,omitempty"`
}

// Start is the command that runs one node of the target.
type Start struct {
	// Command and its arguments; no shell. Placeholders: {self} the authbench
	// binary, {listen} a free loopback address, {redis_url}, {mysql_dsn}.
	Command []string          `yaml:"command"`
	Env     map[string]string `yaml:"env,omitempty"`   // same placeholders
	Needs   []string          `yaml:"needs,omitempty"` // stores: redis, mysql
	// Announces: the command prints one JSON line with "listen" on stdout when
	// ready. Otherwise {listen} is where it is reached.
	Announces bool `yaml:"announces,omitempty"`
}

// Ready is how to tell that a node takes requests: GET Path answers 2xx.
type Ready struct {
	Path    string   `yaml:"path,omitempty"`
	Timeout Duration `yaml:"timeout,omitempty"` // default 10s
}

// Users is where the population comes from. {n} in a template is the user's
// number, from 1.
type Users struct {
	Username string `yaml:"username"`
	Password string `yaml:"password"`
	Count    int    `yaml:"count,omitempty"` // how many the target knows; 0 means as many as needed
}

// Statuses lists which codes mean what. A code in no list is a protocol error.
// Defaults: accepted 200, rejected 401, forbidden 403, unavailable 500 502 503 504 429.
type Statuses struct {
	Accepted    []int `yaml:"accepted,omitempty"`
	Rejected    []int `yaml:"rejected,omitempty"`
	Forbidden   []int `yaml:"forbidden,omitempty"`
	Unavailable []int `yaml:"unavailable,omitempty"`
}

// Step is one request and how to read its answer. Templates may use {username},
// {password}, {n} and every name extracted before ({credential}, {csrf}, ...).
type Step struct {
	Method   string            `yaml:"method"`
	Path     string            `yaml:"path"`
	Headers  map[string]string `yaml:"headers,omitempty"`
	Body     string            `yaml:"body,omitempty"`
	Statuses Statuses          `yaml:"statuses,omitempty"` // lists given here replace the target's
	// Extract names what later steps need. Login has to extract "credential".
	Extract map[string]Source `yaml:"extract,omitempty"`
	// Subject is where an accepted answer names the user: {json: $.sub}.
	Subject *Source `yaml:"subject,omitempty"`
}

// Source is one place in a response. Exactly one field is set.
type Source struct {
	JSON   string `yaml:"json,omitempty"`   // a JSON path: $.a.b[0]
	Cookie string `yaml:"cookie,omitempty"` // the value of that Set-Cookie
	Header string `yaml:"header,omitempty"`
}

// Promises is what an arm declares about itself. See docs/contract.md.
type Promises struct {
	RevocationBound    string `yaml:"revocation_bound,omitempty"`     // "0s", "60s", "exp + leeway"
	OnStoreUnreachable string `yaml:"on_store_unreachable,omitempty"` // "503", "stale(T)", "open", "fallback", "unaffected"
	OnDataLoss         string `yaml:"on_data_loss,omitempty"`         // "logged-out", "revoked-lives-again", "unaffected"
	Lifetime           string `yaml:"lifetime,omitempty"`
	Leeway             string `yaml:"leeway,omitempty"`
	IdleTimeout        string `yaml:"idle_timeout,omitempty"`
	AbsoluteTimeout    string `yaml:"absolute_timeout,omitempty"`
	Refresh            string `yaml:"refresh,omitempty"` // "none", "stateless", "rotating"
}

// OutcomeMap says what each listed status code means.
type OutcomeMap map[int]results.Outcome
