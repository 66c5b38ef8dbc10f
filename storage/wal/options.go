package wal

import (
	"cmp"
	"errors"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Options of a log. FS, Dir and Apply are needed; of the rest zero is ready.
type Options struct {
	FS  vfs.FS
	Dir string
	// FileBytesMin and FileBytesMax bound a file's preallocated size: the first file of a log is small, so that an
	// idle database is, and each following one is four times the last. Defaults 1 MiB and 64 MiB.
	FileBytesMin, FileBytesMax int64
	// QueueBytes is the most that may wait for the writer; Append waits beyond it. Default 64 MiB.
	QueueBytes int64
	// MaxRecord is the longest record in bytes, which replay must hold in memory. Default 1 GiB.
	MaxRecord int64
	// Apply is called with every durable group, in order, by one goroutine. Errors are the entries' Err.
	Apply func(group []*Entry)
	// Number is told of a group before its entries are laid out, in the order of the log; it may change bytes of their Pieces,
	// not how many there are. Unnumber is told that the group was cut off again: what comes next comes in its place. One
	// goroutine calls both. Default: nothing happens.
	Number, Unnumber func(group []*Entry)
	// Reached is the last sequence that is known to have been in the log, File the number of a file that was there: it,
	// or one with a higher number, must be there still. 0: nothing is known.
	Reached, File uint64
	// Above is a number that new files have higher ones than: somebody keeps a file that had it.
	Above uint64
	// Accepted are records that were lost, which somebody has accepted.
	Accepted Gap
	// Lost is told, while the log is opened, of records that are missing. What it returns ends the opening; nil goes on
	// without them. Default: an error is returned as it is.
	Lost func(err error) error
	// Torn is told of what a crash has left behind the last whole record of the log.
	Torn func(name string, t record.Tail)
	// Stopped is called by Close when the log has ended in order, with its files as they are. After an error Close leaves
	// them as after a crash.
	Stopped func(last uint64, files []File) error
	// Failed is called once when the log stops for good.
	Failed func(err error)
}

// Gap is records that are lost: those behind After, up to To.
type Gap struct{ After, To uint64 }

// File is a file of the log.
type File struct {
	Number uint64
	Bytes  int64
}

// EnsureDefaults fills in what is zero.
func (o *Options) EnsureDefaults() {
	o.FileBytesMin = cmp.Or(o.FileBytesMin, 1<<20)
	o.FileBytesMax = cmp.Or(o.FileBytesMax, 64<<20)
	o.QueueBytes = cmp.Or(o.QueueBytes, 64<<20)
	o.MaxRecord = cmp.Or(o.MaxRecord, 1<<30)
	if o.Lost == nil {
		o.Lost = func(err error) error { return err }
	}
	if o.Torn == nil {
		o.Torn = func(string, record.Tail) {}
	}
	if o.Number == nil {
		o.Number = func([]*Entry) {}
	}
	if o.Unnumber == nil {
		o.Unnumber = func([]*Entry) {}
	}
	if o.Stopped == nil {
		o.Stopped = func(uint64, []File) error { return nil }
	}
}

// Validate returns every problem of the sizes, joined, each with 22023. What EnsureDefaults would fill in is not one.
func (o *Options) Validate() error {
	filled := *o
	filled.EnsureDefaults()
	return filled.validate()
}

func (o *Options) validate() error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, errs.New(errs.InvalidParameterValue, format, args...))
	}
	for _, f := range []struct {
		name  string
		bytes int64
	}{
		{"FileBytesMin", o.FileBytesMin}, {"FileBytesMax", o.FileBytesMax}, {"QueueBytes", o.QueueBytes}, {"MaxRecord", o.MaxRecord},
	} {
		if f.bytes <= 0 {
			bad("%s: %d is not positive", f.name, f.bytes)
		}
	}
	if o.FileBytesMin > o.FileBytesMax {
		bad("FileBytesMin: %d bytes are more than FileBytesMax, %d", o.FileBytesMin, o.FileBytesMax)
	}
	return errors.Join(problems...)
}
