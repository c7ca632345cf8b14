package testbed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9"
)

// Unsupported says why something cannot be done with a store of this kind and
// provider. It is errors.ErrUnsupported.
type Unsupported string

func (e Unsupported) Error() string { return string(e) }

// Is makes it errors.ErrUnsupported.
func (e Unsupported) Is(target error) bool { return target == errors.ErrUnsupported }

// errNotOurs is what process faults get on a server that the harness did not start.
const errNotOurs = Unsupported("the server is not ours to stop")

// Kind is Redis or MySQL.
func (s *Store) Kind() string { return s.about.Kind }

// Addr is its host and port.
func (s *Store) Addr() (string, error) { return addrOf(s.about.Kind, s.url) }

// StandIn says that it is no real server.
func (s *Store) StandIn() bool { return s.about.StandIn }

// Empty makes the store forget everything of ours, as Reset does.
func (s *Store) Empty(ctx context.Context) error { return s.client.reset(ctx) }

// Check is nil while the store can be running, as far as its process tells.
func (s *Store) Check() error { return s.server.check() }

// Stop freezes the store as SIGSTOP does: connections stay open, nothing is
// answered. Continue ends that; so do Kill and Restart.
func (s *Store) Stop(ctx context.Context) error {
	s.log("stop store", "kind", s.about.Kind)
	return s.server.pause(ctx)
}

// Continue lets a stopped store go on. One that is not stopped stays as it is.
func (s *Store) Continue(ctx context.Context) error { return s.server.resume(ctx) }

// Snapshot is a store's data as they were at one instant.
type Snapshot struct {
	dir  string
	kind string
}

// Snapshot copies the data directory, while the store is stopped: some 10 ms for
// a Redis, some 100 ms for a MySQL. The copy is what a power cut would leave of
// files that reached the disk, and a server recovers from it as from one. It goes
// with the testbed.
func (s *Store) Snapshot(ctx context.Context) (_ *Snapshot, err error) {
	data, err := s.server.dataDir()
	if err != nil {
		return nil, err
	}
	dir, err := s.root.sub("snapshot")
	if err != nil {
		return nil, err
	}
	if err := s.server.pause(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.server.resume(context.WithoutCancel(ctx))) }()
	if err := copyDir(filepath.Join(dir, "data"), data); err != nil {
		return nil, fmt.Errorf("snapshot of %s: %w", s.about.Kind, err)
	}
	return &Snapshot{filepath.Join(dir, "data"), s.about.Kind}, nil
}

// Remove deletes the copy.
func (s *Snapshot) Remove() error { return os.RemoveAll(filepath.Dir(s.dir)) }

// Replaceable is nil when the store can be restarted with other data than it had.
func (s *Store) Replaceable() error {
	_, err := s.server.dataDir()
	return err
}

// RestartEmpty kills the store and brings it back at the same address without
// its data.
func (s *Store) RestartEmpty(ctx context.Context) error {
	if s.about.Kind == MySQL {
		return Unsupported("a MySQL without data has no accounts and no tables: no node could go on")
	}
	return s.restartWith(ctx, func(data string) error { return os.Mkdir(data, 0o700) })
}

// RestartFrom kills the store and brings it back at the same address with the data
// of a snapshot, which may be used again.
func (s *Store) RestartFrom(ctx context.Context, old *Snapshot) error {
	if old.kind != s.about.Kind {
		return fmt.Errorf("a snapshot of %s for a %s", old.kind, s.about.Kind)
	}
	return s.restartWith(ctx, func(data string) error { return copyDir(data, old.dir) })
}

// restartWith lets fill make the data directory anew between death and start.
func (s *Store) restartWith(ctx context.Context, fill func(data string) error) error {
	if s.about.StandIn { // it never had any data on disk
		return s.Restart(ctx)
	}
	data, err := s.server.dataDir()
	if err != nil {
		return err
	}
	if err := s.Kill(ctx); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(data), fill(data)); err != nil {
		return fmt.Errorf("replace the data of %s: %w", s.about.Kind, err)
	}
	return s.Restart(ctx)
}

// copyDir copies a tree of ordinary files for our eyes only.
func copyDir(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	return os.Chmod(to, 0o700)
}

// Configurable is nil when the store's configuration is ours to change: a private
// one, or somebody's who said so (Options.OwnStore).
func (s *Store) Configurable() error {
	if a := s.server.access(); a.standIn {
		return Unsupported("a stand-in has no configuration")
	} else if !a.private && !s.own {
		return Unsupported("the store is external, and nobody has said that its configuration may be changed")
	}
	return nil
}

// HarnessName is what the harness's own connections to a Redis call themselves.
const HarnessName = "authbench-harness"

// AdminRedis is one connection with every right, directly. The caller closes it.
func (s *Store) AdminRedis() (*redis.Client, error) {
	if err := s.Configurable(); err != nil {
		return nil, err
	}
	if s.about.Kind != Redis {
		return nil, Unsupported("it is no Redis")
	}
	c, err := openRedis(s.url, probeLimit)
	if err != nil {
		return nil, err
	}
	opts := *c.Options()
	_ = c.Close() // it has not connected yet
	opts.ClientName = HarnessName
	return redis.NewClient(&opts), nil
}

// AdminMySQL is a pool of one connection with every right that we have, directly.
// The caller closes it.
func (s *Store) AdminMySQL() (*sql.DB, error) {
	if err := s.Configurable(); err != nil {
		return nil, err
	}
	if s.about.Kind != MySQL {
		return nil, Unsupported("it is no MySQL")
	}
	return openMySQL(s.server.access().adminURL(), probeLimit)
}
