package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// SessionFootprint logs ten thousand users in, a hundred thousand, a million, and asks
// what that takes: in the stores, in the node, and in the time that a use takes.
func SessionFootprint() Scenario {
	return Scenario{
		Name:    "session-footprint",
		Summary: "10,000 to a million sessions: bytes of each in Redis, in MySQL and in the node, and how long a use takes among so many",
		Params: []Param{
			{Key: "how", Default: "grow", Words: []string{"grow", "revoke"}, Meaning: "grow: more and more users log in; revoke: what a log-out leaves behind"},
			{Key: "users", Default: "1000000", Meaning: "users in the end; levels are powers of ten from 10,000"},
			{Key: "profiles", Default: "0,200,2000", Meaning: "bytes kept with each session, one population after the other"},
			{Key: "megabytes", Default: "2048", Meaning: "a population that would take more is left out"},
			{Key: "patience", Default: "4m", Meaning: "and so is one that would take longer to log in, all profiles together"},
			{Key: "rate", Default: "2000", Meaning: "uses a second, while so many are logged in"},
			{Key: "rounds", Default: "6", Meaning: "windows of uses at each population; 6 give an interval"},
			{Key: "window", Default: "2s", Meaning: "length of one"},
			{Key: "revoked", Default: "10000", Meaning: "users that log out, with how=revoke"},
		},
		Applies:  footprintApplies,
		Settings: outlives,
		Run:      runFootprint,
	}
}

// outlives lengthens the life of credentials that would end before all users are logged
// in.
func outlives(c *contract.Contract, _ Values) map[string]string {
	if _, ok := c.Settings["lifetime"]; ok && durationOf(c.Promises.Lifetime) < 2*caseLimit {
		return map[string]string{"lifetime": (2 * caseLimit).String()}
	}
	return nil
}

func footprintApplies(c *contract.Contract, v Values) string {
	switch {
	case c.Mechanism == "none":
		return "nobody is logged in to it"
	case c.Start == nil || !c.Start.Admin:
		return "it has no admin plane (start.admin), and a million log-ins over the wire take too long"
	case v["how"] == "revoke" && c.Revoke == nil:
		return "its contract has no revoke step"
	}
	return ""
}

func runFootprint(ctx context.Context, t *Trial) error {
	if t.Values["how"] == "revoke" {
		return t.leftBehind(ctx)
	}
	if t.Values.number("users") == 0 {
		return errors.New("--set users=0: nobody is to be logged in")
	}
	profiles, err := numbers(t.Values["profiles"])
	if err != nil {
		return fmt.Errorf("--set profiles=%s: %w", t.Values["profiles"], err)
	}
	key := sizeKey(t.Arm.Contract)
	if key == "" {
		profiles = []int{0}
	}
	end := time.Now().Add(t.Values.duration("patience"))
	for i, bytes := range profiles {
		if i > 0 { // the stores are emptied, and the next nodes get other keys
			if err := t.Testbed.Reset(ctx); err != nil {
				return fmt.Errorf("reset the stores: %w", err)
			}
		}
		p := &populated{t: t, bytes: bytes, until: time.Now().Add(time.Until(end) / time.Duration(len(profiles)-i))}
		if err := p.grow(ctx, key); err != nil {
			return fmt.Errorf("profile of %d bytes: %w", bytes, err)
		}
	}
	return nil
}

// populated is a node with a population that grows.
type populated struct {
	t     *Trial
	bytes int // of a profile
	until time.Time
	r     *rig

	users   int           // logged in
	sample  []user        // of them, evenly
	took    time.Duration // to log them in
	store   int64         // bytes before anybody was logged in
	heap    int64
	table   *results.Table
	refused int64
	uses    int64

	repeated int // log-ins
}

// levels are the populations, up to the largest: 10,000, 100,000 and so on, and it.
func levels(most int) []int {
	var out []int
	for n := 10_000; n < most; n *= 10 {
		out = append(out, n)
	}
	return append(out, most)
}

func (p *populated) grow(ctx context.Context, key string) (err error) {
	c := p.t.Arm.Contract
	if key != "" {
		if c, err = p.t.variant(map[string]string{key: strconv.Itoa(p.bytes)}); err != nil {
			return err
		}
	}
	p.r = &rig{t: p.t, c: c, hist: newHistory()}
	defer func() { err = errors.Join(err, p.r.close()) }()
	if err := p.r.startNode(ctx, setup{admin: true}, 0); err != nil {
		return err
	}
	if err := p.begin(ctx); err != nil {
		return err
	}
	p.newTable()
	for _, level := range levels(p.t.Values.number("users")) {
		if why := p.tooMuch(level); why != "" {
			p.leaveOut(level, why)
			continue
		}
		if err := p.reach(ctx, level); err != nil {
			return fmt.Errorf("%d users: %w", level, err)
		}
	}
	p.t.keep(p.table)
	p.conclude()
	return p.r.nodesAlive()
}

// begin looks at what is there before the first log-in. Some users of no population log
// in before: connections, scripts and tables are made then.
func (p *populated) begin(ctx context.Context) (err error) {
	if _, _, err := p.r.bulk(ctx, spareUser, 64, 0); err != nil {
		return err
	}
	if p.store, err = p.t.storeBytes(ctx, p.r.c); err != nil {
		return err
	}
	p.heap, err = p.r.heap(ctx)
	return err
}

// spareUser is the number of the first user beyond all populations.
const spareUser = 5_000_000

// tooMuch says why a level is left out, judging by those before.
func (p *populated) tooMuch(level int) string {
	if p.users == 0 {
		return ""
	}
	growth := float64(level) / float64(p.users)
	if last, ok := p.last(); ok {
		if mb := *last.Cells[0].Value * float64(level) / 1e6; mb > float64(p.t.Values.number("megabytes")) {
			return fmt.Sprintf("it would take about %.0f MB", mb)
		}
	}
	if wait := time.Duration(float64(p.took) * (growth - 1)); time.Now().Add(wait).After(p.until) {
		return fmt.Sprintf("it would take about %s to log them in", wait.Round(time.Second))
	}
	return ""
}

func (p *populated) leaveOut(level int, why string) {
	cells := make([]results.Cell, len(p.table.Columns))
	for i := range cells {
		cells[i] = none(why)
	}
	addAt(p.table, float64(level), thousands(level), cells...)
}

// thousands prints 10,000.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func (p *populated) newTable() {
	p.table = newTable(fmt.Sprintf("footprint-%d", p.bytes),
		fmt.Sprintf("More and more users are logged in, with a profile of %d bytes each: what do they take, and how long does a use?", p.bytes),
		results.Column{Name: "sessions", Unit: "sessions"},
		results.Column{Name: "a session", Unit: "bytes", Meaning: "stores and node, more than before the first log-in, by the number of sessions"},
		results.Column{Name: "in the stores", Unit: "bytes", Meaning: "Redis: used_memory without the buffers of clients; MySQL: pages of data and indexes after ANALYZE TABLE, 16 KiB each"},
		results.Column{Name: "in the node", Unit: "bytes", Meaning: "live objects after a garbage collection"},
		results.Column{Name: "by key", Unit: "bytes", Meaning: "MEMORY USAGE of keys drawn at random, times keys a session"},
		results.Column{Name: "node", Unit: "MB", Meaning: "resident memory of the process"},
		results.Column{Name: "log-ins", Unit: "1/s", Meaning: "as the node made them, without requests"},
		results.Column{Name: "p50", Unit: "us", Meaning: "of uses, open loop"},
		results.Column{Name: "p99", Unit: "us", Meaning: "of uses, open loop"})
	p.table.Draw = "a session"
}

// reach logs users in up to the level, and looks.
func (p *populated) reach(ctx context.Context, level int) error {
	began, had := time.Now(), p.users
	if err := p.fill(ctx, level); err != nil {
		return err
	}
	filling := time.Since(began)
	p.took += filling
	store, err := p.t.storeBytes(ctx, p.r.c)
	if err != nil {
		return err
	}
	heap, err := p.r.heap(ctx)
	if err != nil {
		return err
	}
	n := float64(p.users)
	inStore, inNode := none("it has no store"), figure(float64(heap-p.heap)/n)
	all := *inNode.Value
	if len(storesOf(p.r.c)) > 0 {
		inStore = figure(float64(store-p.store) / n)
		all += *inStore.Value
	}
	cells := []results.Cell{figure(all), inStore, inNode, p.t.byKey(ctx, p.r.c, p.users), p.resident(), figure(float64(level-had) / filling.Seconds())}
	windows, err := p.windows(ctx)
	if err != nil {
		return err
	}
	p99 := over(windows, 1e-3, func(m *results.Measurement) (float64, bool) {
		if m.Latency.P99 == nil {
			return 0, false
		}
		return float64(*m.Latency.P99), true
	})
	if p99.Value == nil {
		p99.Text = "too few uses in a window"
	}
	addAt(p.table, n, thousands(p.users), append(cells, over(windows, 1e-3, p50), p99)...)
	return nil
}

func (p *populated) resident() results.Cell {
	if rss := p.t.Testbed.Usage().Target; rss.Known && rss.RSS > 0 {
		return figure(float64(rss.RSS) / 1e6)
	}
	return none("not known")
}

// windows offers uses of the sample, in windows of which the first is to warm up.
func (p *populated) windows(ctx context.Context) (out []results.Measurement, err error) {
	plan, err := usePlan(p.r.c, p.r.nodes, p.sample)
	if err != nil {
		return nil, err
	}
	session, err := p.t.Engine.Open(ctx, plan, p.t.Workload.Connections)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	for round := range p.t.Values.number("rounds") + 1 {
		m, err := p.t.useWindow(ctx, session, "use", round)
		if err != nil {
			return nil, err
		}
		a := m.Accounting
		p.uses += a.OK
		p.refused += a.Rejected + a.Forbidden + a.ProtocolError + m.WrongSubject
		if round > 0 {
			out = append(out, m)
		}
	}
	return out, nil
}

// keepsNothing is the growth of a node, in bytes a log-in, that is none: what a heap of
// some hundred kilobytes varies by.
const keepsNothing = 64

// conclude says what the population came to.
func (p *populated) conclude() {
	v := results.Verdict{Check: "population", Status: results.Pass, Measured: number(float64(p.refused)), Bound: number(0), Unit: "uses refused"}
	switch {
	case p.uses == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "no use was accepted"
	case p.refused > 0:
		v.Status, v.Reason = results.Fail, "credentials were refused whose users were just logged in"
	}
	p.t.judge(v)
	last, ok := p.last()
	if !ok {
		return
	}
	if p.repeated > 0 {
		p.t.tell("footprint.repeated", "log-ins", float64(p.repeated), "%d log-ins were repeated because the store did not answer in time: each may have left a record more.", p.repeated)
	}
	c := p.r.c
	p.t.tell(fmt.Sprintf("footprint.%d", p.bytes), "bytes", *last.Cells[0].Value,
		"With a profile of %d bytes and %s users a log-in takes %.0f bytes of stores and node.", p.bytes, last.Label, *last.Cells[0].Value)
	if c.Mechanism == "session" || len(storesOf(c)) > 0 {
		return
	}
	// What keeps no record of a log-in holds nothing for it, however many there are.
	held := *last.Cells[0].Value
	nothing := results.Verdict{Check: "keeps-nothing", Status: results.Pass, Measured: number(held), Bound: number(keepsNothing), Unit: "bytes a log-in in the node"}
	if held > keepsNothing {
		nothing.Status, nothing.Reason = results.Fail, "the node grows with every log-in"
	}
	p.t.judge(nothing)
}

// last is the row of the largest population that was reached.
func (p *populated) last() (results.Row, bool) {
	for i := len(p.table.Rows) - 1; i >= 0; i-- {
		if row := p.table.Rows[i]; row.Cells[0].Value != nil {
			return row, true
		}
	}
	return results.Row{}, false
}
