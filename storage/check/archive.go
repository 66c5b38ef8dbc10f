package check

import (
	"errors"
	"fmt"
	"path"

	"github.com/siltstone-db/siltstone/storage/archive"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// maxRecord is the longest record of a log.
const maxRecord = 1 << 30

// archive verifies every byte of the archived log files and of the attachments that the manifest names. What is damaged there
// is no row of a table: the log cannot be read so far back.
func (c *checker) archive() {
	if c.version == nil {
		return
	}
	named := map[string]bool{}
	for _, f := range c.version.Archive.Files {
		name := archive.FileName(c.dir, f.Number)
		named[path.Base(name)] = true
		if err := archive.Check(c.fs, c.dir, f, maxRecord); err != nil {
			c.add(name, err, true)
		}
	}
	for _, i := range c.list("archive") {
		if !named[i.Name] {
			c.add(c.dir+"/archive/"+i.Name, errors.New("belongs to nobody"), false)
		}
	}
	cached := cache.New(mem.NewPool(0).Account("check", 64<<20), 0)
	defer cached.Close()
	for _, a := range c.version.Archive.Attached {
		name := fmt.Sprintf("%s/segments/%010d.seg", c.dir, a.File)
		if err := c.segment(name, manifest.Segment{File: a.File, Table: a.Table, Rows: a.Rows, Bytes: a.Bytes}, cached); err != nil {
			c.add(name, fmt.Errorf("attachment of record %d of the log, of %d rows: %w", a.Record, a.Rows, err), true)
		}
	}
}
