package archive

import "github.com/siltstone-db/siltstone/storage/metric"

// Metrics are the counters of an archive.
type Metrics struct {
	Files, Bytes, Plain metric.Counter // log files that were archived, their bytes, and those before they were compressed
	Dropped             metric.Counter // files that have gone again
	Failures            metric.Counter // of steps, which are tried again
}

// Bytes returns the bytes of archived files and of attachments.
func (a *Archive) Bytes() (files, attached int64) {
	v := a.o.Manifest.Version()
	for i := range v.Archive.Files {
		files += v.Archive.Files[i].Bytes
	}
	for i := range v.Archive.Attached {
		attached += v.Archive.Attached[i].Bytes
	}
	return files, attached
}

// Register adds the archive's metrics to a registry.
func (a *Archive) Register(r *metric.Registry) {
	m := &a.metrics
	r.Counter("siltstone_archive_files_total", "Log files archived.", &m.Files)
	r.Counter("siltstone_archive_written_bytes_total", "Bytes of log files that were archived.", &m.Bytes)
	r.Counter("siltstone_archive_plain_bytes_total", "Bytes of their records before they were compressed.", &m.Plain)
	r.Counter("siltstone_archive_dropped_total", "Archived log files that have gone.", &m.Dropped)
	r.Counter("siltstone_archive_failures_total", "Failed steps of the archive.", &m.Failures)
	r.Gauge("siltstone_archive_bytes", "Bytes of archived log files.", func() int64 { n, _ := a.Bytes(); return n })
	r.Gauge("siltstone_archive_attachment_bytes", "Bytes of loads' files that only the log names.", func() int64 { _, n := a.Bytes(); return n })
	r.Gauge("siltstone_archive_holders", "Cursors that hold records of the log.", func() int64 { return int64(len(a.Holders())) })
}
