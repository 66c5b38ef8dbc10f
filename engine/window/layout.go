package window

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// layout says where a row of words has the columns that somebody reads: first the bits of NULLs, 64 columns a word, then
// the values.
type layout struct {
	cols   []field
	of     []int // by ordinal in Config.In: in cols, or -1
	keys   []keyField
	stride int // words of a row
}

// field is a column of a row.
type field struct {
	ordinal  int
	t        types.Type
	phys     types.Physical
	at, wide int
	nullAt   int
	nullBit  uint64
}

// keyField is a column that rows are ordered by.
type keyField struct {
	*field
	desc, nullsFirst bool
}

func newLayout(cfg *Config) layout {
	l := layout{of: make([]int, len(cfg.In))}
	used := make([]bool, len(cfg.In))
	mark := func(at ...int) {
		for _, i := range at {
			used[i] = true
		}
	}
	mark(cfg.Keep...)
	for _, k := range cfg.Keys {
		mark(k.Column)
	}
	for i := range cfg.Calls {
		mark(cfg.Calls[i].columns(nil)...)
	}
	for i, t := range cfg.In {
		if l.of[i] = -1; used[i] {
			l.of[i] = len(l.cols)
			l.cols = append(l.cols, field{ordinal: i, t: t, phys: t.Physical(), wide: hashtable.Wide(t)})
		}
	}
	l.stride = (len(l.cols) + 63) / 64
	for i := range l.cols {
		f := &l.cols[i]
		f.nullAt, f.nullBit = i>>6, 1<<(i&63)
		f.at = l.stride
		l.stride += f.wide
	}
	l.stride = max(l.stride, 1)
	for _, k := range cfg.Keys {
		l.keys = append(l.keys, keyField{l.column(k.Column), k.Desc, k.NullsFirst})
	}
	return l
}

// column returns the place of an ordinal of Config.In.
func (l *layout) column(ordinal int) *field { return &l.cols[l.of[ordinal]] }

func (f *field) null(row []uint64) bool { return row[f.nullAt]&f.nullBit != 0 }

func (f *field) isFloat() bool { return f.phys == types.PhysFloat64 || f.phys == types.PhysFloat32 }

func (f *field) text() bool { return f.phys == types.PhysBytes }

// rank orders values of one word as unsigned numbers.
func (f *field) rank(w uint64) uint64 {
	if f.isFloat() {
		return hashtable.OrderFloat(w)
	}
	return w ^ 1<<63
}

// rank128 orders values of two words.
func (f *field) rank128(w0, w1 uint64) (hi, lo uint64) {
	switch f.phys {
	case types.PhysUUID:
		return bits.ReverseBytes64(w0), bits.ReverseBytes64(w1)
	case types.PhysInterval:
		lo, hi = hashtable.IntervalSpan(w0, w1)
		return hi, lo
	}
	return w1 ^ 1<<63, w0
}

// orderKey returns the part of a string that decides its place.
func (f *field) orderKey(t *texts, ref uint64) []byte { return scan.OrderKey(f.t, t.at(ref)) }

// hashRow hashes the first n keys of a row; equal keys have equal hashes.
func (l *layout) hashRow(row []uint64, n int, t *texts) uint64 {
	h := uint64(0)
	for i := range l.keys[:n] {
		f := l.keys[i].field
		x := uint64(0x9e3779b97f4a7c15)
		switch {
		case f.null(row):
		case f.text():
			x = kernel.HashBytes(f.orderKey(t, row[f.at]))
		case f.wide == 2:
			hi, lo := f.rank128(row[f.at], row[f.at+1])
			x = kernel.HashUint128(lo, hi)
		default:
			x = kernel.HashUint64(f.rank(row[f.at]))
		}
		h = bits.RotateLeft64(h, 23)*0x9e3779b97f4a7c15 ^ x
	}
	return h
}

// compare compares two rows by one key, in its direction.
func (k *keyField) compare(a, b []uint64, t *texts) int {
	an, bn := k.null(a), k.null(b)
	if an || bn {
		switch {
		case an == bn:
			return 0
		case an == k.nullsFirst:
			return -1
		}
		return 1
	}
	c := 0
	switch {
	case k.text():
		if a[k.at] != b[k.at] {
			c = bytes.Compare(k.orderKey(t, a[k.at]), k.orderKey(t, b[k.at]))
		}
	case k.wide == 2:
		ahi, alo := k.rank128(a[k.at], a[k.at+1])
		bhi, blo := k.rank128(b[k.at], b[k.at+1])
		if c = order64(ahi, bhi); c == 0 {
			c = order64(alo, blo)
		}
	default:
		c = order64(k.rank(a[k.at]), k.rank(b[k.at]))
	}
	if k.desc {
		return -c
	}
	return c
}

func order64(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// equalKeys returns how many leading keys of two rows are equal.
func (l *layout) equalKeys(a, b []uint64, t *texts) int {
	for i := range l.keys {
		if l.keys[i].compare(a, b, t) != 0 {
			return i
		}
	}
	return len(l.keys)
}

// appendRecord appends the record of a row for a temporary file: its words, then the strings that lie in texts.
// References to dictionaries stay what they are, since dictionaries outlive the query's pipelines.
func (l *layout) appendRecord(dst []byte, row []uint64, t *texts) []byte {
	dst = append(dst, mem.Bytes(row[:l.stride])...)
	for i := range l.cols {
		f := &l.cols[i]
		if f.text() && !f.null(row) && row[f.at]&fromDict == 0 {
			s := t.at(row[f.at])
			dst = binary.AppendUvarint(dst, uint64(len(s)))
			dst = append(dst, s...)
		}
	}
	return dst
}

// readRecord makes a row of a record; its strings go to w.
func (l *layout) readRecord(record []byte, row []uint64, w *textWriter) error {
	n := l.stride * 8
	if len(record) < n {
		return errDamaged()
	}
	copy(mem.Bytes(row[:l.stride]), record)
	record = record[n:]
	for i := range l.cols {
		f := &l.cols[i]
		if !f.text() || f.null(row) || row[f.at]&fromDict != 0 {
			continue
		}
		size, k := binary.Uvarint(record)
		if k <= 0 || size > uint64(len(record)-k) {
			return errDamaged()
		}
		row[f.at] = w.add(record[k : k+int(size)])
		record = record[k+int(size):]
	}
	if len(record) > 0 {
		return errDamaged()
	}
	return nil
}

func errDamaged() error { return errs.Corrupt("a row of a temporary file is damaged") }
