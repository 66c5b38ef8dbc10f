package window

import (
	"context"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// bundle is the rows of a unit in their order.
type bundle struct {
	w      *Window
	ctx    context.Context
	acc    *mem.Account
	unit   *unit
	lay    *layout
	stride int
	n      int
	chunks [][]uint64 // nil where a page is in its file
	ids    []uint32   // chunk<<chunkBits | row in it, by place in the order; nil: rows lie in order
	pages  *pages     // nil: all chunks are in memory
	firsts []batch.Bitmap
	next   int   // row to hand out next
	err    error // of reading a page

	charged int64
	rows    [][]uint64 // scratch of emit, for the chunk that begins at emitted
	emitted int
}

// charge makes the account hold n more bytes until the bundle is closed.
func (b *bundle) charge(n int64) error {
	if err := b.acc.Reserve(n); err != nil {
		return err
	}
	b.charged += n
	return nil
}

func (b *bundle) free(n int64) {
	b.acc.Free(n)
	b.charged -= n
}

// row returns a row by its place in the order. It is valid until the next call where rows are in pages.
func (b *bundle) row(i int) []uint64 {
	if b.ids != nil {
		i = int(b.ids[i])
	}
	c := b.chunks[i>>chunkBits]
	if c == nil {
		c = b.page(i >> chunkBits)
	}
	at := i & (chunkRows - 1) * b.stride
	return c[at : at+b.stride]
}

// page reads a page. After an error the rows are zeros, and err tells.
func (b *bundle) page(number int) []uint64 {
	c, err := b.pages.load(b, number)
	if err != nil {
		if b.err == nil {
			b.err = err
		}
		if b.pages.zeros == nil {
			b.pages.zeros = make([]uint64, chunkRows*b.stride)
			for i := 0; i < len(b.pages.zeros); i += b.stride {
				for w := range (len(b.lay.cols) + 63) / 64 {
					b.pages.zeros[i+w] = ^uint64(0)
				}
			}
		}
		return b.pages.zeros
	}
	return c
}

// newBundle sorts the rows of a unit, which it closes in the end, unless it fails.
func newBundle(ctx context.Context, w *Window, t *op.Task, u *unit) (*bundle, error) {
	b := &bundle{w: w, ctx: ctx, acc: t.Account, lay: &w.lay, stride: w.lay.stride, chunks: u.chunks, n: u.rows(), emitted: -1}
	if err := b.sort(); err != nil {
		b.close()
		return nil, err
	}
	b.unit = u
	return b, nil
}

// needs tells for each number of keys whether somebody asks for the first rows of those that are equal in them.
func (w *Window) needs() []bool {
	need := make([]bool, len(w.cfg.Keys)+1)
	for i := range w.cfg.Calls {
		c := &w.cfg.Calls[i]
		need[c.Part], need[c.Order] = true, true
	}
	if t := w.cfg.Top; t != nil {
		need[t.Part], need[t.Order] = true, true
	}
	return need
}

// openFirsts makes the bitmaps that are needed.
func (b *bundle) openFirsts() error {
	b.firsts = make([]batch.Bitmap, len(b.lay.keys)+1)
	for k, need := range b.w.needs() {
		if !need {
			continue
		}
		if err := b.charge(int64(batch.Words(b.n)) * 8); err != nil {
			return err
		}
		b.firsts[k] = make(batch.Bitmap, batch.Words(b.n))
	}
	return nil
}

// look is how much work goes by between two looks at the context.
const look = 1 << 14

// stopped returns the error of a context that has ended.
func (b *bundle) stopped() error {
	if err := b.ctx.Err(); err != nil {
		return errs.From(err)
	}
	return nil
}

func (b *bundle) close() {
	b.acc.Free(b.charged)
	b.charged = 0
	if b.pages != nil {
		b.pages.close(b)
	}
	b.chunks, b.ids, b.firsts = nil, nil, nil
	if b.unit != nil {
		b.unit.close()
		b.unit = nil
	}
}
