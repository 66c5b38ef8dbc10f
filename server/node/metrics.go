package node

import (
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/metric"
)

// metrics returns the registry of all components but HTTP, which has the page and adds its own.
func (n *Node) metrics(pool *mem.Pool) *metric.Registry {
	r := &metric.Registry{}
	n.db.Register(r)
	n.pg.Register(r)
	r.Gauge("siltstone_memory_used_bytes", "Bytes reserved by queries, live rows and caches.", pool.Used)
	r.Gauge("siltstone_memory_peak_bytes", "The most bytes that were ever reserved.", pool.Peak)
	r.Gauge("siltstone_memory_limit_bytes", "The limit of the reservations.", pool.Limit)
	return r
}
