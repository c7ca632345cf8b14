package testbed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// StandinVerb is the hidden verb of the authbench binary that runs Standin.
const StandinVerb = "standin"

// startEmbedded runs miniredis in a process of its own: for demos and tests
// where no real server can be had. It is a stand-in, and the result says so.
// There is none for MySQL.
func startEmbedded(ctx context.Context, tb *Testbed, kind string) (server, error) {
	if kind != Redis {
		return nil, errors.New("there is no stand-in for " + kind)
	}
	dir, err := tb.root.sub("standin")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := command{name: StandinVerb, path: tb.opts.Self, args: []string{StandinVerb, "--listen", hostPort(port)}, dir: dir}
	p, err := tb.spawn(cmd)
	if err != nil {
		return nil, err
	}
	var says standinLine
	if err := p.until(ctx, storeTimeout, func(context.Context) error { return p.announced(&says) }); err != nil {
		return nil, errors.Join(err, p.kill())
	}
	return &processServer{tb: tb, cmd: cmd, now: p, at: access{
		url: "redis://" + hostPort(port) + "/0", network: "loopback",
		private: true, standIn: true, product: says.Product, version: says.Version,
	}}, nil
}

// standinLine is what the stand-in prints once it listens.
type standinLine struct {
	Listen  string `json:"listen"`
	Product string `json:"product"`
	Version string `json:"version"`
}

// Standin serves miniredis on listen until ctx ends, and prints one JSON line on
// out when it is ready. Its clock runs, so that keys expire by themselves.
func Standin(ctx context.Context, listen string, out io.Writer) error {
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr(listen); err != nil {
		return fmt.Errorf("stand-in: %w", err)
	}
	defer m.Close()
	m.ClockTTL(true)
	// ClockTTL expires what a command looks at; the tick keeps what nobody asks
	// for any more from piling up.
	go func() {
		for tick := time.Tick(time.Second); ; {
			select {
			case <-tick:
				m.Exists("")
			case <-ctx.Done():
				return
			}
		}
	}()
	line := standinLine{Listen: m.Addr(), Product: "miniredis", Version: moduleVersion("github.com/alicebob/miniredis/v2")}
	if err := json.NewEncoder(out).Encode(line); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// moduleVersion is the version of a dependency as the linker recorded it.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == path {
			return dep.Version
		}
	}
	return "unknown"
}
