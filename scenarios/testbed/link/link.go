// Package link is the TCP path between a node and its store, as a process of its
// own that can disturb what passes: delay it, cut it, refuse it. A disturbance
// acts on connections that are open already as well as on new ones.
//
// There are two engines. The proxy engine builds on toxiproxy, counts in
// milliseconds, and knows everything but exact delays. The delay engine (Linux)
// is an event loop of our own that keeps delays to some microseconds: Go timers
// are about a millisecond late (250 us asked, 1.1 ms got), which is more than
// most networks take.
package link

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// Verb is the hidden verb of the authbench binary that runs Serve.
const Verb = "link"

// What a link can do to its connections.
const (
	None      = ""
	Delay     = "delay"     // both directions later by Delay plus up to Jitter; the delay engine only
	Latency   = "latency"   // answers later by Delay, in milliseconds
	Bandwidth = "bandwidth" // Rate bytes a second each way
	Blackhole = "blackhole" // bytes vanish; connections stay open, and new ones are accepted
	Refuse    = "refuse"    // nobody listens; open connections are reset
	Hang      = "hang"      // connecting does not end; what is open is a black hole. Linux only
	Reset     = "reset"     // open connections are reset, new ones right after they were accepted
	Truncate  = "truncate"  // after Bytes bytes of answers the connection is closed
	Flap      = "flap"      // Refuse for Down, open for Up, and so on, beginning with Refuse
)

// Directions. Up is from the node to the store.
const (
	Both = ""
	Up   = "up"
	Down = "down"
)

// Step is the resolution of Delay in the delay engine.
const Step = 10 * time.Microsecond

// Setting is what a link is to do. The zero value lets everything through.
type Setting struct {
	Kind      string        `json:"kind"`
	Direction string        `json:"direction,omitempty"` // of Delay and Blackhole
	Delay     time.Duration `json:"delay_ns,omitempty"`
	Jitter    time.Duration `json:"jitter_ns,omitempty"` // of Delay: uniform in [0, Jitter), drawn anew for every read
	Seed      uint64        `json:"seed,omitempty"`      // of the jitter
	Rate      int64         `json:"rate,omitempty"`      // bytes a second, a multiple of 1,000
	Bytes     int64         `json:"bytes,omitempty"`
	Up        time.Duration `json:"up_ns,omitempty"`
	Down      time.Duration `json:"down_ns,omitempty"`
}

// State is what a link says of itself.
type State struct {
	Setting     Setting `json:"setting"`
	Connections int     `json:"connections"` // open ones, from nodes
}

// Config says what to connect.
type Config struct {
	Listen   string // address for nodes, with a port
	Upstream string // host:port of the store
	Exact    bool   // the delay engine
}

// Line is what Serve prints when it is ready. The secret guards the control API;
// it goes to whoever can read our output, and nowhere else.
type Line struct {
	Listen  string `json:"listen"`
	Control string `json:"control"`
	Secret  string `json:"secret"`
}

// engine carries bytes. Its methods are called by one goroutine at a time.
type engine interface {
	// set replaces the setting.
	set(s Setting) error
	connections() int
	addr() string
	close() error
}

// Serve runs a link until ctx ends and prints one Line on out when it is ready.
func Serve(ctx context.Context, cfg Config, out io.Writer) (err error) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // some toxics log to the global logger
	var e engine
	if cfg.Exact {
		e, err = newDelayer(cfg)
	} else {
		e, err = newProxy(cfg)
	}
	if err != nil {
		return fmt.Errorf("link to %s: %w", cfg.Upstream, err)
	}
	defer func() { err = errors.Join(err, e.close()) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("link to %s: control: %w", cfg.Upstream, err)
	}
	secret := rand.Text()
	srv := &http.Server{Handler: newControl(e, secret), ReadHeaderTimeout: time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	defer srv.Close()
	if err := json.NewEncoder(out).Encode(Line{e.addr(), l.Addr().String(), secret}); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-served:
		return fmt.Errorf("link to %s: control: %w", cfg.Upstream, err)
	}
}
