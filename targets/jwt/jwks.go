package jwt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// RemoteConfig says where public keys come from and how often they are asked for.
type RemoteConfig struct {
	// URL of the JWK set: https, or http on this machine.
	URL string
	// Algorithm is the one that tokens are expected to be for; keys of all others that
	// are not secret are taken as well.
	Algorithm string
	// Cache is how long a set is used before it is asked for again, counted from the
	// instant at which the question was sent: the longest that a removed key goes on,
	// as long as questions are answered.
	Cache time.Duration
	// Timeout of one fetch, connecting included.
	Timeout time.Duration
	// MinInterval is the least time between two fetches: whatever kids tokens name, and
	// after a fetch that failed.
	MinInterval time.Duration
	// Fetched, if not nil, is told of every fetch. It must not block.
	Fetched func(Fetch)
}

// Fetch is what became of one question for keys.
type Fetch struct {
	Result string // one of FetchResults
	Took   time.Duration
	Err    error // also of an ok: a key that was passed over, a kid that was reused
}

// What becomes of a fetch. Only with FetchOK does anything change: a set that cannot
// be had, cannot be read or holds no key is not an order to forget the keys.
const (
	FetchOK          = "ok"
	FetchTimeout     = "timeout"
	FetchUnreachable = "unreachable"
	FetchStatus      = "status" // not 200
	FetchMalformed   = "malformed"
	FetchEmpty       = "empty"
)

// FetchResults lists them.
func FetchResults() []string {
	return []string{FetchOK, FetchTimeout, FetchUnreachable, FetchStatus, FetchMalformed, FetchEmpty}
}

// maxSetBytes bounds what is read of an answer.
const maxSetBytes = 64 << 10

// Remote is somebody else's public keys, fetched as a JWK set. A look-up takes no
// lock as long as the kid is known; one that is not has the set fetched, at most
// once in MinInterval whoever asks, and one fetch serves all who wait. Safe for
// concurrent use. Run keeps it fresh.
type Remote struct {
	cfg    RemoteConfig
	ring   *Ring
	client *http.Client
	wake   chan struct{} // Run looks again when the next fetch is due

	mu     sync.Mutex
	flight chan struct{} // closed when the fetch under way is over; nil: there is none
	sent   time.Time     // when the last one was sent
	good   time.Time     // when the last one that was ok was sent
	wanted bool          // a kid was asked for since, that is not there
	counts map[string]uint64
}

// NewRemote checks cfg. It asks nobody yet: Run does.
func NewRemote(cfg RemoteConfig) (*Remote, error) {
	alg, err := findAlgorithm(cfg.Algorithm)
	if err != nil {
		return nil, err
	}
	if alg.shared() {
		return nil, fmt.Errorf("jwt: %s has no public key that could be fetched", alg.name)
	}
	if err := CheckSetURL(cfg.URL); err != nil {
		return nil, err
	}
	if cfg.Cache <= 0 || cfg.Timeout <= 0 || cfg.MinInterval <= 0 || cfg.MinInterval > cfg.Cache {
		return nil, fmt.Errorf("jwt: key set: cache %s, timeout %s, least interval %s: want all above 0, and no interval above the cache", cfg.Cache, cfg.Timeout, cfg.MinInterval)
	}
	return &Remote{
		cfg: cfg, ring: emptyRing(alg), wake: make(chan struct{}, 1), counts: map[string]uint64{},
		client: &http.Client{
			// No proxy; the context of a request bounds all of it.
			Transport: &http.Transport{MaxResponseHeaderBytes: 16 << 10, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
			// Keys come from where we were told to ask.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// CheckSetURL is nil for a URL that a key set may be fetched from: whoever can change
// the answer can mint tokens, so it is https, or http to this machine alone.
func CheckSetURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%q is not a URL of a key set", s)
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("%q is neither https nor http", s)
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%q: http is for loopback addresses only", s)
	}
	return nil
}

// Ring is the keys as they are now.
func (r *Remote) Ring() *Ring { return r.ring }

// Fetches counts fetches by their result.
func (r *Remote) Fetches() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counts)
}

// Age is how old the set is, counted from when it was asked for. ok is false as long
// as there is none.
func (r *Remote) Age() (age time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.good), !r.good.IsZero()
}

// Run fetches the set now and then, until ctx ends.
func (r *Remote) Run(ctx context.Context) {
	defer r.client.CloseIdleConnections()
	for {
		timer := time.NewTimer(time.Until(r.due()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-r.wake:
			timer.Stop()
		case <-timer.C:
			r.mu.Lock()
			if r.flight != nil || time.Until(r.dueLocked()) > 0 { // a look-up was first
				flight := r.flight
				r.mu.Unlock()
				if flight != nil {
					<-flight
				}
				continue
			}
			r.fetch(ctx)
		}
	}
}

// due is when the set is to be fetched next.
func (r *Remote) due() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dueLocked()
}

func (r *Remote) dueLocked() time.Time {
	switch {
	case r.sent.IsZero():
		return r.sent
	case r.wanted, !r.good.Equal(r.sent): // the last one failed
		return r.sent.Add(r.cfg.MinInterval)
	}
	return r.sent.Add(r.cfg.Cache)
}

func (r *Remote) known(kid string) *Key { return r.ring.known(kid) }
func (r *Remote) methods() []string     { return r.ring.methods() }

// find is the key of that name. One that is not known has the set fetched, if that
// is allowed by now: else it is remembered that somebody asked, so that a new key is
// there MinInterval after the last fetch at the latest, whether or not its token
// comes again.
func (r *Remote) find(kid string) (*Key, error) {
	if k := r.ring.known(kid); k != nil {
		return k, nil
	}
	r.mu.Lock()
	if flight := r.flight; flight != nil {
		r.want() // it may have been sent before the key was there
		r.mu.Unlock()
		<-flight
	} else if !r.sent.IsZero() && time.Since(r.sent) < r.cfg.MinInterval {
		r.want()
		r.mu.Unlock()
	} else {
		r.fetch(context.Background()) // a client that goes away does not end it for the others
	}
	if k := r.ring.known(kid); k != nil {
		return k, nil
	}
	if _, ok := r.Age(); !ok {
		return nil, ErrNoKeys
	}
	return nil, ErrKey
}

// want asks for a fetch as soon as one is allowed. The caller holds mu.
func (r *Remote) want() {
	if r.wanted {
		return
	}
	r.wanted = true
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// fetch asks for the set once. The caller holds mu, which is given up, and has seen
// that no fetch is under way.
func (r *Remote) fetch(ctx context.Context) {
	flight, sent := make(chan struct{}), time.Now()
	r.flight, r.sent, r.wanted = flight, sent, false
	r.mu.Unlock()
	result, err := r.get(ctx)
	if r.cfg.Fetched != nil {
		r.cfg.Fetched(Fetch{result, time.Since(sent), err})
	}
	r.mu.Lock()
	r.counts[result]++
	if r.flight = nil; result == FetchOK {
		r.good = sent
	}
	close(flight)
	r.mu.Unlock()
}

// get asks for the set and takes it over.
func (r *Remote) get(ctx context.Context) (result string, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	failed := func(err error) (string, error) {
		if errors.Is(err, context.DeadlineExceeded) {
			return FetchTimeout, err
		}
		return FetchUnreachable, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.cfg.URL, nil)
	if err != nil {
		return FetchUnreachable, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return failed(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxSetBytes+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		return FetchStatus, fmt.Errorf("jwt: %s answered %s", r.cfg.URL, resp.Status)
	case err != nil:
		return failed(err)
	case len(body) > maxSetBytes:
		return FetchMalformed, fmt.Errorf("jwt: the set at %s is larger than %d bytes", r.cfg.URL, maxSetBytes)
	}
	keys, passed, err := parseSet(body)
	if err == nil {
		err = r.ring.replace(keys)
	}
	switch {
	case errors.Is(err, errEmptySet):
		return FetchEmpty, errors.Join(err, passed)
	case errors.Is(err, errNotASet):
		return FetchMalformed, err
	}
	return FetchOK, errors.Join(err, passed)
}
