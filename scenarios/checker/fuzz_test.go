package checker

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"
	"time"

	"authbench/results"
)

// FuzzCheck: whatever a recorder wrote down, Check has a judgement of it, and the
// same one whatever the order of the operations.
func FuzzCheck(f *testing.F) {
	f.Add([]byte{}, byte(0))
	f.Add([]byte("login use revoke use login refresh refresh use password use step-up use"), byte(7))
	f.Add([]byte{0, 0, 0, 1, 0, 0, 9, 2, 1, 1, 0, 3, 255, 255, 255, 255, 255, 6, 6, 6, 6, 6}, byte(255))
	f.Fuzz(func(t *testing.T, data []byte, promises byte) {
		h, p := wild(data, promises)
		r := Check(h, p)
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, one := range r.Findings {
			switch one.Status {
			case results.Pass, results.Fail, results.Unknown, results.NotApplicable:
			default:
				t.Errorf("%s is %q", one.Check, one.Status)
			}
			if seen[one.Check] {
				t.Errorf("%s twice", one.Check)
			}
			if seen[one.Check] = true; one.Status == results.Pass && one.Measured == nil {
				t.Errorf("%s passes without a measurement: %s", one.Check, one.Reason)
			}
		}
		for _, v := range r.Violations {
			if !seen[v.Check] || len(v.Events) == 0 || len(v.Events) > 5 {
				t.Errorf("a violation of %s with %d events", v.Check, len(v.Events))
			}
		}
	})
}

// wild makes a history of bytes: few names, instants from the first nanosecond to
// the last one, and before.
func wild(data []byte, promises byte) (*History, Promises) {
	next := func() byte {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return b
	}
	instant := func() int64 {
		switch b := next(); {
		case b == 255:
			return math.MaxInt64
		case b == 254:
			return math.MinInt64
		case b > 250:
			var eight [8]byte
			for i := range eight {
				eight[i] = next()
			}
			return int64(binary.LittleEndian.Uint64(eight[:]))
		default:
			return int64(b) * second / 8
		}
	}
	name := func(prefix string) string {
		if b := next() % 6; b > 0 {
			return prefix + string('0'+b)
		}
		return ""
	}
	h := &History{Nodes: int(next()%5) - 1, Wall: instant(), End: instant()}
	for range next() % 4 {
		b := next()
		f := Fault{
			Name: "f", Requested: instant(), Confirmed: instant(), Recover: instant(), Recovered: instant(),
			Unreachable: b&1 > 0, Intermittent: b&2 > 0, DataLoss: b&4 > 0, Excuses: b&8 > 0,
		}
		if b&16 > 0 {
			f.Nodes = []int{int(b >> 5), -1}
		}
		h.Faults = append(h.Faults, f)
	}
	for len(data) > 0 && len(h.Ops) < 200 {
		h.Ops = append(h.Ops, Op{
			Kind: Kind(next() % 7), Node: int(int8(next())) % 4, User: name("u"), Credential: name("c"), Made: name("c"),
			Presented: name("r"), Handed: name("r"), Invoke: instant(), Complete: instant(),
			Outcome: results.Outcome(next() % results.Outcomes), Subject: name("u"), Triggered: next()%2 > 0,
		})
	}
	choose := func(words ...string) string { return words[int(next())%len(words)] }
	return h, Promises{
		BoundDeclared: promises&1 > 0, ByExpiry: promises&2 > 0, RevokesUser: promises&4 > 0,
		Bound: time.Duration(instant()), Lifetime: time.Duration(instant()), Leeway: time.Duration(instant()),
		OnStoreUnreachable: choose("", "503", "stale", "open", "fallback", "unaffected"),
		OnDataLoss:         choose("", "logged-out", "revoked-lives-again", "unaffected"),
		Refresh:            choose("rotating", "stateless", "none", ""),
		Stale:              time.Duration(instant()), Grace: time.Duration(instant()),
		Idle: time.Duration(instant()), Absolute: time.Duration(instant()), RefreshLifetime: time.Duration(instant()),
	}
}

// FuzzSound looks for a made-up history of a sound target that raises something.
func FuzzSound(f *testing.F) {
	f.Add(uint64(1), byte(0), byte(2), byte(3))
	f.Fuzz(func(t *testing.T, seed uint64, kind, faults, actors byte) {
		s := newSim(seed, mechanism(kind)%mechanisms, sound)
		s.disturb(int(faults % 6))
		for _, v := range Check(s.run(1+int(actors%8)), s.p).Violations {
			t.Errorf("%+v: %s%s", s.p, v.Summary, lines(v))
		}
	})
}
