//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"authbench/results"
)

// validity plants what makes a run bad and sees whether the generator says so;
// ten good runs in a row must stay unflagged.
func validity(ctx context.Context, b *bench, p *page) error {
	var rows [][]string
	add := func(name string, r *report, flagged bool) {
		reasons := strings.Join(r.Validity.Reasons, "; ")
		rows = append(rows, []string{name, r.Validity.Status, reasons, met((r.Validity.Status != results.ValidityValid) == flagged)})
	}
	for _, bad := range []struct {
		name   string
		target []string
		hog    bool
		args   []string
	}{
		{"a CPU hog on the generator's core", nil, true, []string{"--rate", "4000"}},
		{"too few connections", []string{"-step", "500us"}, false, []string{"--rate", "1500", "--connections", "1"}},
		{"a saturated generator", nil, false, []string{"--rate", "400000", "--duration", "3s"}},
		{"a target that becomes slower", []string{"-step", "150us", "-after", "3s"}, false, []string{"--rate", "2000"}},
	} {
		h, err := b.hello(bad.target...)
		if err != nil {
			return err
		}
		var hog *exec.Cmd
		if bad.hog {
			hog = pinned(ctx, b.generator, "sh", "-c", "while :; do :; done")
			if err := hog.Start(); err != nil {
				return err
			}
			b.started = append(b.started, hog)
		}
		r, err := b.load(ctx, h.url, append([]string{"--duration", "6s"}, bad.args...)...)
		b.stop()
		if err != nil {
			return err
		}
		add(bad.name, r, true)
	}
	h, err := b.hello()
	if err != nil {
		return err
	}
	defer b.stop()
	for i := range 10 {
		r, err := b.load(ctx, h.url, "--rate", "4000", "--warmup", "500ms", "--duration", (3 * time.Second).String())
		if err != nil {
			return err
		}
		add(fmt.Sprintf("good run %d", i+1), r, false)
	}
	p.section("What it says of itself")
	p.table([]string{"run", "status", "reasons", "as it should be"}, rows)
	return nil
}
