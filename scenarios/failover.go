package scenarios

import (
	"context"
	"slices"
	"time"

	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// Failover keeps credentials in stores of several servers. With Sentinels a replica
// that was cut off is promoted: what the primary alone had acknowledged is gone. A
// replica that lags is read from. A cluster, and stores that want TLS and give few
// rights, have to work like any other.
func Failover() Scenario {
	return Scenario{
		Name:    "failover",
		Summary: "stores of several servers: a replica that was cut off is promoted, a replica that lags is read from, a cluster, TLS and few rights",
		Params: []Param{
			{Key: "how", Default: "sentinel", Words: failoverHows(), Meaning: "sentinel: log-outs that only the primary has, then a failover; wait: the same with WAIT 1; or what else the store is"},
			{Key: "nodes", Default: "2", Meaning: "nodes behind one population"},
			{Key: "users", Default: "120", Meaning: "users that are logged in"},
			{Key: "revoked", Default: "20", Meaning: "of whom so many log out while replication works"},
			{Key: "leaving", Default: "40", Meaning: "and so many while it is cut, or lags"},
			{Key: "rate", Default: "300", Meaning: "background uses a second, on all nodes in turn"},
			{Key: "before", Default: "1s", Meaning: "time before the fault"},
			{Key: "after", Default: "2s", Meaning: "time after it"},
			{Key: "lag", Default: "1s", Meaning: "how far a replica is behind; MySQL counts whole seconds"},
			{Key: "slack", Default: "1s", Meaning: "how much more than that is declared as the bound of a revocation"},
			{Key: "costs", Default: "8", Meaning: "with wait: rounds in which log-outs with and without WAIT are compared"},
		},
		Applies:  failoverApplies,
		Settings: failoverSettings,
		Run:      runFailover,
	}
}

// failoverWay is one shape of a store, and what is done to it.
type failoverWay struct {
	name    string
	store   string // kind that it is about; "": any
	setting string // that an arm has to have
	run     func(context.Context, *Trial) error
}

func failoverWays() []failoverWay {
	return []failoverWay{
		{"sentinel", testbed.Redis, "", runSentinel},
		{"wait", testbed.Redis, "redis_wait", runSentinel},
		{"replica-redis", testbed.Redis, "read_from", runReplica(testbed.Redis)},
		{"replica-mysql", testbed.MySQL, "read_from", runReplica(testbed.MySQL)},
		{"cluster", testbed.Redis, "", runCluster},
		{"tls", "", "", runTLS},
	}
}

func failoverHows() []string {
	var names []string
	for _, w := range failoverWays() {
		names = append(names, w.name)
	}
	return names
}

func failoverBy(how string) failoverWay {
	ways := failoverWays()
	return ways[slices.IndexFunc(ways, func(w failoverWay) bool { return w.name == how })]
}

func failoverApplies(c *contract.Contract, v Values) string {
	way := failoverBy(v["how"])
	_, has := c.Settings[way.setting]
	switch {
	case c.Start == nil:
		return "its store is not ours to disturb"
	case len(storesOf(c)) == 0:
		return "it has no store"
	case way.store != "" && !slices.Contains(storesOf(c), way.store):
		return "it does not use " + way.store
	case way.setting != "" && !has:
		return "it has no setting " + way.setting
	case c.Revoke == nil:
		return "nobody can log out"
	case v["how"] == "cluster":
		return notClustered(c)
	case v["how"] != "tls" && c.Promises.Bound().Expiry:
		return "its credentials are good until they expire, whatever a store knows"
	}
	return ""
}

// notClustered says why the bundled arms among them cannot use a cluster.
func notClustered(c *contract.Contract) string {
	switch {
	case c.Settings["store"] == "redis+mysql":
		return "each entry of its cache is judged by one key beside it, which a cluster cannot do"
	case c.Settings["revocation"] == "families":
		return "a refresh token names its log-in, and not the user whose keys would have to lie beside it"
	}
	return ""
}

func failoverSettings(c *contract.Contract, v Values) map[string]string {
	switch v["how"] {
	case "cluster", "tls":
		if !c.Promises.Bound().Expiry {
			return nil
		}
		return map[string]string{"lifetime": "4s", "leeway": "0s"} // or nothing would end within the trial
	case "wait":
		return map[string]string{"redis_wait": "1"}
	case "replica-redis", "replica-mysql":
		bound := v.duration("lag") + v.duration("slack")
		if v["how"] == "replica-mysql" {
			bound += time.Second // it goes by whole seconds
		}
		return map[string]string{"read_from": "replica", "replica_lag_bound": bound.String()}
	}
	return nil
}

func runFailover(ctx context.Context, t *Trial) error { return failoverBy(t.Values["how"]).run(ctx, t) }

// at has every node use that store.
func at(kind, url string) func(int, *nodeSpec) error {
	return func(_ int, n *nodeSpec) error {
		n.options.Stores = map[string]string{kind: url}
		return nil
	}
}
