package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
)

func TestPatterns(t *testing.T) {
	session := patternsOf(checker.Promises{Idle: 30 * time.Minute, Absolute: 12 * time.Hour})
	token := patternsOf(checker.Promises{Lifetime: 15 * time.Minute, Leeway: 5 * second})
	fixed := patternsOf(checker.Promises{Absolute: time.Hour})
	for _, p := range slices.Concat(session, token, fixed) {
		before := p.before(2 * p.want)
		if p.every == 0 && len(before) > 0 || p.every > 0 && len(before) < 1 {
			t.Errorf("%s: %d uses", p.label, len(before))
		}
		if p.until > 0 && before[len(before)-1] != p.until {
			t.Errorf("%s: last used at %s, not %s", p.label, before[len(before)-1], p.until)
		}
	}
	if session[1].want != time.Hour || session[3].want != time.Hour-tick || session[4].want != 12*time.Hour || token[2].want != 905*second || fixed[1].want != time.Hour {
		t.Errorf("%+v %+v %+v", session, token, fixed)
	}
	// In use all the time: no gap reaches the idle timeout, and nothing is left out.
	at := inUse(30*time.Minute, 12*time.Hour)
	for i, last := 0, time.Duration(0); i < len(at); i++ {
		if at[i]-last >= 30*time.Minute || at[i] >= 12*time.Hour {
			t.Errorf("use %d at %s, the one before at %s", i, at[i], last)
		}
		last = at[i]
	}
	if 12*time.Hour-at[len(at)-1] >= 30*time.Minute {
		t.Errorf("the last use at %s", at[len(at)-1])
	}
}

func TestTimeoutVerdict(t *testing.T) {
	if v := timeoutVerdict(3, nil); v.Status != results.Pass {
		t.Errorf("%+v", v)
	}
	if v := timeoutVerdict(3, []string{"not used it ended late"}); v.Status != results.Fail || *v.Measured != 1 {
		t.Errorf("%+v", v)
	}
}

func TestReplayed(t *testing.T) {
	c := chain{traded: between(0, 10*tick), second: user{vars: contract.Vars{"refresh_token": "second"}}}
	same, other := user{vars: contract.Vars{"refresh_token": "second"}}, user{vars: contract.Vars{"refresh_token": "third"}}
	for name, x := range map[string]struct {
		again user
		at    span
		got   answer
		want  replayed
	}{
		"inside":            {same, between(500*tick, 510*tick), accept, replayed{inside: 1, same: 1}},
		"another successor": {other, between(500*tick, 510*tick), accept, replayed{inside: 1, other: 1}},
		"refused inside":    {same, between(500*tick, 510*tick), refuse, replayed{inside: 1, refusedIn: 1}},
		"outside":           {same, between(1013*tick, 1020*tick), refuse, replayed{outside: 1}},
		"accepted outside":  {same, between(1013*tick, 1020*tick), accept, replayed{outside: 1, acceptedOut: 1}},
		"too close to tell": {same, between(1005*tick, 1020*tick), refuse, replayed{unclear: 1}},
		"no answer":         {same, between(500*tick, 510*tick), either, replayed{unclear: 1}},
	} {
		var r replayed
		if r.add(c, x.again, x.at, x.got, second); r.inside != x.want.inside || r.same != x.want.same || r.other != x.want.other ||
			r.refusedIn != x.want.refusedIn || r.outside != x.want.outside || r.acceptedOut != x.want.acceptedOut || r.unclear != x.want.unclear {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestGraceClock(t *testing.T) {
	right := replayed{inside: 2, same: 2, outside: 1}
	off := dial{offset: time.Hour}
	for want, r := range map[string]replayed{
		"the clock of the store":                   {clock: off, inside: 2, same: 2, outside: 1},
		"the clock of the node":                    {clock: off, inside: 2, refusedIn: 2},
		"1 replays were answered by true time and": {clock: off, inside: 2, refusedIn: 1, same: 1},
	} {
		if got := graceClock([]replayed{right, r}); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLifeVerdicts(t *testing.T) {
	good := lived{life: second, exposed: []time.Duration{second}, asked: 3, refreshs: 4}
	late, lost := good, good
	late.beyond, lost.failed = 1, 1
	for name, c := range map[string]struct {
		seen          []lived
		exposure, ref string
	}{
		"good":    {[]lived{good}, results.Pass, results.Pass},
		"late":    {[]lived{good, late}, results.Fail, results.Pass},
		"lost":    {[]lived{good, lost}, results.Pass, results.Fail},
		"nothing": {nil, results.Unknown, results.Unknown},
	} {
		vs := lifeVerdicts(c.seen)
		if vs[0].Status != c.exposure || vs[1].Status != c.ref {
			t.Errorf("%s: %s, %s", name, vs[0].Status, vs[1].Status)
		}
	}
}

func TestAmortised(t *testing.T) {
	use, refresh := figure(100), figure(50)
	if c := amortised(use, refresh, .5, byReckoning); *c.Value != 125 || c.Text != byReckoning {
		t.Errorf("%+v", c)
	}
	if c := share(use, refresh, .5); *c.Value != 20 {
		t.Errorf("%+v", c)
	}
	if c := amortised(use, none("unknown"), .5, ""); c.Value != nil || c.Text != "unknown" {
		t.Errorf("%+v", c)
	}
	if c := share(none("unknown"), refresh, .5); c.Value != nil {
		t.Errorf("%+v", c)
	}
}
