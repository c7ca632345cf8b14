package scenarios

import (
	"fmt"
	"slices"

	"authbench/targets/contract"
)

// PoolExhaustion makes the store slow while a node has few connections to it:
// requests then wait for a connection rather than for the store. What is promised
// is an answer in time that does not blame the credential.
func PoolExhaustion() Scenario {
	s := Scenario{
		Name:    "pool-exhaustion",
		Summary: "a slow store and a small connection pool: requests queue inside the node; do they get an honest answer in time",
		Params: append([]Param{
			{Key: "pool", Default: "2", Meaning: "connections of a node to its store"},
			{Key: "fault", Default: "delay", Words: []string{"delay", "client-pause", "maxclients", "mysql-max-connections"}, Meaning: "what makes the store slow, or short of connections"},
			{Key: "store", Default: "", Meaning: "which store, where the arm has two"},
		}, timeline()...),
		Applies: poolApplies,
		Run:     runOutage,
	}
	s.Settings = func(c *contract.Contract, v Values) map[string]string {
		set := map[string]string{}
		for _, key := range poolKeys(c) {
			set[key] = v["pool"]
		}
		return set
	}
	return s
}

// poolKeys are the settings of an arm that size a pool.
func poolKeys(c *contract.Contract) []string {
	var keys []string
	for _, key := range []string{"redis_pool_size", "mysql_pool_size"} {
		if _, ok := c.Settings[key]; ok {
			keys = append(keys, key)
		}
	}
	return keys
}

func poolApplies(c *contract.Contract, v Values) string {
	kinds := storesOf(c)
	switch {
	case c.Start == nil:
		return "its store is not ours to disturb"
	case len(kinds) == 0:
		return "it has no store"
	case len(poolKeys(c)) == 0:
		return "it has no setting for the size of its pool"
	}
	if f := v["fault"]; !slices.ContainsFunc(kinds, func(kind string) bool { return strikes(f, kind) }) {
		return fmt.Sprintf("fault %s is not one of its store", f)
	}
	return ""
}
