package order

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// entry is one row to sort: the first 8 bytes of its normalised key, where the rest is, and where the row is.
type entry struct {
	prefix uint64
	key    uint64 // offset of the rest of the key in rows.keys <<24 | its length
	row    uint64 // batch<<16 | row
}

const (
	keyLenBits = 24
	keyLenMask = 1<<keyLenBits - 1
)

// rows keeps copies of rows with their keys: those of one worker.
type rows struct {
	acc     *mem.Account
	charged int64
	batches []*batch.Batch
	entries []entry
	keys    []byte
	scratch []byte
}

// charge makes the account hold n bytes for the rows.
func (r *rows) charge(n int64) error {
	if err := r.acc.Reserve(n - r.charged); err != nil {
		return err
	}
	r.charged = n
	return nil
}

func (r *rows) release() {
	if r.acc != nil {
		r.acc.Free(r.charged)
	}
	*r = rows{acc: r.acc}
}

// bytes returns what the rows take.
func (r *rows) bytes() int64 {
	n := int64(cap(r.entries))*int64(unsafe.Sizeof(entry{})) + int64(cap(r.keys))
	for _, b := range r.batches {
		n += b.Bytes()
	}
	return n
}

// add keeps a copy of a batch. When its memory is refused the rows are kept all the same: the caller writes them to a
// file, or gives up.
func (r *rows) add(ctx context.Context, keys []Key, b *batch.Batch) error {
	c := relop.Copy(b)
	before := int64(cap(r.entries))*int64(unsafe.Sizeof(entry{})) + int64(cap(r.keys))
	if err := r.index(ctx, keys, c); err != nil {
		return err
	}
	after := int64(cap(r.entries))*int64(unsafe.Sizeof(entry{})) + int64(cap(r.keys))
	return r.charge(r.charged + after - before + c.Bytes())
}

// index takes a batch over and makes the entries of its rows.
func (r *rows) index(ctx context.Context, keys []Key, b *batch.Batch) error {
	at := uint64(len(r.batches)) << 16
	r.batches = append(r.batches, b)
	work := 0
	for i := range b.Len {
		k := appendKey(r.scratch[:0], keys, b, i)
		r.scratch = k
		if work += len(k); work >= keyLook {
			if work = 0; ctx.Err() != nil {
				return errs.From(ctx.Err())
			}
		}
		if len(k) >= 1<<keyLenBits {
			return errs.New(errs.ProgramLimitExceeded, "a sort key of %d bytes is too long", len(k))
		}
		e := entry{row: at | uint64(i)}
		if len(k) > 8 {
			e.prefix = binary.BigEndian.Uint64(k)
			e.key = uint64(len(r.keys))<<keyLenBits | uint64(len(k)-8)
			r.keys = append(r.keys, k[8:]...)
		} else {
			var t [8]byte
			copy(t[:], k)
			e.prefix = binary.BigEndian.Uint64(t[:])
		}
		r.entries = append(r.entries, e)
	}
	return nil
}

// rest returns the key of an entry behind its prefix.
func (r *rows) rest(e *entry) []byte {
	at := e.key >> keyLenBits
	return r.keys[at : at+e.key&keyLenMask]
}

// compare orders two entries of two workers.
func compare(a *rows, x *entry, b *rows, y *entry) int {
	switch {
	case x.prefix < y.prefix:
		return -1
	case x.prefix > y.prefix:
		return 1
	case x.key|y.key == 0:
		return 0
	}
	return bytes.Compare(a.rest(x), b.rest(y))
}

// sortLook is how many comparisons of a sort go by between two looks at the context: a millisecond or two. One of long
// keys that may be equal for long counts as many, one for each sortBytes.
const (
	sortLook  = 1 << 16
	sortBytes = 256
)

// keyLook is how many bytes of keys are made between two looks at the context.
const keyLook = 1 << 20

// sort orders the entries. A sort that is told to stop calls the rest of the entries equal, which ends it at once.
func (r *rows) sort(ctx context.Context) error {
	n, stopped := 0, ctx.Err() != nil
	slices.SortFunc(r.entries, func(x, y entry) int {
		if n++; x.prefix == y.prefix {
			n += int(min(x.key&keyLenMask, y.key&keyLenMask) / sortBytes)
		}
		if n >= sortLook && !stopped {
			n, stopped = 0, ctx.Err() != nil
		}
		if stopped {
			return 0
		}
		return compare(r, &x, r, &y)
	})
	if stopped {
		return errs.From(ctx.Err())
	}
	return nil
}

// ref names a row of some batch.
type ref struct {
	batch *batch.Batch
	row   int
}

// ref returns the row of an entry.
func (r *rows) ref(e *entry) ref { return ref{r.batches[e.row>>16], int(uint16(e.row))} }

// gather fills out with the rows that refs name.
func gather(out *batch.Batch, refs []ref) {
	for c, v := range out.Cols {
		t := v.Type
		v.Reset(t, len(refs))
		gatherColumn(v, refs, c, t.Physical())
		for i, r := range refs {
			if src := r.batch.Cols[c]; src.Valid != nil && src.IsNull(r.row) {
				v.Nulls(len(refs)).Clear(i)
			}
		}
	}
	out.Len = len(refs)
}

func gatherColumn(v *batch.Vector, refs []ref, c int, phys types.Physical) {
	switch phys {
	case types.PhysBool:
		to := v.Bools()
		for i, r := range refs {
			src, at := r.at(c)
			to.SetTo(i, src.Bools().Get(at))
		}
	case types.PhysInt16:
		gatherFixed[int16](v, refs, c)
	case types.PhysInt32, types.PhysFloat32:
		gatherFixed[int32](v, refs, c)
	case types.PhysInt64, types.PhysFloat64:
		gatherFixed[int64](v, refs, c)
	case types.PhysBytes:
		for _, r := range refs {
			src := r.batch.Cols[c]
			if src.Form != batch.Dict && src.Valid != nil && src.IsNull(r.row) {
				v.AppendBytes(nil)
			} else {
				v.AppendBytes(src.BytesAt(r.row))
			}
		}
	default:
		gatherFixed[batch.Int128](v, refs, c)
	}
}

// at returns the vector of a row and its position in it.
func (r ref) at(c int) (*batch.Vector, int) {
	src := r.batch.Cols[c]
	if src.Form == batch.Constant {
		return src, 0
	}
	return src, r.row
}

func gatherFixed[T any](v *batch.Vector, refs []ref, c int) {
	to := batch.Values[T](v)
	for i, r := range refs {
		src, at := r.at(c)
		to[i] = batch.Values[T](src)[at]
	}
}
