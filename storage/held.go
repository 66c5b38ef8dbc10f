package storage

import (
	"errors"
	"fmt"

	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/recovery"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// found looks, before anything is changed, whether all that belongs to a manifest is there, and makes the folders.
func (db *DB) found(v *manifest.Version) error {
	if v != nil {
		missing, err := recovery.Missing(db.o.FS, db.dir, v)
		if err != nil {
			return err
		}
		for i, m := range missing {
			missing[i] = db.lost(m)
		}
		if err := errors.Join(missing...); err != nil {
			return err
		}
	}
	for _, d := range []string{"/wal", "/tokens", "/segments", "/archive", "/quarantine"} {
		if err := db.o.FS.MkdirAll(db.dir + d); err != nil {
			return vfs.Error("make directory", db.dir+d, err)
		}
	}
	return nil
}

// lost decides about what is missing.
func (db *DB) lost(err error) error {
	if !db.o.AcceptLoss {
		return err
	}
	db.o.Events(event.Event{Kind: event.LossAccepted, Err: err})
	return nil
}

// torn tells what a crash has left at the end of the log.
func (db *DB) torn(name string, t record.Tail) {
	what := "which a crash has cut"
	if t.Whole {
		what = "a whole frame that is not as it was written"
	}
	db.o.Events(event.Event{Kind: event.LogTorn, Detail: fmt.Sprintf("file=%s offset=%d bytes=%d: %s", name, t.Offset, t.Bytes, what)})
}

// started notes that the log has a file: without one it is lost from now on; and what is missing of it, which was
// accepted. When the disk is full that waits for a later start.
func (db *DB) started() error {
	h := manifest.Held{Log: db.log.Spare()}
	if g := db.log.Lost(); g.After < g.To {
		h.Lost = manifest.Gap(g)
	}
	if h == (manifest.Held{}) {
		return nil
	}
	_, err := db.set.Apply(&manifest.Edit{Counters: db.counters.Stopped(), Held: h})
	if vfs.Passes(err) {
		return nil
	}
	return err
}

// clockLocked returns the time that is noted as believed, 0 where no rows are dropped by their age.
func (db *DB) clockLocked() int64 {
	if at := db.guard.Known(); len(db.retained) > 0 && !at.IsZero() {
		return at.Unix()
	}
	return 0
}

// stopped notes how the log has ended, and what else an orderly stop leaves.
func (db *DB) stopped(last uint64, files []wal.File) error {
	s := &manifest.Stopped{}
	for _, f := range files {
		s.Log = append(s.Log, manifest.File(f))
	}
	for _, f := range db.tokens.Files() {
		if f.Bytes > 0 { // else it could not be made
			s.Tokens = append(s.Tokens, manifest.File(f))
		}
	}
	db.mu.Lock()
	noted := db.clockLocked()
	db.mu.Unlock()
	e := &manifest.Edit{Counters: db.counters.Stopped(), Held: manifest.Held{Logged: last, Clock: noted, Stopped: s}}
	if len(e.Counters) > 0 {
		e.Counted = last
	}
	_, err := db.set.Apply(e)
	return err
}
