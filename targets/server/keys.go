package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"authbench/targets/jwt"
)

// keyring is the keys of a node, and what is done with them over time. They are its
// own, shared with other nodes by a directory at most, or somebody else's, fetched.
//
// Keys come and go by the machine's clock, also where the admin plane has moved the
// node's: that one is for what tokens say.
type keyring struct {
	set    Settings
	ring   *jwt.Ring
	remote *jwt.Remote // nil: the keys are the node's own
	dir    string      // of the ring's file; "": it has none
	log    *slog.Logger
	wake   chan struct{} // run looks again at what is due

	mu    sync.Mutex // of a change and the file that it is written to
	wrote os.FileInfo
	// writer says that this node changes the file, so that what time changes is its
	// business, too.
	writer bool

	rotations, failures atomic.Uint64
}

// openKeys loads the ring, makes one for this node alone, or sees to it that one is
// fetched.
func openKeys(set Settings, dir string, log *slog.Logger) (*keyring, error) {
	k := &keyring{set: set, dir: dir, log: log, wake: make(chan struct{}, 1)}
	var err error
	switch {
	case set.JWKSURL != "" && set.JWKSURL != noURL:
		k.dir = "" // others' private keys may be there
		k.remote, err = jwt.NewRemote(jwt.RemoteConfig{
			URL: set.JWKSURL, Algorithm: set.Algorithm,
			Cache: set.JWKSCache, Timeout: set.JWKSTimeout, MinInterval: set.JWKSMinInterval, Fetched: k.fetched,
		})
		if err != nil {
			return nil, err
		}
		k.ring = k.remote.Ring()
	case dir == "":
		k.ring, err = jwt.NewRingOf(set.Algorithm, set.RSABits)
	default:
		k.ring, err = jwt.LoadRing(dir, set.Algorithm)
	}
	if err != nil {
		return k, err
	}
	if bits := k.ring.Bits(); bits > 0 && set.RSABits > 0 && bits != set.RSABits {
		return k, fmt.Errorf("%s: its key has %d bits, and the setting is rsa_bits=%d", k.file(), bits, set.RSABits)
	}
	return k, nil
}

// verifying is what tokens are verified with.
func (k *keyring) verifying() jwt.Keys {
	if k.remote != nil {
		return k.remote
	}
	return k.ring
}

// verifiesOnly says that the node has no private keys, and can issue nothing.
func (t *tokens) verifiesOnly() bool { return t != nil && t.keys.remote != nil }

// ready is an error until there are keys.
func (t *tokens) ready() error {
	if !t.verifiesOnly() {
		return nil
	}
	if _, ok := t.keys.remote.Age(); !ok {
		return fmt.Errorf("no key set was had from %s: fetches so far %v", t.keys.set.JWKSURL, t.keys.remote.Fetches())
	}
	return nil
}

func (k *keyring) fetched(f jwt.Fetch) {
	if f.Err != nil {
		k.log.Warn("key set", "result", f.Result, "took", f.Took, "error", f.Err)
	}
}

// run does with the keys what falls due, until ctx ends.
func (k *keyring) run(ctx context.Context) {
	if k.remote != nil {
		k.remote.Run(ctx)
		return
	}
	began := time.Now()
	var rotate, reload time.Time // zero: never
	if k.set.RotateEvery > 0 {
		rotate = began.Add(k.set.RotateEvery - k.set.KeyPublish)
	}
	if k.dir != "" && k.set.ReloadKeys > 0 {
		reload = began.Add(k.set.ReloadKeys)
	}
	for {
		now := time.Now()
		if due(rotate, now) {
			k.note("scheduled rotation of keys", k.rotate("", k.set.KeyPublish))
			if rotate = rotate.Add(k.set.RotateEvery); due(rotate, now) { // the machine slept
				rotate = now.Add(k.set.RotateEvery)
			}
		}
		if due(reload, now) {
			k.note("reload of keys", k.reload())
			reload = now.Add(k.set.ReloadKeys)
		}
		next, err := k.step()
		k.note("change of keys", err)
		timer := time.NewTimer(until(next, rotate, reload))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-k.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func due(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// until is the time to the earliest of the instants; zero ones are never.
func until(instants ...time.Time) time.Duration {
	const never = 24 * time.Hour
	d := never
	for _, t := range instants {
		if !t.IsZero() {
			d = min(d, time.Until(t))
		}
	}
	return max(d, 0)
}

// note counts and tells of what went wrong with nobody to answer to.
func (k *keyring) note(what string, err error) {
	if err != nil {
		k.failures.Add(1)
		k.log.Error(what, "error", err)
	}
}

// errForeign is a change of keys that are somebody else's.
var errForeign = errors.New("the keys of this node are somebody else's, fetched from jwks_url: change them there")

// rotate adds a key that signs after publish.
func (k *keyring) rotate(algorithm string, publish time.Duration) error {
	return k.change(func(now time.Time) error {
		_, err := k.ring.Begin(now, jwt.Rotation{Algorithm: algorithm, Publish: publish, Overlap: k.set.KeyOverlap})
		if err == nil {
			k.rotations.Add(1)
		}
		return err
	})
}

// remove takes a key out at once.
func (k *keyring) remove(kid string) error {
	return k.change(func(now time.Time) error { return k.ring.Remove(now, kid) })
}

// change changes the ring, and its file with it.
func (k *keyring) change(f func(now time.Time) error) error {
	if k.remote != nil {
		return errForeign
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := f(time.Now()); err != nil {
		return err
	}
	select {
	case k.wake <- struct{}{}: // what is due may be due earlier
	default:
	}
	k.writer = true
	return k.save()
}

// step does what time asks for.
func (k *keyring) step() (next time.Time, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed, next := k.ring.Step(time.Now())
	if changed && k.writer {
		err = k.save()
	}
	return next, err
}

// save writes the ring back where it came from, so that a node that starts later, or
// reads the file again, has the same keys. The caller holds mu.
func (k *keyring) save() error {
	if k.dir == "" {
		return nil
	}
	if err := k.ring.Save(k.dir); err != nil {
		return err
	}
	k.wrote, _ = os.Stat(k.file()) // if not, it is read again
	return nil
}

func (k *keyring) file() string { return filepath.Join(k.dir, jwt.FileName(k.set.Algorithm)) }

// reload takes over what another node has written. A file appears whole or not at
// all (see jwt.Ring.Save), as another file: its identity tells whether it is new.
func (k *keyring) reload() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(k.file())
	if err != nil {
		return err
	}
	if k.wrote != nil && os.SameFile(info, k.wrote) && info.ModTime().Equal(k.wrote.ModTime()) {
		return nil
	}
	other, err := jwt.LoadRing(k.dir, k.set.Algorithm)
	if err != nil {
		return err
	}
	if err := k.ring.Adopt(other); err != nil {
		return err
	}
	k.wrote = info
	return nil
}
