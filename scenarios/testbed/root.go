package testbed

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const (
	rootPattern = "authbench-testbed-"
	lockName    = "lock"
)

// root is the one temporary directory of a testbed. Everything that is written
// is below it. A locked file inside says that its harness is alive: a lock goes
// with its process, and it is right in containers that share /tmp, where process
// ids are not.
type root struct {
	dir  string
	lock *os.File
}

func newRoot() (*root, error) {
	dir, err := os.MkdirTemp("", rootPattern)
	if err != nil {
		return nil, err
	}
	// Locked before it gets its name: nobody ever sees it free.
	fresh := filepath.Join(dir, ".lock")
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	tryLock(f)
	if err := os.Rename(fresh, filepath.Join(dir, lockName)); err != nil {
		return nil, errors.Join(err, f.Close(), os.RemoveAll(dir))
	}
	return &root{dir, f}, nil
}

// sub makes a private directory below the root.
func (r *root) sub(name string) (string, error) { return os.MkdirTemp(r.dir, name+"-") }

func (r *root) remove() error {
	err := os.RemoveAll(r.dir)
	r.lock.Close()
	if err != nil {
		return fmt.Errorf("remove the temporary directory: %w", err)
	}
	return nil
}

// sweepRoots removes what killed harnesses left behind. It is best effort: what
// belongs to another user stays.
func sweepRoots(log *slog.Logger) {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), rootPattern+"*"))
	for _, dir := range dirs {
		if !rootIsStale(dir) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			log.Debug("stale directory stays", "dir", dir, "reason", err)
			continue
		}
		log.Info("removed what a killed run left behind", "dir", dir)
	}
}

// rootIsStale reports whether no living harness owns dir.
func rootIsStale(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		// Its owner died between two lines of newRoot, or is there right now.
		info, err := os.Stat(dir)
		return err != nil || time.Since(info.ModTime()) > time.Minute
	}
	if err != nil {
		return false
	}
	defer f.Close()
	return tryLock(f)
}
