package report

import (
	"strconv"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
)

// scoreboard is one table: every arm by everything that the decision turns on.
type scoreboard struct {
	Columns  []boardColumn
	Rows     []boardRow
	Baseline string
	Costs    bool   // there are any
	Compared bool   // at least one number has a ratio
	Judged   string // what is judged, in words
}

// boardColumn is a head, with the reason why the column is empty if it is.
type boardColumn struct {
	Name, Note string
	Left       bool // words, not numbers
	of         func(evidence.Row) tile
}

type boardRow struct {
	Ref   *evidence.Arm
	None  string // why there are no costs; then one cell stands for Span of them
	Span  int
	Cells []tile
}

// tile is one cell: a value, and what there is to say about it in small print.
type tile struct {
	Value   string
	Lines   []string
	Alarm   string // a line more that nobody shall overlook
	Missing string
	Left    bool
	Strong  bool
	Bad     bool
	Word    string // inconclusive, equivalent
}

func scoreboardSection(v *view) any {
	rows := v.Scoreboard()
	s := &scoreboard{Baseline: v.Run.Baseline, Judged: "p50 and CPU"}
	if v.Run.Profile == "full" {
		s.Judged = "p50, p99 and CPU"
	}
	costs := 0
	if v.Cost != nil {
		s.Costs, s.Columns = true, costColumns(v)
		costs = len(s.Columns)
	}
	s.Columns = append(s.Columns, promiseColumns(rows)...)
	for _, r := range rows {
		row := boardRow{Ref: r.Arm}
		columns := s.Columns
		if costs > 0 && v.Arm(r.Arm.Name) == nil {
			row.None, row.Span, columns = r.CPU.Missing, costs, s.Columns[costs:]
		}
		for _, c := range columns {
			t := c.of(r)
			t.Left = c.Left
			row.Cells = append(row.Cells, t)
		}
		s.Rows = append(s.Rows, row)
		s.Compared = s.Compared || r.CPU.Against != nil || len(r.Latency) > 0 && r.Latency[0].Against != nil
	}
	s.gather()
	if len(s.Rows) == 0 {
		return nil
	}
	return s
}

func costColumns(v *view) []boardColumn {
	var out []boardColumn
	for i, l := range v.Levels {
		c := boardColumn{Name: l.Name + ", µs", of: func(r evidence.Row) tile { return scoreTile(r.Latency[i]) }}
		if l.Merged {
			c.Note = "blocks merged"
		}
		out = append(out, c)
	}
	rate := boardColumn{Name: "Highest rate", of: func(r evidence.Row) tile { return rateTile(r) }}
	if len(v.Run.Knees) > 0 {
		rate.Note = "at " + v.Run.Knees[0].Objective
	}
	return append(out, rate,
		boardColumn{Name: "CPU a request, µs", Note: "saturated: target + store", of: cpuTile},
		boardColumn{Name: "Request, bytes", of: bytesTile},
		boardColumn{Name: "Not ok", Note: "under steady load", of: func(r evidence.Row) tile { return shareTile(r.Failed) }})
}

func promiseColumns(rows []evidence.Row) []boardColumn {
	fault := commonFault(rows)
	return []boardColumn{
		{Name: "Revocation window", Note: "last accepted use after the log-out", Left: true, of: windowTile},
		{Name: "Store away", Note: strings.Join(nonEmpty([]string{fault, "what users met"}), ": "), Left: true, of: func(r evidence.Row) tile { return outageTile(r, fault) }},
		{Name: "Well again after", Note: "and what was gone then", Left: true, of: recoveryTile},
	}
}

// gather moves a reason that all cells of a column share into its head.
func (s *scoreboard) gather() {
	for k := range s.Columns {
		reason, same := "", true
		var cells []*tile
		for i := range s.Rows {
			row := &s.Rows[i]
			at := k
			if row.None != "" {
				at -= row.Span
			}
			if at < 0 || row.Cells[at].Value == "–" {
				continue
			}
			c := &row.Cells[at]
			same = same && c.Missing != "" && (reason == "" || reason == c.Missing)
			reason = c.Missing
			cells = append(cells, c)
		}
		if same && len(cells) > 1 {
			s.Columns[k].Note = reason
			for _, c := range cells {
				c.Missing, c.Value = "", "n/a"
			}
		}
	}
}

// none stands where there is nothing to ask: the duplicate is the baseline.
func none(why string) tile { return tile{Value: "–", Lines: nonEmpty([]string{why})} }

func cpuTile(r evidence.Row) tile {
	t := scoreTile(r.CPU)
	t.Strong = true
	if r.CPU.Missing == "" && len(r.Arm.Needs) > 0 {
		t.Lines = append([]string{number.Micros(r.Target.Value) + " + " + number.Micros(r.Store.Value)}, t.Lines...)
	}
	return t
}

// scoreTile is a time with its ratio and its difference to the baseline.
func scoreTile(s evidence.Score) tile {
	if s.Missing != "" {
		return tile{Missing: s.Missing}
	}
	t := tile{Value: number.Micros(s.Value.Value)}
	if s.Against == nil {
		if s.N > 1 {
			t.Lines = append(t.Lines, number.Micros(s.Min)+" – "+number.Micros(s.Max))
		}
		return t
	}
	v := versusOf(*s.Against, s.Status)
	t.Lines = append(t.Lines, "×"+v.Ratio+" "+v.Interval, v.Difference+" "+v.DifferenceInterval)
	t.Word = v.Word()
	return t
}

func rateTile(r evidence.Row) tile {
	k := r.Rate
	switch {
	case r.Arm.Duplicate:
		return none("")
	case k.Knee == nil:
		return tile{Missing: k.Missing}
	case k.MetPerSecond == 0:
		return tile{Value: "none met", Lines: []string{k.Summary}}
	}
	t := tile{Value: number.Integer(int64(k.MetPerSecond)) + "/s"}
	switch {
	case k.MissedPerSecond > 0:
		t.Lines = append(t.Lines, "not at "+number.Integer(int64(k.MissedPerSecond))+"/s")
	case k.GeneratorLimitPerSecond > 0:
		t.Lines = append(t.Lines, "or more: the generator’s limit")
	}
	return t
}

func bytesTile(r evidence.Row) tile {
	if r.Request.Missing != "" {
		return tile{Missing: r.Request.Missing}
	}
	return tile{Value: number.Short(r.Request.Value), Lines: []string{"answer " + number.Short(r.Answer.Value)}}
}

func shareTile(s evidence.Share) tile {
	switch {
	case s.Missing != "":
		return tile{Missing: s.Missing}
	case s.K == 0:
		return tile{Value: "0", Lines: []string{"of " + number.Integer(s.N), "< " + shareText(s.Hi)}}
	}
	return tile{
		Value: shareText(float64(s.K) / float64(s.N)), Bad: true,
		Lines: []string{number.Of(s.K, s.N), "[" + shareText(s.Lo) + ", " + shareText(s.Hi) + "]"},
	}
}

// shareText prints a share that may be tiny: two digits.
func shareText(share float64) string {
	if share >= .1 {
		return number.Percent(share)
	}
	p, err := strconv.ParseFloat(strconv.FormatFloat(100*share, 'g', 2, 64), 64)
	if err != nil {
		return number.Percent(share)
	}
	return strconv.FormatFloat(p, 'f', -1, 64) + number.NBSP + "%"
}

// windowTile is how long revoked credentials went on, as far as it was seen.
func windowTile(r evidence.Row) tile {
	w := r.Window
	switch {
	case r.Arm.Duplicate:
		return none("")
	case w == nil:
		return tile{Missing: r.NoWindow}
	}
	t := tile{Value: w.Accepted.Most()}
	if w.LetThrough == 0 {
		t.Value = "none seen"
		t.Lines = append(t.Lines, "0 of "+number.Count(int(w.Uses), "use"))
		if s := w.Share(); s != "" {
			t.Lines = append(t.Lines, s+" of "+number.Count(int(w.Revocations), "log-out"))
		}
	} else {
		t.Lines = append(t.Lines, number.Of(w.LetThrough, w.Uses)+" uses")
	}
	if w.BeyondBound > 0 {
		t.Bad = true
		t.Alarm = number.Integer(w.BeyondBound) + " beyond the bound"
	}
	t.Lines = append(t.Lines, "declared "+w.Bounded())
	if r.Otherwise != "" {
		t.Lines = append(t.Lines, "tried with "+r.Otherwise)
	}
	return t
}

// outageTile is what users met while the store was away. The fault stands in the
// cell unless it is the same for all.
func outageTile(r evidence.Row, common string) tile {
	o := r.Outage
	if o == nil {
		return noOutage(r)
	}
	t := tile{Bad: o.During.WronglyIn > 0}
	if common == "" {
		t.Lines = append(t.Lines, "under "+faultOf(o))
	}
	if o.During.Blocks == 0 {
		t.Missing, t.Lines = "not measured while it lasted", nil
		return t
	}
	met := strings.Split(o.Saw(), ", ")
	t.Value = met[0]
	t.Lines = append(t.Lines, met[1:]...)
	t.Lines = append(t.Lines, "of "+number.Count(int(o.During.Accounting.Scheduled), "use"))
	if r.Outages > 1 {
		t.Lines = append(t.Lines, number.Count(r.Outages-1, "more fault")+" below")
	}
	return t
}

// recoveryTile is how long it took to be well again, and what was gone then.
func recoveryTile(r evidence.Row) tile {
	o := r.Outage
	if o == nil {
		return noOutage(r)
	}
	t := tile{Value: o.Recover}
	if o.LiveAsked > 0 {
		t.Lines = append(t.Lines, number.Of(o.Lost, o.LiveAsked)+" logged out")
	}
	switch text := number.Of(o.Resurrected, o.RevokedAsked) + " revoked live again"; {
	case o.Resurrected > 0:
		t.Alarm = text
	case o.RevokedAsked > 0:
		t.Lines = append(t.Lines, text)
	}
	return t
}

func noOutage(r evidence.Row) tile {
	switch {
	case r.Arm.Duplicate:
		return none("")
	case r.NoOutage == evidence.NoStore:
		return none(r.NoOutage)
	}
	return tile{Missing: r.NoOutage}
}

func faultOf(o *evidence.Outage) string {
	return strings.Join(nonEmpty([]string{strings.TrimSuffix(o.Scenario, "-outage"), o.Note()}), ", ")
}

// commonFault is the fault of all outages that are shown, if it is one.
func commonFault(rows []evidence.Row) string {
	common := ""
	for _, r := range rows {
		if r.Outage == nil {
			continue
		}
		if f := faultOf(r.Outage); common != "" && common != f {
			return ""
		}
		common = faultOf(r.Outage)
	}
	return common
}
