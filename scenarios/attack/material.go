package attack

import (
	"context"
	"crypto"
	"encoding/json"
	"time"
)

// Material is what only whoever started a target knows, or its contract tells. What is
// nil or empty is not known, and the cases that need it are unknown.
type Material struct {
	// Keys are those that verify the target's tokens, as far as they are public.
	Keys []Key
	// Sign signs with a key of the target.
	Sign func(ctx context.Context, s Signing) (token string, err error)
	// Clock sets the clocks of all nodes ahead by d; 0 sets them right.
	Clock func(ctx context.Context, d time.Duration) error
	// Outage takes the store away until restore is called.
	Outage func(ctx context.Context) (restore func() error, err error)
	// Disable takes a user's account away on all nodes, or gives it back.
	Disable func(ctx context.Context, username string, disabled bool) error
}

// Key verifies tokens.
type Key struct {
	ID        string // kid
	Algorithm string // "RS256"
	Public    crypto.PublicKey
	JWK       json.RawMessage // as the target publishes it
}

// Signing is a token to be made: header and payload go into it as they are, whatever
// they say.
type Signing struct {
	Header, Payload []byte // not yet encoded
	KeyID           string // which key; "": the one that signs at present
	Algorithm       string // what is done with the key, where that is not its own: "RS512"
	// Padded, when not nil, is what an RSA key is applied to as it is, whatever header and
	// payload say: as many bytes as the modulus has, and smaller than it.
	Padded []byte
}
