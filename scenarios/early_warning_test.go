package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/loadgen"
	"authbench/results"
)

const tenth = int64(100 * time.Millisecond)

// load is 20 uses every 100 ms until the end; bad says how many of them are.
func load(end int, bad func(tenths int) int) []useSlot {
	var out []useSlot
	for i := range end {
		out = append(out, useSlot{end: int64(i+1) * tenth, all: 20, good: 20 - bad(i)})
	}
	return out
}

// TestBrokeForGood plants when users suffer.
func TestBrokeForGood(t *testing.T) {
	if1 := func(yes bool) int {
		if yes {
			return 20
		}
		return 0
	}
	for name, c := range map[string]struct {
		bad  func(int) int
		want int64 // tenths; 0: never
	}{
		"never":                         {func(int) int { return 0 }, 0},
		"to the end":                    {func(i int) int { return if1(i >= 40) }, 41},
		"a stall in the calm":           {func(i int) int { return if1(i == 15) }, 0},
		"a stall, and then to the end":  {func(i int) int { return if1(i == 15 || i >= 50) }, 51},
		"one in a hundred":              {func(i int) int { return if1(i%5 == 0) / 20 }, 0},
		"three in two hundred":          {func(i int) int { return if1(i >= 30 && i%3 == 0) / 20 }, 37},
		"a second of relief in it":      {func(i int) int { return if1(i >= 30 && (i < 40 || i >= 52)) }, 53},
		"over before the end":           {func(i int) int { return if1(i >= 20 && i < 40) }, 0},
		"half a second of relief in it": {func(i int) int { return if1(i >= 30 && (i < 50 || i >= 54)) }, 31},
	} {
		got := brokeForGood(load(70, c.bad), 0, 70*tenth)
		switch {
		case got == nil && c.want != 0:
			t.Errorf("%s: never, not at %d", name, c.want)
		case got != nil && *got != c.want*tenth:
			t.Errorf("%s: at %d, not %d", name, *got/tenth, c.want)
		}
	}
	if got := brokeForGood(nil, 0, 70*tenth); got != nil {
		t.Errorf("no uses at all: %v", *got)
	}
	stall := load(70, func(i int) int { return if1(i == 15) })
	if !sloBadWithin(stall, 0, 30*tenth) || sloBadWithin(stall, 30*tenth, 70*tenth) {
		t.Error("a stall in the calm is not seen, or seen elsewhere")
	}
}

// TestUseSlots sorts what was late, refused, and never sent.
func TestUseSlots(t *testing.T) {
	second := func(i, scheduled int) loadgen.Second {
		s := loadgen.Second{Start: time.Duration(int64(i) * tenth), Length: time.Duration(tenth)}
		s.Accounting.Scheduled = int64(scheduled)
		return s
	}
	at := func(due, took time.Duration, o results.Outcome) loadgen.Exchange {
		return loadgen.Exchange{Due: due, Done: due + took, Outcome: o}
	}
	rec := &loadgen.Recording{
		Seconds: []loadgen.Second{second(0, 3), second(2, 4)}, // none in the second interval
		Exchanges: []loadgen.Exchange{
			at(10*time.Millisecond, time.Millisecond, results.OK), at(99*time.Millisecond, 60*time.Millisecond, results.OK), at(99*time.Millisecond, time.Millisecond, results.OK),
			at(200*time.Millisecond, 50*time.Millisecond, results.OK), at(210*time.Millisecond, time.Millisecond, results.Rejected),
		},
	}
	got := useSlots(rec, 5*tenth, 50*time.Millisecond)
	want := []useSlot{{6 * tenth, 3, 2}, {8 * tenth, 4, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, not %+v", got, want)
	}
}

// look makes readings of one metric, every 200 ms.
func look(metric string, values ...float64) []metricsRead {
	var out []metricsRead
	for i, v := range values {
		out = append(out, metricsRead{at: int64(i) * 2 * tenth, samples: []metricLine{{metric: metric, value: v}}})
	}
	return out
}

func TestMovement(t *testing.T) {
	// Six looks are usual, four more calm, then comes the trouble.
	times := warningTimes{usual: 11 * tenth, began: 19 * tenth, ended: 60 * tenth}
	quiet := indicator{name: "evicted", metric: "evicted_total", never: true}
	busy := indicator{name: "requests", metric: "requests_total"}
	level := indicator{name: "in use", metric: "in_use", floor: 1}
	for name, c := range map[string]struct {
		s      indicator
		values []float64
		at     int64 // look at which it moved; -1: never
		before bool
	}{
		"one that stands still":              {quiet, []float64{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}, -1, false},
		"one step of it":                     {quiet, []float64{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6}, 11, false},
		"a step in the calm":                 {quiet, []float64{5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6}, -1, true},
		"a step in the calm, and one after":  {quiet, []float64{5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 7, 6}, 11, true},
		"one that did not stand still":       {quiet, []float64{5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 6, 7, 7}, -1, false},
		"a rate that stays":                  {busy, []float64{0, 10, 21, 30, 41, 50, 60, 71, 80, 90, 101, 110, 121}, -1, false},
		"a rate that doubles":                {busy, []float64{0, 10, 21, 30, 41, 50, 60, 71, 80, 90, 110, 130, 150}, 11, false},
		"a rate that jumps once":             {busy, []float64{0, 10, 21, 30, 41, 50, 60, 71, 80, 90, 120, 130, 140}, -1, false},
		"a gauge that goes from 0 to 1":      {level, []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1}, -1, false},
		"a gauge that goes from 0 to 2":      {level, []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2}, 11, false},
		"a gauge with one peak in the calm":  {level, []float64{0, 0, 9, 0, 0, 0, 0, 9, 0, 0, 2, 2, 2}, 11, false},
		"a gauge that is as high as ever":    {level, []float64{4, 1, 4, 4, 1, 3, 4, 4, 2, 4, 5, 5, 5}, -1, false},
		"a gauge that is higher than before": {level, []float64{4, 1, 4, 2, 1, 3, 4, 4, 2, 4, 5, 12, 12}, 12, false},
	} {
		m, ok := movementOf(c.s, look(c.s.metric, c.values...), times)
		switch {
		case !ok:
			t.Errorf("%s: there is no such signal", name)
		case c.at < 0 && m.at != nil:
			t.Errorf("%s: moved at look %d", name, *m.at/(2*tenth))
		case c.at >= 0 && (m.at == nil || *m.at != c.at*2*tenth):
			t.Errorf("%s: %v, not at look %d (usual %v, limit %v)", name, m.at, c.at, m.usual, m.limit)
		case m.before != c.before:
			t.Errorf("%s: moved in the calm: %t", name, m.before)
		}
	}
	if _, ok := movementOf(quiet, look("another", 1, 2), times); ok {
		t.Error("a metric that is not there is a signal")
	}
}

// TestShareOfMemory divides by a limit, of which there may be none.
func TestShareOfMemory(t *testing.T) {
	i := slices.IndexFunc(indicators(), func(s indicator) bool { return s.of != "" })
	s := indicators()[i]
	r := metricsRead{samples: []metricLine{{metric: s.metric, value: 30}, {metric: s.of, value: 120}}}
	if v, ok := r.value(s); !ok || v != 0.25 {
		t.Errorf("%v, %t", v, ok)
	}
	r.samples[1].value = 0 // unlimited
	if _, ok := r.value(s); ok {
		t.Error("a share of no limit")
	}
}

// TestTroubles holds every trouble to signals that there are.
func TestTroubles(t *testing.T) {
	for _, k := range troubles() {
		for _, name := range slices.Concat(k.leads, k.shows) {
			if !slices.ContainsFunc(indicators(), func(s indicator) bool { return s.name == name }) {
				t.Errorf("%s moves %q, which is no signal", k.how, name)
			}
		}
		if len(k.levels) == 0 || len(k.leads)+len(k.shows) == 0 || k.harmless && len(k.leads) > 0 {
			t.Errorf("%s: %v, %v, %v", k.how, k.levels, k.leads, k.shows)
		}
	}
	for _, s := range indicators() {
		if strings.Contains(s.metric, "{") || s.counter() && s.never && s.floor > 0 {
			t.Errorf("%+v", s)
		}
	}
}

// TestWarningVerdict plants trials that went right and wrong.
func TestWarningVerdict(t *testing.T) {
	kind := troubleKind{how: "pool", leads: []string{"waits"}, shows: []string{"errors"}}
	at := func(tenths int64) *int64 { v := tenths * tenth; return &v }
	moved := func(name string, when *int64) movement {
		return movement{indicator: indicator{name: name, metric: name + "_total"}, at: when}
	}
	harmless := kind
	harmless.harmless, harmless.leads = true, nil
	for name, c := range map[string]struct {
		w    warning
		want string
		says string
	}{
		"in time":           {warning{kind: kind, broke: at(50), signals: []movement{moved("waits", at(30)), moved("errors", at(60))}}, results.Pass, ""},
		"within resolution": {warning{kind: kind, broke: at(50), signals: []movement{moved("waits", at(53)), moved("errors", at(60))}}, results.Pass, ""},
		"within the window": {warning{kind: kind, broke: at(50), signals: []movement{moved("waits", at(60)), moved("errors", at(60))}}, results.Pass, ""},
		"too late":          {warning{kind: kind, broke: at(50), signals: []movement{moved("waits", at(62)), moved("errors", at(62))}}, results.Fail, "1.2 s too late"},
		"late, but no calm": {warning{kind: kind, broke: at(50), disturbed: "so it was", signals: []movement{moved("waits", at(62)), moved("errors", at(62))}}, results.Unknown, "so it was"},
		"not at all":        {warning{kind: kind, broke: at(50), signals: []movement{moved("waits", nil), moved("errors", at(60))}}, results.Fail, "waits did not move"},
		"not there":         {warning{kind: kind, broke: at(50), signals: []movement{moved("waits", at(30))}}, results.Fail, "errors did not move"},
		"nobody suffered":   {warning{kind: kind, signals: []movement{moved("waits", at(30)), moved("errors", at(60))}}, results.Unknown, "did not begin to suffer"},
		"nobody was to":     {warning{kind: harmless, signals: []movement{moved("errors", at(60))}}, results.Pass, ""},
		"and it was unseen": {warning{kind: harmless, signals: []movement{moved("errors", nil)}}, results.Fail, "errors did not move"},
	} {
		c.w.scrape = 200 * time.Millisecond
		v := c.w.verdict()
		if v.Status != c.want || !strings.Contains(v.Reason, c.says) || v.Status != results.Unknown && v.Measured == nil {
			t.Errorf("%s: %+v", name, v)
		}
		table := c.w.table()
		for _, r := range table.Rows {
			if len(r.Cells) != len(table.Columns) {
				t.Errorf("%s: %d cells in %d columns", name, len(r.Cells), len(table.Columns))
			}
		}
	}
}

// TestCounted compares what nodes say with what came back.
func TestCounted(t *testing.T) {
	page := func(n float64) metricsRead {
		return metricsRead{samples: []metricLine{
			{"authbench_http_requests_total", map[string]string{"route": "/me", "code": "200"}, n},
			{"authbench_http_requests_total", map[string]string{"route": "/me", "code": "503"}, 7},
		}}
	}
	for name, c := range map[string]struct {
		before, after metricsRead
		a             results.Accounting
		want          string
	}{
		"alike":           {page(10), page(110), results.Accounting{OK: 100}, results.Pass},
		"one too few":     {page(10), page(109), results.Accounting{OK: 100}, results.Fail},
		"one too many":    {page(10), page(111), results.Accounting{OK: 100}, results.Fail},
		"that timed out":  {page(10), page(111), results.Accounting{OK: 100, Timeout: 1}, results.Pass},
		"nothing counted": {metricsRead{}, metricsRead{}, results.Accounting{OK: 100}, results.Unknown},
		"nothing done":    {page(10), page(10), results.Accounting{}, results.Unknown},
	} {
		if v := countedUses(c.before, c.after, "/me", c.a); v.Status != c.want {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestPoolVerdict(t *testing.T) {
	fine := poolSeen{size: 16, uses: 1000, counted: true}
	short := poolSeen{size: 1, uses: 1000, bad: 400, waits: 500, gaveUp: 400, waited: 3, counted: true}
	blind := poolSeen{size: 1, uses: 1000, bad: 400, counted: true}
	for name, c := range map[string]struct {
		all  []poolSeen
		want string
	}{
		"seen":           {[]poolSeen{short, fine}, results.Pass},
		"unseen":         {[]poolSeen{blind, fine}, results.Fail},
		"nothing to see": {[]poolSeen{fine, fine}, results.Unknown},
	} {
		if v := poolVerdict(c.all); v.Status != c.want {
			t.Errorf("%s: %+v", name, v)
		}
	}
	table := poolTable([]poolSeen{short, fine}, 300)
	if c, ok := table.Cell("1", columnWaited); !ok || c.Value == nil || *c.Value != 90 || c.Low == nil || *c.Low >= 90 {
		t.Errorf("%+v", c)
	}
}
