package scenarios

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/targets/contract"
	"authbench/targets/store"
)

func TestLevels(t *testing.T) {
	for most, want := range map[int][]int{
		500: {500}, 10_000: {10_000}, 25_000: {10_000, 25_000}, 1_000_000: {10_000, 100_000, 1_000_000},
	} {
		if got := levels(most); !slices.Equal(got, want) {
			t.Errorf("%d: %v, want %v", most, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1_234_567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d prints as %s", n, got)
		}
	}
}

func TestNumbersAfter(t *testing.T) {
	const text = "# Memory\r\nused_memory:123\r\nused_memory_rss:9\r\nid=1 tot-mem=22 tot-mem-x=3\nid=2 tot-mem=44"
	if got := numbersAfter(text, "used_memory:"); !slices.Equal(got, []int64{123}) {
		t.Errorf("used_memory %v", got)
	}
	if got := numbersAfter(text, "tot-mem="); !slices.Equal(got, []int64{22, 44}) {
		t.Errorf("tot-mem %v", got)
	}
}

// TestTooMuch: a population is left out for its size, and for its time.
func TestTooMuch(t *testing.T) {
	p := &populated{
		t: &Trial{Values: Values{"megabytes": "100"}}, until: time.Now().Add(time.Minute),
		took: time.Second, r: &rig{},
	}
	if why := p.tooMuch(10_000); why != "" {
		t.Errorf("the first: %s", why)
	}
	p.users = 10_000
	p.newTable()
	addAt(p.table, 10_000, "10,000", figure(600))
	for level, want := range map[int]string{100_000: "", 200_000: "MB", 1_000_000: "MB"} {
		if why := p.tooMuch(level); (why == "") != (want == "") || !strings.Contains(why, want) {
			t.Errorf("%d: %q, want %q", level, why, want)
		}
	}
	p.took = 10 * time.Second
	if why := p.tooMuch(100_000); !strings.Contains(why, "1m30s") {
		t.Errorf("90 s of 60: %q", why)
	}
}

// TestKeepsNothing: a node without a store that grows with every log-in is found out.
func TestKeepsNothing(t *testing.T) {
	for each, want := range map[float64]string{0.3: results.Pass, -2: results.Pass, 300: results.Fail} {
		c, err := contract.Arm("jwt-es256", nil)
		if err != nil {
			t.Fatal(err)
		}
		trial := &Trial{Arm: Arm{Name: "jwt-es256", Contract: c}}
		p := &populated{t: trial, r: &rig{c: c}, uses: 10}
		p.newTable()
		addAt(p.table, 10_000, "10,000", figure(each))
		p.conclude()
		if !has(trial, "keeps-nothing", want) {
			t.Errorf("%v bytes a log-in: %+v", each, trial.Verdicts)
		}
	}
}

// lossy stores know nothing of one session in eight.
type lossy struct{ store.Store }

func (l lossy) Get(ctx context.Context, key store.Key) (store.Record, bool, error) {
	if key[0]%8 == 0 {
		return store.Record{}, false, nil
	}
	return l.Store.Get(ctx, key)
}

// TestSessionFootprint runs the scenario over real nodes, small.
func TestSessionFootprint(t *testing.T) {
	grow := map[string]string{"users": "600", "profiles": "0,2000", "rounds": "1", "window": "100ms", "rate": "300"}
	revoke := map[string]string{"how": "revoke", "revoked": "300"}
	// An entry of a list is small: some buffer of Redis that comes or goes is as much as
	// hundreds of them.
	many := map[string]string{"how": "revoke", "revoked": "2000"}
	for _, c := range []struct {
		defect, arm string
		set         map[string]string
		fails       []string
		check       func(*testing.T, *Trial)
	}{
		{"", "session-redis", grow, nil, growsBy(2000)},
		{"", "session-memory", grow, nil, growsBy(2000)},
		{"", "session-sealed", grow, nil, growsBy(0)},
		{"", "session-redis", revoke, nil, leaves(-2000, -150)},
		{"", "jwt-es256+denylist", many, nil, leaves(60, 400)},
		{"loses sessions", "session-memory", grow, []string{"population"}, nil},
		{"log-outs fail", "session-memory", revoke, []string{"logged-out"}, nil},
	} {
		t.Run(fmt.Sprintf("%s, %s, %s", c.defect, c.arm, c.set["how"]), func(t *testing.T) {
			t.Parallel()
			trial := rehearsal{scenario: SessionFootprint(), arm: c.arm, set: c.set, defect: c.defect}.run(t)
			failedAre(t, trial, c.fails)
			if c.check != nil {
				c.check(t, trial)
			}
		})
	}
}

// growsBy: with a profile of 2,000 bytes a session takes so many more, give or take what
// keeping them takes.
func growsBy(want float64) func(*testing.T, *Trial) {
	return func(t *testing.T, trial *Trial) {
		t.Helper()
		bare, full := keptTable(t, trial, "footprint-0"), keptTable(t, trial, "footprint-2000")
		got := cellIn(t, full, "600", "a session") - cellIn(t, bare, "600", "a session")
		if got < want-700 || got > 1.8*want+700 {
			t.Errorf("2,000 bytes of profile take %v", got)
		}
	}
}

// leaves: a log-out changes the stores by so many bytes.
func leaves(low, high float64) func(*testing.T, *Trial) {
	return func(t *testing.T, trial *Trial) {
		t.Helper()
		table := keptTable(t, trial, "revoked")
		if got := cellIn(t, table, table.Rows[0].Label, "in the stores"); got < low || got > high {
			t.Errorf("a log-out leaves %v bytes, want %v to %v", got, low, high)
		}
	}
}
