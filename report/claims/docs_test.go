package claims

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authbench/report/evidence"
	"authbench/results"
)

var update = flag.Bool("update", false, "rewrite docs/claims.md from the published runs")

// published reads the committed runs, in the order of their names.
func published(t *testing.T) *evidence.Board {
	t.Helper()
	var src []evidence.Source
	files, err := filepath.Glob(filepath.Join("..", "..", "results", "published", "*", results.RunFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		run, _, err := results.Open(filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		src = append(src, evidence.Source{Run: run})
	}
	if len(src) == 0 {
		t.Fatal("no run is published")
	}
	return evidence.Read(src...)
}

// TestDocs holds the page of claims to the published runs.
func TestDocs(t *testing.T) {
	b := published(t)
	judged(t, b)
	list, err := Judge(b)
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := Markdown(&page, list); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", "claims.md")
	if *update {
		if err := os.WriteFile(file, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page.Bytes(), want) {
		t.Error("docs/claims.md does not say what the published runs show: go test ./report/claims -run Docs -update")
	}
	for _, f := range list {
		if !strings.Contains(page.String(), "### "+f.Claim.ID+": ") {
			t.Errorf("%s is not on the page", f.Claim.ID)
		}
	}
}
