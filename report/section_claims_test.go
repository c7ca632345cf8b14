package report

import (
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"testing"

	"authbench/report/claims"
	"authbench/report/evidence"
	"authbench/results"
)

// TestClaimsSection draws the ledger of a full run: every claim once, with its state
// in words, and links that lead somewhere.
func TestClaimsSection(t *testing.T) {
	run, _ := synthetic(t, t.TempDir(), syntheticArms(), 12, 500, func(r *results.Run) { r.Profile = "default" })
	v := newView(evidence.Read(evidence.Source{Run: run}))
	tmpl, err := template.New("page").Funcs(functions()).ParseFS(pageFiles, "page/*.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	if err := tmpl.ExecuteTemplate(&page, "claims", claimsSection(v)); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	list, err := claims.Judge(v.Board)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if n := strings.Count(text, fmt.Sprintf(`<li id="claim-%s">`, f.Claim.ID)); n != 1 {
			t.Errorf("%s is there %d times", f.Claim.ID, n)
		}
	}
	for _, s := range claims.Statuses() {
		if n, want := strings.Count(text, "</span> "+s.Words()+"</span>"), claims.Tally(list)[s]; n < want {
			t.Errorf("%q is said %d times of %d claims", s.Words(), n, want)
		}
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(text, fmt.Sprintf(`id="%s"`, m[1])) {
			t.Errorf("a link leads to #%s, which is not there", m[1])
		}
	}
	if !strings.Contains(text, claims.Headline(list)) || strings.Contains(text, "ZgotmplZ") || strings.Contains(text, "%!") {
		t.Error("the headline is missing, or a text went wrong")
	}
}
