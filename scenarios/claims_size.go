package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"authbench/loadgen"
	"authbench/results"
	"authbench/results/stat"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// ClaimsSize asks what it costs to keep more of a user in the credential, or in the
// session, and where the size of a header or of a cookie ends it. Its other variant
// asks what the holder of a credential can read in it without a key.
func ClaimsSize() Scenario {
	return Scenario{
		Name:    "claims-size",
		Summary: "a profile of 200 bytes to 8 KB in the token, in the session or in a sealed cookie: bytes, time, CPU, and the size at which a header is refused",
		Params: []Param{
			{Key: "how", Default: "cost", Words: []string{"cost", "read"}, Meaning: "cost: the profile grows; read: what can be read and altered without a key"},
			{Key: "sizes", Default: "200,500,1000,2000,4000,8000", Meaning: "bytes of the profile, rising"},
			{Key: "users", Default: "200", Meaning: "users that are logged in, at each size"},
			{Key: "rate", Default: "1500", Meaning: "uses a second"},
			{Key: "rounds", Default: "12", Meaning: "windows at each size, sizes in turn; 6 give an interval"},
			{Key: "window", Default: "1s", Meaning: "length of one"},
		},
		Applies: claimsApply,
		Run:     runClaims,
	}
}

// sizeKey is the setting that sizes what an arm keeps of a user, or "".
func sizeKey(c *contract.Contract) string {
	for _, key := range []string{"claims_bytes", "session_bytes"} {
		if _, ok := c.Settings[key]; ok {
			return key
		}
	}
	return ""
}

func claimsApply(c *contract.Contract, v Values) string {
	switch {
	case c.Mechanism == "none":
		return "it has no credential that could grow, or be read"
	case v["how"] == "cost" && c.Start == nil:
		return "it runs elsewhere, where nothing can be set"
	case v["how"] == "cost" && sizeKey(c) == "":
		return "it has no setting for the size of what it keeps of a user (claims_bytes, session_bytes)"
	}
	return ""
}

func runClaims(ctx context.Context, t *Trial) error {
	if t.Values["how"] == "read" {
		return t.readable(ctx)
	}
	sizes, err := numbers(t.Values["sizes"])
	if err != nil {
		return fmt.Errorf("--set sizes=%s: %w", t.Values["sizes"], err)
	}
	return t.claims(ctx, sizes)
}

// numbers reads whole numbers that rise: "200,500".
func numbers(list string) ([]int, error) {
	var out []int
	for f := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(f)
		if err != nil || n < 0 || len(out) > 0 && n <= out[len(out)-1] {
			return nil, fmt.Errorf("%q: want whole numbers that rise, such as 200,500", f)
		}
		out = append(out, n)
	}
	return out, nil
}

// sized is the arm with a profile of one size, at work.
type sized struct {
	*rig
	bytes   int
	sent    sent
	status  int   // of a use
	odd     int64 // uses that were refused, and not as too large
	stored  results.Cell
	session loadgen.Session // nil where the header is too large
	windows []results.Measurement
}

// sent is how large a use is, in bytes.
type sent struct {
	credential int
	field      int // the header field that carries it, name and value and what is between
	cookie     int // name and value of the cookie that carries it; 0: it is in none
	head       int // request line and header fields, as our one-request client sends them
}

func (t *Trial) claims(ctx context.Context, sizes []int) (err error) {
	var all []*sized
	defer func() {
		for _, s := range all {
			if s.session != nil {
				err = errors.Join(err, s.session.Close())
			}
			err = errors.Join(err, s.close())
		}
	}()
	for _, n := range sizes {
		s, serr := t.atSize(ctx, n)
		if s != nil {
			all = append(all, s)
		}
		if serr != nil {
			return fmt.Errorf("%s=%d: %w", sizeKey(t.Arm.Contract), n, serr)
		}
	}
	if err := t.rounds(ctx, all); err != nil {
		return err
	}
	for _, s := range all {
		if err := s.nodesAlive(); err != nil {
			return err
		}
	}
	t.sizeTable(all)
	return t.limits(ctx, all)
}

// atSize starts a node whose profiles have n bytes, logs users in, and looks at one use.
func (t *Trial) atSize(ctx context.Context, n int) (s *sized, err error) {
	c, err := t.variant(map[string]string{sizeKey(t.Arm.Contract): strconv.Itoa(n)})
	if err != nil {
		return nil, err
	}
	s = &sized{rig: &rig{t: t, c: c, hist: newHistory()}, bytes: n}
	if err := s.startNode(ctx, setup{}, 0); err != nil {
		return s, err
	}
	before, berr := t.recordBytes(ctx, c)
	if s.users, err = s.logIn(ctx, t.Values.number("users")); err != nil {
		return s, err
	}
	after, aerr := t.recordBytes(ctx, c)
	switch {
	case len(storesOf(c)) == 0:
		s.stored = none("it has no store")
	case berr != nil || aerr != nil:
		s.stored = none(errors.Join(berr, aerr).Error())
	default:
		s.stored = figure(float64(after-before) / float64(len(s.users)))
	}
	if err := s.look(ctx); err != nil || s.status != 200 {
		return s, err
	}
	plan, err := usePlan(c, s.nodes, s.users)
	if err != nil {
		return s, err
	}
	s.session, err = t.Engine.Open(ctx, plan, t.Workload.Connections)
	return s, err
}

// looks is how many uses have to be answered in the same way.
const looks = 20

// look uses credentials one at a time and notes what is sent and how it is answered.
func (s *sized) look(ctx context.Context) error {
	for i := range min(looks, len(s.users)) {
		a, err := s.client(0).Do(ctx, &s.c.Use, s.users[i].vars)
		if err != nil {
			return err
		}
		if i == 0 {
			s.sent, s.status = sizeOf(a.Request, s.users[i].vars["credential"]), a.Status
		}
		if a.Outcome != results.OK && a.Status != tooLarge || a.Status != s.status {
			s.odd++
		}
	}
	return nil
}

// tooLarge is Request Header Fields Too Large (RFC 6585 section 5).
const tooLarge = 431

// closing is what our client adds to a request.
const closing = "Connection: close\r\n"

func sizeOf(req contract.RawRequest, credential string) sent {
	s := sent{credential: len(credential), head: len(req.Bytes()) - len(req.Body) + len(closing)}
	for _, h := range req.Headers {
		if !strings.Contains(h.Value, credential) {
			continue
		}
		s.field = len(h.Name) + len(": ") + len(h.Value)
		if strings.EqualFold(h.Name, "Cookie") {
			s.cookie = len(h.Value) - len("=") // of the one cookie there is
		}
	}
	return s
}

// rounds offers the same load at every size in turn, again and again, so that what the
// machine does meanwhile falls on all of them.
func (t *Trial) rounds(ctx context.Context, all []*sized) error {
	loaded := slices.DeleteFunc(slices.Clone(all), func(s *sized) bool { return s.session == nil })
	for round := range t.Values.number("rounds") + 1 { // the first is to warm up
		for i := range loaded {
			s := loaded[(i+round)%len(loaded)]
			m, err := t.useWindow(ctx, s.session, "use", round)
			if err != nil {
				return fmt.Errorf("%d bytes: %w", s.bytes, err)
			}
			if round > 0 {
				s.windows = append(s.windows, m)
			}
		}
	}
	return nil
}

// useWindow offers uses for one window, with the clocks read around it.
func (t *Trial) useWindow(ctx context.Context, session loadgen.Session, operation string, round int) (results.Measurement, error) {
	var before, after testbed.Usage
	rec, err := session.Run(ctx, loadgen.Phase{
		Operation: operation, Rate: float64(t.Values.number("rate")), Duration: t.Values.duration("window"),
		Seed: t.Seed + uint64(round), Timeout: opTimeout,
		OnBegin: func() { before = t.Testbed.Usage() }, OnEnd: func() { after = t.Testbed.Usage() },
	})
	if err != nil {
		return results.Measurement{}, err
	}
	if err := rec.Accounting.Check(); err != nil {
		return results.Measurement{}, err
	}
	return measurement(rec, after.Sub(before), testbed.Ops{}, max(1, t.LoadgenCores)), nil
}

// over estimates a figure from windows, which each have or have not one.
func over(windows []results.Measurement, scale float64, get func(*results.Measurement) (float64, bool)) results.Cell {
	var x []float64
	for i := range windows {
		if v, ok := get(&windows[i]); ok {
			x = append(x, v)
		}
	}
	if len(x) == 0 {
		return none("not measured")
	}
	e, err := stat.Location(x, 0.95)
	if err != nil {
		return none(err.Error())
	}
	return within(e, scale)
}

func p50(m *results.Measurement) (float64, bool) {
	if m.Latency.P50 == nil {
		return 0, false
	}
	return float64(*m.Latency.P50), true
}

// cpuOf is the CPU of a use in nanoseconds: of the node, and of the stores where the
// arm has any.
func cpuOf(c *contract.Contract) func(*results.Measurement) (float64, bool) {
	return func(m *results.Measurement) (float64, bool) {
		u := m.Usage
		cpu, known := u.Target.CPUPerRequest, u.Target.Known
		if len(storesOf(c)) > 0 {
			cpu, known = cpu+u.Store.CPUPerRequest, known && u.Store.Known
		}
		return cpu, known
	}
}

func (t *Trial) sizeTable(all []*sized) {
	table := newTable("cost", "A profile of each size is kept with the log-in; the same uses are offered at all sizes in turn.",
		results.Column{Name: "profile", Unit: "bytes", Meaning: "text of that many characters per user, which nothing can compress"},
		results.Column{Name: "credential", Unit: "bytes"},
		results.Column{Name: "request", Unit: "bytes", Meaning: "one use, as written to the wire, headers included"},
		results.Column{Name: "p50", Unit: "us", Meaning: "of the response time, open loop"},
		results.Column{Name: "CPU", Unit: "us", Meaning: "of a use: node and store"},
		results.Column{Name: "stored", Unit: "bytes", Meaning: "in the stores, of a log-in: MEMORY USAGE of its keys in Redis, pages in MySQL"},
		results.Column{Name: "refused", Unit: "%", Meaning: "of the uses, with 431: the header is too large"})
	table.Draw = "CPU"
	var failed, refused int64
	for _, s := range all {
		row := []results.Cell{counted(s.sent.credential)}
		if s.session == nil {
			why := fmt.Sprintf("refused: status %d", s.status)
			row = append(row, figure(float64(s.sent.head-len(closing))), none(why), none(why), s.stored)
		} else {
			row = append(row, figure(s.windows[0].RequestBytes), over(s.windows, 1e-3, p50), over(s.windows, 1e-3, cpuOf(s.c)), s.stored)
		}
		share := 0.0
		if s.status == tooLarge {
			share = 100
			refused += int64(min(looks, len(s.users)))
		}
		addAt(table, float64(s.bytes), fmt.Sprintf("%d B", s.bytes), append(row, figure(share))...)
		for _, m := range s.windows {
			a := m.Accounting
			failed += a.Rejected + a.Forbidden + a.ProtocolError + m.WrongSubject
		}
		failed += s.odd
	}
	t.keep(table)
	v := results.Verdict{Check: "sizes-accepted", Status: results.Pass, Measured: number(float64(failed)), Bound: number(0), Unit: "uses refused other than with 431"}
	if failed > 0 {
		v.Status, v.Reason = results.Fail, "a credential that was just given out was refused, and not because it is too large"
	}
	t.judge(v)
	if refused > 0 {
		t.tell("claims.refused", "uses", float64(refused), "%d of %d single uses were refused with 431, all at sizes whose header is too large.", refused, len(all)*min(looks, t.Values.number("users")))
	}
}
