package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/siltstone-db/siltstone/storage/metric"
)

// Metrics count requests, by labels: names of handlers and statuses, never anything a client sends.
type Metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// register adds them to the page.
func (m *Metrics) register(r *prometheus.Registry) {
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "siltstone_http_requests_total",
		Help: "Requests by handler and status."}, []string{"handler", "status"})
	m.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "siltstone_http_request_seconds",
		Help: "Time of requests by handler.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)}, []string{"handler"})
	r.MustRegister(m.requests, m.seconds)
}

func (m *Metrics) request(handler string, status int, d time.Duration) {
	m.requests.WithLabelValues(handler, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(handler).Observe(d.Seconds())
}

// collector shows registries of package metric on the page.
type collector []*metric.Registry

// Describe names nothing: what is collected is not known before it is.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads all metrics.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for _, r := range c {
		for _, m := range r.All() {
			kind := prometheus.GaugeValue
			if m.Grows {
				kind = prometheus.CounterValue
			}
			out <- prometheus.MustNewConstMetric(prometheus.NewDesc(m.Name, m.Help, nil, nil), kind, float64(m.Value()))
		}
	}
}

// metricsPage makes the handler of /metrics: requests, pushes, what the options have, and the process.
func (s *Server) metricsPage() http.Handler {
	var pushes metric.Registry
	s.push.Register(&pushes)
	page := prometheus.NewRegistry()
	s.metrics.register(page)
	page.MustRegister(collector{&pushes, s.opt.Metrics}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(page, promhttp.HandlerOpts{DisableCompression: true})
}
