//go:build unix

package fault

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"authbench/scenarios/testbed"
)

// census is everything that a fault could leave behind, a line each.
type census []string

// count looks at settings, processes, listening ports and directories.
func count(t *testing.T, stores ...*testbed.Store) census {
	t.Helper()
	var c census
	for _, s := range stores {
		for name, value := range settings(t, s) {
			c = append(c, s.Kind()+" "+name+" = "+value)
		}
	}
	for pid, name := range children(t) {
		for _, port := range listening(pid) {
			c = append(c, name+" listens on "+port)
		}
		c = append(c, "process "+name)
	}
	err := filepath.WalkDir(os.TempDir(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "data" {
			return fs.SkipDir // a store's own business
		}
		if err == nil && d.IsDir() {
			c = append(c, "directory "+path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(c)
	return c
}

// diff is what one has and the other has not.
func (c census) diff(o census) (out []string) {
	for _, line := range c {
		if !slices.Contains(o, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range o {
		if !slices.Contains(c, line) {
			out = append(out, "+ "+line)
		}
	}
	return out
}

// settings is CONFIG GET * or SHOW GLOBAL VARIABLES, the role of a Redis, and the
// keys or tables that could be ours.
func settings(t *testing.T, s *testbed.Store) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	all := map[string]string{}
	if s.Kind() == testbed.Redis {
		c, err := s.AdminRedis()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		got, err := c.ConfigGet(ctx, "*").Result()
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(all, got)
		role, err := c.Info(ctx, "replication").Result()
		if err != nil {
			t.Fatal(err)
		}
		keys, err := c.Keys(ctx, testbed.KeyPrefix+"fault*").Result()
		if err != nil {
			t.Fatal(err)
		}
		all["keys"] = fmt.Sprint(keys)
		all["role"] = strings.Split(role, "\r\n")[1]
		return all
	}
	db, err := s.AdminMySQL()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tables string
	if err := db.QueryRowContext(ctx, "SELECT GROUP_CONCAT(table_name) FROM information_schema.tables WHERE table_schema = DATABASE()").Scan(&tables); err != nil {
		t.Fatal(err)
	}
	all["tables"] = tables
	rows, err := db.QueryContext(ctx, "SHOW GLOBAL VARIABLES")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			t.Fatal(err)
		}
		all[name] = value
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// children lists our living child processes. Elsewhere than on Linux it is empty.
func children(t *testing.T) map[int]string {
	t.Helper()
	found := map[int]string{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // only a bad pattern is an error
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid, rest, _ := strings.Cut(string(b), " (")
		name, rest, _ := strings.Cut(rest, ") ")
		f := strings.Fields(rest)
		if len(f) > 1 && f[0] != "Z" && f[1] == strconv.Itoa(os.Getpid()) {
			n, _ := strconv.Atoi(pid)
			found[n] = name
		}
	}
	return found
}

// listening lists the addresses that a process listens on, as /proc/net/tcp has them.
func listening(pid int) (ports []string) {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return nil
	}
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	mine := map[string]bool{}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil {
			mine[to] = true
		}
	}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && mine["socket:["+f[9]+"]"] {
			ports = append(ports, f[1])
		}
	}
	return ports
}
