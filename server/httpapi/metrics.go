package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/siltstone-db/siltstone/ingest/httppush"
	"github.com/siltstone-db/siltstone/storage/metric"
)

// metrics are this package's counters. Labels are names of handlers and statuses, never anything a client sends.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer, pushes *httppush.Counters) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "siltstone_http_requests_total", Help: "Requests by handler and status."}, []string{"handler", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "siltstone_http_request_seconds", Help: "Time of requests by handler.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)}, []string{"handler"}),
	}
	r.MustRegister(m.requests, m.seconds)
	for _, c := range []struct {
		name, help string
		counter    *metric.Counter
	}{
		{"siltstone_http_rows_stored_total", "Rows stored by pushes.", &pushes.Rows},
		{"siltstone_http_rows_rejected_total", "Rows of pushes that did not fit.", &pushes.Rejected},
		{"siltstone_http_pushes_repeated_total", "Pushes whose idempotency key was known.", &pushes.Repeated},
		{"siltstone_http_body_bytes_total", "Decompressed bytes of pushes.", &pushes.Bytes},
	} {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: c.name, Help: c.help},
			func() float64 { return float64(c.counter.Value()) }))
	}
	return m
}

func (m *metrics) request(handler string, status int, d time.Duration) {
	m.requests.WithLabelValues(handler, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(handler).Observe(d.Seconds())
}

func (s *Server) showMetrics(w http.ResponseWriter, r *http.Request, _ string) error {
	r.Header.Del("Accept") // the one format that MoreMetrics has too
	promhttp.HandlerFor(s.opt.Metrics, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(w, r)
	if s.opt.MoreMetrics != nil {
		_ = s.opt.MoreMetrics(w) // a client that is gone cannot be told
	}
	return nil
}
