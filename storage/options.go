package storage

import (
	"cmp"
	"errors"
	"runtime"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// Options of a database. The zero value is ready.
type Options struct {
	FS vfs.FS // default: the disk
	// Pool is charged for live segments and the cache. Default: one without a limit.
	Pool *mem.Pool
	// CacheBytes is how much the cache of segment buffers keeps; what queries hold at the moment may be more. Default
	// 1 GiB.
	CacheBytes int64
	// LiveBytes is how much memory live segments may take before Commit waits for sealing. Default 2 GiB.
	LiveBytes int64
	// IntakeWait is how long Commit waits for that before it fails with 53200 when sealing fails; while it goes on,
	// Commit waits, unless the write sets a wait of its own. Default 30 s.
	IntakeWait time.Duration
	// SealRows, SealBytes and SealAge say when a live segment is sealed, for tables without the options seal_rows,
	// seal_bytes, seal_age. Defaults 1,048,576 rows; 768 MiB of memory, which is about 130 MiB on disk, or half of
	// LiveBytes, so that rows find room while others are sealed; 10 minutes.
	SealRows  int
	SealBytes int64
	SealAge   time.Duration
	// SealWorkers is how many columns the sealer encodes at the same time. Default: half the processors, at least 1, so
	// that queries have the others.
	SealWorkers int
	// SealRetry is the first pause after a failed seal; it doubles up to a minute. Default 1 s.
	SealRetry time.Duration
	// FilesMax is how many segment files are open at once. Default: a quarter of what the process may open (package
	// handle).
	FilesMax int
	// FilesPatience is how long an operation waits for a descriptor when there is none. Default 5 s.
	FilesPatience time.Duration
	// Merge says which segments of a table are merged. Default: compact.Default. NoMerge leaves that to Vacuum and Cluster.
	Merge   compact.Picker
	NoMerge bool
	// LogFileMin and LogFileMax are the sizes of log files (package wal).
	LogFileMin, LogFileMax int64
	// TokensKept is how long idempotency tokens are remembered, TokensMax how many at most (about 150 bytes each).
	// Defaults 7 days and 4 Mi.
	TokensKept time.Duration
	TokensMax  int
	// ServeDamaged: a table with a quarantined segment answers with the rest of its rows instead of an error.
	ServeDamaged bool
	// AcceptLoss: what is missing of the log, the tokens or the folders is told as an event, and the database opens without
	// it. Without it that is an error.
	AcceptLoss bool
	// RetainLog is how long the log keeps what a table got that has no retain_log of its own, in the archive when its own files
	// have gone. Default 1 day; negative: nothing is kept. ArchiveBytes bounds all of the archive: beyond it the oldest go
	// first. Default 16 GiB.
	RetainLog    time.Duration
	ArchiveBytes int64
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Elapsed is a clock that only goes on, from any point: rows are dropped by their age when both agree (package clock).
	// Default: the system's monotonic clock.
	Elapsed func() time.Duration
	// Events is told of what is notable. Default: nobody.
	Events event.Listener
}

// EnsureDefaults fills in what is zero.
func (o *Options) EnsureDefaults() {
	if o.FS == nil {
		o.FS = vfs.Disk
	}
	if o.Pool == nil {
		o.Pool = mem.NewPool(0)
	}
	o.CacheBytes = cmp.Or(o.CacheBytes, 1<<30)
	o.LiveBytes = cmp.Or(o.LiveBytes, 2<<30)
	o.IntakeWait = cmp.Or(o.IntakeWait, 30*time.Second)
	o.SealRows = cmp.Or(o.SealRows, scan.SegmentRows)
	o.SealBytes = cmp.Or(o.SealBytes, min(768<<20, o.LiveBytes/2))
	o.SealAge = cmp.Or(o.SealAge, 10*time.Minute)
	o.SealWorkers = cmp.Or(o.SealWorkers, max(1, runtime.GOMAXPROCS(0)/2))
	o.SealRetry = cmp.Or(o.SealRetry, time.Second)
	if o.Merge == (compact.Picker{}) {
		o.Merge = compact.Default()
	}
	o.TokensKept = cmp.Or(o.TokensKept, 7*24*time.Hour)
	o.TokensMax = cmp.Or(o.TokensMax, 4<<20)
	o.RetainLog = cmp.Or(o.RetainLog, 24*time.Hour)
	o.ArchiveBytes = cmp.Or(o.ArchiveBytes, 16<<30)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Elapsed == nil {
		start := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(start) }
	}
	if o.Events == nil {
		o.Events = func(event.Event) {}
	}
}

// Validate returns every problem of the options, joined, each with 22023. What EnsureDefaults would fill in is not one.
func (o *Options) Validate() error {
	filled := *o
	filled.EnsureDefaults()
	return filled.validate()
}

func (o *Options) validate() error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, errs.New(errs.InvalidParameterValue, format, args...))
	}
	positive := func(name string, n int64) {
		if n <= 0 {
			bad("%s: %d is not positive", name, n)
		}
	}
	positive("CacheBytes", o.CacheBytes)
	positive("LiveBytes", o.LiveBytes)
	positive("IntakeWait", int64(o.IntakeWait))
	if o.SealRows < 1 || o.SealRows > catalog.SealRowsMax {
		bad("SealRows: %d is out of range 1 to %d", o.SealRows, catalog.SealRowsMax)
	}
	positive("SealBytes", o.SealBytes)
	if o.SealBytes > o.LiveBytes {
		bad("SealBytes: %d bytes would never be reached, since LiveBytes is %d", o.SealBytes, o.LiveBytes)
	}
	positive("SealAge", int64(o.SealAge))
	positive("SealWorkers", int64(o.SealWorkers))
	positive("SealRetry", int64(o.SealRetry))
	if o.Merge.Fanout < 2 {
		bad("Merge.Fanout: %d is less than 2", o.Merge.Fanout)
	}
	positive("Merge.RowsMax", o.Merge.RowsMax)
	positive("Merge.BytesMax", o.Merge.BytesMax)
	positive("TokensKept", int64(o.TokensKept))
	positive("ArchiveBytes", o.ArchiveBytes)
	if o.FilesMax < 0 {
		bad("FilesMax: %d is negative", o.FilesMax)
	}
	positive("TokensMax", int64(o.TokensMax))
	log := o.log()
	if err := log.Validate(); err != nil {
		bad("log files: %w", err)
	}
	return errors.Join(problems...)
}

// log returns what the options say of the log.
func (o *Options) log() wal.Options {
	return wal.Options{FS: o.FS, FileBytesMin: o.LogFileMin, FileBytesMax: o.LogFileMax}
}
