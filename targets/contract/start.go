package contract

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// Invocation is how a node is started: no shell is involved.
type Invocation struct {
	Prepare []string // to its end before the first node of a trial; nil: nothing
	Command []string
	Env     []string // KEY=value, in addition to the environment
}

// Dir is the directory of the contract's file, as it was named: {dir} in start.
func (c *Contract) Dir() string { return filepath.Dir(c.file) }

// Invocation expands the start command with the settings and with vars: self, dir,
// listen, redis_url, mysql_dsn, keys_dir. It is an error on a contract that is
// not started by us.
func (c *Contract) Invocation(vars Vars) (Invocation, error) {
	if c.Start == nil {
		return Invocation{}, fmt.Errorf("%s is reached at %s, it has no start command", c.Name, c.URL)
	}
	all := Vars(c.Settings).With(vars)
	var inv Invocation
	var errs []error
	one := func(what, template string, all Vars) string {
		s, err := Expand(template, all)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: start.%s: %w", c.Name, what, err))
		}
		return s
	}
	list := func(what string, templates []string) (out []string) {
		for _, t := range templates {
			out = append(out, one(what, t, all))
		}
		return out
	}
	inv.Prepare = list("prepare", c.Start.Prepare)
	inv.Command = list("command", c.Start.Command)
	for _, key := range slices.Sorted(maps.Keys(c.Start.Env)) {
		inv.Env = append(inv.Env, key+"="+one("env."+key, c.Start.Env[key], all.With(c.secrets)))
	}
	return inv, errors.Join(errs...)
}
