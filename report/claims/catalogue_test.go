package claims

import (
	"slices"
	"strings"
	"testing"
)

// TestCatalogue holds the rows to be all there: C01 to C26 and C30 to C50.
func TestCatalogue(t *testing.T) {
	list, err := Claims()
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for i := 1; i <= 50; i++ {
		if i < 27 || i > 29 {
			want = append(want, "C"+string(rune('0'+i/10))+string(rune('0'+i%10)))
		}
	}
	for _, c := range list {
		got = append(got, c.ID)
		for _, id := range c.Contradicts {
			if i := slices.IndexFunc(list, func(o Claim) bool { return o.ID == id }); !slices.Contains(list[i].Contradicts, c.ID) {
				t.Errorf("%s contradicts %s, but not the other way round", c.ID, id)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("claims %v, not %v", got, want)
	}
}

func TestEveryClaimHasAJudge(t *testing.T) {
	list, err := Claims()
	if err != nil {
		t.Fatal(err)
	}
	table := judges()
	for _, c := range list {
		if table[c.ID] == nil {
			t.Errorf("%s has none", c.ID)
		}
		delete(table, c.ID)
	}
	for id := range table {
		t.Errorf("%s is judged and no claim", id)
	}
}

func TestParseIsStrict(t *testing.T) {
	const head = "id\tarticles\tclaim\ttest\tcontradicts\tnote\n"
	row := func(s ...string) string { return strings.Join(s, "\t") + "\n" }
	for name, c := range map[string]struct{ text, want string }{
		"other columns":      {"id\tclaim\n", "line 1"},
		"a field too few":    {head + row("C01", "devgex", "text", "test", ""), "5 fields, not 6"},
		"space":              {head + row("C01", "devgex", " text", "test", "", ""), "space around"},
		"no ID":              {head + row("1", "devgex", "text", "test", "", ""), "is not an ID"},
		"twice":              {head + strings.Repeat(row("C01", "devgex", "text", "test", "", ""), 2), "does not come after"},
		"no test":            {head + row("C01", "devgex", "text", "", "", ""), "no article, claim or test"},
		"unknown article":    {head + row("C01", "elsewhere", "text", "test", "", ""), "does not list"},
		"unknown rival":      {head + row("C01", "devgex", "text", "test", "C02", ""), "no other claim"},
		"its own rival":      {head + row("C01", "devgex", "text", "test", "C01", ""), "no other claim"},
		"an empty last line": {head + row("C01", "devgex", "text", "test", "", "") + "\n", "1 fields"},
	} {
		if _, err := parse(c.text, []string{"devgex"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %q", name, err, c.want)
		}
	}
	if list, err := parse(head+row("C01", "devgex;table", "text", "test", "", "note"), []string{"devgex", "table"}); err != nil || len(list) != 1 || len(list[0].Articles) != 2 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestSpans(t *testing.T) {
	for want, list := range map[string][]int{"": nil, "3": {3}, "1–3, 5, 7–8": {1, 2, 3, 5, 7, 8}} {
		if got := spans(list); got != want {
			t.Errorf("spans(%v) = %q, not %q", list, got, want)
		}
	}
}

func TestDisputes(t *testing.T) {
	list, err := Judge(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range Disputes(list) {
		var ids []string
		for _, f := range d {
			ids = append(ids, f.Claim.ID)
		}
		got = append(got, strings.Join(ids, " "))
	}
	if want := []string{"C05 C11 C16 C46", "C22 C31", "C23 C34 C41 C45"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}
