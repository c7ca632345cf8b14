package claims

import (
	"testing"

	"authbench/results"
)

// promotion is a failover after which so many of 40 log-outs were undone, and so many
// of 10 log-ins were there.
func promotion(arm string, undone, there float64) results.Trial {
	row := func(label string, of, accepted float64) results.Row {
		return results.Row{Label: label, Cells: []results.Cell{{Value: &of}, {Value: &accepted}}}
	}
	return tried("failover", arm, "", &results.Chaos{Tables: []results.Table{{
		Name: "failover", Columns: []results.Column{{Name: "credentials"}, {Name: "accepted"}},
		Rows: []results.Row{
			row("logged out, replicated", 20, 0),
			row("logged out, acknowledged by the primary alone", 40, undone),
			row("logged in, acknowledged by the primary alone", 10, there),
		},
	}}}, "how", "sentinel")
}

// lateReads is a replica a second behind.
func lateReads(arm string, through, window float64) results.Trial {
	n, refused, x := 5., 5., 1000.
	return tried("failover", arm, "", &results.Chaos{Tables: []results.Table{{
		Name: "lag", Columns: []results.Column{{Name: "log-outs"}, {Name: "let through"}, {Name: "window"}, {Name: "log-ins refused"}},
		Rows: []results.Row{{Label: "1s", X: &x, Cells: []results.Cell{{Value: &n}, {Value: &through}, {Value: &window}, {Value: &refused}}}},
	}}}, "how", "replica-redis")
}

func TestSeveralServers(t *testing.T) {
	one := ending("session-redis", 0, 0, 0)
	cut := outageOf("redis-outage", "session-redis", "blackhole", 0, 0, 0)
	for name, c := range map[string]struct {
		trials []results.Trial
		want   map[string]Status
		says   map[string]string
	}{
		"one Redis alone": {[]results.Trial{one}, map[string]Status{"C21": Supported, "C32": NotMeasured}, map[string]string{"C21": "a failover were not measured"}},
		"a failover": {
			[]results.Trial{one, promotion("session-redis", 40, 0)},
			map[string]Status{"C21": Depends, "C32": Supported},
			map[string]string{"C21": "40 of 40 log-outs undone, 10 of 10 log-ins lost", "C32": "Eviction was not measured"},
		},
		"a failover that takes nothing": {
			[]results.Trial{one, promotion("session-redis+mysql", 0, 10)}, map[string]Status{"C21": Supported, "C32": Contradicted}, nil,
		},
		"both":              {[]results.Trial{promotion("session-redis", 40, 0), promotion("session-redis+mysql", 0, 10)}, map[string]Status{"C32": Depends, "C21": Contradicted}, nil},
		"late reads":        {[]results.Trial{one, lateReads("session-redis", 300, 950)}, map[string]Status{"C21": Depends}, map[string]string{"C21": "the last 950 ms after the log-out"}},
		"reads in time":     {[]results.Trial{one, lateReads("session-redis", 0, 0)}, map[string]Status{"C21": Supported}, nil},
		"unnoticed, and it": {[]results.Trial{cut, promotion("session-redis", 40, 0)}, map[string]Status{"C32": Depends}, nil},
		"of a token": {
			[]results.Trial{promotion("jwt-es256+denylist", 40, 10)}, map[string]Status{"C21": NotMeasured, "C32": NotMeasured}, nil,
		},
	} {
		expect(t, name, judged(t, board(chaos(c.trials...))), c.want, c.says)
	}
}
