package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// checkCommand verifies the manifest and every byte of every segment. The log verifies itself when it is replayed at
// the next start.
type checkCommand struct {
	Data   string `default:"./siltstone-data" env:"SILTSTONE_DATA" type:"path" help:"Data directory."`
	Repair bool   `help:"Rebuild what is damaged from the log."`
}

// Run prints a line for each segment and fails when one is damaged.
func (c *checkCommand) Run() error {
	if c.Repair {
		return errs.Unsupported("siltstone check --repair")
	}
	lock, err := vfs.Disk.Lock(filepath.Join(c.Data, "LOCK"))
	if err != nil {
		return fmt.Errorf("data directory %s: %w", c.Data, err)
	}
	defer lock.Close()
	v, file, err := manifest.Read(vfs.Disk, c.Data)
	if err != nil {
		return err
	}
	fmt.Printf("manifest %d: %d tables, %d segments, log needed from record %d\n", file, len(v.Catalog.Tables()), len(v.Segments), v.Watermark+1)
	account := mem.NewPool(0).Account("check", dumpCacheBytes)
	segments := cache.New(account)
	defer segments.Close()
	var damaged int
	for _, m := range v.Segments {
		name := fmt.Sprintf("#%d", m.Table)
		if t := v.Catalog.TableByID(m.Table); t != nil {
			name = t.Schema + "." + t.Name
		}
		state := "sound"
		if m.Quarantined != "" {
			damaged++
			state = "set aside before: " + m.Quarantined
		} else if err := checkSegment(filepath.Join(c.Data, "segments", fmt.Sprintf("%010d.seg", m.File)), m, segments); err != nil {
			damaged++
			state = "DAMAGED: " + err.Error()
		}
		fmt.Printf("segment %d of %s: %d rows, %d bytes, %s\n", m.File, name, m.Rows, m.Bytes, state)
	}
	if damaged > 0 {
		return errs.Corrupt("%d of %d segments are damaged", damaged, len(v.Segments))
	}
	fmt.Println("everything is sound")
	return nil
}

func checkSegment(path string, m manifest.Segment, c *cache.Cache) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s, err := segment.Open(f, info.Size(), segment.Options{Name: filepath.Base(path), Cache: c})
	if err != nil {
		return err
	}
	defer s.Close()
	if int64(s.Rows()) != m.Rows || s.Bytes() != m.Bytes {
		err = fmt.Errorf("the file has %d rows and %d bytes", s.Rows(), s.Bytes())
	}
	return errors.Join(s.Verify(), err)
}
