package claims

import (
	"fmt"
	"testing"

	"authbench/results"
)

// tabledAs is a trial with tables of rows: a label, then figures in the order of the
// columns. A row of nodes has its number as X.
func tabledAs(scenario, arm string, tables ...results.Table) results.Trial {
	return tried(scenario, arm, "", &results.Chaos{Tables: tables})
}

func tableAs(name string, columns []string, rows ...results.Row) results.Table {
	t := results.Table{Name: name, Rows: rows}
	for _, c := range columns {
		t.Columns = append(t.Columns, results.Column{Name: c})
	}
	return t
}

func rowAs(label string, figures ...float64) results.Row {
	r := results.Row{Label: label}
	for _, f := range figures {
		r.Cells = append(r.Cells, results.Cell{Value: &f})
	}
	return r
}

// scaled is a trial of scale-out: shares refused in turn and sticky on 2 nodes, and
// what a new node accepted of 20.
func scaled(arm string, inTurn, sticky, accepted float64) results.Trial {
	load := func(name string, refused float64) results.Table {
		t := tableAs(name, []string{"refused"})
		for n, share := range map[float64]float64{1: 0, 2: refused} {
			low, high := max(0, share-3), min(100, share+3)
			r := rowAs(fmt.Sprintf("%v nodes", n), share)
			r.X, r.Cells[0].Low, r.Cells[0].High = &n, &low, &high
			t.Rows = append(t.Rows, r)
		}
		return t
	}
	newNode := tableAs("new-nodes", []string{"first 200 after", "asked", "accepted"}, rowAs("node 2", 35, 20, accepted))
	if accepted == 0 {
		newNode.Rows[0].Cells[0] = results.Cell{Text: "it accepted none"}
	}
	two := 2.0
	few := rowAs("2 nodes")
	few.X, few.Cells = &two, []results.Cell{{Text: "too few cores"}}
	return tabledAs("scale-out", arm, load("round-robin", inTurn), load("sticky", sticky), newNode, tableAs("capacity", []string{"efficiency"}, few))
}

// rolled is a trial of rolling-restart: of 100 and of 20 credentials so many survived.
func rolled(arm string, restart, address float64) results.Trial {
	return tabledAs("rolling-restart", arm, tableAs("survival", []string{"asked", "accepted"},
		rowAs("restart of the node", 100, restart), rowAs("change of address", 20, address)))
}

// lingering is a trial of stale-authorisation: so many seconds and uses were granted by
// roles in the credential, looked up, and with a log-out.
func lingering(arm string, kept, lookedUp, out float64) results.Trial {
	row := func(label string, s float64) results.Row { return rowAs(label, s, 100, 10*s) }
	return tabledAs("stale-authorisation", arm, tableAs("stale", []string{"stale for", "asked", "granted"},
		row(rolesKept, kept), row(rolesLookedUp, lookedUp), row(rolesOut, out)))
}

func TestTopology(t *testing.T) {
	noRefresh := withFact(tried("revocation", "jwt-es256", "", &results.Chaos{}), "x", 1, "x")
	for name, c := range map[string]struct {
		trials []results.Trial
		want   map[string]Status
		says   map[string]string
	}{
		"nothing of it": {[]results.Trial{noRefresh}, map[string]Status{"C03": NotMeasured, "C04": NotMeasured, "C06": NotMeasured, "C42": NotMeasured}, nil},
		"sessions in memory": {
			[]results.Trial{scaled("session-memory", 50, 0, 0), scaled("session-redis", 0, 0, 20)},
			map[string]Status{"C03": Supported, "C06": NotMeasured},
			map[string]string{"C03": "in turn 50.0\u00a0% [47.0, 53.0] on 2 nodes of the uses were refused; with a user on one node 0\u00a0%"},
		},
		"sessions in memory that others know": {[]results.Trial{scaled("session-memory", 0, 0, 20)}, map[string]Status{"C03": Contradicted}, nil},
		"sticky routing that loses as well":   {[]results.Trial{scaled("session-memory", 50, 50, 0)}, map[string]Status{"C03": NotMeasured}, nil},
		"sessions in a store only":            {[]results.Trial{scaled("session-redis", 0, 0, 20)}, map[string]Status{"C03": NotMeasured}, nil},
		"tokens on new nodes": {
			[]results.Trial{scaled("jwt-es256", 0, 0, 20), scaled("session-redis", 0, 0, 20), scaled("session-memory", 50, 0, 0)},
			map[string]Status{"C06": Supported},
			map[string]string{"C06": "Of sessions: session-redis accepted 20 of 20, the first at most 35.0 ms after the start of the process and session-memory accepted 0 of 20. Throughput by number of nodes was not measured (too few cores)"},
		},
		"tokens that new nodes refuse": {[]results.Trial{scaled("jwt-es256", 50, 0, 0)}, map[string]Status{"C06": Contradicted}, nil},
		"one that does, one that does not": {
			[]results.Trial{scaled("jwt-es256", 0, 0, 20), scaled("jwt-hs256", 0, 0, 3)}, map[string]Status{"C06": Depends}, nil,
		},
		"restarts that lose": {[]results.Trial{rolled("session-memory", 0, 0)}, map[string]Status{"C04": Supported}, nil},
		"restarts that lose nothing": {
			[]results.Trial{rolled("session-redis", 100, 20)}, map[string]Status{"C04": Contradicted}, map[string]string{"C04": "kept 20 of 20 after a change of address"},
		},
		"both": {
			[]results.Trial{rolled("session-memory", 0, 20), rolled("session-redis", 100, 20)},
			map[string]Status{"C04": Depends},
			map[string]string{"C04": "lost by a restart of the node (session-memory), and not by a change of address (session-memory, session-redis) and a restart of the node (session-redis)"},
		},
		"nodes that lose nothing, a store that does": {
			[]results.Trial{rolled("session-redis", 100, 20), outageOf("redis-outage", "session-redis", "kill-empty", 300, 70, 0)},
			map[string]Status{"C04": Depends},
			map[string]string{"C04": "lost by the restart of a store"},
		},
		"roles in a token": {
			[]results.Trial{lingering("jwt-es256", 2.9, 0, 2.9)},
			map[string]Status{"C42": Supported},
			map[string]string{"C42": "jwt-es256 for 2.90 s, looked up not once (0 of 100 uses), with a log-out everywhere for 2.90 s"},
		},
		"roles in a token that can be ended": {
			[]results.Trial{lingering("jwt-es256", 2.9, 0, 2.9), lingering("jwt-es256+epoch", 2.9, 0, 0), lingering("session-redis", 1.9, 0, 0)},
			map[string]Status{"C42": Depends},
			map[string]string{"C42": "Sessions that copy roles at log-in do no better: session-redis for 1.90 s"},
		},
		"roles that no token keeps": {[]results.Trial{lingering("jwt-es256", 0, 0, 0)}, map[string]Status{"C42": Contradicted}, nil},
		"roles in sessions only":    {[]results.Trial{lingering("session-redis", 1.9, 0, 0)}, map[string]Status{"C42": NotMeasured}, nil},
	} {
		expect(t, name, judged(t, board(chaos(c.trials...))), c.want, c.says)
	}
}

// TestUnfitTopologyDecidesNothing spoils trials of these scenarios.
func TestUnfitTopologyDecidesNothing(t *testing.T) {
	run := chaos(scaled("session-memory", 50, 0, 0), rolled("session-memory", 0, 20), lingering("jwt-es256", 2.9, 0, 0))
	for i := range run.Trials {
		run.Trials[i].Error = "a node died"
	}
	got := judged(t, board(run))
	for _, id := range []string{"C03", "C04", "C42"} {
		if got[id].Status != NotMeasured {
			t.Errorf("%s is %s", id, got[id].Status)
		}
	}
}
