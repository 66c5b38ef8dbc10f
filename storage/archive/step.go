package archive

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// ageMost is how much time the archive's clock believes to have passed since it was looked at last. Looked at every second, it
// loses nothing but what a stopped server misses.
const ageMost = time.Hour

// New opens the archive of a log. What a crash has left goes; what is missing is told, and stays in the manifest.
func New(o Options, log *wal.Log) (*Archive, error) {
	a := &Archive{o: o, log: log, closed: make(chan struct{}), account: o.Pool.Overdraft("log archive")}
	v := o.Manifest.Version()
	a.elapsed, a.saved, a.looked = v.Archive.Clock.Elapsed, v.Archive.Clock.Elapsed, o.Now()
	if c := v.Archive.Clock; c != (manifest.Clock{}) {
		a.pass(a.looked.Sub(time.UnixMicro(c.Wall)))
	}
	if n := len(v.Archive.Files); n > 0 {
		a.retired = v.Archive.Files[n-1].Last
	}
	if err := a.tidy(v); err != nil {
		a.account.Close()
		return nil, err
	}
	return a, nil
}

func (a *Archive) folder() string { return a.o.Dir + "/archive" }

// tidy removes what no manifest names, and tells what is missing.
func (a *Archive) tidy(v *manifest.Version) error {
	infos, err := a.o.FS.List(a.folder())
	if err != nil {
		return vfs.Error("list", a.folder(), err)
	}
	sizes := map[string]int64{}
	for _, i := range infos {
		sizes[a.folder()+"/"+i.Name] = i.Size
	}
	for _, f := range v.Archive.Files {
		name := fileName(a.folder(), f.Number)
		if n, ok := sizes[name]; !ok || n != f.Bytes {
			a.o.Events(event.Event{Kind: event.ArchiveDamaged, Err: Missing(name, f, n, ok)})
		}
		delete(sizes, name)
	}
	for name := range sizes {
		if !strings.HasSuffix(name, ".arc") && !strings.HasSuffix(name, ".arc.tmp") {
			continue
		}
		if err := a.o.FS.Remove(name); err != nil {
			return vfs.Error("remove", name, err)
		}
	}
	return nil
}

// Missing is the error for an archived file that is not there, or not as long as it was.
func Missing(name string, f manifest.Archived, bytes int64, there bool) error {
	if !there {
		return errs.Corrupt("archived log file %s is missing: it had records %d to %d", name, f.First, f.Last)
	}
	return errs.Corrupt("archived log file %s has %d bytes, and was archived with %d", name, bytes, f.Bytes)
}

// MissingAttachment is the error for the file of a load that is not there, or not as long as it was.
func MissingAttachment(name string, a manifest.Attachment) error {
	return errs.Corrupt("segment %s is missing or cut: it is an attachment of record %d with %d rows and %d bytes", name, a.Record, a.Rows, a.Bytes)
}

// Hold lets do decide what goes: nobody begins to hold anything meanwhile.
func (a *Archive) Hold(do func()) {
	a.dropping.Lock()
	defer a.dropping.Unlock()
	do()
}

// Keeps tells whether somebody wants the rows of a record of a table. Hold is on.
func (a *Archive) Keeps(t catalog.TableID, sequence uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := Picture{Holders: a.holdersLocked()}
	return sequence >= a.oldestLocked(a.o.Manifest.Version()) && (a.o.Retain(t) > 0 || p.held(sequence, t) != notHeld)
}

// pass lets time pass.
func (a *Archive) pass(d time.Duration) {
	a.elapsed += int64(min(max(d, 0), ageMost) / time.Microsecond)
}

// edit makes an edit of the manifest, which brings the clock along.
func (a *Archive) edit(e manifest.ArchiveEdit) error {
	e.Clock = manifest.Clock{Elapsed: a.elapsed, Wall: a.looked.UnixMicro()}
	if _, err := a.o.Manifest.Apply(&manifest.Edit{Archive: e}); err != nil {
		return err
	}
	a.saved = a.elapsed
	return nil
}

// look looks at the clock.
func (a *Archive) look() {
	now := a.o.Now()
	a.pass(now.Sub(a.looked))
	a.looked = now
}

// wanting tells whether anybody wants anything of the log.
func (a *Archive) wanting() bool {
	a.mu.Lock()
	n := len(a.holders)
	a.mu.Unlock()
	if n > 0 {
		return true
	}
	for _, t := range a.o.Tables() {
		if a.o.Retain(t) > 0 {
			return true
		}
	}
	return false
}

// Take takes a log file into the archive that the log does not need any more, unless nobody wants it. The caller removes it
// afterwards. The context ends it early.
func (a *Archive) Take(ctx context.Context, s wal.Span) error {
	a.steps.Lock()
	defer a.steps.Unlock()
	a.look()
	v := a.o.Manifest.Version()
	for i := range v.Archive.Files {
		if v.Archive.Files[i].Number == s.Number { // the file could not be removed then
			return nil
		}
	}
	if len(v.Archive.Files) == 0 && a.leaveIf(s.Last, func() bool { return !a.wanting() }) {
		return nil
	}
	f, err := a.write(ctx, s)
	if errs.Is(err, errs.DataCorrupted) {
		return a.lost(s, err)
	}
	if err != nil {
		a.metrics.Failures.Add(1)
		return err
	}
	return a.name(s, f)
}

// leaveIf gives up the records of a log file up to one, if nobody who may come in between objects.
func (a *Archive) leaveIf(last uint64, unwanted func() bool) bool {
	a.dropping.Lock()
	defer a.dropping.Unlock()
	if !unwanted() {
		return false
	}
	a.leave(last)
	return true
}

// leave notes that the log does not have records any more.
func (a *Archive) leave(last uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.retired = max(a.retired, last)
}

// write makes an archived file, under another name.
func (a *Archive) write(ctx context.Context, s wal.Span) (manifest.Archived, error) {
	src, err := openLog(a, s, a.account)
	if err != nil {
		return manifest.Archived{}, err
	}
	defer src.close()
	f, err := write(ctx, a.o.FS, fileName(a.folder(), s.Number)+".tmp", s.Number, src, a.account)
	f.At = a.elapsed
	return f, err
}

// name puts a file that was written into the archive, if it is wanted.
func (a *Archive) name(s wal.Span, f manifest.Archived) error {
	a.dropping.Lock()
	defer a.dropping.Unlock()
	name := fileName(a.folder(), s.Number)
	e := manifest.ArchiveEdit{Add: []manifest.Archived{f}}
	p := a.picture()
	p.Files, p.Attached, p.Max = e.Add, nil, 0
	if d := Pick(p); f.Bytes == 0 || len(d.Files) > 0 {
		_ = a.o.FS.Remove(name + ".tmp")
		e = manifest.ArchiveEdit{Gone: a.goneWith(f)}
		if len(a.o.Manifest.Version().Archive.Files) == 0 { // the log begins later, that is all
			a.leave(s.Last)
			return nil
		}
	} else if err := a.rename(name); err != nil {
		a.metrics.Failures.Add(1)
		return err
	}
	if err := a.edit(e); err != nil {
		return err // the next attempt writes the file anew, the next start removes it
	}
	a.leave(s.Last)
	if len(e.Add) > 0 {
		a.metrics.Files.Add(1)
		a.metrics.Bytes.Add(f.Bytes)
		a.metrics.Plain.Add(f.Plain)
		a.o.Events(event.Event{Kind: event.Archived, Bytes: f.Bytes, Detail: fmt.Sprintf("file=%d records=%d-%d plain=%d", f.Number, f.First, f.Last, f.Plain)})
	}
	return nil
}

func (a *Archive) rename(name string) error {
	if err := a.o.FS.Rename(name+".tmp", name); err != nil {
		_ = a.o.FS.Remove(name + ".tmp")
		return vfs.Error("rename", name+".tmp", err)
	}
	if err := a.o.FS.SyncDir(a.folder()); err != nil {
		return vfs.Error("sync", a.folder(), err)
	}
	return nil
}

// lost gives up a log file that is damaged: nobody needs its rows but who reads the log. It is set aside.
func (a *Archive) lost(s wal.Span, cause error) error {
	a.metrics.Failures.Add(1)
	a.o.Events(event.Event{Kind: event.ArchiveDamaged, Err: cause})
	a.dropping.Lock()
	defer a.dropping.Unlock()
	e := manifest.ArchiveEdit{Gone: map[catalog.TableID]uint64{0: s.Last}}
	for _, t := range a.o.Tables() {
		e.Gone[t] = s.Last
	}
	if err := a.edit(e); err != nil {
		return err
	}
	a.leave(s.Last)
	name := a.log.FileName(s.Number)
	aside := fmt.Sprintf("%s/quarantine/%010d.wal", a.o.Dir, s.Number)
	if err := a.o.FS.Rename(name, aside); err != nil && !vfs.IsNotExist(err) {
		return vfs.Error("set aside", name, err)
	}
	return nil
}

// picture returns what there is. Nothing goes meanwhile.
func (a *Archive) picture() *Picture {
	v := a.o.Manifest.Version()
	a.mu.Lock()
	defer a.mu.Unlock()
	return &Picture{Files: v.Archive.Files, Attached: v.Archive.Attached, Now: a.elapsed, Retain: a.o.Retain,
		Holders: a.holdersLocked(), Max: a.o.MaxBytes}
}

// goneWith returns what is gone with files.
func (a *Archive) goneWith(files ...manifest.Archived) map[catalog.TableID]uint64 {
	gone := map[catalog.TableID]uint64{}
	for _, f := range files {
		if f.Last == 0 { // it had no record
			continue
		}
		gone[0] = max(gone[0], f.Last)
		for _, t := range f.Tables {
			gone[t] = max(gone[t], f.Last)
		}
	}
	return gone
}

// Sweep drops what nobody wants any more, and what is too much.
func (a *Archive) Sweep() error {
	a.steps.Lock()
	defer a.steps.Unlock()
	a.look()
	a.dropping.Lock()
	defer a.dropping.Unlock()
	p := a.picture()
	if len(p.Files)+len(p.Attached) == 0 {
		return nil
	}
	d := Pick(p)
	if len(d.Files)+len(d.Attached) == 0 {
		if time.Duration(a.elapsed-a.saved)*time.Microsecond >= ageMost {
			return a.edit(manifest.ArchiveEdit{})
		}
		a.tell(&d)
		return nil
	}
	if err := a.drop(p, &d); err != nil {
		a.metrics.Failures.Add(1)
		return err
	}
	a.tell(&d)
	return nil
}

// tell tells, once, that more is held than the bound allows.
func (a *Archive) tell(d *Drop) {
	if d.Over > 0 {
		a.o.Events(event.Event{Kind: event.ArchiveFull, Bytes: d.Over, Detail: fmt.Sprintf("max=%d: the oldest have gone before their time", a.o.MaxBytes)})
	}
	if d.Beyond > 0 && !a.over {
		a.o.Events(event.Event{Kind: event.ArchiveFull, Bytes: d.Beyond, Detail: fmt.Sprintf("max=%d: holders keep more", a.o.MaxBytes)})
	}
	a.over = d.Beyond > 0
}

// drop takes files and attachments out of the manifest, and then off the disk.
func (a *Archive) drop(p *Picture, d *Drop) error {
	e := manifest.ArchiveEdit{Gone: a.goneWith(d.Files...)}
	for _, f := range d.Files {
		e.Remove = append(e.Remove, f.Number)
	}
	for _, f := range d.Attached {
		e.Detach = append(e.Detach, f.File)
		if a.o.Retain(f.Table) > 0 || a.there(f.Table) { // rows of a table that was dropped nobody misses
			e.Gone[0], e.Gone[f.Table] = max(e.Gone[0], f.Record), max(e.Gone[f.Table], f.Record)
		}
	}
	a.prune(p, d, e.Gone)
	if err := a.edit(e); err != nil {
		return err
	}
	for _, f := range d.Files {
		a.metrics.Dropped.Add(1)
		_ = a.o.FS.Remove(fileName(a.folder(), f.Number)) // else the next start does
	}
	a.o.Detached(d.Attached)
	a.o.Events(event.Event{Kind: event.ArchiveDropped, Detail: fmt.Sprintf("files=%d attachments=%d", len(d.Files), len(d.Attached))})
	return nil
}

func (a *Archive) there(t catalog.TableID) bool {
	for _, o := range a.o.Tables() {
		if o == t {
			return true
		}
	}
	return false
}

// prune leaves out what is gone before the oldest file that is left, since everything is.
func (a *Archive) prune(p *Picture, d *Drop, gone map[catalog.TableID]uint64) {
	left := map[uint64]bool{}
	for _, f := range d.Files {
		left[f.Number] = true
	}
	a.mu.Lock()
	oldest := a.beginLocked()
	a.mu.Unlock()
	for _, f := range p.Files {
		if !left[f.Number] {
			oldest = min(oldest, f.First)
			break
		}
	}
	for t, n := range gone {
		if n < oldest {
			delete(gone, t)
		}
	}
	for t, n := range a.o.Manifest.Version().Archive.Gone {
		if _, ok := gone[t]; !ok && n < oldest {
			gone[t] = 0
		}
	}
}
