package testbed

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tool is one thing that a benchmark or its development can use.
type Tool struct {
	Name   string
	Use    string // what it is for
	Found  string // version and place; "" when it is not here
	Store  string // the kind of store that it provides, if any
	Debian string // packages that have it
	Brew   string
}

// Look reports what this machine has. It starts nothing and downloads nothing;
// of the Docker engine it asks the version.
func Look(ctx context.Context) []Tool {
	tools := []Tool{
		{Name: "redis", Use: "session-redis", Store: Redis, Debian: "redis-server", Brew: "redis", Found: lookServer(ctx, Redis)},
		{Name: "mysql", Use: "session-mysql", Store: MySQL, Debian: "mariadb-server-core", Brew: "mariadb", Found: lookServer(ctx, MySQL)},
		{Name: "docker", Use: "--stores docker", Debian: "docker.io", Brew: "docker colima"},
		{Name: "chromium", Use: "scenario csrf, tests of the report", Debian: "chromium", Brew: "--cask chromium"},
		{Name: "wrk", Use: "make bench-target", Debian: "wrk", Brew: "wrk"},
		{Name: "node", Use: "make examples", Debian: "nodejs npm", Brew: "node"},
	}
	if v, err := DockerVersion(ctx); err == nil {
		tools[2].Found = "engine " + v
	}
	tools[3].Found = lookChromium()
	tools[4].Found = lookPath("wrk")
	tools[5].Found = lookPath("node")
	return tools
}

// lookServer is the version and path of the best installed server of a kind.
func lookServer(ctx context.Context, kind string) string {
	for _, path := range ServerPaths(kind) {
		if v, err := serverVersion(ctx, path); err == nil {
			return shortVersion(v) + " (" + path + ")"
		}
	}
	return ""
}

// shortVersion picks the version out of "Redis server v=7.0.15 sha=..." and
// "mariadbd  Ver 10.11.6-MariaDB for Linux on x86_64".
func shortVersion(line string) string {
	fields := strings.Fields(line)
	for i, f := range fields {
		if v, ok := strings.CutPrefix(f, "v="); ok {
			return strings.ToLower(fields[0]) + " " + v
		}
		if f == "Ver" && i+1 < len(fields) {
			return fields[i+1]
		}
	}
	return line
}

func lookPath(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			if abs, err := filepath.Abs(path); err == nil {
				return abs
			}
			return path
		}
	}
	return ""
}
