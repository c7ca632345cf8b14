//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var nan = math.NaN()

// page is the document that grows.
type page struct{ strings.Builder }

// The figures stand between these lines of the document.
const (
	figuresBegin = "<!-- figures, written by make bench-engine -->"
	figuresEnd   = "<!-- end of the figures -->"
)

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// section begins a chapter.
func (p *page) section(title string) { p.line("\n### %s\n", title) }

// table writes one.
func (p *page) table(head []string, rows [][]string) {
	p.line("| %s |", strings.Join(head, " | "))
	p.line("|%s", strings.Repeat("---|", len(head)))
	for _, r := range rows {
		p.line("| %s |", strings.Join(r, " | "))
	}
	p.line("")
}

func (p *page) head() {
	var u unix.Utsname
	_ = unix.Uname(&u)
	cpu := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := bytes.Cut(b, []byte("model name")); ok {
			line, _, _ := bytes.Cut(rest, []byte("\n"))
			cpu = strings.TrimLeft(string(line), "\t :")
		}
	}
	p.line("Taken %s on %s, %d cores, Linux %s, %s.", time.Now().UTC().Format("2006-01-02"), cpu, runtime.NumCPU(),
		unix.ByteSliceToString(u.Release[:]), runtime.Version())
}

// into replaces the figures of the document.
func (p *page) into(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(b), figuresBegin+"\n")
	_, after, ok2 := strings.Cut(rest, figuresEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no lines %q and %q", path, figuresBegin, figuresEnd)
	}
	return os.WriteFile(path, []byte(before+figuresBegin+"\n"+p.String()+figuresEnd+after), 0o644)
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	if len(s) == 0 {
		return nan
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// spread is "median [least, greatest]".
func spread(format string, x []float64) string {
	return fmt.Sprintf(format+" ["+format+", "+format+"]", median(x), slices.Min(x), slices.Max(x))
}

// met marks a figure that has a bound.
func met(ok bool) string {
	if ok {
		return "yes"
	}
	return "**no**"
}
