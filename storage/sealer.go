package storage

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// sealer freezes live segments by age, or by size when memory is short, and seals what is frozen.
func (db *DB) sealer(ctx context.Context) {
	defer db.wg.Done()
	tick := time.NewTicker(db.tick())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-db.kick:
		case <-tick.C:
		}
		db.freezeDue()
		for ctx.Err() == nil && db.sealNext(ctx) {
		}
		for _, k := range db.mergeKick { // sealing has made files
			select {
			case k <- struct{}{}:
			default: // it will look anyway
			}
		}
		if ctx.Err() == nil && db.behind() {
			_ = db.flush() // tried again at the next tick
		}
		db.giveBack()
	}
}

// tick is how often what is due is looked for. Ages are minutes and retries seconds; tests use shorter ones.
func (db *DB) tick() time.Duration {
	return max(5*time.Millisecond, min(time.Second, db.o.SealAge/8, db.o.SealRetry))
}

// sealNext seals what is frozen: live segments of tables, and one of a load, so that none waits for all others.
func (db *DB) sealNext(ctx context.Context) bool {
	db.mu.Lock()
	list := db.dueLocked(db.o.SealWorkers, nil)
	db.mu.Unlock()
	if list != nil {
		db.seal(context.WithoutCancel(ctx), list) // which Close waits for
	}
	p, ok := db.nextPending()
	if ok {
		_ = p.run(ctx, db.o.SealWorkers) // noted by the load
	}
	return ok || list != nil
}

const (
	// giveBackBytes is how much live memory sealing has to free before it is worth to collect garbage for.
	giveBackBytes = 64 << 20
	// giveBackEvery is how often idle memory is looked for. A seal less than it ago says that more rows come, which can
	// have the memory.
	giveBackEvery = 5 * time.Second
)

// giveBack returns to the system what is not needed after a load: free pages, and the heap of batches and of the
// sealer's work space, which the runtime would keep for minutes.
func (db *DB) giveBack() {
	now := time.Now()
	db.mu.Lock()
	due := now.Sub(db.gaveBack) >= giveBackEvery
	collect := due && db.freed >= giveBackBytes && now.Sub(db.freedAt) >= giveBackEvery
	if due {
		db.gaveBack = now
	}
	if collect {
		db.freed = 0
	}
	db.mu.Unlock()
	if due {
		mem.TrimIdle()
	}
	if collect {
		debug.FreeOSMemory()
	}
}

// noteFreedLocked counts live memory that was sealed.
func (db *DB) noteFreedLocked(bytes int64) {
	db.freed += bytes
	db.freedAt = time.Now()
}
