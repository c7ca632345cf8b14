package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
)

// exporter turns the counters into metrics when a scrape asks.
type exporter struct {
	c                                            *counters
	requests, rejections, storeErrs, away, swept *prometheus.Desc
}

func newExporter(c *counters) *exporter {
	labels := prometheus.Labels{"arm": c.arm, "mechanism": c.mechanism}
	desc := func(name, help string, variable ...string) *prometheus.Desc {
		return prometheus.NewDesc("authbench_"+name, help, variable, labels)
	}
	return &exporter{
		c:          c,
		requests:   desc("http_requests_total", "Requests answered.", "route", "code"),
		rejections: desc("auth_rejections_total", "Credentials rejected.", "reason"),
		storeErrs:  desc("store_errors_total", "Requests that failed because the store did."),
		away:       desc("connections_refused_total", "Connections beyond max_connections."),
		swept:      desc("sessions_swept_total", "Expired sessions removed by the sweep."),
	}
}

// Describe implements prometheus.Collector.
func (e *exporter) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{e.requests, e.rejections, e.storeErrs, e.away, e.swept} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (e *exporter) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	e.c.each(func(route, code string, n uint64) { counter(e.requests, n, route, code) })
	for reason, n := range e.c.rejections {
		counter(e.rejections, n.Load(), reason)
	}
	counter(e.storeErrs, e.c.storeErrs.Load())
	counter(e.away, e.c.turnedAway.Load())
	counter(e.swept, e.c.sweptTotal.Load())
}

// newMetrics is the handler of GET /metrics, over a registry of its own.
func newMetrics(c *counters) fasthttp.RequestHandler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(newExporter(c), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
}
