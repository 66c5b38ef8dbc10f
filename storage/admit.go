package storage

import (
	"context"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// admit waits until live segments have room for a write: as long as sealing goes on, or at most wait if that is set.
func (db *DB) admit(ctx context.Context, bytes int64, wait time.Duration) error {
	db.inFlight.Add(bytes)
	if !db.crowded() {
		return nil
	}
	err := db.awaitRoom(ctx, wait)
	if err != nil {
		db.inFlight.Add(-bytes)
	}
	return err
}

// crowded is a quick look: it also counts sealed rows that a reader still holds.
func (db *DB) crowded() bool {
	used := db.liveAccount.Used()
	return used > 0 && used+db.inFlight.Load() > db.o.LiveBytes
}

// crowdedLocked counts the rows that sealing can give room for. Those that were sealed and are held by a reader's
// snapshot do not count: the reader may be the very client that writes, and waiting for it would not end. They are
// charged to the pool, whose limit then refuses.
func (db *DB) crowdedLocked() bool {
	if !db.crowded() {
		return false
	}
	var used int64
	for t := range db.busy {
		all, _ := t.Bytes()
		used += all
	}
	for _, l := range db.loads {
		used += l.bytes.Load()
	}
	return used > 0 && used+db.inFlight.Load() > db.o.LiveBytes
}

func (db *DB) awaitRoom(ctx context.Context, wait time.Duration) error {
	limited := wait > 0
	if !limited {
		wait = db.o.IntakeWait
	}
	late, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	wake := func() { db.mu.Lock(); db.cond.Broadcast(); db.mu.Unlock() }
	defer context.AfterFunc(late, wake)()
	db.mu.Lock()
	defer db.mu.Unlock()
	for db.crowdedLocked() {
		if db.closing {
			return errs.New(errs.AdminShutdown, "the database is closing")
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if late.Err() != nil && (limited || db.sealFailureLocked() != nil) {
			e := errs.New(errs.OutOfMemory, "rows arrive faster than they are sealed: live segments hold %d bytes, the limit is %d",
				db.liveAccount.Used(), db.o.LiveBytes).WithHint("Send slower, or try again. Nothing of this write was stored.")
			if f := db.sealFailureLocked(); f != nil {
				return e.WithDetail("The last attempt to seal failed: %v.", f)
			}
			return e
		}
		db.pressure.Store(true)
		db.wake()
		db.cond.Wait()
	}
	return nil
}
