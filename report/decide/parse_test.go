package decide

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestParseErrors: every mistake is named with its place and a caret.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ yaml, at, says string }{
		{"revocation:\n  windw: 5s\n", "r.yaml:2:3", `revocation: unknown key "windw"; there is window, log_out_everywhere`},
		{"revoke: 5s\n", "r.yaml:1:1", `unknown key "revoke"; there is title, context, revocation`},
		{"revocation:\n  window: 5\n", "r.yaml:2:11", `revocation.window: "5" is not a duration`},
		{"revocation:\n  window: -5s\n", "r.yaml:2:11", "is negative"},
		{"revocation: 5s\n", "r.yaml:1:13", "revocation: wants keys and values here"},
		{"deployment:\n  nodes: 1.5\n", "r.yaml:2:10", `"1.5" is not a whole number`},
		{"deployment:\n  nodes: 0\n", "r.yaml:2:10", "0 is less than 1"},
		{"deployment:\n  store_round_trip: any\n", "r.yaml:2:21", `"any" is not a duration`},
		{"revocation:\n  list_devices: yes\n", "r.yaml:2:17", `"yes" is neither true nor false`},
		{"store_dies:\n  unavailable_at_most: 0.01\n", "r.yaml:2:24", `"0.01" is not a percentage`},
		{"store_dies:\n  unavailable_at_most: 101%\n", "r.yaml:2:24", "more than everything"},
		{"store_dies:\n  logged_out_may_return: sometimes\n", "r.yaml:2:26", "not one of never, after-a-restore, after-any-loss"},
		{"clients: browser\n", "r.yaml:1:10", "wants a list, like [browser, native]"},
		{"clients: []\n", "r.yaml:1:10", "wants a list"},
		{"clients: [browser, toaster]\n", "r.yaml:1:20", `"toaster" is not one of browser, native`},
		{"weights:\n  cpu: -1\n", "r.yaml:2:8", "is negative"},
		{"weights:\n  cpu: .nan\n", "r.yaml:2:8", "weights.cpu"},
		{"load:\n  p99: 0s\n", "r.yaml:2:8", "0s cannot be met"},
		{"title: a\ntitle: b\n", "r.yaml:2:1", "title stands here twice, first on line 1"},
		{"weights: {cpu: 1, cpu: 2}\n", "r.yaml:1:19", "weights.cpu stands here twice"},
		{"title: a\n---\ntitle: b\n", "r.yaml:3:", "a second document"},
		{"title: [a\n", "r.yaml:", "YAML:"},
		{"- a\n", "r.yaml:1:1", "wants keys and values"},
		{"title: \xff\n", "r.yaml:1:1", "not UTF-8"},
		{"revocation:\n  window:\n", "r.yaml:2:", "wants a duration, or any"},
		{"load:\n  users: {a: 1}\n", "r.yaml:2:", "wants a whole number"},
	} {
		_, err := Parse("r.yaml", []byte(c.yaml))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %v", c.yaml, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), c.at) || !strings.Contains(err.Error(), c.says) || !strings.Contains(e.Excerpt, "^") {
			t.Errorf("%q: %v\nwant %s ... %s", c.yaml, err, c.at, c.says)
		}
	}
}

// TestParse: what is left out has its default, and an empty file is none at all.
func TestParse(t *testing.T) {
	for _, yaml := range []string{"", "# nothing\n", "---\n"} {
		r, err := Parse("r.yaml", []byte(yaml))
		if err != nil {
			t.Fatalf("%q: %v", yaml, err)
		}
		for _, f := range Fields() {
			if f.Get(r) != f.Default || r.Given(f.Key) {
				t.Errorf("%q: %s is %q, given %t", yaml, f.Key, f.Get(r), r.Given(f.Key))
			}
		}
	}
	r, err := Parse("r.yaml", []byte("clients: [cross_domain, browser, browser]\nload: {users: 5_000_000}\nweights:\n  cpu: 1.5\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.Clients, ","); got != "browser,cross_domain" || r.Users != 5e6 || r.CPU != 1.5 || r.Latency != 1 || !r.Given("weights.cpu") {
		t.Errorf("read %+v", r)
	}
}

// TestRoundTripOfValues: what a field prints, it reads.
func TestRoundTripOfValues(t *testing.T) {
	r := ask(t, "revocation.window", "65s", "store_dies.unavailable_at_most", "1.5 %", "load.p99", "2500us", "load.request_bytes", "1000", "weights.cpu", "0.25")
	for _, f := range Fields() {
		next, err := r.With(f.Key, f.Get(r))
		if err != nil || f.Get(next) != f.Get(r) {
			t.Errorf("%s: %q reads back as %q (%v)", f.Key, f.Get(r), f.Get(next), err)
		}
	}
	if _, err := r.With("revocation.windows", "1s"); err == nil {
		t.Error("a key that is not there is taken")
	}
}

// TestDocs: the documentation has every key as it is, and its example is read.
func TestDocs(t *testing.T) {
	doc, err := os.ReadFile("../../docs/decide.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Fields() {
		if line := docLine(f); !strings.Contains(string(doc), line) {
			t.Errorf("docs/decide.md lacks\n%s", line)
		}
	}
	_, rest, _ := strings.Cut(string(doc), "```yaml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/decide.md has no example")
	}
	if _, err := Parse("docs/decide.md", []byte(example)); err != nil {
		t.Error(err)
	}
}

func docLine(f Field) string {
	kind := f.Kind
	if len(f.Words) > 0 {
		kind += " of " + strings.Join(f.Words, ", ")
		if f.Kind == oneOf {
			kind = strings.Join(f.Words, ", ")
		}
	}
	def := f.Default
	if def != "" {
		def = "`" + def + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |", f.Key, kind, def, f.Meaning)
}

// FuzzParse: no file makes it panic, and what it takes it can print.
func FuzzParse(f *testing.F) {
	f.Add([]byte("revocation:\n  window: 5s\nclients: [browser]\n"))
	f.Add([]byte("weights: {cpu: 1e3}\n"))
	f.Add([]byte("&a title: *a\n"))
	f.Add([]byte("? title\n: x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse("r.yaml", data)
		var e *Error
		switch {
		case err != nil && (!errors.As(err, &e) || e.Line < 1):
			t.Fatalf("%v has no place", err)
		case err == nil:
			for _, field := range Fields() {
				if next, err := r.With(field.Key, field.Get(r)); err != nil || field.Get(next) != field.Get(r) {
					t.Fatalf("%s: %q does not read back (%v)", field.Key, field.Get(r), err)
				}
			}
		}
	})
}
