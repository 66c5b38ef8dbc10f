package storage

import "github.com/siltstone-db/siltstone/storage/vfs"

// Temporary returns where the process that has the database open may keep files that nobody needs after it: a
// directory that the storage neither makes nor reads.
func (db *DB) Temporary() (vfs.FS, string) { return db.o.FS, db.dir + "/spill" }
