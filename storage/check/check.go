// Package check verifies a data directory that nobody has open: every checksum of the manifest, the log, the token
// files and the segments, and that they fit each other. It changes nothing and goes on after a finding.
package check

import (
	"errors"
	"fmt"

	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/ladder"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/recovery"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Finding is something that is not as it should be.
type Finding struct {
	File  string
	Error string
	// Fatal: the database does not open, or acknowledged rows are lost. Others are left-overs that the next start
	// cleans up.
	Fatal bool
}

// String prints the finding on one line.
func (f Finding) String() string {
	kind := "note"
	if f.Fatal {
		kind = "damage"
	}
	return fmt.Sprintf("%s: %s: %s", kind, f.File, f.Error)
}

type checker struct {
	fs       vfs.FS
	dir      string
	o        Options
	version  *manifest.Version  // nil: damaged
	catalog  *catalog.Snapshot  // of version, and then of the log
	logged   []manifest.Segment // files that log records above the watermark name
	findings []Finding
}

// Options of Check. The zero value is ready.
type Options struct {
	// AcceptLoss: what is missing is told and is no damage, as for a server that starts with that option.
	AcceptLoss bool
}

// Check verifies the directory and returns what it found; nothing found means that every byte is as it was written, and
// that nothing is missing which is known to have been there.
func Check(fsys vfs.FS, dir string, o Options) []Finding {
	c := &checker{fs: fsys, dir: dir, o: o}
	lock, err := fsys.Lock(dir + "/LOCK")
	if err != nil {
		c.add(dir+"/LOCK", err, true)
		return c.findings
	}
	defer lock.Close()
	if _, err := ladder.Read(fsys, dir); err != nil {
		c.add(dir+"/FORMAT", err, true)
		return c.findings
	}
	v, _, err := manifest.Read(fsys, dir)
	if err != nil {
		c.add(dir+"/CURRENT", err, true)
	} else {
		c.version, c.catalog = v, v.Catalog
		c.missing()
	}
	c.log()
	c.tokens()
	c.segments()
	c.archive()
	c.folder("quarantine")
	c.folder("archive")
	return c.findings
}

// folder looks for one that may be missing, and in which something may lie that is nobody's; but it must be a folder.
func (c *checker) folder(sub string) {
	name := c.dir + "/" + sub
	i, err := c.fs.Stat(name)
	switch {
	case err == nil && !i.Dir:
		c.add(name, errors.New("is not a directory"), true)
	case err != nil && !vfs.IsNotExist(err):
		c.add(name, err, true)
	}
}

func (c *checker) add(file string, err error, fatal bool) {
	text := err.Error()
	if e := errs.From(err); e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	c.findings = append(c.findings, Finding{file, text, fatal})
}

// lost notes what is missing.
func (c *checker) lost(file string, err error) { c.add(file, err, !c.o.AcceptLoss) }

// missing looks for what the manifest says is there.
func (c *checker) missing() {
	list, err := recovery.Missing(c.fs, c.dir, c.version)
	if err != nil {
		c.add(c.dir, err, true)
	}
	for _, m := range list {
		c.lost(c.dir, m)
	}
}

func (c *checker) list(sub string) []vfs.Info {
	infos, err := c.fs.List(c.dir + "/" + sub)
	if vfs.IsNotExist(err) {
		return nil // told by missing
	}
	if err != nil {
		c.add(c.dir+"/"+sub, err, true)
	}
	return infos
}

// write notes what a record of the log brings that the manifest need not know yet: catalog changes and segment files.
func (c *checker) write(rec record.Frame) error {
	var d table.Decoder
	if c.version == nil || rec.Sequence <= c.version.Watermark || rec.Type != table.RecordWrite {
		return nil
	}
	if err := d.Begin(rec.Payload); err != nil {
		return err
	}
	if rec.Sequence > c.version.DDL && len(d.Edits) > 0 {
		next, _, err := c.catalog.Apply(d.Edits...)
		if err != nil {
			return errs.Corrupt("record at offset %d: its catalog changes do not fit: %w", rec.Offset, err)
		}
		c.catalog = next
	}
	if rec.Sequence <= c.version.Applied {
		return nil
	}
	for _, f := range d.Files {
		if _, named := c.version.Segments.Get(f.File); !named {
			c.logged = append(c.logged, f)
		}
	}
	return nil
}

// segments verifies every byte of the segments that the manifest or the log names.
func (c *checker) segments() {
	named := map[string]bool{}
	v := c.version
	if v != nil {
		pool := mem.NewPool(0)
		cached := cache.New(pool.Account("check", 64<<20), 0)
		defer cached.Close()
		var all []manifest.Segment
		for _, s := range v.Segments.All() {
			all = append(all, *s)
		}
		for i, s := range append(all, c.logged...) {
			name := fmt.Sprintf("%010d.seg", s.File)
			named[name] = true
			owner := fmt.Sprintf("table with id %d", s.Table)
			if t := c.catalog.TableByID(s.Table); t != nil {
				owner = fmt.Sprintf("table %s.%s", t.Schema, t.Name)
			} else if i >= v.Segments.Len() {
				continue // the table was dropped since
			}
			if s.Quarantined != "" {
				c.add(c.dir+"/quarantine/"+name, fmt.Errorf("%d rows of %s, set aside: %s", s.Rows, owner, s.Quarantined), true)
			} else if err := c.segment(c.dir+"/segments/"+name, s, cached); err != nil {
				c.add(c.dir+"/segments/"+name, fmt.Errorf("%d rows of %s: %w", s.Rows, owner, err), true)
			}
		}
	}
	if v != nil {
		for _, a := range v.Archive.Attached {
			named[fmt.Sprintf("%010d.seg", a.File)] = true
		}
	}
	for _, i := range c.list("segments") {
		if v != nil && !named[i.Name] {
			c.add(c.dir+"/segments/"+i.Name, errors.New("belongs to nobody"), false)
		}
	}
}

func (c *checker) segment(name string, meta manifest.Segment, cached *cache.Cache) error {
	f, err := c.fs.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	s, err := segment.Open(f, size, segment.Options{Name: name, Cache: cached})
	if err != nil {
		return err
	}
	defer s.Close()
	if s.ID() != uint64(meta.File) || int64(s.Rows()) != meta.Rows {
		return errs.Corrupt("is segment %d with %d rows, want %d rows", s.ID(), s.Rows(), meta.Rows)
	}
	if meta.Deleted != "" {
		if _, err := index.ReadRowSet([]byte(meta.Deleted), s.Rows()); err != nil {
			return err
		}
	}
	return s.Verify()
}
