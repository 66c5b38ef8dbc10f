package storage

import (
	"runtime"
	"time"

	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/vfs"
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
	// LogFileMin and LogFileMax are the sizes of log files (package wal).
	LogFileMin, LogFileMax int64
	// TokensKept is how long idempotency tokens are remembered, TokensMax how many at most (about 150 bytes each).
	// Defaults 7 days and 4 Mi.
	TokensKept time.Duration
	TokensMax  int
	// ServeDamaged: a table with a quarantined segment answers with the rest of its rows instead of an error.
	ServeDamaged bool
	// Now is the clock. Default time.Now.
	Now func() time.Time
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
	setDefault(&o.CacheBytes, 1<<30)
	setDefault(&o.LiveBytes, 2<<30)
	setDefault(&o.IntakeWait, 30*time.Second)
	setDefault(&o.SealRows, scan.SegmentRows)
	setDefault(&o.SealBytes, min(768<<20, o.LiveBytes/2))
	setDefault(&o.SealAge, 10*time.Minute)
	setDefault(&o.SealWorkers, max(1, runtime.GOMAXPROCS(0)/2))
	setDefault(&o.SealRetry, time.Second)
	setDefault(&o.TokensKept, 7*24*time.Hour)
	setDefault(&o.TokensMax, 4<<20)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Events == nil {
		o.Events = func(event.Event) {}
	}
}

func setDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}
