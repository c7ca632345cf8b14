package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// startProcess runs a private server from an installed binary: a free loopback
// port, a data directory and a password of its own, no configuration file of the
// machine. It never touches a server that was there before.
func startProcess(ctx context.Context, tb *Testbed, kind string) (server, error) {
	paths := ServerPaths(kind)
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s is not installed", strings.Join(serverNames(kind), " or "))
	}
	var errs []error
	for _, path := range paths {
		s, err := tb.startInstalled(ctx, kind, path)
		if err == nil {
			return s, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (tb *Testbed) startInstalled(ctx context.Context, kind, path string) (*processServer, error) {
	dir, err := tb.root.sub(kind)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	prepare := prepareRedis
	if kind == MySQL {
		prepare = prepareMySQL
	}
	cmd, at, err := prepare(ctx, tb, path, dir, port)
	if err != nil {
		return nil, err
	}
	p, err := tb.spawn(cmd)
	if err != nil {
		return nil, err
	}
	at.network, at.private = "loopback", true
	return &processServer{tb: tb, cmd: cmd, now: p, at: at, data: filepath.Join(dir, "data")}, nil
}

// serverNames lists the programs of a kind, best first.
func serverNames(kind string) []string {
	switch kind {
	case Redis:
		return []string{"redis-server", "valkey-server"}
	case MySQL:
		return []string{"mariadbd", "mysqld"}
	}
	return nil
}

// ServerPaths lists the installed servers of a kind, best first. It looks where
// packages put servers, which for an ordinary user is often not in PATH.
func ServerPaths(kind string) []string {
	var paths []string
	seen := map[string]bool{}
	for _, name := range serverNames(kind) {
		for _, dir := range serverDirs() {
			path := filepath.Join(dir, name)
			if runtime.GOOS == "windows" {
				path += ".exe"
			}
			real, err := filepath.EvalSymlinks(path)
			if err != nil || seen[real] {
				continue
			}
			if found, err := exec.LookPath(path); err == nil {
				seen[real] = true
				paths = append(paths, found)
			}
		}
	}
	return paths
}

func serverDirs() []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	dirs = append(dirs, "/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/bin", "/usr/libexec", "/opt/homebrew/bin")
	for _, keg := range []string{"/opt/homebrew/opt/*/bin", "/usr/local/opt/*/bin"} {
		found, _ := filepath.Glob(keg) // only a bad pattern is an error
		dirs = append(dirs, found...)
	}
	return dirs
}

// prepareRedis writes a configuration: the password would be seen by everybody in
// the arguments. Durability is that of a session store that means it: a kill
// loses nothing acknowledged, a power cut about a second.
func prepareRedis(_ context.Context, _ *Testbed, path, dir string, port int) (command, access, error) {
	password := newPassword()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return command{}, access{}, err
	}
	conf := redisConf(loopback, port, password) + fmt.Sprintf("dir %q\n", data)
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		return command{}, access{}, err
	}
	cmd := command{name: filepath.Base(path), path: path, args: []string{file}, dir: dir}
	return cmd, access{url: fmt.Sprintf("redis://:%s@%s/0", password, hostPort(port))}, nil
}

func redisConf(bind string, port int, password string) string {
	return fmt.Sprintf(`bind %s
port %d
protected-mode yes
requirepass %s
daemonize no
save ""
appendonly yes
appendfsync everysec
`, bind, port, password)
}

// runToEnd runs c and waits for it.
func (tb *Testbed) runToEnd(ctx context.Context, c command, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	p, err := tb.spawn(c)
	if err != nil {
		return err
	}
	select {
	case <-p.exited:
	case <-ctx.Done():
		return errors.Join(p.failed(context.Cause(ctx)), p.kill())
	}
	if !p.cmd.ProcessState.Success() {
		return p.failed(nil)
	}
	return nil
}

// processServer is a store that is a child of ours.
type processServer struct {
	tb   *Testbed
	cmd  command
	at   access
	data string // "": it keeps none on disk

	mu   sync.Mutex
	now  *process
	past time.Duration // CPU of those before
}

func (s *processServer) current() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *processServer) access() access             { return s.at }
func (s *processServer) pid() int                   { return s.current().pid() }
func (s *processServer) kill(context.Context) error { return s.current().kill() }
func (s *processServer) close() error               { return s.current().stop() }

func (s *processServer) pause(ctx context.Context) error { return s.current().pause(ctx) }
func (s *processServer) resume(context.Context) error    { return s.current().resume() }

func (s *processServer) dataDir() (string, error) {
	if s.data == "" {
		return "", Unsupported("a stand-in keeps no data on disk")
	}
	return s.data, nil
}

func (s *processServer) restart(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.now.kill(); err != nil {
		return err
	}
	p, err := s.tb.spawn(s.cmd)
	if err != nil {
		return err
	}
	s.past += s.now.sample().CPU
	s.now = p
	return nil
}

func (s *processServer) sample() Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now.sample()
	now.CPU += s.past
	return now
}

func (s *processServer) check() error {
	p := s.current()
	select {
	case <-p.exited:
		return p.failed(nil)
	default:
		return nil
	}
}
