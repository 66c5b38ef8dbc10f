package node

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// registerMetrics puts the counters of the wire and of memory on the page. Storage registers its own.
func (n *Node) registerMetrics(r prometheus.Registerer, pool *mem.Pool) {
	s := n.pg.Stats()
	for _, c := range []struct {
		name, help string
		load       func() int64
	}{
		{"siltstone_pg_connections_total", "Connections accepted.", s.Accepted.Load},
		{"siltstone_pg_refused_total", "Connections that ended before login.", s.Refused.Load},
		{"siltstone_pg_statements_total", "Query and Execute messages.", s.Statements.Load},
		{"siltstone_pg_errors_total", "Errors sent to clients.", s.Errors.Load},
		{"siltstone_pg_panics_total", "Sessions ended by a defect of the server.", s.Panics.Load},
		{"siltstone_pg_received_bytes_total", "Bytes from clients.", s.BytesIn.Load},
		{"siltstone_pg_sent_bytes_total", "Bytes to clients, counted when their session ends.", s.BytesOut.Load},
	} {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: c.name, Help: c.help}, func() float64 { return float64(c.load()) }))
	}
	for _, g := range []struct {
		name, help string
		load       func() int64
	}{
		{"siltstone_pg_sessions", "Sessions logged in.", s.Sessions.Load},
		{"siltstone_memory_used_bytes", "Bytes reserved by queries, live rows and caches.", pool.Used},
		{"siltstone_memory_peak_bytes", "The most bytes that were ever reserved.", pool.Peak},
		{"siltstone_memory_limit_bytes", "The limit of the reservations.", pool.Limit},
	} {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help}, func() float64 { return float64(g.load()) }))
	}
}
