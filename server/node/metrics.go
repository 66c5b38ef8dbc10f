package node

import "github.com/siltstone-db/siltstone/storage/metric"

// metrics returns the registry of all components but HTTP, which has the page and adds its own.
func (n *Node) metrics() *metric.Registry {
	r := &metric.Registry{}
	n.db.Register(r)
	n.pg.Register(r)
	n.logins.register(r)
	r.Gauge("siltstone_memory_used_bytes", "Bytes reserved by queries, live rows and caches.", n.pool.Used)
	r.Gauge("siltstone_memory_peak_bytes", "The most bytes that were ever reserved.", n.pool.Peak)
	r.Gauge("siltstone_memory_limit_bytes", "The limit of the reservations.", n.pool.Limit)
	return r
}
