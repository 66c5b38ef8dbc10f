package archive

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/manifest"
)

// State is what became of a file of the log.
type State string

// The states.
const (
	Written  State = "written"    // records are written to it
	Closed   State = "closed"     // the log needs it, or has needed it until now
	Archived State = "archived"   // it is compressed
	Attached State = "attachment" // a segment that a record names as that of a load, and no table has any more
)

// Info is a file of the log, for the system view siltstone.log.
type Info struct {
	State       State
	Number      uint64
	First, Last uint64 // sequences; Last is 0 of a file that is written and has no visible record
	Bytes       int64  // on disk
	Plain       int64  // of records before they were compressed; 0: not known
	From, To    int64  // seconds since 1970 of the first and the last record; 0: not known
	Tables      []catalog.TableID
	Holders     []string // who keeps it
}

// List lists all files of the log, oldest first, and then the attachments.
func (a *Archive) List() []Info {
	holders := a.Holders()
	who := func(last uint64, tables []catalog.TableID, known bool) (names []string) {
		for _, h := range holders {
			if (h.From <= last || last == 0) && (h.Table == 0 || !known || slices.Contains(tables, h.Table)) && !slices.Contains(names, h.Name) {
				names = append(names, h.Name)
			}
		}
		return names
	}
	var list []Info
	for _, s := range a.spans() {
		i := Info{State: Closed, Number: s.Number, First: s.First, Last: s.Last}
		if f := s.archived; f != nil {
			i.State, i.Bytes, i.Plain, i.From, i.To, i.Tables = Archived, f.Bytes, f.Plain, f.From, f.To, f.Tables
		} else if info, err := a.o.FS.Stat(a.log.FileName(s.Number)); err == nil {
			i.Bytes = info.Size
		}
		i.Holders = who(i.Last, i.Tables, s.archived != nil)
		if s.Last == 0 {
			i.State = Written
			if v := a.o.Visible(); v >= s.First {
				i.Last = v
			}
		}
		list = append(list, i)
	}
	for _, f := range a.o.Manifest.Version().Archive.Attached {
		list = append(list, attachmentInfo(f, who))
	}
	return list
}

func attachmentInfo(f manifest.Attachment, who func(uint64, []catalog.TableID, bool) []string) Info {
	tables := []catalog.TableID{f.Table}
	return Info{State: Attached, Number: uint64(f.File), First: f.Record, Last: f.Record, Bytes: f.Bytes, Tables: tables,
		Holders: who(f.Record, tables, true)}
}
