package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// rejectChart shows how long revoked credentials went on: a row an arm, all on
// one axis of time since the acknowledgement. Nil where nothing was revoked.
func (s *chaosSummary) rejectChart(rows []evidence.Revoked) *chart {
	c := &chart{
		Name: "Still accepted after the acknowledged log-out",
		Caption: "The height is the share of revoked credentials, counted on every node by itself, that were still accepted so long after the log-out was acknowledged. " +
			"The marker is the last accepted use; the dashed line is the bound that the arm declares, where it is a length of time. A flat line with its marker at 0 let nothing through. The axis is logarithmic, so 0 stands at its left edge.",
		Head: []string{"Arm", "Declared bound", "10 ms", "100 ms", "1 s", "10 s", "1 min", "Last accepted use"},
	}
	ax, ok := rejectAxis(rows)
	if !ok {
		return nil
	}
	const h = 46
	for _, r := range rows {
		var g svg
		g.open("dots", fmt.Sprintf("%s: %s of %s let through, last accepted use %s after the acknowledgement", r.Arm, number.Integer(r.LetThrough), number.Integer(r.Uses), r.Accepted.Most()), h)
		for _, t := range ax.ticks(6) {
			g.vline("grid", ax.at(t), 0, h)
		}
		for _, t := range r.Trials {
			if in := t.Chaos.Revocation; in != nil && len(in.Curve) > 0 {
				points := steps(ax, in)
				g.curve(3, h-6, path(class(r.Ref, "area under"), true, append(points, [2]float64{points[len(points)-1][0], 100}, [2]float64{0, 100})),
					path(class(r.Ref, "l"), false, points))
			}
		}
		g.f(`<line class="base" x1="0%%" x2="100%%" y1="%d" y2="%d"/>`, h-3, h-3)
		if bound, known := r.BoundNS(); known && bound <= ax.hi {
			at := ax.at(max(bound, ax.lo))
			g.vline("bound", at, 0, h)
		}
		last := 0.0
		for _, t := range r.Trials {
			if in := t.Chaos.Revocation; in != nil && in.LastAccept.Max != nil {
				last = max(last, float64(*in.LastAccept.Max))
			}
		}
		g.mark(r.Ref, ax.at(max(last, ax.lo)), h-3)
		value := "none of " + number.Integer(r.Uses)
		if r.LetThrough > 0 {
			value = number.Of(r.LetThrough, r.Uses) + ", " + r.Accepted.Most()
		}
		c.Strips = append(c.Strips, strip{Arm: r.Ref, SVG: g.done(), Value: value, Note: r.Note()})
		row := []string{strings.Join(nonEmpty([]string{r.Arm, r.Note()}), ", "), r.Bounded()}
		for _, at := range []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second, time.Minute} {
			row = append(row, acceptedAt(r, at))
		}
		c.Rows = append(c.Rows, append(row, r.Accepted.Most()))
	}
	var g svg
	g.open("axis", "logarithmic axis, time since the acknowledged log-out", 20)
	g.ticksX(ax, 6, 0, 4, duration)
	c.Axis = g.done()
	return c
}

// farthest is how far the axis goes for the sake of a bound that no use came near.
const farthest = 2 * time.Minute

// rejectAxis covers what there is to see, 1 ms to 1 s at least.
func rejectAxis(rows []evidence.Revoked) (axis, bool) {
	lo, hi, any := 1e6, 1e9, false
	for _, r := range rows {
		if bound, known := r.BoundNS(); known && bound <= float64(farthest) {
			hi = max(hi, bound*1.1)
		}
		for _, t := range r.Trials {
			in := t.Chaos.Revocation
			if in == nil {
				continue
			}
			any = any || len(in.Curve) > 0
			if in.LastAccept.Max != nil {
				hi = max(hi, float64(*in.LastAccept.Max)*1.1)
			}
			for _, p := range in.Curve {
				if p.AfterNS > 0 && p.Accepted > 0 {
					lo = min(lo, max(float64(p.AfterNS), 1e4))
				}
			}
		}
	}
	return axis{math.Pow(10, math.Floor(math.Log10(lo))), roundUp(hi, 1, 1.5, 2, 3, 5), true}, any
}

// steps turns a curve into the corners of a staircase, in percent of the box: a
// share holds until the next point, and no longer than the last accepted use. What
// lies left of the axis stands at its edge.
func steps(ax axis, r *results.Revocation) [][2]float64 {
	curve := r.Curve
	if last := r.LastAccept.Max; last != nil {
		end := slices.IndexFunc(curve, func(p results.CurvePoint) bool { return p.AfterNS > *last })
		if end > 0 {
			curve = append(slices.Clone(curve[:end]), results.CurvePoint{AfterNS: *last})
		}
	}
	y := func(share float64) float64 { return 100 * (1 - min(1, max(0, share))) }
	var out [][2]float64
	for i, p := range curve {
		x := ax.at(max(float64(p.AfterNS), ax.lo))
		if i == 0 {
			out = append(out, [2]float64{0, y(p.Accepted)})
		} else {
			out = append(out, [2]float64{x, out[len(out)-1][1]})
		}
		out = append(out, [2]float64{x, y(p.Accepted)})
	}
	if last := out[len(out)-1]; last[1] == 100 { // else nobody looked any further
		out = append(out, [2]float64{100, 100})
	}
	return out
}

// acceptedAt reads the curve: the largest share over the blocks.
func acceptedAt(r evidence.Revoked, after time.Duration) string {
	share, known := 0.0, false
	for _, t := range r.Trials {
		if t.Chaos.Revocation == nil {
			continue
		}
		for i, p := range t.Chaos.Revocation.Curve {
			next := i+1 < len(t.Chaos.Revocation.Curve) && t.Chaos.Revocation.Curve[i+1].AfterNS <= int64(after)
			if p.AfterNS <= int64(after) && !next {
				share, known = max(share, p.Accepted), true
			}
		}
	}
	if !known {
		return "–"
	}
	return number.Percent(share)
}
