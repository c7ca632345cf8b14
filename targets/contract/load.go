package contract

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// Load reads the contract file at path; see Parse.
func Load(path string, set map[string]string) (*Contract, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, set)
}

// Resolve is the bundled arm of that name or, when there is none, the file.
// A name that is neither gets the error for an arm unless it looks like a path.
func Resolve(nameOrFile string, set map[string]string) (*Contract, error) {
	c, err := Arm(nameOrFile, set)
	var unknown UnknownArmError
	if !errors.As(err, &unknown) {
		return c, err
	}
	c, fileErr := Load(nameOrFile, set)
	if errors.Is(fileErr, fs.ErrNotExist) && !strings.ContainsAny(nameOrFile, `/\.`) {
		return nil, err
	}
	return c, fileErr
}

// Parse reads a contract, applies set to its settings, and checks all of it.
// What is wrong with the file is returned as Errors, each with file, line,
// column and a caret. A key of set that is not a setting of the contract is an
// error that lists the settings.
func Parse(file string, data []byte, set map[string]string) (*Contract, error) {
	src := newSource(file, data)
	c := &Contract{file: file}
	d := decode(src, data, c)
	d.required(c)
	if err := src.err(); err != nil {
		return nil, err
	}
	if err := c.set(set); err != nil {
		return nil, err
	}
	d.validate(c)
	if err := src.err(); err != nil {
		return nil, err
	}
	if c.Start != nil {
		c.Start.Command = c.passOn(c.Start.Command)
		c.Start.Prepare = c.passOn(c.Start.Prepare)
	}
	return c, nil
}

// passOn replaces the argument {set} by "--set key=value" for every setting that
// was changed.
func (c *Contract) passOn(args []string) []string {
	var out []string
	for _, arg := range args {
		if arg != "{set}" {
			out = append(out, arg)
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(c.changed)) {
			out = append(out, "--set", key+"="+c.changed[key])
		}
	}
	return out
}

// set changes settings.
func (c *Contract) set(set map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if _, ok := c.Settings[key]; !ok {
			return UnknownSettingError{c.file, key, c.Settings}
		}
		if c.Settings[key] != set[key] {
			if c.changed == nil {
				c.changed = map[string]string{}
			}
			c.changed[key] = set[key]
			c.Settings[key] = set[key]
		}
	}
	return nil
}

// UnknownSettingError is a --set of something that the contract does not have.
type UnknownSettingError struct {
	File     string
	Key      string
	Settings map[string]string // what there is
}

// Error lists the settings with their values.
func (e UnknownSettingError) Error() string {
	if len(e.Settings) == 0 {
		return fmt.Sprintf("%s has no setting %q: it has none at all", e.File, e.Key)
	}
	names := slices.Sorted(maps.Keys(e.Settings))
	var b strings.Builder
	fmt.Fprintf(&b, "%s has no setting %q%s Its settings:", e.File, e.Key, cmp.Or(didYouMean(e.Key, names), "."))
	for _, n := range names {
		fmt.Fprintf(&b, "\n  %s=%s", n, e.Settings[n])
	}
	return b.String()
}
