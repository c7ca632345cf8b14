package server

import (
	"maps"
	"slices"
	"strconv"

	"github.com/valyala/fasthttp"
)

// newMetrics is the handler of GET /metrics: the counters in the text format of
// Prometheus, version 0.0.4.
func newMetrics(c *counters) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		p := page{c: c}
		p.head("http_requests_total", "Requests answered.")
		c.each(func(route, code string, n uint64) {
			p.line("http_requests_total", n, "route", route, "code", code)
		})
		p.head("auth_rejections_total", "Credentials rejected.")
		for _, reason := range slices.Sorted(maps.Keys(c.rejections)) {
			p.line("auth_rejections_total", c.rejections[reason].Load(), "reason", reason)
		}
		for _, one := range []struct {
			name, help string
			n          uint64
		}{
			{"store_errors_total", "Requests that failed because the store did.", c.storeErrs.Load()},
			{"connections_refused_total", "Connections beyond max_connections.", c.turnedAway.Load()},
			{"sessions_swept_total", "Expired sessions removed by the sweep.", c.sweptTotal.Load()},
		} {
			p.head(one.name, one.help)
			p.line(one.name, one.n)
		}
		ctx.Response.Header.SetContentType("text/plain; version=0.0.4; charset=utf-8")
		ctx.Response.AppendBody(p.b)
	}
}

type page struct {
	c *counters
	b []byte
}

func (p *page) head(name, help string) {
	p.b = append(p.b, "# HELP authbench_"+name+" "+help+"\n# TYPE authbench_"+name+" counter\n"...)
}

func (p *page) line(name string, n uint64, labels ...string) {
	p.b = append(p.b, "authbench_"+name+"{arm="+strconv.Quote(p.c.arm)+",mechanism="+strconv.Quote(p.c.mechanism)...)
	for i := 0; i+1 < len(labels); i += 2 {
		p.b = append(p.b, ","+labels[i]+"="+strconv.Quote(labels[i+1])...)
	}
	p.b = append(append(append(p.b, "} "...), strconv.FormatUint(n, 10)...), '\n')
}
