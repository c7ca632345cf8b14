package server

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// cheapArgon is Argon2id that costs little, for tests of what is around it.
func cheapArgon() map[string]string {
	return with(settingsFor("session", "store", "memory"), "password_hash", "argon2id:m=64,t=1")
}

// TestArgon2id: the same log-ins, with a hash that is for real passwords.
func TestArgon2id(t *testing.T) {
	n := startNode(t, cheapArgon())
	login := func(what, password string, want int) {
		t.Helper()
		check(t, what, n.do("POST", "/login", loginBody("user-3", password), asJSON), want)
	}
	login("wrong, as seeded", "password-4", 401)
	if n.srv.users.find("user-3").password.Load().sum.Load() != nil {
		t.Error("a wrong password was kept")
	}
	login("right, as seeded", "password-3", 200)
	if n.srv.users.find("user-3").password.Load().sum.Load() == nil {
		t.Error("a right one was not hashed anew")
	}
	login("right, hashed anew", "password-3", 200)
	login("wrong, hashed anew", "password-4", 401)
	c := n.login(3)
	check(t, "change, wrong", c.post("/password", `{"password":"x","new_password":"better"}`), 403)
	check(t, "change", c.post("/password", `{"password":"password-3","new_password":"better"}`), 200)
	login("the old one", "password-3", 401)
	login("the new one", "better", 200)
	check(t, "nobody", n.do("POST", "/login", loginBody("user-0", "password-0"), asJSON), 401)
}

// TestArgonParameters: the settings reach the hash, and it is the one of RFC 9106.
func TestArgonParameters(t *testing.T) {
	var salt [saltBytes]byte
	sums := map[[sumBytes]byte]bool{}
	for _, v := range []string{"m=64,t=1", "m=128,t=1", "m=64,t=2", "p=2,m=64,t=1"} {
		s, err := Decode(with(cheapArgon(), "password_hash", "argon2id:"+v))
		if err != nil {
			t.Fatal(err)
		}
		sum, err := newHash(s.PasswordHash).sum(&salt, "password")
		if err != nil || sums[sum] {
			t.Errorf("%s: the same again, or %v", v, err)
		}
		sums[sum] = true
	}
	s, err := Decode(with(settingsFor("session", "store", "memory"), "password_hash", hashArgon))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.PasswordHash.String(); got != "argon2id:m=19456,t=2,p=1,at_once=4,wait=1s" {
		t.Errorf("by itself it is %s", got)
	}
	if again, err := Decode(s.Map()); err != nil || again != s {
		t.Errorf("%v, %v", again, err)
	}
}

// countingHash takes a while, and counts how many are made at once.
type countingHash struct {
	argon
	now, most atomic.Int32
	hold      time.Duration
}

func (h *countingHash) sum(salt *[saltBytes]byte, password string) ([sumBytes]byte, error) {
	if !h.enter() {
		return [sumBytes]byte{}, errHashBusy
	}
	defer func() { <-h.places }()
	n := h.now.Add(1)
	defer h.now.Add(-1)
	for {
		most := h.most.Load()
		if n <= most || h.most.CompareAndSwap(most, n) {
			break
		}
	}
	time.Sleep(h.hold)
	return quick{}.sum(salt, password)
}

// TestHashesAtOnce: a flood of log-ins makes two hashes at a time, answers 503 to those
// for which there is no time, and is over when it is over. A use is not held up by it.
func TestHashesAtOnce(t *testing.T) {
	n := startNode(t, settingsFor("session", "store", "memory"))
	c := n.login(1)
	h := &countingHash{argon: argon{places: make(chan struct{}, 2), wait: 60 * time.Millisecond}, hold: 30 * time.Millisecond}
	n.srv.users.hash = h
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		seen = map[int]int{}
	)
	for range 40 {
		wg.Go(func() {
			a := n.do("POST", "/login", loginBody("user-2", "password-2"), asJSON)
			mu.Lock()
			defer mu.Unlock()
			seen[a.status]++
			if a.status == 503 && a.header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		})
	}
	wg.Go(func() { c.works(true) })
	wg.Wait()
	if most := h.most.Load(); most != 2 {
		t.Errorf("%d hashes at once", most)
	}
	if seen[200] == 0 || seen[503] == 0 || seen[200]+seen[503] != 40 {
		t.Errorf("answers %v", seen)
	}
	check(t, "after it", n.do("POST", "/login", loginBody("user-2", "password-2"), asJSON), 200)
	page := n.do("GET", "/metrics", "").body
	if !strings.Contains(page, "authbench_hash_refusals_total{") || strings.Contains(page, `authbench_store_errors_total{arm="test",kind="other",mechanism="session"} 1`) {
		t.Error("refusals are not counted, or as those of the store")
	}
	if !strings.Contains(n.events.String(), `"msg":"hash_busy"`) {
		t.Error("no event hash_busy")
	}
}

// TestUpgradeRace: log-ins that hash anew, and a change of the password at the same
// time: the change stays.
func TestUpgradeRace(t *testing.T) {
	s, err := Decode(cheapArgon())
	if err != nil {
		t.Fatal(err)
	}
	d := newDirectory(50, newHash(s.PasswordHash))
	for i := range d.users {
		name := username(i + 1)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := d.check(name, password(i+1)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if _, ok, err := d.change(name, password(i+1), "next"); !ok || err != nil {
				t.Errorf("%s: not changed: %v", name, err)
			}
		})
		wg.Wait()
		if right, _ := d.check(name, "next"); !right {
			t.Errorf("%s: the new password does not work", name)
		}
		if right, _ := d.check(name, password(i+1)); right {
			t.Errorf("%s: the old password works", name)
		}
	}
}

// BenchmarkPasswordHash is what a log-in costs besides the mechanism.
func BenchmarkPasswordHash(b *testing.B) {
	for _, v := range []string{hashQuick, hashArgon, "argon2id:m=47104,t=1", "argon2id:m=7168,t=5"} {
		s, err := Decode(with(settingsFor("session", "store", "memory"), "password_hash", v))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(v, func(b *testing.B) {
			d := newDirectory(10, newHash(s.PasswordHash))
			b.ReportAllocs()
			for b.Loop() {
				if right, err := d.check("user-7", "password-7"); !right || err != nil {
					b.Fatal(right, err)
				}
			}
		})
	}
}
