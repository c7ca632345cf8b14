package main

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"authbench/loadgen"
	"authbench/results"
	"authbench/results/stat"
	"authbench/scenarios"
	"authbench/targets/contract"
)

// benchFlags are the flags of bench as typed.
type benchFlags struct {
	profile     string
	arms, files []string
	set         []string
	baseline    string
	blocks      int
	users       int
	rate        float64
	arrivals    string
	popularity  string
	connections int
	timeout     time.Duration
	margin      string
	spreadFrom  string
	seed        uint64
	out         string
	engine      string
	knee        bool
	promises    bool
	costsOnly   bool
	strict      bool
	own         bool
	stores      storeFlags
}

// bench turns flags into what to measure.
func (f benchFlags) bench(a *app) (*scenarios.Bench, error) {
	profile, err := f.resolveProfile()
	if err != nil {
		return nil, err
	}
	b := &scenarios.Bench{
		Name: "bench", Profile: profile, Scenario: scenarios.Steady(),
		Baseline: f.baseline, Seed: f.seed, Rate: f.rate,
		Arrivals: loadgen.Arrivals(f.arrivals), Popularity: loadgen.Popularity(f.popularity),
		Connections: f.connections, Timeout: f.timeout,
		Command: a.command, Root: f.out, Tool: tool(),
	}
	if b.Contracts, b.Sources, err = f.contracts(); err != nil {
		return nil, err
	}
	if err := mayReachAll(b.Contracts, f.own, "a benchmark logs its users in and puts load on it"); err != nil {
		return nil, err
	}
	if profile.Promises {
		if b.Promises, err = f.promiseCases(); err != nil {
			return nil, exitError{exitUsage, err}
		}
	}
	if b.Engine, err = f.chooseEngine(b.Contracts); err != nil {
		return nil, err
	}
	if b.Baseline == "" {
		b.Baseline = defaultBaseline(b.Contracts)
	}
	if b.Margin, err = share(f.margin); err != nil {
		return nil, usageError("--margin %s: %v", f.margin, err)
	}
	if f.spreadFrom != "" {
		earlier, _, err := results.Open(f.spreadFrom)
		if err != nil {
			return nil, usageError("--spread-from: %w", err)
		}
		b.Spreads = stat.SpreadsOf(earlier)
	}
	if b.Testbed, err = f.stores.options(a); err != nil {
		return nil, err
	}
	b.Placement = place()
	b.Testbed.TargetCores = b.Placement.Target
	return b, f.check(b)
}

// share reads a percentage.
func share(s string) (float64, error) {
	number, ok := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(v > 0 && v < 100) {
		return 0, errors.New("want a percentage, such as 5%")
	}
	return v / 100, nil
}

// chooseEngine returns one engine for all: arms that are measured by different
// engines cannot be compared.
func (f benchFlags) chooseEngine(cs []*contract.Contract) (loadgen.Engine, error) {
	plan := &loadgen.Plan{}
	for _, c := range cs {
		if strings.HasPrefix(c.URL, "https:") {
			plan.TLS = &loadgen.TLS{ServerName: c.TLS.ServerName, RootsPEM: c.RootsPEM()}
		}
	}
	if f.engine == "" {
		return loadgen.For(plan), nil
	}
	e, err := loadgen.Named(f.engine)
	if err != nil {
		return nil, usageError("--engine: %v", err)
	}
	if err := e.Supports(plan); err != nil {
		return nil, usageError("--engine %s: %v", f.engine, err)
	}
	return e, nil
}

// defaultBaseline is session-redis, or without it the first arm that
// authenticates at all.
func defaultBaseline(cs []*contract.Contract) string {
	first := cs[0].Name
	for _, c := range slices.Backward(cs) {
		switch {
		case c.Name == "session-redis":
			return c.Name
		case c.Mechanism != "none":
			first = c.Name
		}
	}
	return first
}

func (f benchFlags) resolveProfile() (scenarios.Profile, error) {
	var names []string
	for _, p := range scenarios.Profiles() {
		names = append(names, p.Name)
		if p.Name != f.profile {
			continue
		}
		if f.blocks > 0 {
			p.Blocks = f.blocks
		}
		if f.users > 0 {
			p.Users = f.users
		}
		p.Knee = p.Knee || f.knee
		p.Promises = (p.Promises || f.promises) && !f.costsOnly
		return p, nil
	}
	return scenarios.Profile{}, usageError("--profile %s: not one of %s", f.profile, strings.Join(names, ", "))
}

func (f benchFlags) check(b *scenarios.Bench) error {
	switch {
	case f.rate < 0:
		return usageError("--rate %v: has to be positive", f.rate)
	case f.blocks < 0 || f.users < 0:
		return usageError("--blocks and --users have to be positive")
	case f.connections < 1:
		return usageError("--connections %d: at least 1", f.connections)
	case f.timeout <= 0 || f.timeout > 50*time.Second:
		return usageError("--timeout %v: more than 0, at most 50s", f.timeout)
	case b.Arrivals != loadgen.Poisson && b.Arrivals != loadgen.Constant:
		return usageError("--arrivals %s: poisson or constant", f.arrivals)
	case b.Popularity != loadgen.Uniform && b.Popularity != loadgen.Zipf:
		return usageError("--popularity %s: uniform or zipf", f.popularity)
	case !slices.ContainsFunc(b.Contracts, func(c *contract.Contract) bool { return c.Name == b.Baseline }):
		return usageError("--baseline %s: not among the arms to measure", f.baseline)
	}
	for _, c := range b.Contracts {
		if known := c.Users.Count; known > 0 && b.Profile.Users > known {
			return usageError("%s knows %d users, %d were asked for", c.Name, known, b.Profile.Users)
		}
		if most := c.Cap().Rate; most > 0 && f.rate > float64(most) {
			return usageError("--rate %g: %s may be sent at most %d requests a second (limits.rate)", f.rate, c.Name, most)
		}
	}
	return nil
}

// contracts loads the arms and files that were asked for; contract.BenchArms when
// nothing was.
func (f benchFlags) contracts() (cs []*contract.Contract, sources []string, err error) {
	names := f.arms
	if len(names) == 0 {
		names = contract.BenchArms()
	}
	add := func(c *contract.Contract, err error, source string) error {
		if err != nil {
			return exitError{exitUsage, err}
		}
		if slices.ContainsFunc(cs, func(o *contract.Contract) bool { return o.Name == c.Name }) {
			return usageError("two arms are called %s", c.Name)
		}
		cs, sources = append(cs, c), append(sources, source)
		return nil
	}
	set, err := f.settings(names)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		c, err := contract.Arm(name, set[name])
		if err := add(c, err, name); err != nil {
			return nil, nil, err
		}
	}
	for _, file := range f.files {
		c, err := contract.Load(file, nil)
		if err := add(c, err, file); err != nil {
			return nil, nil, err
		}
	}
	return cs, sources, nil
}

// settings sorts the --set values by arm.
func (f benchFlags) settings(arms []string) (map[string]map[string]string, error) {
	set := map[string]map[string]string{}
	for _, s := range f.set {
		left, value, ok := strings.Cut(s, "=")
		arm, key, qualified := strings.Cut(left, ":")
		if !ok || !qualified || key == "" {
			return nil, usageError("--set %s: want arm:key=value", s)
		}
		if !slices.Contains(arms, arm) {
			return nil, usageError("--set %s: %s is not among the arms to measure: %s", s, arm, strings.Join(arms, ", "))
		}
		if set[arm] == nil {
			set[arm] = map[string]string{}
		}
		set[arm][key] = value
	}
	return set, nil
}

// promiseCases are what is tried of the same arms and files, with the same settings,
// beside the comparison of costs.
func (f benchFlags) promiseCases() ([]scenarios.Case, error) {
	names := f.arms
	if len(names) == 0 {
		names = contract.BenchArms()
	}
	set, err := f.settings(names)
	if err != nil {
		return nil, err
	}
	var targets []scenarios.Target
	for _, name := range names {
		targets = append(targets, scenarios.Target{Source: name, Load: func(more map[string]string) (*contract.Contract, error) {
			all := maps.Clone(more)
			if all == nil {
				all = map[string]string{}
			}
			maps.Copy(all, set[name])
			maps.Copy(all, more)
			return contract.Arm(name, all)
		}})
	}
	for _, file := range f.files {
		targets = append(targets, scenarios.Target{Source: file, Load: func(more map[string]string) (*contract.Contract, error) {
			return contract.Load(file, more)
		}})
	}
	return scenarios.PromiseCases(targets)
}
