// Package checker judges a history: everything that was done to a target, when,
// and what came of it, against what the target promises. It is pure functions
// over plain data; scenarios record, this package judges (the split of Jepsen's
// workloads and checkers).
package checker

import (
	"time"

	"authbench/results"
)

// Kind is what an operation does.
type Kind uint8

// The operations.
const (
	Login Kind = iota
	Use
	Revoke    // log-out of one credential
	RevokeAll // log-out of every credential of the user
	Password  // change of the password: replaces the caller's credential, kills the user's others
	StepUp    // replaces the caller's credential
	Refresh   // trades a refresh token for new credentials
)

func (k Kind) String() string {
	return [...]string{"login", "use", "revoke", "revoke_all", "password", "step_up", "refresh"}[k]
}

// Op is one operation. Instants are nanoseconds since the history's zero, on one
// monotonic clock: Invoke is right before the first byte was written, never the
// intended time; Complete right after the last byte was read, or when it was
// given up. An outcome other than OK, Rejected or Forbidden says nothing of
// whether the operation took effect; one that was shed was never sent.
type Op struct {
	Kind Kind
	Node int    // from 0
	User string // whose credential it is, as Subject names users
	// Credential is the one that was used, revoked or refreshed; for a login the
	// one that was handed out. Names are the recorder's: one name for one identity.
	// Another spelling of the same credential (the ES256 twin with n - s, other
	// base64 padding) has the name of the original: it has to live and die with it,
	// and a denylist that is keyed by bytes shows as a revoked credential accepted.
	Credential string
	// Made is the credential that replaces it, a new name: of Password, StepUp,
	// Refresh.
	Made string
	// Refreshes name refresh tokens: Presented was traded in by a Refresh, Handed
	// was handed out by this operation (a login hands one out, too).
	Presented, Handed string

	Invoke, Complete int64
	Outcome          results.Outcome
	Status           int
	Subject          string // who an accepted use says the user is; "" when not looked at
	Triggered        bool   // sent because a revoke had just been acknowledged
}

// Fault is a disturbance (its life cycle is in results.Fault). It is known to
// have been active from Confirmed to Recover; from Requested to Confirmed and
// from Recover to Recovered it may or may not have been. An instant that was not
// reached is 0, and what was not seen to be over may last to the end.
type Fault struct {
	Name                                     string
	Requested, Confirmed, Recover, Recovered int64
	// Unreachable: meanwhile the store is away or answers with errors.
	Unreachable bool
	// Intermittent: it comes and goes between Confirmed and Recover (flapping, a
	// latency near the timeout), so that a node may well reach its store meanwhile.
	Intermittent bool
	// DataLoss: what the store had acknowledged before Recovered may be gone, or
	// old again: beyond the durability that it declares.
	DataLoss bool
	// Excuses: a key, clock or deploy fault, so that a rejection proves nothing
	// about a revoke.
	Excuses bool
	// Nodes that it reaches; nil: all.
	Nodes []int
}

// History is everything that was done to one testbed.
type History struct {
	Nodes  int
	Ops    []Op // in any order
	Faults []Fault
	// End is when the recording ended.
	End int64
	// Wall is the Unix time of the history's zero in nanoseconds, if the nodes run
	// on the clock of this machine; 0: not known. With it the whole second of an
	// iat is known, without it every expiry has a second of slack.
	Wall int64
}

// Promises is what the arm declares, as numbers (contract.Promises has the words).
type Promises struct {
	// Bound on how long a revoked credential may go on, from the acknowledgement.
	// BoundDeclared is false: nothing is promised. ByExpiry: until the credential's
	// own end, Lifetime + Leeway after it was handed out, else for Bound.
	BoundDeclared    bool
	ByExpiry         bool
	Bound            time.Duration
	Lifetime, Leeway time.Duration

	OnStoreUnreachable string        // 503, stale, open, fallback, unaffected; "" nothing
	Stale              time.Duration // of stale(T)
	OnDataLoss         string        // logged-out, revoked-lives-again, unaffected; "" nothing

	// RevokesUser: logging one credential out ends all of the user's.
	RevokesUser bool
	// Refresh: none, stateless, rotating; Grace in which a rotated token still gets
	// the same successor.
	Refresh string
	Grace   time.Duration
	// RefreshLifetime of a family of refresh tokens, at the least; 0: longer than
	// the history.
	RefreshLifetime time.Duration
	// Idle and Absolute end a session by themselves; 0: they do not.
	Idle, Absolute time.Duration
}
