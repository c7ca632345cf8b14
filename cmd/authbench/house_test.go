package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport is the plan of the house: which of our packages each of them may
// import. A row does not cover subfolders; "x/*" allows every package below x
// and x itself is named apart. What has no row imports nothing of ours.
var mayImport = map[string][]string{
	"scenarios":                 {"scenarios/*", "loadgen", "loadgen/http1", "targets/contract", "results", "results/stat"},
	"scenarios/fault":           {"scenarios/testbed", "scenarios/testbed/link", "targets/contract", "results"},
	"scenarios/attack":          {"targets/contract", "results"},
	"scenarios/testbed":         {"scenarios/testbed/link", "targets/contract", "loadgen/poll", "results"},
	"scenarios/testbed/link":    {"loadgen/poll"},
	"scenarios/checker":         {"results"},
	"targets/server":            {"targets/session", "targets/jwt", "targets/store", "targets/revoke"},
	"targets/session":           {"targets/store", "targets/revoke"},
	"targets/jwt":               {"targets/store", "targets/revoke"},
	"targets/revoke":            {"targets/store"},
	"targets/contract":          {"results"},
	"loadgen":                   {"loadgen/http1", "loadgen/poll", "results", "results/stat"},
	"loadgen/versus":            {"loadgen", "results", "results/stat"},
	"results/stat":              {"results"},
	"report":                    {"report/number", "report/evidence", "report/claims", "report/decide", "report/diff", "results", "results/stat"},
	"report/evidence":           {"report/number", "results", "results/stat"},
	"report/claims":             {"report/number", "report/evidence", "results", "results/stat"},
	"report/decide":             {"report/number", "report/evidence", "results", "results/stat"},
	"report/diff":               {"report/number", "results", "results/stat"},
	"targets/store/storetest":   {"targets/store"},
	"targets/revoke/revoketest": {"targets/revoke", "targets/store", "targets/store/storetest"},
}

// topLevel is what may stand at the root. Anything else belongs in a room.
var topLevel = []string{
	"cmd", "targets", "scenarios", "loadgen", "report", "results", "docs", "examples", "scripts",
	"go.mod", "go.sum", "Makefile", "docker-compose.yml", "Dockerfile",
	"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE",
}

func TestHouse(t *testing.T) {
	root := filepath.Join("..", "..")
	fset := token.NewFileSet()
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == ".git" || rel == "bin" || d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		// A test may reach across rooms (storetest, a server to talk to); the
		// program may not.
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		seen++
		dir := filepath.ToSlash(filepath.Dir(rel))
		if dir == "cmd/authbench" {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range f.Imports {
			to, ours := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), "authbench/")
			if ours && !allowed(dir, to) {
				t.Errorf("%s imports %s: not in the plan of the house", fset.Position(imp.Pos()), to)
			}
			if !ours && dir == "scenarios/attack" {
				continue // forges tokens with golang-jwt on purpose
			}
			if strings.Contains(imp.Path.Value, "golang-jwt") && !strings.HasPrefix(dir, "targets/jwt") && !strings.HasPrefix(dir, "targets/server/") {
				t.Errorf("%s: only targets/jwt knows golang-jwt", fset.Position(imp.Pos()))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Fatalf("only %d Go files seen from %s: this test looks in the wrong place", seen, root)
	}
}

func allowed(from, to string) bool {
	for _, rule := range mayImport[from] {
		if below, ok := strings.CutSuffix(rule, "/*"); ok && strings.HasPrefix(to, below+"/") {
			return true
		}
		if rule == to {
			return true
		}
	}
	return false
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || name == "bin" {
			continue
		}
		if !slices.Contains(topLevel, name) {
			t.Errorf("%s stands at the top level; it belongs in a room", name)
		}
	}
}

// TestHouseSeesABreach shows that the rule bites.
func TestHouseSeesABreach(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"scenarios", "targets/jwt", false},
		{"loadgen", "targets/contract", false},
		{"scenarios", "scenarios/testbed", true},
		{"targets/store", "results", false},
		{"report", "loadgen", false},
	} {
		if got := allowed(c.from, c.to); got != c.want {
			t.Errorf("allowed(%s, %s) = %t", c.from, c.to, got)
		}
	}
}
