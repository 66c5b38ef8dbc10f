package storage

import "github.com/siltstone-db/siltstone/storage/table"

// Health tells what is not as it should be. The zero value is good health.
type Health struct {
	// Intake is why writes are refused: the log stopped, or the disk is full.
	Intake error
	// Seal is the last error of a live segment that could not be sealed yet.
	Seal error
	// Quarantined are the segments that were set aside.
	Quarantined []table.SegmentInfo
	LiveBytes   int64
	LogFiles    int
	Sequence    uint64
}

// Good tells that nothing is wrong.
func (h Health) Good() bool { return h.Intake == nil && h.Seal == nil && len(h.Quarantined) == 0 }

// Health returns how the database is.
func (db *DB) Health() Health {
	s := db.log.Status()
	h := Health{Intake: s.Failed, LogFiles: s.Files, LiveBytes: db.liveAccount.Used(), Sequence: db.Sequence()}
	if h.Intake == nil {
		h.Intake = s.Full
	}
	db.mu.Lock()
	if db.fatal != nil {
		h.Intake = db.fatal
	}
	h.Seal = db.sealFailureLocked()
	db.mu.Unlock()
	for _, i := range db.Segments() {
		if i.State == table.Quarantined {
			h.Quarantined = append(h.Quarantined, i)
		}
	}
	return h
}

// sealFailureLocked returns the error of a live segment whose last attempt failed, or nil.
func (db *DB) sealFailureLocked() error {
	for t := range db.busy {
		if err := t.Failure(); err != nil {
			return err
		}
	}
	for _, l := range db.loads {
		if l.failure != nil {
			return l.failure
		}
	}
	return nil
}
