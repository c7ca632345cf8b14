// Package contract says what a target looks like on the wire: how to reach it,
// log in, use a credential, refresh and revoke it, and what the answers mean.
// Bundled arms and a reader's own service are files of the same kind, described
// in docs/contract.md; docs/schema/contract.schema.json is generated from the
// types below.
//
// It also holds the client side of a contract: rendering a step into a request
// (Render), reading its answer (OutcomeMap, ExtractFrom), doing one over a real
// socket (Client) and walking a target through all of them (Walk).
package contract

import "authbench/results"

// Contract is one target file. An optional step that is absent means that the
// target has no such operation.
type Contract struct {
	// Name of the arm, as results and reports print it: letters, digits and
	// - _ + ~ @ .
	Name string `yaml:"name" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9._+~@-]*$"`
	// One sentence on what this target is.
	Summary string `yaml:"summary,omitempty"`
	// How a request proves who it is: none (the control), session (an opaque
	// id, looked up), token (a signed claim, verified), hybrid (both) or sealed (the
	// session itself, encrypted in the cookie).
	Mechanism string `yaml:"mechanism" jsonschema:"enum=none,enum=session,enum=token,enum=hybrid,enum=sealed"`
	// What a reader of the results has to know about this target.
	Notes []string `yaml:"notes,omitempty"`

	// Where a target that already runs is reached: http://127.0.0.1:8080, with
	// an optional path prefix. Either this or start, not both.
	URL string `yaml:"url,omitempty"`
	// How to speak TLS with a target at an https URL. Its certificate is always checked.
	TLS TLS `yaml:"tls,omitempty"`
	// The most that the target may be sent.
	Limits Limits `yaml:"limits,omitempty"`
	// How to start a node of the target. Either this or url, not both.
	Start *Start `yaml:"start,omitempty"`
	// How to tell that a node takes requests.
	Ready Ready `yaml:"ready,omitempty"`

	// Settings of the target, handed to it by name. --set changes them. A promise,
	// the start command and its environment may refer to them: "{lifetime}".
	Settings map[string]string `yaml:"settings,omitempty"`
	// What no file of ours may hold, by name: "{client_secret}" in a step, in users and in
	// start.env.
	Secrets map[string]Secret `yaml:"secrets,omitempty"`
	// What the target is held to. Nothing promised is nothing checked.
	Promises Promises `yaml:"promises,omitempty"`

	// Where the population comes from.
	Users Users `yaml:"users"`
	// What status codes mean, unless a step says otherwise.
	Statuses Statuses `yaml:"statuses,omitempty"`

	// Exchanges a user name and a password for a credential. Has to extract
	// "credential". May extract "subject" when the target names its users
	// otherwise than by user name. A users.file with a column credential makes it
	// unnecessary.
	Login Step `yaml:"login,omitempty"`
	// Uses the credential: the request that is measured.
	Use Step `yaml:"use"`
	// Gets a new credential for an old one. What it extracts replaces what login
	// extracted.
	Refresh *Step `yaml:"refresh,omitempty"`
	// Logs one credential out.
	Revoke *Step `yaml:"revoke,omitempty"`
	// Logs every credential of the user out.
	RevokeAll *Step `yaml:"revoke_all,omitempty"`
	// Changes the user's password to {new_password}, which whoever does the step
	// makes up. What it extracts replaces what login extracted.
	Password *Step `yaml:"password,omitempty"`
	// Proves again who the user is. What it extracts replaces what login
	// extracted.
	StepUp *Step `yaml:"step_up,omitempty"`
	// A request that needs neither a credential nor the store: while the store is
	// away it has to go on.
	Storeless *Step `yaml:"storeless,omitempty"`
	// Uses the credential for what needs the role admin: accepted with it, forbidden
	// (403) without, whoever the user is.
	Restricted *Step `yaml:"restricted,omitempty"`

	// What probe needs to try more than an outsider could.
	Probe Probe `yaml:"probe,omitempty"`

	file    string            // for error messages
	changed map[string]string // settings that --set gave another value
	secrets Vars              // their values
	rows    []Vars            // of the users' file; nil: there is none
	roots   []byte            // the authorities of tls.ca, PEM
}

// Start is the command that runs one node of the target; see
// Contract.Invocation.
type Start struct {
	// The command and its arguments. No shell is involved. Placeholders: {self}
	// the authbench binary, {dir} the directory of this file, {listen} a free loopback address as host:port,
	// {redis_url}, {mysql_dsn}, {keys_dir} and every setting by name. The argument
	// {set} becomes "--set key=value" for every setting that was changed.
	Command []string `yaml:"command"`
	// A command that runs to its end before the first node of a trial starts, to
	// make what all its nodes share: one key ring in {keys_dir}, a private
	// directory that lives as long as the trial. Same placeholders, without
	// {listen}.
	Prepare []string `yaml:"prepare,omitempty"`
	// Environment variables for both commands. Same placeholders. Secrets belong
	// here, not among the arguments, which every user of the machine can read.
	Env map[string]string `yaml:"env,omitempty"`
	// The stores it needs: redis, mysql.
	Needs []string `yaml:"needs,omitempty" jsonschema:"enum=redis,enum=mysql"`
	// Whether every use of a credential asks a store (always, the default where it
	// needs one), most are answered from what the node knows (sometimes), or all are
	// (never): what the store then counts was asked in the background.
	UseAsks string `yaml:"use_asks,omitempty" jsonschema:"enum=always,enum=sometimes,enum=never"`
	// The command prints one JSON line with "listen" (host:port) on stdout when it
	// is ready. Otherwise it is reached at {listen}, which the command then has to use.
	Announces bool `yaml:"announces,omitempty"`
	// With the environment variable AUTHBENCH_ADMIN_SECRET the command opens an admin
	// plane on a second loopback port, where the clock, the keys and the users of this node
	// are changed, and announces it as "admin" (host:port). Needs announces.
	Admin bool `yaml:"admin,omitempty"`
}

// Ready is how to tell that a node takes requests: GET Path answers 2xx. With
// no Path a TCP connection is enough.
type Ready struct {
	// The path that answers 2xx once the node takes requests. Without it a TCP
	// connection that is accepted is enough.
	Path string `yaml:"path,omitempty" jsonschema:"pattern=^/"`
	// How long to wait for that. Default 10s.
	Timeout Duration `yaml:"timeout,omitempty"`
	// How many uses a node answers, as fast as it can, before any cost is measured:
	// for a runtime that compiles while it runs. Default 0.
	Uses int `yaml:"uses,omitempty" jsonschema:"minimum=0"`
}

// TLS is how to speak TLS with a target.
type TLS struct {
	// A PEM file, beside the contract, of the authorities that sign the target's
	// certificate, instead of those of the system.
	CA string `yaml:"ca,omitempty"`
	// The name that the certificate has to have, where it is not the host of the URL.
	ServerName string `yaml:"server_name,omitempty"`
}

// Limits is the most that a target may be sent. 0 is no limit.
type Limits struct {
	// Requests a second. Default for a target on another machine: 200.
	Rate int `yaml:"rate,omitempty" jsonschema:"minimum=1"`
	// Connections at a time. Default for a target on another machine: 20.
	Connections int `yaml:"connections,omitempty" jsonschema:"minimum=1"`
}

// Secret is a value that is never written anywhere.
type Secret struct {
	// The environment variable that holds it.
	Env string `yaml:"env"`
}

// Users is where the population comes from. {n} is the user's number, from 1.
type Users struct {
	// The user name; {n} is the user's number, from 1, {COLUMN} what the file has.
	Username string `yaml:"username,omitempty"`
	// The password; {n} is the user's number, {username} the name.
	Password string `yaml:"password,omitempty"`
	// How many users the target knows. Default: as many as the file has, or are asked
	// for.
	Count int `yaml:"count,omitempty" jsonschema:"minimum=0"`
	// A CSV file, beside the contract, with a user a line. The first line names the
	// columns: each is a variable of the steps. A column username or password stands for
	// the field of that name, a column credential for logging in.
	File string `yaml:"file,omitempty"`
}

// Statuses lists which codes mean what. A code in no list is a protocol error.
// A list that is absent has its default, less the codes that another list
// claims: accepted 200, rejected 401, forbidden 403, unavailable 429, 500, 502,
// 503, 504. Lists of a step replace the target's.
type Statuses struct {
	// The operation was done. Default 200.
	Accepted []int `yaml:"accepted,omitempty" jsonschema:"minimum=200,maximum=599"`
	// The credential (or the password) was refused. Default 401.
	Rejected []int `yaml:"rejected,omitempty" jsonschema:"minimum=200,maximum=599"`
	// The credential is good, the action is not allowed. Default 403.
	Forbidden []int `yaml:"forbidden,omitempty" jsonschema:"minimum=200,maximum=599"`
	// The target cannot answer now. Default 429, 500, 502, 503, 504.
	Unavailable []int `yaml:"unavailable,omitempty" jsonschema:"minimum=200,maximum=599"`
}

// Step is one request and how to read its answer. Path, header values and Body
// are templates: {username}, {password}, {n}, {subject} and every name that was
// extracted before ({credential}, {csrf}, ...); the step password also has
// {new_password}, and {cookies} is every cookie that the target has set and that no step
// extracts, as a Cookie header has them. Values are escaped for where they stand;
// "{{name}}" is a literal "{name}".
type Step struct {
	// Steps that are done first, in this order: fetching the form whose token the step
	// sends, say. What they extract the step may use. Not for use, storeless and
	// restricted, and without steps before them.
	Before []Step `yaml:"before,omitempty"`
	// The HTTP method.
	Method string `yaml:"method" jsonschema:"enum=GET,enum=HEAD,enum=POST,enum=PUT,enum=PATCH,enum=DELETE"`
	// The path and query, from the first slash. A template.
	Path string `yaml:"path" jsonschema:"pattern=^/"`
	// Header fields. Values are templates. Host and Content-Length are ours.
	Headers map[string]string `yaml:"headers,omitempty"`
	// user:password, a template: sent as Authorization: Basic (RFC 7617).
	Basic string `yaml:"basic,omitempty"`
	// The body, a template. Needs a Content-Type header: JSON and form bodies have
	// their values escaped, other types take them as they are.
	Body string `yaml:"body,omitempty"`
	// Go where a redirect leads (at most 10 of them), as a browser would: the last answer
	// is the step's. One that leads to another host or scheme is an error. Not for use,
	// storeless and restricted.
	Follow bool `yaml:"follow,omitempty"`
	// What status codes mean for this step. A list given here replaces the target's.
	Statuses Statuses `yaml:"statuses,omitempty"`
	// An answer that has this is a refusal, whatever its status: the way back to the form,
	// or its words. Not for use, storeless and restricted.
	RejectedIf *Source `yaml:"rejected_if,omitempty"`
	// What later steps need, by name. Login has to extract "credential".
	Extract map[string]Source `yaml:"extract,omitempty"`
	// Where an accepted answer names the user. An answer that names somebody else
	// is a protocol error.
	Subject *Source `yaml:"subject,omitempty"`
}

// Source is one place in a response. Exactly one of json, cookie and header is set, or
// match alone.
type Source struct {
	// A JSON path: $.a.b[0].
	JSON string `yaml:"json,omitempty" jsonschema:"pattern=^\\$"`
	// The value of the cookie of that name in Set-Cookie.
	Cookie string `yaml:"cookie,omitempty"`
	// The value of that header field.
	Header string `yaml:"header,omitempty"`
	// A regular expression (RE2) with one group: the value is what the group matches, in
	// the place that is named beside it, or else in the body.
	Match string `yaml:"match,omitempty"`
}

// Promises is what an arm declares about itself and is then held to. Every
// value may refer to settings: "{lifetime}".
type Promises struct {
	// How long a revoked credential may still be accepted, counted from the
	// acknowledgement of the revoke: a duration ("0s", "5s"), "exp" or
	// "exp + leeway" (until the credential ends by itself).
	RevocationBound string `yaml:"revocation_bound,omitempty"`
	// What the step revoke logs out: the credential that it is done with (the
	// default), or every credential of its user.
	RevokeScope string `yaml:"revoke_scope,omitempty" jsonschema:"enum=credential,enum=user"`
	// What a use is answered while the store cannot be reached: 503, stale(5s)
	// (as before for that long, then 503), open (let in), fallback (another
	// store) or unaffected (no store is asked).
	OnStoreUnreachable string `yaml:"on_store_unreachable,omitempty" jsonschema:"oneof_type=string;integer"`
	// What becomes of credentials when the store loses its data: logged-out,
	// revoked-lives-again or unaffected.
	OnDataLoss string `yaml:"on_data_loss,omitempty" jsonschema:"enum=logged-out,enum=revoked-lives-again,enum=unaffected"`
	// What becomes of credentials when the store comes back with old data (a
	// backup, or what a power cut left): the same words.
	OnOldData string `yaml:"on_old_data,omitempty" jsonschema:"enum=logged-out,enum=revoked-lives-again,enum=unaffected"`
	// How long a credential lives.
	Lifetime string `yaml:"lifetime,omitempty"`
	// How long past its end an expired credential is still accepted, to forgive
	// clocks that disagree.
	Leeway string `yaml:"leeway,omitempty"`
	// How long a session lives without being used.
	IdleTimeout string `yaml:"idle_timeout,omitempty"`
	// How long a session lives however much it is used.
	AbsoluteTimeout string `yaml:"absolute_timeout,omitempty"`
	// How many sessions of one user live at once: a log-in beyond it is refused, or ends
	// an older one.
	MaxSessions string `yaml:"max_sessions,omitempty" jsonschema:"oneof_type=string;integer"`
	// What becomes of a refresh token that was used: none (there are none),
	// stateless (it works again) or rotating (it does not).
	Refresh string `yaml:"refresh,omitempty" jsonschema:"enum=none,enum=stateless,enum=rotating"`
	// With refresh rotating: how long after it was used a refresh token that is
	// used again still gets the same successor. Without it not at all.
	RefreshGrace string `yaml:"refresh_grace,omitempty"`
	// How many wrong passwords one account may be tried with, from one address, before the
	// target answers 429 with Retry-After, and in how long: "5/1m", or none. Without it the
	// attack case H4 looks for a limit, and cannot say that there has to be one.
	LoginLimit string `yaml:"login_limit,omitempty"`
	// How long a role that was taken away is still granted: a duration from the
	// change on, credential (what was handed out keeps its roles until it ends or is
	// replaced) or directory (roles are looked up at every use: not at all).
	StaleRoles string `yaml:"stale_roles,omitempty"`
}

// OutcomeMap says what each listed status code means.
type OutcomeMap map[int]results.Outcome
