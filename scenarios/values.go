package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Param is one setting of a scenario.
type Param struct {
	Key     string
	Default string   // its form says what it is: a number, a duration, a word
	Meaning string   // one line, for lists
	Words   []string // the words that it may be; nil: any value of its form
}

// Values are the settings of a scenario in force, defaults included.
type Values map[string]string

// values reads changes strictly over the defaults. A key that params do not have
// is left in rest: it may be one of the arm's.
func values(params []Param, changes map[string]string) (v Values, rest map[string]string, err error) {
	v, rest = Values{}, map[string]string{}
	maps.Copy(rest, changes)
	for _, p := range params {
		v[p.Key] = p.Default
		given, ok := changes[p.Key]
		if !ok {
			continue
		}
		delete(rest, p.Key)
		if err := p.check(given); err != nil {
			return nil, nil, fmt.Errorf("--set %s=%s: %w", p.Key, given, err)
		}
		v[p.Key] = given
	}
	return v, rest, nil
}

func (p Param) check(s string) error {
	if p.Words != nil {
		if !slices.Contains(p.Words, s) {
			return fmt.Errorf("want one of %s", strings.Join(p.Words, ", "))
		}
		return nil
	}
	if _, err := time.ParseDuration(p.Default); err == nil && p.Default != "0" {
		if d, err := time.ParseDuration(s); err != nil || d < 0 {
			return fmt.Errorf("want a duration, such as %s", p.Default)
		}
		return nil
	}
	if _, err := strconv.Atoi(p.Default); err == nil {
		if n, err := strconv.Atoi(s); err != nil || n < 0 {
			return fmt.Errorf("want a whole number, such as %s", p.Default)
		}
	}
	return nil
}

// number and duration read a value that check has passed.
func (v Values) number(key string) int {
	n, _ := strconv.Atoi(v[key])
	return n
}

func (v Values) duration(key string) time.Duration {
	d, _ := time.ParseDuration(v[key])
	return d
}
