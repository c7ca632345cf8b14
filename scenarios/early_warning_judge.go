package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"authbench/loadgen"
	"authbench/results"
)

// warning is what a trial came to.
type warning struct {
	kind    troubleKind
	times   warningTimes
	slo     time.Duration
	scrape  time.Duration
	broke   *int64 // when users began to suffer; nil: they did not
	signals []movement
	// disturbed says why the calm was none; "" if it was.
	disturbed string
	counted   []results.Verdict
	rec       *loadgen.Recording
}

// calmDisturbed looks for what should not be before the trouble begins, or with its
// first, small, steps.
func (w *warning) calmDisturbed(slots []useSlot, step time.Duration) string {
	if late := w.rec.Lag.P99; late != nil && time.Duration(*late) > w.slo/2 {
		return fmt.Sprintf("the generator itself sent 1 %% of the uses more than %s late", (w.slo / 2).Round(time.Millisecond))
	}
	if w.broke != nil && *w.broke < w.times.began+int64(2*step) {
		return "users suffered as soon as the trouble began"
	}
	if sloBadWithin(slots, w.times.calm, w.times.began) {
		return fmt.Sprintf("more than 1 %% of the uses of a second were not ok within %s before the trouble began", w.slo)
	}
	for _, m := range w.signals {
		if m.before && slices.Contains(slices.Concat(w.kind.leads, w.kind.shows), m.name) {
			return m.name + " moved before the trouble began"
		}
	}
	return ""
}

// after is how long after the trouble began, in seconds.
func (w *warning) after(at int64) float64 { return time.Duration(at - w.times.began).Seconds() }

// resolution is how far two instants that are compared may be off: the distance of two
// looks at the metrics, and that of two at the promise.
func (w *warning) resolution() time.Duration { return w.scrape + chaosInterval }

// CheckSignals is the verdict on whether the signals of a trouble moved in time,
// CheckCounted that on whether the nodes count what happens.
const (
	CheckSignals = "signals"
	CheckCounted = "counted"
)

// warned writes the trial's table, facts and verdict.
func (t *Trial) warned(w *warning) {
	slices.SortStableFunc(w.signals, func(a, b movement) int { return compareInstants(a.at, b.at) })
	t.keep(w.table())
	w.tell(t)
	t.judge(w.verdict())
	for _, v := range w.counted {
		t.judge(v)
	}
}

// compareInstants puts nil last.
func compareInstants(a, b *int64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return int(*a - *b)
}

// The columns of the table "signals", which the claims read.
const (
	columnMoved = "moved"
	columnBroke = "users suffer"
	columnLead  = "lead"
)

func (w *warning) table() *results.Table {
	table := newTable("signals", "When each signal moved, beside when users began to suffer: a lead above 0 is a warning",
		results.Column{Name: "signal"},
		results.Column{Name: columnMoved, Unit: "s", Meaning: "after the trouble began"},
		results.Column{Name: columnBroke, Unit: "s", Meaning: fmt.Sprintf("after the trouble began: more than 1 %% of the uses of a second were not ok within %s, and it stayed so", w.slo)},
		results.Column{Name: columnLead, Unit: "s", Meaning: fmt.Sprintf("how long before users suffer the signal moved; resolution %s", w.resolution())},
		results.Column{Name: "usual", Meaning: "highest before the trouble; of a counter its rate a second"},
		results.Column{Name: "limit", Meaning: "above which it has moved"},
		results.Column{Name: "then", Meaning: "what it was when it moved"},
		results.Column{Name: "metric", Meaning: "as Prometheus asks for it"},
	)
	for _, m := range w.signals {
		if !w.telling(m) {
			continue
		}
		moved, lead, then := none("did not move"), none("did not move"), none("")
		if m.at != nil {
			moved, then = figure(w.after(*m.at)), figure(m.value)
			lead = none(w.unbroken())
		}
		broke := none(w.unbroken())
		if w.broke != nil {
			broke = figure(w.after(*w.broke))
			if m.at != nil {
				lead = figure(time.Duration(*w.broke - *m.at).Seconds())
			}
		}
		if m.before {
			moved.Text = strings.TrimSpace(moved.Text + " (a false alarm before)")
		}
		addRow(table, m.name, moved, broke, lead, figure(m.usual), figure(m.limit), then, word("%s", m.series()))
	}
	return table
}

// telling says whether a signal belongs into the table: it moved, or it should have.
func (w *warning) telling(m movement) bool {
	return m.at != nil || m.before || slices.Contains(slices.Concat(w.kind.leads, w.kind.shows), m.name)
}

// unbroken is why users did not suffer.
func (w *warning) unbroken() string {
	if w.kind.harmless {
		return "users are not slowed by it"
	}
	return "they did not"
}

func (w *warning) tell(t *Trial) {
	if w.broke != nil {
		t.tell("slo.broke", "s", w.after(*w.broke), "As %s, users began to suffer %.1f s after it began (the last step came after %.1f s).",
			w.kind.what, w.after(*w.broke), w.after(w.times.ended))
	}
	var first []string
	for _, m := range w.signals {
		if m.at == nil {
			continue
		}
		if w.broke == nil {
			first = append(first, fmt.Sprintf("%s after %.1f s", m.name, w.after(*m.at)))
		} else if lead := time.Duration(*w.broke - *m.at); lead > w.resolution() {
			first = append(first, fmt.Sprintf("%s %.1f s before", m.name, lead.Seconds()))
		}
	}
	switch {
	case len(first) == 0:
		t.tell("signals.first", "signals", 0, "No signal moved clearly before.")
	case w.broke == nil:
		t.tell("signals.first", "signals", float64(len(first)), "As %s, these moved: %s.", w.kind.what, strings.Join(first, ", "))
	default:
		t.tell("signals.first", "signals", float64(len(first)), "Moved before: %s.", strings.Join(first, ", "))
	}
	var alarms, still []string
	for _, m := range w.signals {
		if m.before {
			alarms = append(alarms, m.name)
		}
		if !w.telling(m) {
			still = append(still, m.name)
		}
	}
	if len(still) > 0 {
		t.tell("signals.still", "signals", float64(len(still)), "Watched, and did not move: %s.", strings.Join(still, ", "))
	}
	if len(alarms) > 0 {
		t.tell("signals.false", "signals", float64(len(alarms)), "Moved although nothing was wrong yet: %s.", strings.Join(alarms, ", "))
	}
	t.tell("signals.rule", "s", w.resolution().Seconds(),
		"A signal has moved when it exceeds what is usual by half, and by four standard deviations, in two of three looks, %s apart; a counter of what does not happen, with its first step. The trouble grew in steps: %v %s.",
		w.scrape, w.kind.levels, w.kind.unit)
}

// verdict holds the signals to what the trouble should do to them.
func (w *warning) verdict() results.Verdict {
	v := results.Verdict{Check: CheckSignals, Unit: "signals missing or late", Bound: number(0)}
	if w.broke == nil && !w.kind.harmless {
		v.Status, v.Reason = results.Unknown, fmt.Sprintf("users did not begin to suffer: 99 %% of the uses went on to end ok within %s", w.slo)
		return v
	}
	var wrong []string
	find := func(name string) *movement {
		i := slices.IndexFunc(w.signals, func(m movement) bool { return m.name == name })
		if i < 0 || w.signals[i].at == nil {
			return nil
		}
		return &w.signals[i]
	}
	for _, name := range w.kind.leads {
		m := find(name)
		switch {
		case m == nil:
			wrong = append(wrong, name+" did not move")
		case *m.at > *w.broke+int64(sloWindow): // that far back the look at the promise goes
			wrong = append(wrong, fmt.Sprintf("%s moved %.1f s too late", name, time.Duration(*m.at-*w.broke).Seconds()))
		}
	}
	for _, name := range w.kind.shows {
		if find(name) == nil {
			wrong = append(wrong, name+" did not move")
		}
	}
	v.Status, v.Measured = results.Pass, number(float64(len(wrong)))
	switch {
	case len(wrong) > 0 && w.disturbed != "":
		v.Status, v.Measured = results.Unknown, nil
		v.Reason = strings.Join(wrong, "; ") + "; but the calm was none, in each of several attempts: " + w.disturbed
	case len(wrong) > 0:
		v.Status, v.Reason = results.Fail, strings.Join(wrong, "; ")
	}
	return v
}

// countedUses compares the good answers that nodes counted with those that came back.
// Who gave up waiting does not know what became of it.
func countedUses(before, after metricsRead, path string, a results.Accounting) results.Verdict {
	labels := map[string]string{"route": path, "code": "200"}
	was, _ := before.sum("authbench_http_requests_total", labels)
	is, ok := after.sum("authbench_http_requests_total", labels)
	return countedAs("uses that were answered 200", ok, is-was, float64(a.OK), float64(a.Timeout+a.ConnectError+a.ProtocolError+a.Unfinished))
}

// countedReuses compares the replays that nodes say they refused with those that were
// answered.
func countedReuses(before, after metricsRead, t *thief) results.Verdict {
	labels := map[string]string{"result": "reused"}
	was, _ := before.sum("authbench_refreshes_total", labels)
	is, ok := after.sum("authbench_refreshes_total", labels)
	return countedAs("replays that were refused", ok, is-was, float64(t.replays-t.let), 0)
}

func countedAs(what string, known bool, node, seen, uncertain float64) results.Verdict {
	v := results.Verdict{Check: CheckCounted, Unit: what + ", counted wrongly", Bound: number(uncertain)}
	off := max(node-seen, seen-node)
	switch {
	case !known:
		v.Status, v.Reason = results.Unknown, "the nodes do not count them"
	case seen == 0:
		v.Status, v.Reason = results.Unknown, "there were none"
	case off > uncertain:
		v.Status, v.Measured = results.Fail, &off
		v.Reason = fmt.Sprintf("nodes counted %.0f, %.0f were seen, and %.0f may be unknown to either", node, seen, uncertain)
	default:
		v.Status, v.Measured = results.Pass, &off
	}
	return v
}
