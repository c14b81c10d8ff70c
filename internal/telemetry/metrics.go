package telemetry

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the figures of one node in the form that Prometheus reads. Labels
// name routes, states and outcomes, never a user, a token or a task. A nil
// *Metrics takes everything and shows nothing.
type Metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	creates     *prometheus.HistogramVec
	transitions *prometheus.CounterVec
	upstream    *prometheus.CounterVec
	deliveries  *prometheus.CounterVec
	batches     prometheus.Histogram
}

const namespace = "oneapi"

// NewMetrics returns the figures of a node that runs a version.
func NewMetrics(version string) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: counter("http_requests_total", "Requests answered.", "method", "route", "status"),
		creates: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "create_duration_seconds", Help: "Time from an order's request to its answer, the upstream's part included.",
			Buckets: []float64{0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60},
		}, []string{"outcome"}),
		transitions: counter("task_transitions_total", "Steps of tasks that this node committed; from is empty for new tasks.", "from", "to"),
		upstream:    counter("upstream_calls_total", "Calls to upstreams.", "provider", "call", "outcome"),
		deliveries:  counter("webhook_deliveries_total", "Tries to deliver an event.", "outcome"),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "commit_batch_size", Help: "Writes in one transaction of the hot path.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", Help: "Always 1; the label tells the version."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(m.requests, m.creates, m.transitions, m.upstream, m.deliveries, m.batches, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts an answered request. route is the pattern that served it.
func (m *Metrics) Request(method, route string, status int) {
	if m == nil {
		return
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other" // callers can make up any
	}
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
}

// Create notes how long an order's request took, by the status of its answer.
func (m *Metrics) Create(status int, took time.Duration) {
	if m == nil {
		return
	}
	outcome := "accepted"
	switch {
	case status >= 500:
		outcome = "error"
	case status >= 400:
		outcome = "refused"
	}
	m.creates.WithLabelValues(outcome).Observe(took.Seconds())
}

// Transition counts a committed step of a task; from is "" for a new one.
func (m *Metrics) Transition(from, to string) {
	if m != nil {
		m.transitions.WithLabelValues(from, to).Inc()
	}
}

// Upstream counts a call, "create" or "query", and how it ended.
func (m *Metrics) Upstream(provider, call, outcome string) {
	if m != nil {
		m.upstream.WithLabelValues(provider, call, outcome).Inc()
	}
}

// Delivery counts a try to deliver an event.
func (m *Metrics) Delivery(outcome string) {
	if m != nil {
		m.deliveries.WithLabelValues(outcome).Inc()
	}
}

// Batch notes the size of a transaction of the hot path.
func (m *Metrics) Batch(size int) {
	if m != nil {
		m.batches.Observe(float64(size))
	}
}

// Gauge is a figure that is asked for when it is read.
type Gauge struct {
	Name, Help string
	Counter    bool // only grows
	Label      string
	// Read gives the figure by the value of Label, "" without one. What it
	// cannot tell in time is left out.
	Read func(context.Context) map[string]float64
}

// One is Read of a gauge without a label.
func One(f func() float64) func(context.Context) map[string]float64 {
	return func(context.Context) map[string]float64 { return map[string]float64{"": f()} }
}

// Watch adds figures that are asked for when the metrics are read.
func (m *Metrics) Watch(gauges ...Gauge) {
	if m == nil {
		return
	}
	c := &asked{}
	for _, g := range gauges {
		var labels []string
		if g.Label != "" {
			labels = []string{g.Label}
		}
		kind := prometheus.GaugeValue
		if g.Counter {
			kind = prometheus.CounterValue
		}
		c.gauges = append(c.gauges, askedGauge{g, prometheus.NewDesc(prometheus.BuildFQName(namespace, "", g.Name), g.Help, labels, nil), kind})
	}
	m.registry.MustRegister(c)
}

type askedGauge struct {
	Gauge
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// asked collects gauges.
type asked struct{ gauges []askedGauge }

// readTime bounds what one gauge may take, so that metrics are there while the
// database is not.
const readTime = 2 * time.Second

func (a *asked) Describe(out chan<- *prometheus.Desc) {
	for _, g := range a.gauges {
		out <- g.desc
	}
}

func (a *asked) Collect(out chan<- prometheus.Metric) {
	for _, g := range a.gauges {
		ctx, cancel := context.WithTimeout(context.Background(), readTime)
		for label, v := range g.Read(ctx) {
			var labels []string
			if g.Label != "" {
				labels = []string{label}
			}
			out <- prometheus.MustNewConstMetric(g.desc, g.kind, v, labels...)
		}
		cancel()
	}
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 30 * time.Second}))
	return mux
}
