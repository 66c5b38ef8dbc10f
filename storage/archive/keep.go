package archive

import (
	"cmp"
	"slices"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/manifest"
)

// Picture is what decides what goes.
type Picture struct {
	Files    []manifest.Archived   // by number
	Attached []manifest.Attachment // by file
	Now      int64                 // the archive's clock, in microseconds
	// Retain returns how long a table wants its records: 0 of one that was dropped.
	Retain  func(catalog.TableID) time.Duration
	Holders []Holder
	Max     int64 // bytes of all files; 0: any number
}

// Drop is what goes.
type Drop struct {
	Files    []manifest.Archived
	Attached []manifest.Attachment
	// Over is how many bytes had to go, of those that are wanted, for the bound; Beyond how many more there are than it
	// allows, since holders keep them.
	Over, Beyond int64
}

// Pick decides what the archive keeps: a file as long as any of its tables wants it, or a holder reads it; an attachment as
// long as its table wants it and its record is there. Beyond the bound the oldest go first, but for what is held by those
// who may not lose it.
func Pick(p *Picture) (d Drop) {
	var left []piece
	for i := range p.Files {
		f := &p.Files[i]
		held := p.held(f.Last, f.Tables...)
		if held == notHeld && !p.wanted(f.At, f.Tables) {
			d.Files = append(d.Files, *f)
			continue
		}
		left = append(left, piece{last: f.Last, bytes: f.Bytes, file: f, firm: held == heldFirmly})
	}
	for i := range p.Attached {
		a := &p.Attached[i]
		at := p.at(a.Record)
		held := p.held(a.Record, a.Table)
		gone := slices.ContainsFunc(d.Files, func(f manifest.Archived) bool { return f.First <= a.Record && a.Record <= f.Last })
		if gone || held == notHeld && !p.wanted(at, []catalog.TableID{a.Table}) {
			d.Attached = append(d.Attached, *a)
			continue
		}
		left = append(left, piece{last: a.Record, bytes: a.Bytes, attached: a, firm: held == heldFirmly})
	}
	p.bound(&d, left)
	return d
}

// piece is something that goes or stays.
type piece struct {
	last     uint64
	bytes    int64
	file     *manifest.Archived
	attached *manifest.Attachment
	firm     bool
}

// bound lets the oldest go until the rest fits.
func (p *Picture) bound(d *Drop, left []piece) {
	var total int64
	for _, x := range left {
		total += x.bytes
	}
	if p.Max == 0 || total <= p.Max {
		return
	}
	// Attachments before their file: with the file they would go anyhow.
	slices.SortStableFunc(left, func(a, b piece) int {
		return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(rank(a), rank(b)))
	})
	for _, x := range left {
		if total <= p.Max {
			break
		}
		switch {
		case x.firm:
			continue
		case x.file != nil && p.needed(x.file, left):
			continue
		case x.file != nil:
			d.Files = append(d.Files, *x.file)
		default:
			d.Attached = append(d.Attached, *x.attached)
		}
		total -= x.bytes
		d.Over += x.bytes
	}
	d.Beyond = max(0, total-p.Max)
}

func rank(p piece) int {
	if p.file != nil {
		return 1
	}
	return 0
}

// needed tells whether an attachment of a file stays, since it is held.
func (p *Picture) needed(f *manifest.Archived, left []piece) bool {
	return slices.ContainsFunc(left, func(x piece) bool {
		return x.attached != nil && x.firm && f.First <= x.last && x.last <= f.Last
	})
}

// wanted tells whether any of some tables wants what was archived at some time.
func (p *Picture) wanted(at int64, tables []catalog.TableID) bool {
	age := time.Duration(min(max(p.Now-at, 0), int64(catalog.Forever/time.Microsecond))) * time.Microsecond
	return slices.ContainsFunc(tables, func(t catalog.TableID) bool {
		keep := p.Retain(t)
		return keep == catalog.Forever || age < keep
	})
}

// at returns when the record of an attachment was archived: now when it is in the log.
func (p *Picture) at(sequence uint64) int64 {
	for i := range p.Files {
		if f := &p.Files[i]; f.First <= sequence && sequence <= f.Last {
			return f.At
		}
	}
	return p.Now
}

// hold is how something is held.
type hold int

const (
	notHeld hold = iota
	heldLoosely
	heldFirmly
)

// held tells how records of some tables up to one are held.
func (p *Picture) held(last uint64, tables ...catalog.TableID) hold {
	h := notHeld
	for i := range p.Holders {
		o := &p.Holders[i]
		if o.From > last || o.Table != 0 && !slices.Contains(tables, o.Table) {
			continue
		}
		if !o.MayLose {
			return heldFirmly
		}
		h = heldLoosely
	}
	return h
}
