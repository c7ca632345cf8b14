//go:build linux

// Command versus holds the load engine to what it promises, side by side with
// other tools, in one sitting: cost per request, truth under a stall, schedule
// lag, resolution, memory, and what its validity lamp says of bad runs. It runs
// bin/authbench as a user would, with the target pinned to one core and the
// generator to another, and writes the figures into docs/engine.md.
//
// It measures: run it on an otherwise idle machine with two cores. Peers that
// are not installed are left out, and said to be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// chapters are the measurements, in the order of the document.
var chapters = []struct {
	name  string
	about string
	run   func(context.Context, *bench, *page) error
}{
	{"cost", "CPU per request beside other tools", cost},
	{"stall", "a frozen target, against the closed form", stall},
	{"lag", "schedule lag and achieved rate", lag},
	{"resolution", "the difference between two token checks", resolution},
	{"memory", "resident memory of a long run, and ten thousand connections", memory},
	{"validity", "bad runs that have to be flagged, good ones that must not be", validity},
}

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	if len(args) > 0 && args[0] == "target" {
		return fail(target(args[1:]))
	}
	var names []string
	for _, c := range chapters {
		names = append(names, c.name)
	}
	b := &bench{}
	fs := flag.NewFlagSet("versus", flag.ContinueOnError)
	fs.StringVar(&b.authbench, "authbench", "bin/authbench", "our binary")
	fs.IntVar(&b.pairs, "pairs", 11, "pairs of runs beside each peer")
	fs.DurationVar(&b.each, "each", 3*time.Second, "length of one closed-loop run")
	fs.IntVar(&b.blocks, "blocks", 12, "blocks of the resolution experiment")
	fs.DurationVar(&b.soak, "soak", 10*time.Minute, "length of the memory run")
	only := fs.String("only", strings.Join(names, ","), "chapters to run")
	doc := fs.String("doc", "", "document to write the figures into (default: none, they are printed)")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	wanted := strings.Split(*only, ",")
	for _, w := range wanted {
		if !slices.Contains(names, w) {
			fmt.Fprintf(os.Stderr, "versus: no chapter %q; there is %s\n", w, strings.Join(names, ", "))
			return 2
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return fail(measure(ctx, b, wanted, *doc))
}

func fail(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "versus:", err)
		return 1
	}
	return 0
}

// measure runs the chapters and writes the document, unless one of them could
// not be carried out: a figure that misses its bound is a figure, not an error.
func measure(ctx context.Context, b *bench, wanted []string, doc string) error {
	if err := b.prepare(); err != nil {
		return err
	}
	defer b.stop()
	p := &page{}
	p.head()
	for _, c := range chapters {
		if !slices.Contains(wanted, c.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "== %s: %s\n", c.name, c.about)
		if err := c.run(ctx, b, p); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", c.name, err), context.Cause(ctx))
		}
	}
	if doc == "" {
		fmt.Print(p.String())
		return nil
	}
	return p.into(doc)
}
