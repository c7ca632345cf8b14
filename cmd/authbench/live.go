package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"authbench/scenarios"
)

// quietFor is how long a command may take before it has to say what it does.
const quietFor = 5 * time.Second

// live shows where a run is: one line that is rewritten on a terminal, a plain
// line a block elsewhere. It is used from one goroutine.
type live struct {
	w     io.Writer
	bar   *progressbar.ProgressBar // nil off a terminal
	start time.Time
	block int
}

func newLive(w io.Writer) *live {
	l := &live{w: w, start: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		l.bar = progressbar.NewOptions(1,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetWidth(20),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(250*time.Millisecond),
		)
	}
	return l
}

// Tell takes one step of the run.
func (l *live) Tell(s scenarios.Step) {
	if s.Message != "" {
		if l.bar != nil {
			l.bar.Clear()
		}
		fmt.Fprintln(l.w, s.Message)
		return
	}
	if time.Since(l.start) < quietFor {
		return
	}
	what := describe(s)
	switch {
	case l.bar != nil:
		if s.Trials > 0 {
			l.bar.ChangeMax(s.Trials)
			l.bar.Set(s.Trial - 1)
		}
		l.bar.Describe(what)
	case s.Block != l.block:
		l.block = s.Block
		fmt.Fprintln(l.w, what)
	}
}

// Close takes the line off the screen. Closing twice is fine.
func (l *live) Close() {
	if l.bar != nil {
		l.bar.Clear()
	}
}

func describe(s scenarios.Step) string {
	if s.Block == 0 {
		return "calibrating: " + s.Arm
	}
	what := fmt.Sprintf("block %d of %d, trial %d of %d: %s", s.Block, s.Blocks, s.Trial, s.Trials, s.Arm)
	if s.Left > 0 {
		what += fmt.Sprintf(", about %v left", s.Left.Round(time.Second))
	}
	return what
}
