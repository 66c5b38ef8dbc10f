package compact

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/types"
)

// column collects one column of several files, without some of their rows, as chunks in the order of files and places.
// Strings stay codes as long as they come with a dictionary.
type column struct {
	typ     types.Type
	chunks  []*batch.Vector
	flat    batch.Vector
	pins    segment.Pins // dictionaries that chunks point into
	account *mem.Account
	charged int64
}

// release gives back what the chunks take.
func (c *column) release() {
	c.pins.Release()
	c.account.Free(c.charged)
	c.chunks, c.charged = nil, 0
}

// read adds so many rows of a file, which the part has of one column.
func (c *column) read(ctx context.Context, part *segment.Part, rows int) error {
	ps, err := part.Open(ctx, &scan.Request{Columns: []int{0}, Account: c.account})
	if err != nil || ps == nil {
		return err
	}
	defer ps.Close()
	first := len(c.chunks)
	err = scan.EachBatch(ctx, ps, batch.New([]types.Type{c.typ}), func(b *batch.Batch) error {
		c.add(b.Cols[0], first, rows)
		return nil
	})
	held := int64(0)
	for _, v := range c.chunks[first:] {
		held += v.Held() + 4*int64(cap(v.Codes)) + 8*int64(cap(v.Valid))
	}
	if err != nil {
		return err
	}
	if err := c.account.Reserve(held); err != nil {
		return err
	}
	c.charged += held
	return nil
}

// add appends a vector to the chunks of a file of so many rows.
func (c *column) add(v *batch.Vector, first, rows int) {
	var last *batch.Vector
	if len(c.chunks) > first {
		last = c.chunks[len(c.chunks)-1]
	}
	if v.Form == batch.Dict {
		if last == nil || last.Form != batch.Dict || last.Dict != v.Dict {
			last = &batch.Vector{Type: c.typ, Form: batch.Dict, Dict: v.Dict, Codes: make([]uint32, 0, rows)}
			c.chunks = append(c.chunks, last)
		}
		addCodes(last, v)
		return
	}
	if last == nil || last.Form != batch.Flat || last.Len+v.Len > scan.BlockRows || len(last.Data) > 1<<30 {
		last = &batch.Vector{}
		last.Reset(c.typ, 0)
		c.chunks = append(c.chunks, last)
	}
	c.flat.Flatten(v)
	last.AppendVector(&c.flat)
}

// addCodes appends rows of the same dictionary.
func addCodes(to, v *batch.Vector) {
	at := to.Len
	to.Codes = append(to.Codes, v.Codes[:v.Len]...)
	to.Len += v.Len
	if to.Valid == nil && v.Valid == nil {
		return
	}
	if to.Valid == nil {
		to.Valid = make(batch.Bitmap, batch.Words(at), batch.Words(cap(to.Codes)))
		to.Valid.Fill(at)
	}
	for len(to.Valid) < batch.Words(to.Len) {
		to.Valid = append(to.Valid, 0)
	}
	if v.Valid == nil {
		kernel.SetRange(to.Valid, at, v.Len)
	} else {
		kernel.CopyBits(to.Valid, at, v.Valid, 0, v.Len)
	}
}
