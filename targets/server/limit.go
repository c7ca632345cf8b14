package server

import (
	"fmt"
	"hash/maphash"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Limit is how often a password may be tried in vain: Tries at once, and then one every
// Per / Tries. The zero Limit is none.
type Limit struct {
	Tries int
	Per   time.Duration
}

// noLimit is how the settings write the zero Limit.
const noLimit = "none"

// String is the notation of the settings: none, 5/1m0s.
func (l Limit) String() string {
	if l.Tries == 0 {
		return noLimit
	}
	return strconv.Itoa(l.Tries) + "/" + l.Per.String()
}

// setLimit is a setting that is a Limit.
type setLimit struct{ dst *Limit }

func (setLimit) String() string { return "none, or tries/duration such as 5/1m" }

func (l setLimit) set(v string) error {
	if v == noLimit {
		*l.dst = Limit{}
		return nil
	}
	tries, per, _ := strings.Cut(v, "/")
	n, err := strconv.Atoi(tries)
	d, errPer := time.ParseDuration(per)
	if err != nil || errPer != nil || n < 1 || n > 1_000_000 || d < time.Millisecond {
		return fmt.Errorf("want %s", l)
	}
	*l.dst = Limit{n, d}
	return nil
}

// attempts bounds guessing of passwords at log-in, step-up and change of password.
//
// The first limit counts tries at one account from one address. An account as such is
// never locked: whoever knows a name could lock its owner out. The second counts what
// comes from one address, whatever the account: lists of leaked passwords are tried once
// an account. Guesses at one account from many addresses are bounded by neither but for
// the number of addresses; what helps against those (a second factor, a list of
// breached passwords) is not the business of this server.
//
// The address is that of the connection. Headers that name another are not believed:
// behind a proxy all clients have one, and the proxy has to limit them.
type attempts struct {
	account, address *limiter // nil: none
}

func newAttempts(s *Settings) *attempts {
	return &attempts{newLimiter(s.LoginLimitAccount), newLimiter(s.LoginLimitAddress)}
}

// attempt is a password that is about to be looked at. It counts as wrong until it was
// right: else many at once would all be let through before the first is known.
type attempt struct {
	of               *attempts
	account, address uint64
}

// begin counts a try. If it is too many, by says which limit, and wait how long it is until the
// next.
func (g *attempts) begin(account string, from net.Addr) (a attempt, by string, wait time.Duration) {
	a.of = g
	if g.account == nil && g.address == nil {
		return a, "", 0
	}
	addr := source(from)
	now := time.Now()
	if l := g.account; l != nil {
		a.account = maphash.String(l.seed, account+"\x00"+addr)
		if wait = l.take(a.account, now); wait > 0 {
			return a, "account", wait
		}
	}
	if l := g.address; l != nil {
		a.address = maphash.String(l.seed, addr)
		if wait = l.take(a.address, now); wait > 0 {
			if g.account != nil {
				g.account.giveBack(a.account)
			}
			return a, "address", wait
		}
	}
	return a, "", 0
}

// right takes the try back, and no other: who has an account could otherwise log in
// between guesses at those of others, and never be limited.
func (a attempt) right() {
	if l := a.of.account; l != nil {
		l.giveBack(a.account)
	}
	if l := a.of.address; l != nil {
		l.giveBack(a.address)
	}
}

// source is the address that a connection comes from, without its port. Of an IPv6
// address it is the first half: whoever has one has 2^64.
func source(from net.Addr) string {
	tcp, ok := from.(*net.TCPAddr)
	if !ok {
		return from.String()
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if half, err := ip.Prefix(64); err == nil && ip.Is6() {
		ip = half.Addr()
	}
	return ip.String()
}

// limiter is the generic cell rate algorithm (ITU-T I.371, as a virtual scheduler): of
// every key it keeps one instant, at which all its tries will have been earned back.
// Safe for concurrent use.
type limiter struct {
	every, burst time.Duration // between two tries; how far ahead the instant may be
	seed         maphash.Seed
	began        time.Time

	mu   sync.Mutex
	full map[uint64]time.Duration // since began
	max  int
}

// limiterKeys bounds the memory of a limiter: some 3 MB.
const limiterKeys = 65536

func newLimiter(l Limit) *limiter {
	if l.Tries == 0 {
		return nil
	}
	every := max(1, l.Per/time.Duration(l.Tries))
	return &limiter{
		every: every, burst: every * time.Duration(l.Tries), seed: maphash.MakeSeed(), began: time.Now(),
		full: map[uint64]time.Duration{}, max: limiterKeys,
	}
}

// take counts a try, or says how long it is until there is one again. What was refused
// does not count.
func (l *limiter) take(key uint64, at time.Time) (wait time.Duration) {
	now := at.Sub(l.began)
	l.mu.Lock()
	defer l.mu.Unlock()
	full := max(now, l.full[key]) + l.every
	if wait = full - now - l.burst; wait > 0 {
		return wait
	}
	if _, known := l.full[key]; !known && len(l.full) >= l.max {
		l.makeRoom(now)
	}
	l.full[key] = full
	return 0
}

func (l *limiter) giveBack(key uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if full, known := l.full[key]; known {
		l.full[key] = full - l.every
	}
}

// makeRoom forgets whoever has earned everything back, and the half of the others if
// that is nobody: it is better to forget than to turn the next user away.
func (l *limiter) makeRoom(now time.Duration) {
	for key, full := range l.full {
		if full <= now {
			delete(l.full, key)
		}
	}
	if len(l.full) < l.max {
		return
	}
	drop := len(l.full) / 2
	for key := range l.full {
		if drop--; drop < 0 {
			return
		}
		delete(l.full, key)
	}
}

// look has a password looked at, within the limits. Where it does not come to that it
// answers the request, and ok is false. A password that was right stays counted as a wrong one until
// the attempt says otherwise.
func (s *Server) look(ctx *fasthttp.RequestCtx, r route, account string, at func() (bool, error)) (a attempt, right, ok bool) {
	a, by, wait := s.attempts.begin(account, ctx.RemoteAddr())
	if by != "" {
		s.counters.limited.add(by)
		s.events.limit(r, by)
		problem(ctx, fasthttp.StatusTooManyRequests, "too many wrong passwords: try again later")
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
		return a, false, false
	}
	right, err := at()
	if err != nil {
		a.right() // nobody has looked at it
		s.counters.hashesRefused.Add(1)
		s.events.hashBusy(r)
		problem(ctx, fasthttp.StatusServiceUnavailable, "too many log-ins at once")
		return a, false, false
	}
	return a, right, true
}
