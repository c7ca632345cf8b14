//go:build unix

package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"authbench/scenarios/testbed/link"
)

func newTestLink(t *testing.T, tb *Testbed, exact bool) *Link {
	t.Helper()
	l, err := tb.newLink(t.Context(), Redis, exact)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// engines runs a test over both kinds of link.
func engines(t *testing.T, test func(t *testing.T, tb *Testbed, exact bool)) {
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process", Needs: []string{Redis}})
	for name, exact := range map[string]bool{"proxy": false, "delay": true} {
		t.Run(name, func(t *testing.T) {
			if exact && runtime.GOOS != "linux" {
				t.Skip("Linux only")
			}
			test(t, tb, exact)
		})
	}
}

func probeOf(t *testing.T, tb *Testbed, l *Link) *Probe {
	t.Helper()
	p, err := tb.Store(Redis).Probe(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// Every byte arrives, in order, both ways, on many connections at once, with and
// without a delay.
func TestLinkIsTransparent(t *testing.T) {
	engines(t, func(t *testing.T, tb *Testbed, exact bool) {
		l := newTestLink(t, tb, exact)
		settings := []LinkSetting{{}, {Kind: link.Latency, Delay: 3 * time.Millisecond}}
		if exact {
			settings[1] = LinkSetting{Kind: link.Delay, Delay: time.Millisecond, Jitter: time.Millisecond}
		}
		for _, s := range settings {
			if err := l.Set(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					c := probeOf(t, tb, l).Redis()
					random := rand.NewChaCha8([32]byte{byte(i)})
					for _, n := range []int{1, 100, 70_000, 3_000_000} {
						data := make([]byte, n)
						_, _ = random.Read(data)
						if got, err := c.Echo(t.Context(), data).Result(); err != nil || got != string(data) {
							t.Errorf("%+v: %d bytes came back as %d, %v", s, n, len(got), err)
							return
						}
					}
				})
			}
			wg.Wait()
		}
		if s, err := l.State(t.Context()); err != nil || s.Connections != 8*2 || s.Setting != settings[1] {
			t.Errorf("state %+v, %v", s, err)
		}
	})
}

// What one side ends, the other sees ended; connections do not pile up.
func TestLinkPassesTheEnd(t *testing.T) {
	engines(t, func(t *testing.T, tb *Testbed, exact bool) {
		l := newTestLink(t, tb, exact)
		for range 20 {
			c, err := net.Dial("tcp", l.Addr())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(c, "QUIT\r\n"); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(got), "+OK") {
				t.Errorf("QUIT: %q, %v", got, err)
			}
			c.Close()
		}
		eventually(t, "the link has no connections", func() bool {
			s, err := l.State(t.Context())
			return err == nil && s.Connections == 0
		})
		// A store that has died.
		p := probeOf(t, tb, l)
		if _, err := p.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := tb.Store(Redis).Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Ping(t.Context()); err == nil {
			t.Error("a dead store answers")
		}
		if err := tb.Store(Redis).Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := probeOf(t, tb, l).Ping(t.Context()); err != nil {
			t.Errorf("through the same link, after the store is back: %v", err)
		}
	})
}

func TestProxySettings(t *testing.T) {
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process", Needs: []string{Redis}})
	l := newTestLink(t, tb, false)
	for _, s := range []LinkSetting{
		{Kind: "rain"},
		{Kind: link.Delay, Delay: time.Millisecond},
		{Kind: link.Latency, Delay: time.Microsecond},
		{Kind: link.Bandwidth, Rate: 10},
		{Kind: link.Truncate},
		{Kind: link.Flap},
		{Kind: link.Blackhole, Direction: "sideways"},
	} {
		if err := l.Set(t.Context(), s); err == nil {
			t.Errorf("a link takes %+v", s)
		}
		if _, err := probeOf(t, tb, l).Ping(t.Context()); err != nil {
			t.Errorf("after a setting that it does not take: %v", err)
		}
	}
	// Any setting follows on any other, with connections that nobody reads from.
	kinds := []LinkSetting{
		{Kind: link.Latency, Delay: 5 * time.Millisecond},
		{Kind: link.Bandwidth, Rate: 1000},
		{Kind: link.Blackhole},
		{Kind: link.Refuse},
		{Kind: link.Reset},
		{Kind: link.Truncate, Bytes: 3},
		{Kind: link.Flap, Up: time.Millisecond, Down: time.Millisecond},
	}
	if runtime.GOOS == "linux" {
		kinds = append(kinds, LinkSetting{Kind: link.Hang})
	}
	for i, s := range kinds {
		for _, next := range []LinkSetting{kinds[(i+1)%len(kinds)], {}} {
			if err := errors.Join(l.Set(t.Context(), s), l.Set(t.Context(), next)); err != nil {
				t.Fatalf("%s, then %q: %v", s.Kind, next.Kind, err)
			}
		}
		if _, err := probeOf(t, tb, l).Ping(t.Context()); err != nil {
			t.Errorf("after %s: %v", s.Kind, err)
		}
	}
}

// A reader that does not read must not hold a change up for good.
func TestLinkWithADeafReader(t *testing.T) {
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process", Needs: []string{Redis}})
	l := newTestLink(t, tb, false)
	if err := redisTo(t, tb).ConfigSet(t.Context(), "requirepass", "").Err(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	big := strings.Repeat("x", 1<<20)
	go func() {
		for range 40 { // much more than all buffers hold
			if _, err := fmt.Fprintf(c, "*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n", len(big), big); err != nil {
				return
			}
		}
	}()
	time.Sleep(300 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.Set(ctx, LinkSetting{Kind: link.Blackhole}); err != nil {
		t.Error(err)
	}
	if err := l.Set(ctx, LinkSetting{}); err != nil {
		t.Error(err)
	}
	if _, err := probeOf(t, tb, l).Ping(ctx); err != nil {
		t.Error(err)
	}
}

// Nobody without the secret has a say.
func TestLinkSecret(t *testing.T) {
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process", Needs: []string{Redis}})
	l := newTestLink(t, tb, false)
	for _, secret := range []string{"", "guess"} {
		line := l.line
		line.Secret = secret
		if err := link.Put(t.Context(), line, LinkSetting{Kind: link.Refuse}); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("secret %q: %v", secret, err)
		}
	}
	if args, err := os.ReadFile("/proc/" + itoa(l.PID()) + "/cmdline"); err == nil && bytes.Contains(args, []byte(l.line.Secret)) {
		t.Error("the secret is in the arguments")
	}
	resp, err := http.Get("http://" + l.line.Control + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("GET / answers %s", resp.Status)
	}
}

// A node gets the link's address in place of the store's, and nothing else changes.
func TestStartNodeVia(t *testing.T) {
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process", Needs: []string{Redis}})
	l, err := tb.NewLink(t.Context(), Redis)
	if err != nil {
		t.Fatal(err)
	}
	c := nodeContract("announces")
	c.Start.Needs = []string{Redis}
	c.Start.Command = append(c.Start.Command, "{redis_url}")
	n, err := tb.StartNodeWith(t.Context(), c, NodeOptions{Links: map[string]*Link{Redis: l}})
	if err != nil {
		t.Fatal(err)
	}
	var says struct{ Args []string }
	if err := n.p.announced(&says); err != nil {
		t.Fatal(err)
	}
	addr, err := tb.Store(Redis).Addr()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(tb.Store(Redis).URL(), addr, l.Addr(), 1)
	if got := says.Args[len(says.Args)-1]; got != want || l.Addr() == addr {
		t.Errorf("the node got %s, want %s", got, want)
	}
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := tb.Store(Redis).Probe(l); err != nil {
		t.Fatal(err)
	}
	before := tb.Usage().Link
	if err := tb.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if alive(l.PID()) {
		t.Error("the link is there after Reset")
	}
	if after := tb.Usage().Link; sampleWorks && (!after.Known || before.CPU == 0 || after.CPU < before.CPU || after.RSS != 0) {
		t.Errorf("link usage %+v, after it ended %+v", before, after)
	}
	if _, err := l.State(t.Context()); err == nil || !errors.Is(err, errEnded) {
		t.Errorf("the state of a link that has ended: %v", err)
	}
}

func TestVia(t *testing.T) {
	for _, tc := range []struct{ kind, at, addr, want string }{
		{Redis, "redis://:p%40ss@10.0.0.1:6380/2", "10.0.0.1:6380", "redis://:p%40ss@127.0.0.1:9/2"},
		{Redis, "redis://cache.example", "cache.example:6379", "redis://127.0.0.1:9"},
		{MySQL, "u:p@s:s@tcp(db:3307)/app?tls=skip-verify", "db:3307", "u:p@s:s@tcp(127.0.0.1:9)/app?tls=skip-verify"},
		{MySQL, "u:p@tcp(db)/app", "db:3306", "u:p@tcp(127.0.0.1:9)/app"},
		{Redis, "rediss://h:1/0", "", ""},
		{Redis, "unix:///run/redis.sock", "", ""},
		{MySQL, "u:p@unix(/run/mysqld.sock)/app", "", ""},
	} {
		addr, err := addrOf(tc.kind, tc.at)
		got, err2 := via(tc.kind, tc.at, "127.0.0.1:9")
		if addr != tc.addr || got != tc.want || (tc.want == "") != (err != nil && err2 != nil) {
			t.Errorf("%s: at %q, via %q, %v, %v", tc.at, addr, got, err, err2)
		}
	}
}

// A stopped store answers when it goes on; a testbed with a stopped one closes.
func TestStopAndContinue(t *testing.T) {
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process", Needs: []string{Redis}})
	s := tb.Store(Redis)
	p := probeOf(t, tb, nil)
	for range 2 {
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := p.Ping(ctx); err == nil {
			t.Error("a stopped store answers")
		}
		cancel()
		if err := s.Continue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := tb.Close(); err != nil {
		t.Error(err)
	}
	if time.Since(begin) > stopGrace {
		t.Error("a stopped store was not asked to end, it was killed")
	}
}

// kill -9 of a link: who uses it is told, and Close has nothing to complain about.
func TestLinkKilled(t *testing.T) {
	engines(t, func(t *testing.T, tb *Testbed, exact bool) {
		l := newTestLink(t, tb, exact)
		p := probeOf(t, tb, l)
		if _, err := p.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(l.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-l.Exited()
		if _, err := p.Ping(t.Context()); err == nil {
			t.Error("a dead link carries")
		}
		if err := l.Set(t.Context(), LinkSetting{}); !errors.Is(err, errEnded) {
			t.Errorf("got %v", err)
		}
	})
}
