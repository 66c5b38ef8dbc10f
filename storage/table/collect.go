package table

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Add stores rows with all columns of the table, and maybe the hidden one of identities, without a selection, which are lent for the call: SQL has filled in what
// their statement did not name. They are collected into large batches.
func (a *Appender) Add(ctx context.Context, b *batch.Batch) error {
	if err := a.guard.Check(b); err != nil {
		return err
	}
	return a.collect(ctx, b)
}

// collectBytes is the most that rows that wait take together: a block of rows of 128 bytes, and few enough of long ones that
// a small server has room for some on their way.
const collectBytes = 8 << 20

// collect copies rows behind those that wait. A batch of strings that would grow too large goes in pieces.
func (a *Appender) collect(ctx context.Context, b *batch.Batch) error {
	n := flatBytes(b)
	if n > collectBytes && b.Len > 1 {
		return a.pieces(ctx, b, max(1, int(int64(b.Len)*collectBytes/n)))
	}
	if a.buf != nil && (a.buf.Len+b.Len > batch.MaxAppendRows || a.bytes+n > collectBytes || len(a.buf.Cols) != len(b.Cols)) {
		if err := a.flush(ctx); err != nil {
			return err
		}
	}
	if err := a.charge(n); err != nil {
		return err
	}
	if a.buf == nil {
		a.buf = batch.New(append(slices.Clip(a.o.Table.Types()), shelf.IdentityColumn.Type)[:len(b.Cols)])
		a.buf.Reset()
	}
	a.buf.Append(b)
	a.bytes += n
	a.rows += int64(b.Len)
	return nil
}

// pieces collects a batch so many rows at a time.
func (a *Appender) pieces(ctx context.Context, b *batch.Batch, rows int) error {
	idx := make([]uint16, 0, rows)
	piece := batch.New(b.Types())
	for from := 0; from < b.Len; from += rows {
		idx = idx[:0]
		for r := from; r < min(from+rows, b.Len); r++ {
			idx = append(idx, uint16(r))
		}
		for i, v := range b.Cols {
			piece.Cols[i].Gather(v, idx)
		}
		piece.Len = len(idx)
		if err := a.collect(ctx, piece); err != nil {
			return err
		}
	}
	return nil
}

// freeBytes of rows that wait are not charged: most statements bring few.
const freeBytes = 64 << 10

// charge makes the account hold n more bytes of rows that wait.
func (a *Appender) charge(n int64) error {
	if a.bytes+n <= freeBytes || a.o.Account == nil {
		return nil
	}
	more := a.bytes + n - a.charged
	if err := a.o.Account.Reserve(more); err != nil {
		return err
	}
	a.charged += more
	return nil
}

// flush hands on the rows that wait.
func (a *Appender) flush(ctx context.Context) error {
	if a.buf == nil {
		return nil
	}
	b := a.buf
	if a.charged > 0 {
		a.o.Account.Free(a.charged) // the sink charges them
	}
	a.buf, a.bytes, a.charged = nil, 0, 0
	return a.o.Sink.Insert(ctx, a.o.Table.ID, b)
}

// flatBytes returns what the values of a batch take once they are flat.
func flatBytes(b *batch.Batch) int64 {
	var n int64
	for _, v := range b.Cols {
		switch phys := v.Type.Physical(); {
		case phys != types.PhysBytes:
			n += int64(v.Len) * int64(max(phys.Width(), 1))
		case v.Form == batch.Constant:
			n += int64(v.Len) * int64(4+len(v.BytesAt(0)))
		case v.Form == batch.Dict:
			for _, c := range v.Codes[:v.Len] {
				n += int64(v.Dict.Offsets[c+1] - v.Dict.Offsets[c])
			}
			n += 4 * int64(v.Len)
		default:
			n += v.Bytes()
		}
	}
	return n
}
