package server

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"authbench/targets/revoke"
	"authbench/targets/store"
)

// family is one metric: authbench_NAME, with the labels arm and mechanism of the
// node before its own. It is read when a scrape asks, never before: what a request
// costs is at most the addition to an atomic that it reads. One that has nothing to
// say on an arm says nothing.
//
// There is no histogram of request durations. Two readings of the clock and an
// observation are some 100 ns on every request, which is measured here, and what
// they would show leaves out the wait before the handler: who needs percentiles has
// them from the side that waits, the balancer or the client. docs/metrics.md lists
// the families; a test holds it to this table.
type family struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	read       func(r *reading, emit emit)
}

// emit hands a value over, with the values of the family's labels.
type emit func(value float64, labels ...string)

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// families lists them all.
func (s *Server) families() []family {
	return slices.Concat(s.requestFamilies(), s.credentialFamilies(), s.keyFamilies(), poolFamilies(), cacheFamilies(), copyFamilies())
}

// reading is what the clients of the store know of themselves, at one scrape.
type reading struct {
	pools  []store.Pool
	caches []store.Cache
	copied *revoke.Copy // nil: the arm has none
}

func (s *Server) reading() *reading {
	r := &reading{}
	if s.store != nil {
		st := s.store.Stats()
		r.pools, r.caches = st.Pools, st.Caches
	}
	if t := s.tokens; t != nil {
		if t.strategy != nil {
			st := t.strategy.Stats()
			r.pools, r.caches, r.copied = append(r.pools, st.Pools...), append(r.caches, st.Caches...), st.Copy
		}
		if t.memo != nil {
			r.caches = append(r.caches, t.memo.Stats())
		}
	}
	return r
}

// exporter turns families into metrics when a scrape asks.
type exporter struct {
	server   *Server
	families []family
	descs    []*prometheus.Desc
}

func newExporter(s *Server) *exporter {
	e := &exporter{server: s, families: s.families()}
	own := prometheus.Labels{"arm": s.arm, "mechanism": s.settings.Mechanism}
	for _, f := range e.families {
		e.descs = append(e.descs, prometheus.NewDesc("authbench_"+f.name, f.help, f.labels, own))
	}
	return e
}

// Describe implements prometheus.Collector.
func (e *exporter) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range e.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (e *exporter) Collect(ch chan<- prometheus.Metric) {
	r := e.server.reading()
	for i, f := range e.families {
		f.read(r, func(value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(e.descs[i], f.kind, value, labels...)
		})
	}
}

// newMetrics is the handler of GET /metrics, over a registry of its own.
func newMetrics(s *Server) fasthttp.RequestHandler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(newExporter(s), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
}
