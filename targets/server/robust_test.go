package server

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// TestBrokenRequests: whatever arrives, one request is refused and the server
// goes on.
func TestBrokenRequests(t *testing.T) {
	for _, a := range storeless() {
		n := a.start(t)
		canary := n.login(9)
		for _, c := range []struct {
			name, raw string
			want      int // 0: closing without an answer will do
		}{
			{"header of 9 KB", request("GET", "/me", "", "X-Big: "+strings.Repeat("a", 9000)), 431},
			{"header of 64 KB", request("GET", "/me", "", "Cookie: __Host-session="+strings.Repeat("a", 64<<10)), 431},
			{"token of 64 KB", request("GET", "/me", "", "Authorization: Bearer "+strings.Repeat("a", 64<<10)), 431},
			{"path of 64 KB", request("GET", "/"+strings.Repeat("a", 64<<10), ""), 431},
			{"token of 7 KB", request("GET", "/me", "", "Authorization: Bearer "+strings.Repeat("a", 7<<10)), 401},
			{"body of 17 KB", request("POST", "/login", strings.Repeat(" ", 17<<10), asJSON), 413},
			{"body of 1 MB", request("POST", "/login", strings.Repeat(" ", 1<<20), asJSON), 413},
			{"no HTTP", "hello\r\n\r\n", 400},
			{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
			{"header without colon", "GET /me HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", 400},
			{"space before colon", "GET /me HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n", 400},
			{"NUL in a header", "GET /me HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", 400},
			{"two lengths", "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400},
			{"negative length", "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}", 400},
			{"bad chunk", "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400},
			{"huge chunk", "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n{}\r\n", 400},
			{"multipart", request("POST", "/login", "--x\r\n\r\n--x--", "Content-Type: multipart/form-data; boundary=x"), 415},
		} {
			got := n.raw(c.raw)
			if got == nil {
				if c.want != 0 {
					t.Errorf("%s: %s: no answer, want %d", a.name, c.name, c.want)
				}
				continue
			}
			check(t, a.name+": "+c.name, *got, c.want)
		}
		canary.works(true)
	}
}

func TestPanicIsOne500(t *testing.T) {
	n := startNode(t, settingsFor("none", "", ""), func(o *Options) {})
	n.srv.mechanism = panicking{n.srv.mechanism}
	check(t, "panic", n.do("GET", "/me", "", "Authorization: Bearer user-1"), 500)
	check(t, "after it", n.do("GET", "/healthz", ""), 200)
	if page := n.do("GET", "/metrics", "").body; !strings.Contains(page, `code="500"`) {
		t.Error("the 500 is not counted")
	}
	if !strings.Contains(n.events.String(), "a defect") {
		t.Error("the panic is not logged")
	}
}

type panicking struct{ mechanism }

func (panicking) authenticate(*fasthttp.RequestHeader) (caller, error) { panic("a defect") }

// TestFailedPasswordChange: a change that the store could not complete has not
// happened, and can be repeated as it was.
func TestFailedPasswordChange(t *testing.T) {
	n := startNode(t, settingsFor("session", "store", "memory"))
	c := n.login(4)
	whole := n.srv.mechanism
	n.srv.mechanism = failing{whole}
	change := `{"password":"password-4","new_password":"better"}`
	check(t, "store away", c.post("/password", change), 503)
	n.srv.mechanism = whole
	check(t, "new password", n.do("POST", "/login", loginBody("user-4", "better"), asJSON), 401)
	check(t, "repeated", c.post("/password", change), 200)
	check(t, "new password", n.do("POST", "/login", loginBody("user-4", "better"), asJSON), 200)
}

type failing struct{ mechanism }

func (failing) renew(caller, []string, bool) (grant, error) { return grant{}, errors.New("store away") }

// TestSlowClients: who sends half a request, or nothing, does not keep a
// connection for ever.
func TestSlowClients(t *testing.T) {
	set := settingsFor("none", "", "")
	set["read_timeout"] = "150ms"
	set["idle_connection_timeout"] = "150ms"
	n := startNode(t, set)
	for name, part := range map[string]string{
		"nothing":     "",
		"half header": "GET /me HTTP/1.1\r\nHost: x\r\n",
		"half body":   "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
		"idle":        request("GET", "/healthz", ""),
	} {
		c, err := net.Dial("tcp", n.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, part); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("%s: still open: %v", name, err)
		}
		c.Close()
	}
}

func TestConnectionLimit(t *testing.T) {
	set := settingsFor("none", "", "")
	set["max_connections"] = "3"
	n := startNode(t, set)
	var held []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", n.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, request("GET", "/healthz", "")); err != nil {
			t.Fatal(err)
		}
		if _, err := readAnswer(bufio.NewReader(c), false); err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	check(t, "beyond the limit", n.do("GET", "/healthz", ""), 503)
	held[0].Close()
	for range 200 {
		if n.do("GET", "/healthz", "").status == 200 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("a freed place is not used")
}

// TestDrain: a request under way is answered after the context ends.
func TestDrain(t *testing.T) {
	n := startNode(t, settingsFor("none", "", ""))
	c, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	whole := request("POST", "/login", loginBody("user-1", "password-1"), asJSON)
	if _, err := io.WriteString(c, whole[:len(whole)-10]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // let the server begin to read
	go func() {
		time.Sleep(50 * time.Millisecond)
		_, _ = io.WriteString(c, whole[len(whole)-10:])
	}()
	go n.stop()
	a, err := readAnswer(bufio.NewReader(c), false)
	if err != nil || a.status != 200 {
		t.Errorf("%+v, %v", a, err)
	}
	n.stop()
	if _, err := net.Dial("tcp", n.addr); err == nil {
		t.Error("still listening")
	}
}

// A client that writes all it has before it reads must still get the answer: an
// abrupt close would reset the connection under it.
func TestRefusalCanBeRead(t *testing.T) {
	n := startNode(t, settingsFor("none", "", ""))
	for want, big := range map[int]string{
		431: request("GET", "/me", "", "X-Big: "+strings.Repeat("a", 512<<10)),
		413: request("POST", "/login", strings.Repeat(" ", 512<<10), asJSON),
	} {
		c, err := net.Dial("tcp", n.addr)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{big[:64<<10], big[64<<10 : 128<<10], big[128<<10:]} {
			if _, err := io.WriteString(c, part); err != nil {
				t.Errorf("%d: reset while writing: %v", want, err)
			}
			time.Sleep(20 * time.Millisecond) // a reset would have arrived
		}
		a, err := readAnswer(bufio.NewReader(c), false)
		if err != nil || a.status != want {
			t.Errorf("want %d: %+v, %v", want, a, err)
		}
		c.Close()
	}
}
