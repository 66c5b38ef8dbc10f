package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// metrics are this package's counters. Labels are names of handlers and statuses, never anything a client sends.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	rows     prometheus.Counter
	rejected prometheus.Counter
	repeated prometheus.Counter
	bytes    prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "siltstone_http_requests_total", Help: "Requests by handler and status."}, []string{"handler", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "siltstone_http_request_seconds", Help: "Time of requests by handler.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)}, []string{"handler"}),
		rows:     prometheus.NewCounter(prometheus.CounterOpts{Name: "siltstone_http_rows_stored_total", Help: "Rows stored by pushes."}),
		rejected: prometheus.NewCounter(prometheus.CounterOpts{Name: "siltstone_http_rows_rejected_total", Help: "Rows of pushes that did not fit."}),
		repeated: prometheus.NewCounter(prometheus.CounterOpts{Name: "siltstone_http_pushes_repeated_total", Help: "Pushes whose idempotency key was known."}),
		bytes:    prometheus.NewCounter(prometheus.CounterOpts{Name: "siltstone_http_body_bytes_total", Help: "Decompressed bytes of pushes."}),
	}
	r.MustRegister(m.requests, m.seconds, m.rows, m.rejected, m.repeated, m.bytes)
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
		s.opt.MoreMetrics(w) // a client that is gone cannot be told
	}
	return nil
}

// statusFor returns the status that writeError answered with.
func statusFor(err error) int {
	var se *statusError
	if errors.As(err, &se) {
		return se.status
	}
	return statusOf(errs.From(err).Code)
}
