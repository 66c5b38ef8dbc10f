package node

import (
	"context"
	"log/slog"

	"github.com/siltstone-db/siltstone/server/config"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// openStorage opens the data directory. Of the memory half may be cached segments and a quarter live rows; the rest is
// what queries can count on even when both are full.
func openStorage(ctx context.Context, o config.Options, pool *mem.Pool, files int, log *slog.Logger) (*storage.DB, error) {
	return storage.Open(ctx, o.Data, storage.Options{
		Pool: pool, CacheBytes: int64(o.Memory) / 2, LiveBytes: int64(o.Memory) / 4,
		ServeDamaged: o.ServeDamaged, AcceptLoss: o.AcceptLoss, FilesMax: files,
		ArchiveBytes: int64(o.ArchiveMax),
		Events:       func(e event.Event) { logEvent(log, e) },
	})
}

// logEvent writes what is notable in storage into the log: what an operator should act on as a warning.
func logEvent(log *slog.Logger, e event.Event) {
	switch e.Kind {
	case event.SealFailed, event.Quarantined, event.QuarantineFailed, event.ReadAgain, event.LogStopped, event.RetireFailed, event.LogTorn, event.LossAccepted,
		event.ArchiveFull, event.ArchiveFailed, event.ArchiveDamaged:
		log.Warn(e.String())
	default:
		log.Info(e.String())
	}
}
