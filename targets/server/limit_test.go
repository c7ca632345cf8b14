package server

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLimiter: tries at once, then one every share of the time, on a clock of its own.
func TestLimiter(t *testing.T) {
	l := newLimiter(Limit{5, time.Minute})
	at := func(s float64) time.Time { return l.began.Add(time.Duration(s * float64(time.Second))) }
	const key = 7
	for i := range 5 {
		if wait := l.take(key, at(1)); wait != 0 {
			t.Errorf("try %d waits %s", i, wait)
		}
	}
	for range 3 { // what is refused does not count
		if wait := l.take(key, at(1)); wait != 12*time.Second {
			t.Errorf("the sixth waits %s", wait)
		}
	}
	if wait := l.take(key+1, at(1)); wait != 0 {
		t.Errorf("another key waits %s", wait)
	}
	if wait := l.take(key, at(12.9)); wait != 100*time.Millisecond {
		t.Errorf("a little too soon: %s", wait)
	}
	if wait := l.take(key, at(13)); wait != 0 {
		t.Errorf("earned again: %s", wait)
	}
	if wait := l.take(key, at(13)); wait == 0 {
		t.Error("only one was earned")
	}
	l.giveBack(key)
	if wait := l.take(key, at(13)); wait != 0 {
		t.Errorf("given back: %s", wait)
	}
	for range 5 {
		if wait := l.take(key, at(1000)); wait != 0 {
			t.Errorf("all earned back: %s", wait)
		}
	}
	if wait := l.take(key, at(1000)); wait == 0 {
		t.Error("more than there is cannot be earned")
	}
}

// TestLimiterMemory: it holds so many keys and no more, and forgets first who owes
// nothing.
func TestLimiterMemory(t *testing.T) {
	l := newLimiter(Limit{1, time.Minute})
	l.max = 100
	for key := range uint64(50) {
		l.take(key, l.began)
	}
	later := l.began.Add(30 * time.Second)
	for key := uint64(50); key < 100; key++ {
		l.take(key, later)
	}
	now := l.began.Add(61 * time.Second)
	l.take(1000, now)
	if len(l.full) != 51 {
		t.Errorf("%d keys: those that owe nothing go", len(l.full))
	}
	if l.take(99, now) == 0 {
		t.Error("one that owes was forgotten")
	}
	for key := uint64(2000); key < 3000; key++ {
		l.take(key, now)
	}
	if len(l.full) > l.max {
		t.Errorf("%d keys of at most %d", len(l.full), l.max)
	}
}

// from is a client at another address of this machine.
func (n *node) from(ip, raw string) answerOf {
	n.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c, err := d.DialContext(n.t.Context(), "tcp", n.addr)
	if err != nil {
		n.t.Skipf("%s is no address of this machine: %v", ip, err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(raw)); err != nil {
		n.t.Fatal(err)
	}
	a, err := readAnswer(bufio.NewReader(c), false)
	if err != nil {
		n.t.Fatal(err)
	}
	return *a
}

// TestLoginLimit: too many wrong passwords for one account from one address. The answers
// for a user there is not are the same; others go on, and so does the user from elsewhere.
func TestLoginLimit(t *testing.T) {
	n := startNode(t, with(settingsFor("session", "store", "memory"), "login_limit_account", "3/1h"))
	login := func(user, password string) answerOf {
		return n.do("POST", "/login", loginBody(user, password), asJSON)
	}
	in := n.login(5)
	for _, user := range []string{"user-5", "user-1000"} {
		for range 3 {
			check(t, user, login(user, "wrong"), 401)
		}
		got := login(user, "wrong")
		check(t, user+", too many", got, 429)
		if s, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || s < 1 || s > 1200 {
			t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
		}
	}
	check(t, "the right one", login("user-5", "password-5"), 429)
	check(t, "step-up", in.post("/step-up", `{"password":"password-5"}`), 429)
	check(t, "password", in.post("/password", `{"password":"password-5","new_password":"x"}`), 429)
	in.works(true)
	check(t, "another account", login("user-6", "password-6"), 200)
	check(t, "from elsewhere", n.from("127.0.0.2", request("POST", "/login", loginBody("user-5", "password-5"), asJSON)), 200)

	page := n.do("GET", "/metrics", "").body
	for _, want := range []string{
		`authbench_login_limited_total{arm="test",by="account",mechanism="session"} 5`,
		`authbench_logins_total{arm="test",mechanism="session",result="limited"} 3`,
		`authbench_logins_total{arm="test",mechanism="session",result="invalid"} 0`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if e := n.events.String(); !strings.Contains(e, `"msg":"login_limited","log":"auth"`) && !strings.Contains(e, `"msg":"login_limited","route":"/login","by":"account"`) {
		t.Error("no event login_limited")
	}
}

// TestLoginLimitCounts: step-ups count as log-ins do, a right password takes back itself
// and no other, and many at once are not all let through.
func TestLoginLimitCounts(t *testing.T) {
	set := with(settingsFor("session", "store", "memory"), "login_limit_account", "3/1h")
	n := startNode(t, set)
	c := n.login(5)
	for i := range 3 {
		check(t, "right", n.do("POST", "/login", loginBody("user-5", "password-5"), asJSON), 200)
		check(t, fmt.Sprint("wrong ", i), c.post("/step-up", `{"password":"wrong"}`), 403)
	}
	check(t, "a fourth wrong one", c.post("/step-up", `{"password":"wrong"}`), 429)

	n = startNode(t, with(set, "login_limit_account", "none", "login_limit_address", "10/1h"))
	for i := range 10 {
		check(t, "an account each", n.do("POST", "/login", loginBody(username(10+i), "wrong"), asJSON), 401)
		if i < 9 {
			check(t, "one's own in between", n.do("POST", "/login", loginBody("user-5", "password-5"), asJSON), 200)
		}
	}
	check(t, "from the same address", n.do("POST", "/login", loginBody("user-40", "wrong"), asJSON), 429)
	check(t, "from another", n.from("127.0.0.2", request("POST", "/login", loginBody("user-40", "wrong"), asJSON)), 401)
	lying := request("POST", "/login", loginBody("user-40", "password-40"), asJSON, "X-Forwarded-For: 10.1.1.1", "X-Real-IP: 10.1.1.1", "Forwarded: for=10.1.1.1")
	if got := n.raw(lying); got == nil || got.status != 429 {
		t.Errorf("a header that names another address: %+v", got)
	}

	n = startNode(t, set)
	var (
		wg sync.WaitGroup
		mu sync.Mutex
	)
	seen := map[int]int{}
	for range 50 {
		wg.Go(func() {
			a := n.do("POST", "/login", loginBody("user-5", "wrong"), asJSON)
			mu.Lock()
			defer mu.Unlock()
			seen[a.status]++
		})
	}
	wg.Wait()
	if seen[401] != 3 || seen[429] != 47 {
		t.Errorf("50 at once: %v", seen)
	}
}

// TestSource: an address without its port, and of IPv6 the network.
func TestSource(t *testing.T) {
	of := func(ip string, port int) string { return source(&net.TCPAddr{IP: net.ParseIP(ip), Port: port}) }
	if of("10.0.0.1", 1) != of("10.0.0.1", 2) || of("10.0.0.1", 1) != of("::ffff:10.0.0.1", 1) || of("10.0.0.1", 1) == of("10.0.0.2", 1) {
		t.Error("IPv4")
	}
	if of("2001:db8::1", 1) != of("2001:db8::ffff:1", 1) || of("2001:db8::1", 1) == of("2001:db8:0:1::1", 1) {
		t.Error("IPv6")
	}
}
