package fault

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Param is one knob of a fault.
type Param struct {
	Name, Default string
	Meaning       string // one line
}

// Params are the values of all knobs of a fault, by name.
type Params map[string]string

// params are the defaults with what was given over them.
func (f Fault) params(given map[string]string) (Params, error) {
	all := Params{}
	for _, p := range f.Params {
		all[p.Name] = p.Default
	}
	for name, value := range given {
		if _, ok := all[name]; !ok {
			return nil, fmt.Errorf("no parameter %q: it has %s", name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		all[name] = value
	}
	return all, nil
}

// duration is a value like "250ms", more than 0.
func (p Params) duration(name string) (time.Duration, error) {
	d, err := time.ParseDuration(p[name])
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("parameter %s: %q is no duration above 0", name, p[name])
	}
	return d, nil
}

// count is a whole number, at least 1.
func (p Params) count(name string) (int64, error) {
	n, err := strconv.ParseInt(p[name], 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("parameter %s: %q is no whole number above 0", name, p[name])
	}
	return n, nil
}

// share is a fraction above 0 and at most 1.
func (p Params) share(name string) (float64, error) {
	x, err := strconv.ParseFloat(p[name], 64)
	if err != nil || !(x > 0 && x <= 1) {
		return 0, fmt.Errorf("parameter %s: %q is no share between 0 and 1", name, p[name])
	}
	return x, nil
}

// one is one of words.
func (p Params) one(name string, words ...string) (string, error) {
	if !slices.Contains(words, p[name]) {
		return "", fmt.Errorf("parameter %s: %q is not one of %s", name, p[name], strings.Join(words, ", "))
	}
	return p[name], nil
}
