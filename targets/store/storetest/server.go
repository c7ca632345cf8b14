package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Server is a private store server of one test: its own free port on loopback
// and its own temporary directory. It is killed, and the directory removed,
// when the test ends.
type Server struct {
	URL string // redis://... of a Redis, empty for a MySQL
	DSN string // go-sql-driver DSN of a MySQL, empty for a Redis
	Dir string // its temporary directory: of a Redis, where its data is

	t     testing.TB
	name  string
	argv  []string
	ready func(context.Context) error
	log   *bytes.Buffer
	cmd   *exec.Cmd
	done  chan struct{} // closed when cmd has been reaped
}

// startLimit is generous: a machine may be busy. No test measures it.
const startLimit = 30 * time.Second

// StartRedis starts a private redis-server or valkey-server without
// persistence. A test is skipped where there is none, unless AUTHBENCH_REQUIRE
// names redis: then it fails. args are options of the server, the last of a kind
// counts.
func StartRedis(t testing.TB, args ...string) *Server {
	t.Helper()
	bin := need(t, "redis", "redis-server", "valkey-server")
	dir := tempDir(t)
	return start(t, func(port string) *Server {
		addr := net.JoinHostPort("127.0.0.1", port)
		return &Server{
			name: "redis", URL: "redis://" + addr + "/0", Dir: dir,
			argv: append([]string{
				bin, "--port", port, "--bind", "127.0.0.1", "--dir", dir,
				"--save", "", "--appendonly", "no", "--daemonize", "no",
			}, args...),
			ready: func(ctx context.Context) error { return redisPing(ctx, addr) },
		}
	})
}

// StartMySQL starts a private mariadbd or mysqld with an empty database
// "authbench". It skips or fails like StartRedis, for the name mysql.
func StartMySQL(t testing.TB) *Server {
	t.Helper()
	bin := need(t, "mysql", "mariadbd", "mysqld")
	dir := tempDir(t)
	data := filepath.Join(dir, "data")
	initMySQL(t, bin, dir, data)
	return start(t, func(port string) *Server {
		cfg := mysql.NewConfig()
		cfg.Net, cfg.Addr, cfg.User = "tcp", net.JoinHostPort("127.0.0.1", port), "root"
		cfg.Logger = &mysql.NopLogger{} // refusals are expected until it is up
		bare := cfg.FormatDSN()
		cfg.DBName = "authbench"
		return &Server{
			name: "mysql", DSN: cfg.FormatDSN(), Dir: dir,
			argv: append([]string{
				bin, "--no-defaults", "--datadir=" + data, "--port=" + port, "--bind-address=127.0.0.1",
				"--socket=" + filepath.Join(dir, "s.sock"), "--pid-file=" + filepath.Join(dir, "pid"),
				"--tmpdir=" + dir, "--loose-mysqlx=OFF", "--skip-name-resolve", "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=2",
			}, asRoot()...),
			ready: func(ctx context.Context) error { return mysqlReady(ctx, bare) },
		}
	})
}

// start runs what describe says on a free port. Another process may take the
// port between the look and the bind, so it tries a few.
func start(t testing.TB, describe func(port string) *Server) *Server {
	t.Helper()
	var err error
	for range 3 {
		s := describe(freePort(t))
		s.t = t
		if err = s.run(); err == nil {
			t.Cleanup(s.Kill)
			return s
		}
		s.Kill()
	}
	t.Fatal(err)
	return nil
}

func (s *Server) run() error {
	s.log = new(bytes.Buffer)
	s.cmd = exec.Command(s.argv[0], s.argv[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = sysProcAttr()
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("storetest: start %s: %w", s.name, err)
	}
	done := make(chan struct{})
	s.done = done
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // a killed server always "fails"
		close(done)
	}(s.cmd)

	deadline := time.After(startLimit)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := s.ready(ctx)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-done:
			return fmt.Errorf("storetest: %s exited while starting: %s", s.name, s.log)
		case <-deadline:
			return fmt.Errorf("storetest: %s not ready after %v: %w", s.name, startLimit, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill ends the server with SIGKILL, as a crash would, and waits until it is
// gone. Killing a dead server does nothing.
func (s *Server) Kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.done
}

// Restart starts a killed server again, same port and data, and returns when
// it answers.
func (s *Server) Restart() {
	s.t.Helper()
	if err := s.run(); err != nil {
		s.t.Fatal(err)
	}
}

// Pause freezes the server with SIGSTOP, and returns once it no longer answers:
// connections stay open, new ones are even accepted by the kernel. Resume lets
// it go on.
func (s *Server) Pause() {
	s.t.Helper()
	s.signal(sigStop)
	for range 100 {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		err := s.ready(ctx)
		cancel()
		if err != nil {
			return
		}
	}
	s.t.Fatalf("storetest: %s still answers after SIGSTOP", s.name)
}

// Resume continues a paused server.
func (s *Server) Resume() { s.signal(sigCont) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("storetest: signal %v to %s: %v", sig, s.name, err)
	}
}

// redisPing speaks the inline protocol, so that this file needs no client.
func redisPing(ctx context.Context, addr string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	reply := make([]byte, 64)
	n, err := conn.Read(reply)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(reply[:n], []byte("+PONG")) {
		return fmt.Errorf("redis answered %q", reply[:n])
	}
	return nil
}

func mysqlReady(ctx context.Context, dsn string) error {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS authbench CHARACTER SET utf8mb4")
	return err
}

// asRoot is the option without which mysqld refuses to run as root.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// tempDir is short: a Unix socket's path has about 100 bytes, less than
// t.TempDir may take.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "abtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("storetest: remove %s: %v", dir, err)
		}
	})
	return dir
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// need finds the first of the named programs. Debian keeps servers out of an
// ordinary user's PATH, Homebrew keeps some out of everybody's.
func need(t testing.TB, store string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		for _, pattern := range []string{
			"/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/homebrew/sbin",
			"/opt/homebrew/opt/*/bin", "/usr/local/opt/*/bin",
		} {
			found, err := filepath.Glob(filepath.Join(pattern, name))
			if err == nil && len(found) > 0 {
				return found[0]
			}
		}
	}
	err := errors.New("found none of " + strings.Join(names, ", "))
	if slices.Contains(strings.Split(os.Getenv("AUTHBENCH_REQUIRE"), ","), store) {
		t.Fatalf("storetest: AUTHBENCH_REQUIRE names %s: %v", store, err)
	}
	t.Skipf("no %s: %v", store, err)
	return ""
}
