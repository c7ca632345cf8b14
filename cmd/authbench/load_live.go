package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"authbench/loadgen"
)

// plainEvery is how often progress is told where it cannot be rewritten.
const plainEvery = 10 * time.Second

// loadLive says how a phase goes: on a terminal in one line that is rewritten as
// often as the engine tells (four times a second), elsewhere in a plain line now
// and then.
type loadLive struct {
	w        io.Writer
	terminal bool
	quiet    bool
	width    int // of the terminal; 0: not known

	mu     sync.Mutex // the engine tells from a goroutine of its own
	what   string
	length time.Duration // 0: not known
	shown  int           // columns of the line on the screen
	told   time.Duration // when the last plain line was written
	ok     int64         // since then
	since  time.Duration // that they cover
	notOK  int64         // since the phase began
}

func newLoadLive(w io.Writer, quiet bool) *loadLive {
	l := &loadLive{w: w, quiet: quiet}
	if f, ok := w.(*os.File); ok {
		l.terminal = term.IsTerminal(int(f.Fd()))
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			l.width = width
		}
	}
	return l
}

// Begin announces a phase.
func (l *loadLive) Begin(what string, length time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.what, l.length, l.told, l.since, l.ok, l.notOK = what, length, 0, 0, 0, 0
}

// Watch is what the engine is to tell, nil if nobody wants to know.
func (l *loadLive) Watch() func(loadgen.Progress) {
	if l.quiet {
		return nil
	}
	return l.tell
}

func (l *loadLive) tell(p loadgen.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.Elapsed < l.told { // another phase has begun
		l.told, l.since, l.ok, l.notOK = 0, 0, 0, 0
	}
	l.ok, l.notOK, l.since = l.ok+p.OK, l.notOK+p.NotOK, l.since+p.Interval
	if !l.terminal && p.Elapsed-l.told < plainEvery {
		return
	}
	rate := perSecond(l.ok, l.since)
	l.told, l.ok, l.since = p.Elapsed, 0, 0
	line := l.line(p, rate)
	if !l.terminal {
		fmt.Fprintln(l.w, line)
		return
	}
	l.rewrite(line)
}

func (l *loadLive) line(p loadgen.Progress, rate float64) string {
	var parts []string
	if l.what != "" {
		parts = append(parts, l.what)
	}
	switch left := (l.length - p.Elapsed).Round(time.Second); {
	case l.length > 0 && left >= 0:
		parts = append(parts, fmt.Sprintf("%v left", left))
	case l.length > 0:
		parts = append(parts, "draining")
	}
	parts = append(parts, fmt.Sprintf("%s ok/s", rateText(rate)), "p50 "+liveTime(p.P50), "p99 "+liveTime(p.P99),
		fmt.Sprintf("%s not ok", group(l.notOK)), "lag p99 "+liveTime(p.LagP99))
	return strings.Join(parts, ", ")
}

func liveTime(ns float64) string {
	switch {
	case math.IsNaN(ns):
		return "n/a"
	case math.IsInf(ns, 1):
		return "> timeout"
	}
	return durationText(ns)
}

// Say prints a line that stays.
func (l *loadLive) Say(text string) {
	if l.quiet {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rewrite("")
	fmt.Fprintln(l.w, text)
}

// Close takes the line off the screen. Closing twice is fine.
func (l *loadLive) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rewrite("")
}

// rewrite replaces the line on the screen, if there is one. Blanks instead of an
// escape sequence: every terminal knows them.
func (l *loadLive) rewrite(line string) {
	if !l.terminal || line == "" && l.shown == 0 {
		return
	}
	if l.width > 1 && len(line) >= l.width { // a line that wraps cannot be rewritten
		line = line[:l.width-1]
	}
	pad := strings.Repeat(" ", max(0, l.shown-len(line)))
	fmt.Fprint(l.w, "\r"+line+pad)
	if line == "" {
		fmt.Fprint(l.w, "\r")
	}
	l.shown = len(line)
}
