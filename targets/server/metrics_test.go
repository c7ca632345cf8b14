package server

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"authbench/targets/revoke"
	"authbench/targets/store"
	"authbench/targets/store/storetest"
)

// allFamilies is everything that any arm may expose, by its whole name.
func allFamilies(t *testing.T) map[string]family {
	t.Helper()
	s := startNode(t, settingsFor("session", "store", "memory")).srv
	all := map[string]family{}
	for _, f := range s.families() {
		name := "authbench_" + f.name
		if _, twice := all[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		if f.kind == counter != strings.HasSuffix(name, "_total") {
			t.Errorf("%s: a counter ends in _total, and nothing else does", name)
		}
		all[name] = f
	}
	return all
}

func readFile(t *testing.T, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestMetricsAreDocumented holds docs/metrics.md to what there is.
func TestMetricsAreDocumented(t *testing.T) {
	all, page := allFamilies(t), readFile(t, "docs", "metrics.md")
	for name, f := range all {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/metrics.md lacks %s", name)
		}
		for _, l := range f.labels {
			if !strings.Contains(page, "`"+l+"`") {
				t.Errorf("docs/metrics.md lacks label %s of %s", l, name)
			}
		}
	}
	for _, name := range regexp.MustCompile("authbench_[a-z_]+").FindAllString(page, -1) {
		if _, ok := all[name]; !ok {
			t.Errorf("docs/metrics.md names %s, which there is not", name)
		}
	}
	for _, kind := range store.Failures() {
		if !strings.Contains(page, "`"+kind+"`") {
			t.Errorf("docs/metrics.md lacks the kind of failure %s", kind)
		}
	}
}

// exporterMetrics are those of redis_exporter that the rules use.
var exporterMetrics = []string{
	"redis_memory_used_bytes", "redis_memory_max_bytes", "redis_evicted_keys_total", "redis_rejected_connections_total",
}

// scraped are the labels that Prometheus adds.
var scraped = []string{"instance", "job"}

type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

// TestRulesMatchMetrics parses every expression of the example, and looks for each of
// its metrics and labels.
func TestRulesMatchMetrics(t *testing.T) {
	var file ruleFile
	if err := yaml.UnmarshalWithOptions([]byte(readFile(t, "examples", "prometheus", "authbench.rules.yml")), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	all, seen := allFamilies(t), 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			seen++
			if r.Alert == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
				t.Errorf("%s: %+v is not whole", g.Name, r)
			}
			for _, wrong := range unknownIn(r.Expr, all) {
				t.Errorf("%s: %s", r.Alert, wrong)
			}
		}
	}
	if seen < 15 {
		t.Errorf("%d rules", seen)
	}
	for _, bad := range []string{
		"authbench_store_pool_wait_total > 0", `authbench_refreshes_total{result="stolen"} > 0`, `sum by (node) (authbench_logins_total)`,
		"rate(authbench_logins_total[5m)", `authbench_logins_total{reason="ok"}`, "redis_evictions > 0",
	} {
		if unknownIn(bad, all) == nil {
			t.Errorf("%s is taken for good", bad)
		}
	}
}

// unknownIn says what is wrong with an expression.
func unknownIn(expr string, all map[string]family) (wrong []string) {
	e, err := parser.ParseExpr(expr)
	if err != nil {
		return []string{err.Error()}
	}
	var known []string
	for _, matchers := range parser.ExtractSelectors(e) {
		i := slices.IndexFunc(matchers, func(m *labels.Matcher) bool { return m.Name == labels.MetricName })
		name := matchers[i].Value
		f, ours := all[name]
		if !ours && !slices.Contains(exporterMetrics, name) {
			wrong = append(wrong, name+" is exposed by no node")
		}
		known = append(known, f.labels...)
		for _, m := range matchers {
			if m.Name == labels.MetricName {
				continue
			}
			if !slices.Contains(f.labels, m.Name) {
				wrong = append(wrong, name+" has no label "+m.Name)
			} else if !matches(f, m) {
				wrong = append(wrong, name+" is never "+m.String())
			}
		}
	}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok {
			for _, l := range a.Grouping {
				if !slices.Contains(known, l) && !slices.Contains(scraped, l) {
					wrong = append(wrong, "nothing has the label "+l)
				}
			}
		}
		return nil
	})
	return wrong
}

// matches says whether any series of a family that lists its values beforehand has the
// label. Where none can be read here, on a node without that part, any will do.
func matches(f family, m *labels.Matcher) bool {
	full := &reading{
		pools: []store.Pool{{Name: "redis"}}, caches: []store.Cache{{Name: "memo"}}, copied: &revoke.Copy{},
	}
	any, found := false, false
	f.read(full, func(_ float64, values ...string) {
		any = true
		found = found || m.Matches(values[slices.Index(f.labels, m.Name)])
	})
	return found || !any && m.Value != "stolen"
}

// TestScrape reads the page of nodes of several arms: what each has, it has in full.
func TestScrape(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]string
		has      []string
		hasNot   []string
	}{
		"session-memory": {
			settingsFor("session", "store", "memory"),
			[]string{`logins_total{arm="test",mechanism="session",result="ok"} 1`, "sessions_vanished_total{", "session_touches_total{", `rejections_total{arm="test",mechanism="session",reason="unknown-session"} 1`, `revocations_total{arm="test",kind="logout",mechanism="session"} 1`},
			[]string{"store_pool_", "refreshes_total", "revocation_copy_", "authbench_keys{"},
		},
		"jwt": {
			with(settingsFor("token", "algorithm", "HS256"), "memo_entries", "100"),
			[]string{`refreshes_total{arm="test",mechanism="token",result="ok"} 0`, `cache_hits_total{arm="test",cache="memo",mechanism="token"} 3`, `cache_entries{arm="test",cache="memo",mechanism="token"} 1`},
			[]string{"store_pool_", "sessions_vanished_total", "revocation_copy_"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := startNode(t, c.settings)
			client := n.login(1)
			client.works(true)
			client.works(true)
			client.post("/logout", "")
			client.get("/me")
			page := n.do("GET", "/metrics", "").body
			for _, want := range c.has {
				if !strings.Contains(page, want) {
					t.Errorf("it lacks %s:\n%s", want, ours(page))
				}
			}
			for _, no := range c.hasNot {
				if strings.Contains(page, no) {
					t.Errorf("it has %s:\n%s", no, ours(page))
				}
			}
		})
	}
}

// ours are the lines of a page that are not those of Go or of the process.
func ours(page string) string {
	var out []string
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "authbench_") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// TestSightings: what vanishes counts once, what ended or expired does not count.
func TestSightings(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := newSightings(30*time.Minute, func() time.Time { return now })
	rec := &store.Record{LastSeen: now, Until: now.Add(12 * time.Hour)}
	id := func(c string) string { return strings.Repeat(c, sessionIDBytes) }
	expect := func(what string, want uint64) {
		t.Helper()
		if got := s.vanished.Load(); got != want {
			t.Errorf("%s: %d vanished, not %d", what, got, want)
		}
	}
	s.missed(id("a"))
	expect("an id that nobody has seen", 0)
	for _, c := range []string{"a", "b", "c", "d"} {
		s.saw(id(c), rec)
	}
	s.missed(id("a"))
	s.missed(id("a"))
	expect("one that should be there", 1)
	s.ended(id("b"))
	s.missed(id("b"))
	expect("one that was ended", 1)
	now = now.Add(29 * time.Minute)
	s.saw(id("d"), &store.Record{LastSeen: now, Until: rec.Until}) // it is used
	now = now.Add(2 * time.Minute)
	s.missed(id("c"))
	expect("one whose time was over", 1)
	s.missed(id("d"))
	expect("one that had been used since", 2)
	short := &store.Record{LastSeen: now, Until: now.Add(time.Minute)}
	s.saw(id("e"), short)
	now = now.Add(2 * time.Minute)
	s.missed(id("e"))
	expect("one beyond its absolute timeout", 2)
}

// TestVanishedOverTheWire takes a session away behind the node's back.
func TestVanishedOverTheWire(t *testing.T) {
	n := startNode(t, settingsFor("session", "store", "memory"))
	lost, left := n.login(1), n.login(2)
	lost.works(true)
	left.works(true)
	if _, err := n.srv.store.DeleteSubject(t.Context(), "user-1", nil); err != nil {
		t.Fatal(err)
	}
	lost.works(false)
	lost.works(false)
	left.post("/logout", "")
	left.works(false)
	if got := n.srv.sightings.vanished.Load(); got != 1 {
		t.Errorf("%d sessions vanished, not 1", got)
	}
}

// TestStopAtOnce: a node that is told to end before it has begun to listen ends.
func TestStopAtOnce(t *testing.T) {
	for range 50 {
		startNode(t, settingsFor("none", "", "")).stop()
	}
}

func BenchmarkSightings(b *testing.B) {
	s := newSightings(30*time.Minute, time.Now)
	now := time.Now()
	rec := &store.Record{LastSeen: now, Until: now.Add(12 * time.Hour)}
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = revoke.NewSession() + revoke.NewSession()[:21]
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.saw(ids[i%len(ids)], rec)
	}
}

// BenchmarkScrape is what a look at the metrics costs the node.
func BenchmarkScrape(b *testing.B) {
	s, err := New(b.Context(), Options{Arm: "test", Settings: mustDecode(b, settingsFor("session", "store", "memory"))})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	e := newExporter(s)
	for b.Loop() {
		ch := make(chan prometheus.Metric, 1000)
		e.Collect(ch)
	}
}

func mustDecode(tb testing.TB, values map[string]string) Settings {
	s, err := Decode(values)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestStoreMetrics: what a node with a Redis behind it tells of pool, copy, refresh
// tokens and failures.
func TestStoreMetrics(t *testing.T) {
	srv := storetest.StartRedis(t)
	redis := func(o *Options) { o.RedisURL = srv.URL }
	token := settingsFor("token", "algorithm", "ES256")
	value := func(n *node, series string) string {
		t.Helper()
		for line := range strings.Lines(ours(n.do("GET", "/metrics", "").body)) {
			name, v, _ := strings.Cut(strings.TrimSpace(line), "} ")
			if strings.NewReplacer(`arm="test",`, "", `,mechanism="token"`, "", `mechanism="token",`, "", `arm="test"`, "", `mechanism="token"`, "").Replace(name) == strings.TrimSuffix(series, "}") {
				return v
			}
		}
		return "nothing"
	}
	expect := func(n *node, series, want string) {
		t.Helper()
		if got := value(n, series); got != want {
			t.Errorf("%s is %s, not %s", series, got, want)
		}
	}

	n := startNode(t, with(token, "revocation", "families", "refresh_grace", "0s", "redis_pool_size", "7"), redis)
	n.untilReady()
	c := n.login(1)
	old := c.refresh
	if a := c.refreshed(); a.status != 200 {
		t.Fatal(a)
	}
	c.refresh = old
	time.Sleep(2 * time.Millisecond) // Redis counts the grace in those
	if a := c.refreshed(); a.status != 400 {
		t.Fatalf("a replay: %+v", a)
	}
	expect(n, `authbench_refreshes_total{result="ok"}`, "1")
	expect(n, `authbench_refreshes_total{result="reused"}`, "1")
	expect(n, `authbench_revocations_total{kind="reuse"}`, "1")
	expect(n, `authbench_store_pool_max_connections{pool="redis"}`, "7")
	expect(n, `authbench_store_pool_timeouts_total{pool="redis"}`, "0")
	if got := n.events.String(); !strings.Contains(got, `"msg":"refresh_reuse","sub":"user-1"`) || strings.Contains(got, old) {
		t.Errorf("the events of a replay: %s", got)
	}

	p := startNode(t, with(token, "revocation", "push"), redis)
	p.untilReady()
	expect(p, `authbench_revocation_copy_max_age_seconds{`, "1")
	if got := value(p, `authbench_revocation_copy_entries{`); got != "0" {
		t.Errorf("entries of a new copy: %s", got)
	}
	expect(p, `authbench_store_pool_max_connections{pool="redis-feed"}`, "2")

	srv.Kill()
	for range 10 {
		c.refreshed()
	}
	failed := 0.0
	for _, kind := range []string{"reset", "refused"} {
		v, _ := strconv.ParseFloat(value(n, `authbench_store_errors_total{kind="`+kind+`"}`), 64)
		failed += v
	}
	if failed == 0 {
		t.Error("a Redis that was killed is no error of the store")
	}
}
