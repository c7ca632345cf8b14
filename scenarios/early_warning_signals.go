package scenarios

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// indicator is something that a monitoring system can see of nodes or store.
type indicator struct {
	name   string            // in words
	metric string            // as Prometheus has it
	labels map[string]string // that a series must have; all that do are added up
	// floor is what it has to exceed besides what is usual: one connection in use is no
	// news.
	floor float64
	// of divides by another gauge: used memory by its limit.
	of string
	// never: it counts what does not happen while all is well.
	never bool
}

// indicators lists what is watched. Names that begin with redis_ or mysql_ are those of
// the usual exporters, read from the store by the harness itself.
func indicators() []indicator {
	return []indicator{
		{name: "pool: connections in use", metric: "authbench_store_pool_connections", labels: map[string]string{"state": "in_use"}, floor: 1},
		{name: "pool: calls waiting", metric: "authbench_store_pool_waiting", floor: 1},
		{name: "pool: waits", metric: "authbench_store_pool_waits_total"},
		{name: "pool: time waited", metric: "authbench_store_pool_wait_seconds_total"},
		{name: "pool: waits given up", metric: "authbench_store_pool_timeouts_total", never: true},
		{name: "store errors", metric: "authbench_store_errors_total", never: true},
		{name: "answers 503", metric: "authbench_http_requests_total", labels: map[string]string{"code": "503"}, never: true},
		{name: "credentials rejected", metric: "authbench_auth_rejections_total", never: true},
		{name: "sessions vanished", metric: "authbench_sessions_vanished_total", never: true},
		{name: "log-ins", metric: "authbench_logins_total"},
		{name: "log-ins in flight", metric: "authbench_logins_in_flight", floor: 1},
		{name: "refresh tokens reused", metric: "authbench_refreshes_total", labels: map[string]string{"result": "reused"}, never: true},
		{name: "CPU of the nodes", metric: "process_cpu_seconds_total", floor: 0.15}, // it counts in steps of 10 ms
		{name: "redis: keys evicted", metric: "redis_evicted_keys_total", never: true},
		{name: "redis: share of its memory", metric: "redis_memory_used_bytes", of: "redis_memory_max_bytes"},
		{name: "redis: clients", metric: "redis_connected_clients", floor: 1},
		{name: "mysql: threads at work", metric: "mysql_global_status_threads_running", floor: 1},
	}
}

func (s indicator) counter() bool { return strings.HasSuffix(s.metric, "_total") }

// series is how Prometheus would ask for it.
func (s indicator) series() string {
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(s.labels)) {
		pairs = append(pairs, fmt.Sprintf("%s=%q", k, s.labels[k]))
	}
	text := s.metric
	if len(pairs) > 0 {
		text += "{" + strings.Join(pairs, ",") + "}"
	}
	switch {
	case s.counter():
		return "rate(" + text + ")"
	case s.of != "":
		return text + " / " + s.of
	}
	return text
}

// metricLine is one line of a metrics page.
type metricLine struct {
	metric string
	labels map[string]string
	value  float64
}

// metricsRead is all metrics at one instant.
type metricsRead struct {
	at      int64 // ns of the history, when it had been read
	samples []metricLine
}

// sum adds up the samples of that name that have the labels; ok says whether there
// were any.
func (r *metricsRead) sum(metric string, labels map[string]string) (total float64, ok bool) {
	for _, s := range r.samples {
		if s.metric == metric && hasLabels(labels, s.labels) {
			total, ok = total+s.value, true
		}
	}
	return total, ok
}

func hasLabels(labels, of map[string]string) bool {
	for k, v := range labels {
		if of[k] != v {
			return false
		}
	}
	return true
}

// value is the signal in this reading.
func (r *metricsRead) value(s indicator) (float64, bool) {
	v, ok := r.sum(s.metric, s.labels)
	if ok && s.of != "" {
		of, _ := r.sum(s.of, nil)
		return ratio(v, of), of > 0
	}
	return v, ok
}

// metricsPath is where the usual scraper looks.
const metricsPath = "/metrics"

// scrape reads the metrics page of every node, and the figures of the stores.
func (r *rig) scrape(ctx context.Context) (metricsRead, error) {
	var out metricsRead
	for i, n := range r.nodes {
		samples, err := scrapeNode(ctx, "http://"+n.Addr()+metricsPath)
		if err != nil {
			return out, fmt.Errorf("metrics of node %d: %w", i, err)
		}
		out.samples = append(out.samples, samples...)
	}
	for _, kind := range storesOf(r.c) {
		figures, err := r.t.Testbed.Store(kind).Figures(ctx)
		if err != nil {
			return out, err
		}
		for name, v := range figures {
			out.samples = append(out.samples, metricLine{metric: name, value: v})
		}
	}
	out.at = r.hist.now()
	return out, nil
}

func scrapeNode(ctx context.Context, url string) ([]metricLine, error) {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	// A transport of its own: no proxy, and no connection that stays in the node, which is
	// not made to compress either.
	resp, err := (&http.Transport{DisableKeepAlives: true, DisableCompression: true}).RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", metricsPath, resp.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, err
	}
	var out []metricLine
	for name, f := range families {
		for _, m := range f.GetMetric() {
			s := metricLine{metric: name, labels: map[string]string{}}
			switch {
			case m.Counter != nil:
				s.value = m.Counter.GetValue()
			case m.Gauge != nil:
				s.value = m.Gauge.GetValue()
			case m.Untyped != nil:
				s.value = m.Untyped.GetValue()
			default:
				continue // a histogram: none of ours
			}
			for _, l := range m.GetLabel() {
				s.labels[l.GetName()] = l.GetValue()
			}
			out = append(out, s)
		}
	}
	return out, nil
}

// watchMetrics scrapes every so often until the returned function is called, which
// gives the readings back. One that fails is left out: a node in trouble may be late;
// that all fail is an error.
func (r *rig) watchMetrics(ctx context.Context, every time.Duration) (seen func() ([]metricsRead, error)) {
	ctx, stop := context.WithCancel(ctx)
	type result struct {
		readings []metricsRead
		err      error
	}
	done := make(chan result, 1)
	go func() {
		var out result
		tick := time.NewTicker(every)
		defer tick.Stop()
		for ctx.Err() == nil {
			read, err := r.scrape(ctx)
			if err == nil {
				out.readings = append(out.readings, read)
			} else if ctx.Err() == nil {
				out.err = err
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
		done <- out
	}()
	return func() ([]metricsRead, error) {
		stop()
		out := <-done
		if len(out.readings) == 0 {
			return nil, fmt.Errorf("no metrics could be read: %w", out.err)
		}
		return out.readings, nil
	}
}
