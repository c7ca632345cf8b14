package loadgen

import (
	"io"
	"net"
	"testing"
	"time"

	"authbench/results"
)

// begun returns a session with one connection whose phase has begun and on
// which nothing is paced.
func begun(t *testing.T, s *target, p Phase) (*session, *run) {
	t.Helper()
	session := open(t, Portable{}, testPlan(t, 1, s.addr()), 1).(*session)
	r, err := session.newRun(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.begin(r); err != nil {
		t.Fatal(err)
	}
	return session, r
}

func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// An answer that was read before the timeout and parsed after it comes too late:
// the arrival has been counted.
func TestPortableResolvesOnce(t *testing.T) {
	s, r := begun(t, listen(t, silent), Phase{Rate: 1, Duration: time.Second, Timeout: time.Millisecond})
	s.offer(Arrival{At: 0})
	c := s.conns[0]
	s.mu.Lock()
	seq := c.seq
	s.mu.Unlock()
	time.Sleep(lead + 10*time.Millisecond)
	s.expire()
	if c.resolve(verdict{outcome: results.OK, complete: true, usable: true}, seq, s.now()) {
		t.Error("the connection goes on after its timeout")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = nil
	if a := r.rec.rec.Accounting; a.Timeout != 1 || a.Resolved() != 1 || r.inFlight != 0 {
		t.Errorf("%+v, %d in flight", a, r.inFlight)
	}
}

// A complete answer after the timeout is a timeout, also when nobody has looked
// at the clock in between.
func TestPortableLateAnswerIsATimeout(t *testing.T) {
	const timeout = 20 * time.Millisecond
	s, r := begun(t, listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1000))
		time.Sleep(timeout + 20*time.Millisecond)
		_, _ = io.WriteString(c, answer(200, `{"sub":"u0"}`))
		silent(c)
	}), Phase{Rate: 1, Duration: time.Second, Timeout: timeout})
	s.offer(Arrival{At: 0})
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		s.mu.Lock()
		n := r.inFlight
		s.mu.Unlock()
		if n == 0 {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = nil
	if rec := r.rec.rec; rec.Accounting.Timeout != 1 || rec.Answered != 1 || rec.Accounting.Resolved() != 1 {
		t.Errorf("%+v, %d answered", rec.Accounting, rec.Answered)
	}
}

// A target that does not read cannot hold the pacer for ever.
func TestPortableWriteEnds(t *testing.T) {
	stop := make(chan struct{})
	s, r := begun(t, listen(t, func(net.Conn) { <-stop }), Phase{Rate: 1, Duration: time.Second, Timeout: 20 * time.Millisecond})
	t.Cleanup(func() { close(stop) })
	s.mu.Lock()
	r.inFlight++
	w := s.assign(r.lanes[0].free.pop(), Arrival{})
	s.mu.Unlock()
	w.bytes = make([]byte, 64<<20) // more than any socket takes
	done := make(chan struct{})
	go func() {
		w.write()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the write is still blocked")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = nil
	if a := r.rec.rec.Accounting; a.ConnectError != 1 || a.Resolved() != 1 {
		t.Errorf("%+v", a)
	}
}

// A hang-up that was read before the request was sent takes the request along:
// it is lost at once, not before it was sent and not after its timeout.
func TestPortableLosesWhatCrossesAHangUp(t *testing.T) {
	s, r := begun(t, listen(t, silent), Phase{Rate: 1, Duration: time.Second})
	time.Sleep(lead)
	s.offer(Arrival{At: 0})
	s.mu.Lock()
	c := s.conns[0]
	sent := c.sentAt - r.start
	c.sentAt += int64(time.Millisecond) // so that what is read now was read before
	s.mu.Unlock()
	if c.received(nil, io.EOF, r.start+sent) {
		t.Error("the connection goes on after its end")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = nil
	if a := r.rec.rec.Accounting; a.ConnectError != 1 || a.Resolved() != 1 || c.state != doomed {
		t.Errorf("%+v, state %d", a, c.state)
	}
	lost := r.rec.cell(0).latency[results.ConnectError]
	if want := sent + int64(time.Millisecond); lost.max != want || r.last != want {
		t.Errorf("lost after %d ns, the last after %d; it was sent after %d", lost.max, r.last, want)
	}
}
