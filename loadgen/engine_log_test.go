package loadgen

import (
	"net/http"
	"testing"
	"time"

	"authbench/results"
)

// logging is the cases about Phase.Log.
var logging = []conformanceCase{
	{"log", testLog},
	{"no log unless asked for", testNoLog},
	{"log of a target that dies", testLogDies},
}

// testLog has every user answered in another way; the log has to tell them apart.
func testLog(t *testing.T, e Engine) {
	s := listen(t, respond(func(r *http.Request) string {
		switch u := r.URL.Query().Get("u"); u {
		case "u1":
			return answer(401, "")
		case "u2":
			return answer(200, `{"sub":"u0"}`)
		case "u3":
			time.Sleep(300 * time.Millisecond)
			fallthrough
		default:
			return good(r)
		}
	}))
	plan := testPlan(t, 4, s.addr(), s.addr())
	rec := offer(t, open(t, e, plan, 16), Phase{Rate: 200, Duration: 500 * time.Millisecond, Timeout: 150 * time.Millisecond, Seed: 1, Log: true})
	var count results.Accounting
	wrong, sent := int64(0), time.Duration(0)
	for _, x := range rec.Exchanges {
		count.Add(x.Outcome, 1)
		want := map[int32]results.Outcome{0: results.OK, 1: results.Rejected, 2: results.ProtocolError, 3: results.Timeout}[x.User]
		if x.Outcome != want {
			t.Errorf("user %d ended in %s, want %s", x.User, x.Outcome, want)
		}
		if x.WrongSubject {
			wrong++
		}
		if x.Sent < sent || x.Sent < x.Due || x.Done < x.Sent || int(x.Node) >= len(plan.Nodes) {
			t.Errorf("%+v after one that was sent at %v", x, sent)
		}
		sent = x.Sent
		if x.Outcome == results.Rejected && x.Status != 401 {
			t.Errorf("%+v", x)
		}
	}
	count.Scheduled = rec.Accounting.Scheduled
	if count != rec.Accounting || wrong != rec.WrongSubject || int64(len(rec.Exchanges)) != rec.Sent {
		t.Errorf("the log has %+v, %d of them for somebody else; counted %+v, %d, %d sent", count, wrong, rec.Accounting, rec.WrongSubject, rec.Sent)
	}
}

func testNoLog(t *testing.T, e Engine) {
	s := listen(t, respond(good))
	if rec := offer(t, open(t, e, testPlan(t, 2, s.addr()), 2), Phase{Rate: 500, Duration: 100 * time.Millisecond}); len(rec.Exchanges) != 0 {
		t.Errorf("%d exchanges", len(rec.Exchanges))
	}
}

// testLogDies: what was under way when the target died is in the log, what was
// never sent is not.
func testLogDies(t *testing.T, e Engine) {
	s := listen(t, respond(func(r *http.Request) string { time.Sleep(20 * time.Millisecond); return good(r) }))
	session := open(t, e, testPlan(t, 3, s.addr()), 8)
	time.AfterFunc(150*time.Millisecond, s.kill)
	rec := offer(t, session, Phase{Rate: 300, Duration: 400 * time.Millisecond, Log: true})
	broken := 0
	for _, x := range rec.Exchanges {
		if x.Outcome == results.ConnectError {
			broken++
		}
	}
	if broken == 0 || int64(broken) > rec.Accounting.ConnectError || int64(len(rec.Exchanges)) > rec.Accounting.Scheduled {
		t.Errorf("%d broken exchanges of %d; counted %+v", broken, len(rec.Exchanges), rec.Accounting)
	}
}
