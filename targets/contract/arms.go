package contract

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed arms/*.yaml
var armFiles embed.FS

// Arms are the names of the bundled arms, in the order in which reports list
// them: the floor first, then from the simplest to the dearest.
func Arms() []string {
	return []string{
		"control",
		"session-memory",
		"session-redis",
		"session-mysql",
		"session-redis+cache",
		"session-redis+mysql",
		"session-sealed",
		"jwt-hs256",
		"jwt-hs256-jwx",
		"jwt-rs256",
		"jwt-rs256-3072",
		"jwt-ps256",
		"jwt-es256",
		"jwt-es256@cookie",
		"jwt-es384",
		"jwt-eddsa",
		"jwt-mldsa44",
		"jwt-mldsa65",
		"jwt-es256+memo",
		"jwt-es256+short",
		"jwt-es256+denylist",
		"jwt-es256+epoch",
		"jwt-es256+epoch-local",
		"jwt-es256+push",
		"hybrid",
	}
}

// BenchArms are those that a comparison of speed takes unless it is told which:
// the mechanisms themselves, without what is put before or behind them.
func BenchArms() []string {
	return []string{
		"control",
		"session-memory",
		"session-redis",
		"session-mysql",
		"jwt-hs256",
		"jwt-rs256",
		"jwt-es256",
	}
}

// UnknownArmError is a name that no bundled arm has.
type UnknownArmError struct{ Name string }

// Error lists the arms there are.
func (e UnknownArmError) Error() string {
	return fmt.Sprintf("no arm is called %q%s (arms: %s)", e.Name, didYouMean(e.Name, Arms()), strings.Join(Arms(), ", "))
}

// Arm is the bundled arm of that name, with set changing its settings and, with
// them, its promises. An unknown name is an UnknownArmError.
func Arm(name string, set map[string]string) (*Contract, error) {
	if !slices.Contains(Arms(), name) {
		return nil, UnknownArmError{name}
	}
	file := "arms/" + name + ".yaml"
	data, err := armFiles.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	return Parse(file, data, set)
}
