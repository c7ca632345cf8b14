package contract

import (
	"cmp"
	"net/url"
)

// What a target on another machine is sent at most, unless its contract says otherwise.
const (
	remoteRate        = 200
	remoteConnections = 20
)

// Remote is the host of a target that is not on this machine, or "".
func (c *Contract) Remote() string {
	u, err := url.Parse(c.URL)
	if c.Start != nil || err != nil || Loopback(u.Hostname()) {
		return ""
	}
	return u.Hostname()
}

// Cap is the most that the target may be sent: what its contract says, and for one on
// another machine the defaults where it says nothing.
func (c *Contract) Cap() Limits {
	if c.Remote() == "" {
		return c.Limits
	}
	return Limits{cmp.Or(c.Limits.Rate, remoteRate), cmp.Or(c.Limits.Connections, remoteConnections)}
}
