package pgwire

import (
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/metric"
)

// Metrics are the counters of a Server.
type Metrics struct {
	Accepted   metric.Counter // connections
	Refused    metric.Counter // connections closed before login: caps, time, hostile bytes, wrong passwords
	Statements metric.Counter // Query and Execute messages
	Errors     metric.Counter // ErrorResponse messages
	Panics     metric.Counter // sessions ended by a defect of ours
	BytesIn    metric.Counter
	BytesOut   metric.Counter
	Sessions   atomic.Int64 // logged in now
}

// Metrics returns the counters, which go on counting.
func (s *Server) Metrics() *Metrics { return &s.metrics }

// Register adds the server's metrics to a registry.
func (s *Server) Register(r *metric.Registry) {
	m := &s.metrics
	r.Counter("siltstone_pg_connections_total", "Connections accepted.", &m.Accepted)
	r.Counter("siltstone_pg_refused_total", "Connections that ended before login.", &m.Refused)
	r.Counter("siltstone_pg_statements_total", "Query and Execute messages.", &m.Statements)
	r.Counter("siltstone_pg_errors_total", "Errors sent to clients.", &m.Errors)
	r.Counter("siltstone_pg_panics_total", "Sessions ended by a defect of the server.", &m.Panics)
	r.Counter("siltstone_pg_received_bytes_total", "Bytes from clients.", &m.BytesIn)
	r.Counter("siltstone_pg_sent_bytes_total", "Bytes to clients.", &m.BytesOut)
	r.Gauge("siltstone_pg_sessions", "Sessions logged in.", m.Sessions.Load)
}
