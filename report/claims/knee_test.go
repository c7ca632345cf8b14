package claims

import (
	"fmt"
	"testing"

	"authbench/results"
)

// kneeTrial has a ramp with 5 % of a core, and one with a whole core unless whole is "".
func kneeTrial(arm, small, whole string) results.Trial {
	columns := []string{"predicted", "met", "missed", "who is full", "store CPU", "node CPU", "store operations"}
	rows := [][]any{{"5 %", 5.0, 5000.0, 5000.0, 5750.0, small, 10.0, 25.0, 1.0}}
	if whole != "" {
		rows = append(rows, []any{"whole", 100.0, 28000.0, 28000.0, 32000.0, whole, 10.0, 25.0, 1.0})
	}
	t := tried("store-knee", arm, "", &results.Chaos{})
	table := results.Table{Name: "knee", Axis: results.Column{Name: "share", Unit: "%"}}
	for _, c := range columns {
		table.Columns = append(table.Columns, results.Column{Name: c})
	}
	for _, r := range rows {
		x := r[1].(float64)
		row := results.Row{Label: r[0].(string), X: &x}
		for _, v := range r[2:] {
			if text, ok := v.(string); ok {
				row.Cells = append(row.Cells, results.Cell{Text: text})
				continue
			}
			f := v.(float64)
			row.Cells = append(row.Cells, results.Cell{Value: &f})
		}
		table.Rows = append(table.Rows, row)
	}
	t.Chaos.Tables = append(t.Chaos.Tables, table)
	return t
}

// tokenKnee is a token beside a store that is limited.
func tokenKnee() results.Trial {
	t := kneeTrial("jwt-es256", "node", "node")
	for i := range t.Chaos.Tables[0].Rows {
		none := 0.0
		t.Chaos.Tables[0].Rows[i].Cells[6] = results.Cell{Value: &none}
	}
	return t
}

func TestKnee(t *testing.T) {
	both := map[string]float64{"jwt-hs256": 100, "jwt-es256": 200}
	usual := kneeTrial("session-redis", "store", "node")
	for i, c := range []struct {
		name   string
		trials []results.Trial
		want   map[string]Status
		says   map[string]string
	}{
		{
			"the store with a share, the node with a core",
			[]results.Trial{usual, tokenKnee()},
			map[string]Status{"C02": Depends, "C49": NotMeasured},
			map[string]string{"C02": "full first in 1 case, the node in 1 case, and neither in 0", "C49": "and caused 0 store operations a use"},
		},
		{"how many nodes", []results.Trial{usual}, nil, map[string]string{"C02": "2.50 for session-redis"}},
		{"always the store", []results.Trial{kneeTrial("session-mysql", "store", "store")}, map[string]Status{"C02": Supported}, nil},
		{"always the node", []results.Trial{kneeTrial("session-redis", "node", "node")}, map[string]Status{"C02": Contradicted, "C49": NotMeasured}, map[string]string{"C49": "no store was full"}},
		{"neither, with a whole core", []results.Trial{kneeTrial("session-mysql", "store", "node and store")}, map[string]Status{"C02": Depends}, map[string]string{"C02": "Neither was first for session-mysql with a whole core"}},
		{"a share alone", []results.Trial{kneeTrial("session-redis", "store", "")}, map[string]Status{"C02": NotMeasured}, map[string]string{"C02": "with a share of a core only"}},
		{"nobody knows", []results.Trial{kneeTrial("session-redis", "nobody", "generator")}, map[string]Status{"C02": NotMeasured}, map[string]string{"C02": "session-redis with 5 % of a core and session-redis with a whole core"}},
		{"tokens alone", []results.Trial{tokenKnee()}, map[string]Status{"C02": NotMeasured, "C49": NotMeasured}, nil},
		{"and far away tokens are sooner", []results.Trial{usual, moved("session-redis", 5, both)}, map[string]Status{"C49": Depends}, map[string]string{"C49": "distance is a reason, too"}},
		{"sooner at any distance", []results.Trial{usual, moved("session-redis", 5, map[string]float64{"jwt-hs256": 80})}, map[string]Status{"C49": Contradicted}, map[string]string{"C49": "sooner in 3 of 3 pairs"}},
		{"later at any distance", []results.Trial{usual, moved("session-redis", 5, map[string]float64{"jwt-es256": 50_000})}, map[string]Status{"C49": Supported}, nil},
		{"distances without intervals", []results.Trial{usual, moved("session-redis", 0, both)}, map[string]Status{"C49": NotMeasured}, map[string]string{"C49": "whether anything else speaks for a move is not"}},
	} {
		expect(t, fmt.Sprintf("%d, %s", i, c.name), judged(t, board(chaos(c.trials...))), c.want, c.says)
	}
}
