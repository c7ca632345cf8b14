package claims

import (
	"fmt"
	"testing"

	"authbench/results"
)

// poolTrial has shares that had to wait with one connection and with 16, give or take 2.
func poolTrial(arm string, one, sixteen float64) results.Trial {
	t := withTable(tried("early-warning", arm, "", &results.Chaos{}, "how", "pool-sizes"), "pool-sizes", []string{"had to wait", "mean wait", "not ok"},
		[]any{"16", 16.0, sixteen, 1.0, 0.0}, []any{"1", 1.0, one, 90.0, 0.0}, []any{"4", 4.0, (one + sixteen) / 2, 3.0, 0.0})
	for i := range t.Chaos.Tables[0].Rows {
		c := &t.Chaos.Tables[0].Rows[i].Cells[0]
		low, high := max(0, *c.Value-2), *c.Value+2
		if *c.Value == 0 {
			high = 0.5
		}
		c.Low, c.High = &low, &high
	}
	return t
}

// warnTrial has a signal that moved so long before users suffered.
func warnTrial(arm, how, signal string, lead float64) results.Trial {
	return withTable(tried("early-warning", arm, "", &results.Chaos{}, "how", how), "signals", []string{"moved", "users suffer", "lead"},
		[]any{signal, "", 3 - lead, 3.0, lead}, []any{"answers 503", "", 4.0, 3.0, -1.0})
}

// nobodySuffered is the same without the break.
func nobodySuffered(arm, how, signal string) results.Trial {
	t := warnTrial(arm, how, signal, 1)
	for i := range t.Chaos.Tables[0].Rows {
		t.Chaos.Tables[0].Rows[i].Cells[1] = results.Cell{Text: "they did not"}
		t.Chaos.Tables[0].Rows[i].Cells[2] = results.Cell{Text: "they did not"}
	}
	return t
}

func TestWarnings(t *testing.T) {
	pool := func(lead float64) results.Trial { return warnTrial("session-redis", "pool", "pool: waits", lead) }
	evict := func(lead float64) results.Trial {
		return warnTrial("session-redis", "eviction", "redis: keys evicted", lead)
	}
	ends := endsTrial("session-redis", 1800, 43200)
	wrong := endsTrial("session-redis", 1800, 43200)
	off := 43201.0
	wrong.Chaos.Tables[0].Rows[1].Cells[0].Value = &off
	for i, c := range []struct {
		name   string
		trials []results.Trial
		want   map[string]Status
		says   map[string]string
	}{
		{"few connections", []results.Trial{poolTrial("session-redis", 99, 0)}, map[string]Status{"C36": Supported}, map[string]string{"C36": "had to wait with a pool of 1"}},
		{"it is the same with any", []results.Trial{poolTrial("session-redis", 0, 0)}, map[string]Status{"C36": Contradicted}, nil},
		{"much the same", []results.Trial{poolTrial("session-redis", 6, 5)}, map[string]Status{"C36": NotMeasured}, map[string]string{"C36": "overlap"}},
		{"one store, not the other", []results.Trial{poolTrial("session-redis", 99, 0), poolTrial("session-mysql", 0, 0)}, map[string]Status{"C36": Depends}, map[string]string{"C36": "holds of session-redis, not of session-mysql"}},
		{"tokens have none", []results.Trial{poolTrial("jwt-es256+denylist", 99, 0)}, map[string]Status{"C36": NotMeasured}, nil},
		{"both warn", []results.Trial{pool(1.5), evict(.4), ends}, map[string]Status{"C44": Supported}, map[string]string{"C44": `"pool: waits" moved 1.5`}},
		{"an eviction does not", []results.Trial{pool(1.5), evict(-.2), ends}, map[string]Status{"C44": Depends}, map[string]string{"C44": "a warning of pool on session-redis, none of eviction on session-redis"}},
		{"neither does", []results.Trial{pool(-.1), evict(-.2), ends}, map[string]Status{"C44": Contradicted}, nil},
		{"timeouts that are not kept", []results.Trial{pool(1.5), evict(.4), wrong}, map[string]Status{"C44": Contradicted}, nil},
		{"warnings alone", []results.Trial{pool(1.5), evict(.4)}, map[string]Status{"C44": NotMeasured}, map[string]string{"C44": "the timeouts were not tried"}},
		{"half of the warnings", []results.Trial{pool(1.5), ends}, map[string]Status{"C44": NotMeasured}, map[string]string{"C44": "it takes an eviction"}},
		{"nobody suffered", []results.Trial{pool(1.5), nobodySuffered("session-redis", "eviction", "redis: keys evicted"), ends}, map[string]Status{"C44": NotMeasured}, nil},
		{"timeouts alone", []results.Trial{ends}, map[string]Status{"C44": NotMeasured}, nil},
	} {
		expect(t, fmt.Sprintf("%d, %s", i, c.name), judged(t, board(chaos(c.trials...))), c.want, c.says)
	}
}
