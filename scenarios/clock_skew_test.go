package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// when is an instant that is exactly known.
func when(d time.Duration) span {
	t := time.Unix(1_800_000_000, 0).Add(d)
	return span{t, t}
}

func between(lo, hi time.Duration) span { return span{when(lo).lo, when(hi).hi} }

const second = time.Second

func TestByNode(t *testing.T) {
	token := life{grain: second, length: 10 * second, leeway: 2 * second}
	dated := token
	dated.notBefore = true
	session := life{grain: tick, length: 10 * second}
	for _, c := range []struct {
		name        string
		l           life
		issued, now span
		want        answer
	}{
		{"a token's last millisecond", token, when(0), when(12*second - tick), accept},
		{"a token's end", token, when(0), when(12 * second), refuse},
		{"a fraction is cut off", token, when(999 * tick), when(12 * second), refuse},
		{"which second it was is not known", token, between(999*tick, second), when(12*second + 500*tick), either},
		{"an answer across the end", token, when(0), between(12*second-tick, 12*second), either},
		{"long before, without nbf", token, when(0), when(-time.Hour), accept},
		{"nbf - leeway", dated, when(0), when(-2 * second), accept},
		{"a millisecond earlier", dated, when(0), when(-2*second - tick), refuse},
		{"across nbf", dated, when(0), between(-2*second-tick, 0), either},
		{"a session's last millisecond", session, when(700 * tick), when(10*second + 699*tick), accept},
		{"a session's end", session, when(700 * tick), when(10*second + 700*tick), refuse},
	} {
		if got := c.l.byNode(c.issued, c.now); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	for now, want := range map[time.Duration]answer{10*second - tick: accept, 11 * second: either, 12 * second: refuse} {
		if got := token.byTruth(when(0), when(now)); got != want {
			t.Errorf("in truth, %s after the issue: %s, want %s", now, got, want)
		}
	}
}

// use is one of a credential that was issued at 0 by a clock that was off by made, at
// that instant by a clock that was off by asked.
func use(after, made, asked time.Duration, got answer) presented {
	return presented{when(0), when(after), when(made), when(after + asked), got}
}

func TestTally(t *testing.T) {
	l := life{grain: second, length: 10 * second, leeway: 2 * second}
	stored := life{grain: tick, length: 10 * second, stored: true}
	for _, c := range []struct {
		name string
		l    life
		p    presented
		want string // wrong by the node: accepts refuses; in truth: accepts refuses; by the store
	}{
		{"right", l, use(5*second, 0, 0, accept), "0 0 0 0 0"},
		{"a live one refused", l, use(5*second, 0, 0, refuse), "0 1 0 1 0"},
		{"an ended one accepted", l, use(13*second, 0, 0, accept), "1 0 1 0 0"},
		{"refused by a node that is ahead", l, use(9*second, 0, 4*second, refuse), "0 0 0 1 0"},
		{"accepted by a node that is ahead", l, use(9*second, 0, 4*second, accept), "1 0 0 0 0"},
		{"accepted by a node that is behind", l, use(13*second, 0, -4*second, accept), "0 0 1 0 0"},
		{"refused by a node that is behind", l, use(13*second, 0, -4*second, refuse), "0 1 0 0 0"},
		{"of an issuer that was ahead", l, use(13*second, 4*second, 0, accept), "0 0 1 0 0"},
		{"ended by its store", stored, use(11*second, 0, -4*second, refuse), "0 0 0 0 1"},
		{"refused by a node whose store has it", stored, use(9*second, 0, -4*second, refuse), "0 1 0 1 0"},
	} {
		var got skewTally
		got.add(c.l, c.p)
		if text := fmt.Sprint(got.nodeAccepts, got.nodeRefuses, got.trueAccepts, got.trueRefuses, got.byStore); text != c.want {
			t.Errorf("%s: %s, want %s", c.name, text, c.want)
		}
	}
	var none skewTally
	none.add(l, use(13*second, 0, 0, either))
	if none.unanswered != 1 || none.nodeAccepts != 0 {
		t.Errorf("%+v", none)
	}
}

// TestMoved: what is accepted and refused on either side of an end brackets it.
func TestMoved(t *testing.T) {
	l := life{grain: second, length: 10 * second, leeway: 2 * second, notBefore: true}
	var s skewTally
	for _, p := range []presented{
		use(8*second, 0, 3*second, accept), use(8500*tick, 0, 3*second, accept), use(9500*tick, 0, 3*second, refuse), use(10*second, 0, 3*second, refuse),
	} {
		s.add(l, p)
	}
	if c := moved(s); c.Value == nil || *c.Value != -3 || c.Text != "between -3.50 and -2.50" {
		t.Errorf("%+v", c)
	}
	var early skewTally
	early.add(l, use(second, 10*second, 0, refuse))
	if c := moved(early); c.Value != nil || c.Text != "refused as not yet valid" {
		t.Errorf("%+v", c)
	}
	if c := moved(skewTally{}); c.Value != nil || c.Text == "" {
		t.Errorf("%+v", c)
	}
}

func TestNodeVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		all  skewTally
		want string
	}{
		"nothing":          {skewTally{}, results.Unknown},
		"only live ones":   {skewTally{uses: 9, live: 9}, results.Unknown},
		"good":             {skewTally{uses: 9, live: 5, ended: 4}, results.Pass},
		"a wrong refusal":  {skewTally{uses: 9, live: 5, ended: 4, nodeRefuses: 1}, results.Fail},
		"a wrong accept":   {skewTally{uses: 9, live: 5, ended: 4, nodeAccepts: 1}, results.Fail},
		"much unanswered":  {skewTally{uses: 100, live: 50, ended: 40, unanswered: 10}, results.Unknown},
		"wrong all the so": {skewTally{uses: 100, live: 50, ended: 40, unanswered: 10, nodeAccepts: 1}, results.Fail},
	} {
		if v := nodeVerdict(c.all); v.Status != c.want {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestSweepPlan(t *testing.T) {
	l := life{grain: second, length: 2 * second, leeway: 2 * second}
	skews := skewsOf(l)
	want := []time.Duration{-600 * second, -3 * second, -2 * second, -second, 0, second, 2 * second, 3 * second, 600 * second}
	if !slices.Equal(skews, want) {
		t.Fatalf("%v", skews)
	}
	if w := watchFor(l, skews); w != 8*second {
		t.Errorf("watch %s", w)
	}
	for _, ofIssuer := range []bool{false, true} {
		plan := sweepPlan(l, skews, 20, ofIssuer)
		checkPlan(t, plan, len(skews)*20)
		for _, b := range plan {
			if off := b.clock != 0; off && (b.node != movedNode || b.use == ofIssuer || off && b.use && b.clock != skews[b.row]) {
				t.Fatalf("of issuer %v: %+v", ofIssuer, b)
			}
		}
	}
}

// checkPlan: every credential is issued once, and then used once, in order of time.
func checkPlan(t *testing.T, plan []beat, credentials int) {
	t.Helper()
	if !slices.IsSortedFunc(plan, func(a, b beat) int { return cmp.Compare(a.at, b.at) }) || len(plan) != 2*credentials {
		t.Fatalf("%d beats, or not in order", len(plan))
	}
	state := map[int]int{}
	for _, b := range plan {
		if b.use != (state[b.credential] == 1) {
			t.Fatalf("credential %d: use %v in state %d", b.credential, b.use, state[b.credential])
		}
		state[b.credential]++
	}
	if len(state) != credentials {
		t.Errorf("%d credentials", len(state))
	}
}

func TestPhasePlan(t *testing.T) {
	l := life{grain: second, length: second, leeway: second}
	for name, phases := range map[string][]phase{"step": stepPhases(5*second, 10*second), "drift": driftPhases(6*second, 10*second)} {
		plan := phasePlan(phases, l, phaseEvery)
		over := phases[len(phases)-1].until
		checkPlan(t, plan, int(over/phaseEvery))
		rows, roles := map[int]int{}, map[string]int{}
		made := map[int]int{}
		for _, b := range plan {
			if b.node == rightNode && b.clock != 0 {
				t.Fatalf("%s: the right node is off: %+v", name, b)
			}
			if b.clock.Abs() > 10*second {
				t.Fatalf("%s: %+v", name, b)
			}
			if !b.use {
				made[b.credential] = b.node
				continue
			}
			rows[b.row]++
			roles[fmt.Sprint(made[b.credential], b.node)]++
		}
		if len(rows) != 2*len(phases) || len(roles) != 4 {
			t.Errorf("%s: rows %v, roles %v", name, rows, roles)
		}
	}
}

func TestGoldenStep(t *testing.T) {
	for n := 1; n < 300; n++ {
		seen := map[int]bool{}
		for i := range n {
			seen[i*goldenStep(n)%n] = true
		}
		if len(seen) != n {
			t.Fatalf("%d of %d places", len(seen), n)
		}
	}
}

// TestEdgesOf: a class has edges on both sides, and no label is there twice.
func TestEdgesOf(t *testing.T) {
	for _, name := range contract.Arms() {
		c, err := contract.Arm(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := c.Settings["nbf"]; ok {
			if c, err = contract.Arm(name, map[string]string{"nbf": "iat"}); err != nil {
				t.Fatal(err)
			}
		}
		if needsClock(c) != "" {
			continue
		}
		sides, labels := map[string][3]int{}, map[string]bool{}
		for _, e := range edgesOf(c) {
			n := sides[e.class]
			n[e.want]++
			sides[e.class] = n
			if labels[e.label] {
				t.Errorf("%s: %s is there twice", name, e.label)
			}
			labels[e.label] = true
		}
		classes := []string{"expiry"}
		if c.Mechanism == "session" {
			classes = []string{"idle", "sliding", "absolute"}
		} else if c.Settings["nbf"] != "" {
			classes = []string{"expiry", "not-before"}
		}
		for _, class := range classes {
			if n := sides[class]; n[accept] == 0 || n[refuse] == 0 {
				t.Errorf("%s: class %s: %v", name, class, n)
			}
		}
	}
}

func TestEdgeVerdicts(t *testing.T) {
	of := func(class string, want answer, accepted, refused, silent int) tried {
		x := tried{edge: edge{class: class, label: class, want: want}}
		x.got[accept], x.got[refuse], x.got[either] = accepted, refused, silent
		return x
	}
	early := of("d", refuse, 0, 4, 0)
	early.early = 2 // ended before they should
	got := map[string]string{}
	for _, v := range edgeVerdicts([]tried{
		of("a", accept, 4, 0, 0), of("a", refuse, 0, 4, 0),
		of("b", accept, 4, 0, 0), of("b", refuse, 1, 3, 0),
		of("c", accept, 3, 0, 1),
		early,
		of("e", either, 4, 0, 0),
	}) {
		got[strings.TrimPrefix(v.Check, "edge-")] = v.Status
	}
	want := map[string]string{"a": results.Pass, "b": results.Fail, "c": results.Unknown, "d": results.Fail}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}
}

func TestRemembered(t *testing.T) {
	d := &dials{life: life{grain: second, length: second, leeway: second}}
	slow, right := remembered{skew: -3 * second}, remembered{}
	for _, r := range []*remembered{&slow, &right} {
		r.add(d, when(0), when(100*tick), when(50*tick).lo, refuse, second)
		r.add(d, when(0), when(4*second), when(50*tick).lo, accept, second)
	}
	if slow.live != 2 || slow.accepted != 1 || slow.wrong != 0 || slow.from != 3950*tick {
		t.Errorf("%+v", slow)
	}
	if right.live != 1 || right.wrong != 1 {
		t.Errorf("%+v", right)
	}
	declared := remembered{skew: -second} // as far off as the arm declares to bear
	if declared.add(d, when(0), when(2500*tick), when(50*tick).lo, accept, second); declared.wrong != 1 {
		t.Errorf("%+v", declared)
	}
}
