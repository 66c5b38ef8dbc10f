package storage

import (
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/metric"
)

// Metrics are the counters of one database.
type Metrics struct {
	Commits, CommittedRows, CommittedBytes, Duplicates metric.Counter
	Refused                                            metric.Counter // commits that failed
	Seals, SealedRows, SealedBytes, SealFailures       metric.Counter
	Merges, MergedRows, MergedBytes, MergeFailures     metric.Counter
	Expired, ExpiredRows, ExpiredBytes                 metric.Counter
	Quarantined                                        metric.Counter
	ClockAhead                                         atomic.Int64 // seconds
}

// Amplification returns how many bytes of segments were written, by sealing and merging, for each 100 that were sealed.
func (m *Metrics) Amplification() int64 {
	sealed := m.SealedBytes.Value()
	return 100 * (sealed + m.MergedBytes.Value()) / max(sealed, 1)
}

// Metrics returns the counters, which go on counting.
func (db *DB) Metrics() *Metrics { return &db.metrics }

// Register adds the database's metrics to a registry.
func (db *DB) Register(r *metric.Registry) {
	m := &db.metrics
	r.Counter("siltstone_storage_commits_total", "Writes committed.", &m.Commits)
	r.Counter("siltstone_storage_committed_rows_total", "Rows committed.", &m.CommittedRows)
	r.Counter("siltstone_storage_committed_bytes_total", "Log bytes of committed writes.", &m.CommittedBytes)
	r.Counter("siltstone_storage_duplicates_total", "Writes whose idempotency token was known.", &m.Duplicates)
	r.Counter("siltstone_storage_refused_total", "Writes that failed.", &m.Refused)
	r.Counter("siltstone_storage_seals_total", "Live segments sealed.", &m.Seals)
	r.Counter("siltstone_storage_sealed_rows_total", "Rows sealed.", &m.SealedRows)
	r.Counter("siltstone_storage_sealed_bytes_total", "Bytes of sealed segments.", &m.SealedBytes)
	r.Counter("siltstone_storage_seal_failures_total", "Failed attempts to seal.", &m.SealFailures)
	r.Counter("siltstone_storage_merges_total", "Merges of segments.", &m.Merges)
	r.Counter("siltstone_storage_merged_rows_total", "Rows written by merges.", &m.MergedRows)
	r.Counter("siltstone_storage_merged_bytes_total", "Bytes of segments written by merges.", &m.MergedBytes)
	r.Counter("siltstone_storage_merge_failures_total", "Failed merges.", &m.MergeFailures)
	r.Gauge("siltstone_storage_write_amplification_percent", "Bytes of segments written for 100 bytes sealed.", m.Amplification)
	r.Counter("siltstone_storage_expired_segments_total", "Segments of partitions that have ended, dropped.", &m.Expired)
	r.Counter("siltstone_storage_expired_rows_total", "Rows of partitions that have ended, dropped.", &m.ExpiredRows)
	r.Counter("siltstone_storage_expired_bytes_total", "Bytes of segments of partitions that have ended, dropped.", &m.ExpiredBytes)
	r.Gauge("siltstone_storage_clock_ahead_seconds", "How far the time is ahead that is not believed; 0: it is.", m.ClockAhead.Load)
	r.Counter("siltstone_storage_quarantined_total", "Segments set aside.", &m.Quarantined)
	db.handles.Register(r)
	db.archive.Register(r)
	r.Gauge("siltstone_storage_live_bytes", "Memory of live segments.", db.liveAccount.Used)
	r.Gauge("siltstone_storage_sealing_bytes", "Memory that the sealer works with.", db.sealAccount.Used)
	r.Gauge("siltstone_storage_merging_bytes", "Memory that merges work with.", db.mergeAccount.Used)
	r.Gauge("siltstone_storage_cache_bytes", "Memory of the segment cache.", db.cacheAccount.Used)
}
