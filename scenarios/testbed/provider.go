package testbed

import (
	"cmp"
	"context"
	"fmt"
	"strings"
)

// Auto is the provider that tries the others in the order of Providers, for
// each kind of store by itself.
const Auto = "auto"

// provider is one place that stores come from.
type provider struct {
	name string
	// start brings a server of that kind up. It need not wait until the server
	// answers. An error says, in words for the user, why there is none.
	start func(ctx context.Context, tb *Testbed, kind string) (server, error)
}

// providers is the table, in the order of trust that Auto follows.
func providers() []provider {
	return []provider{
		{"external", startExternal},
		{"process", startProcess},
		{"docker", startDocker},
		{"embedded", startEmbedded},
	}
}

// Providers lists the names that Options.Provider takes besides Auto, in the
// order that Auto tries them.
func Providers() []string {
	var names []string
	for _, p := range providers() {
		names = append(names, p.name)
	}
	return names
}

// chosen is the providers to try for that name.
func chosen(name string) ([]provider, error) {
	if name == Auto {
		return providers(), nil
	}
	for _, p := range providers() {
		if p.name == name {
			return []provider{p}, nil
		}
	}
	return nil, fmt.Errorf("no store provider %q: it is %s or one of %s", name, Auto, strings.Join(Providers(), ", "))
}

// server is a running store, however it was brought up.
type server interface {
	access() access
	// kill ends it as SIGKILL does; restart brings it back at the same address with
	// the data that it had kept.
	kill(ctx context.Context) error
	restart(ctx context.Context) error
	// pause freezes it as SIGSTOP does, and returns when it is frozen; resume ends that.
	pause(ctx context.Context) error
	resume(ctx context.Context) error
	// dataDir is where it keeps its data, in our own file system.
	dataDir() (string, error)
	// close stops it for good and removes what it left.
	close() error
	// pid is its process, 0 when that cannot be seen from here.
	pid() int
	// cpuSample is cumulative over restarts.
	sample() Sample
	// check returns why it cannot be running any more, or nil.
	check() error
}

// access is how a store is reached, and what the provider knows about it.
type access struct {
	url     string // redis:// URL or MySQL DSN
	admin   string // the same with every right; "" when url has them
	network string // loopback, host, published; "" for external
	private bool   // all of it is ours to empty
	standIn bool
	product string // of a stand-in, which does not name itself over the wire
	version string
}

// adminURL is the address with every right that we have.
func (a access) adminURL() string { return cmp.Or(a.admin, a.url) }

// joinReasons is the sentence for Missing.
func joinReasons(kind string, reasons []string) string {
	return fmt.Sprintf("no %s: %s", kind, strings.Join(reasons, "; "))
}
