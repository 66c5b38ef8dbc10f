package storage

import (
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// recordMax is the longest record of the log, which replay and cursors must hold in memory.
const recordMax = 1 << 30

// attachment returns the file of a load with a reference for the caller, nil when it has gone; there tells whether its table
// is there.
func (db *DB) attachment(id catalog.TableID, file manifest.FileID) (f *shelf.File, there bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	t := db.tables[id]
	if t == nil {
		return nil, false
	}
	if s, ok := t.Files.Get(uint64(file)); ok {
		s.Retain()
		return s.File, true
	}
	return nil, true
}
