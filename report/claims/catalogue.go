package claims

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Article is where claims are from.
type Article struct {
	Name  string // short, as claims.tsv refers to it
	Title string
	From  string // who published it and when, as far as its text says
}

// Claim is one thing that articles say.
type Claim struct {
	ID          string   // "C01"
	Articles    []string // names, the one it was taken from first
	Text        string   // in our words
	Test        string   // what would settle it
	Contradicts []string // IDs of claims that cannot hold beside it
	Note        string   // what else is to be known of the source; may be empty
}

//go:embed articles.tsv
var articlesTSV string

//go:embed claims.tsv
var claimsTSV string

// Articles lists the sources.
func Articles() ([]Article, error) {
	rows, err := table("articles.tsv", articlesTSV, "name", "title", "from")
	if err != nil {
		return nil, err
	}
	var list []Article
	for i, r := range rows {
		if slices.ContainsFunc(list, func(a Article) bool { return a.Name == r[0] }) || slices.Contains(r, "") {
			return nil, fmt.Errorf("articles.tsv, line %d: %q is there twice, or a field is empty", i+2, r[0])
		}
		list = append(list, Article{Name: r[0], Title: r[1], From: r[2]})
	}
	return list, nil
}

// Claims lists the catalogue, in the order of the IDs.
func Claims() ([]Claim, error) {
	articles, err := Articles()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range articles {
		names = append(names, a.Name)
	}
	return parse(claimsTSV, names)
}

var idForm = regexp.MustCompile(`^C[0-9]{2}$`)

func parse(text string, articles []string) ([]Claim, error) {
	rows, err := table("claims.tsv", text, "id", "articles", "claim", "test", "contradicts", "note")
	if err != nil {
		return nil, err
	}
	var list []Claim
	for i, r := range rows {
		c := Claim{ID: r[0], Articles: fields(r[1]), Text: r[2], Test: r[3], Contradicts: fields(r[4]), Note: r[5]}
		wrong := ""
		switch {
		case !idForm.MatchString(c.ID):
			wrong = "is not an ID like C01"
		case len(list) > 0 && c.ID <= list[len(list)-1].ID:
			wrong = "does not come after " + list[len(list)-1].ID
		case c.Text == "" || c.Test == "" || len(c.Articles) == 0:
			wrong = "has no article, claim or test"
		}
		for _, a := range c.Articles {
			if !slices.Contains(articles, a) {
				wrong = fmt.Sprintf("is from %q, which articles.tsv does not list", a)
			}
		}
		if wrong != "" {
			return nil, fmt.Errorf("claims.tsv, line %d: %q %s", i+2, c.ID, wrong)
		}
		list = append(list, c)
	}
	for _, c := range list {
		for _, id := range c.Contradicts {
			if id == c.ID || !slices.ContainsFunc(list, func(o Claim) bool { return o.ID == id }) {
				return nil, fmt.Errorf("claims.tsv: %s contradicts %s, which is no other claim", c.ID, id)
			}
		}
	}
	return list, nil
}

// table splits tab-separated text whose first line names the columns.
func table(file, text string, columns ...string) ([][]string, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != strings.Join(columns, "\t") {
		return nil, fmt.Errorf("%s, line 1: the columns are not %s", file, strings.Join(columns, ", "))
	}
	var rows [][]string
	for i, line := range lines[1:] {
		row := strings.Split(line, "\t")
		if len(row) != len(columns) {
			return nil, fmt.Errorf("%s, line %d: %d fields, not %d", file, i+2, len(row), len(columns))
		}
		for _, f := range row {
			if f != strings.TrimSpace(f) {
				return nil, fmt.Errorf("%s, line %d: space around %q", file, i+2, f)
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func fields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ';' })
}
