package httppush

import "github.com/siltstone-db/siltstone/storage/metric"

// Metrics are the counters of a Handler.
type Metrics struct {
	Rows     metric.Counter // stored
	Rejected metric.Counter // that did not fit
	Repeated metric.Counter // pushes whose key was known
	Bytes    metric.Counter // of bodies, decompressed
}

// Metrics returns the counters, which go on counting.
func (h *Handler) Metrics() *Metrics { return &h.metrics }

// Register adds the handler's metrics to a registry.
func (h *Handler) Register(r *metric.Registry) {
	m := &h.metrics
	r.Counter("siltstone_http_rows_stored_total", "Rows stored by pushes.", &m.Rows)
	r.Counter("siltstone_http_rows_rejected_total", "Rows of pushes that did not fit.", &m.Rejected)
	r.Counter("siltstone_http_pushes_repeated_total", "Pushes whose idempotency key was known.", &m.Repeated)
	r.Counter("siltstone_http_body_bytes_total", "Decompressed bytes of pushes.", &m.Bytes)
}
