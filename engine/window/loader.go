package window

import (
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// loader makes words of one column of batches.
type loader struct {
	*field
	from    int // column of the batches
	col     *hashtable.Column
	words   []uint64 // of strings
	dict    *batch.Dictionary
	dictRef uint64
}

// load makes words of a vector.
func (l *loader) load(v *batch.Vector, n int, w *textWriter) ([]uint64, error) {
	if !l.text() {
		err := l.col.Load(v, n)
		return l.col.Words, err
	}
	l.col.LoadNulls(v, n)
	words := l.words[:n]
	switch {
	case v.Form == batch.Dict && v.Dict.Len > 0:
		if l.dict != v.Dict {
			l.dict, l.dictRef = v.Dict, fromDict|w.t.refer(v.Dict)<<32
		}
		for i, k := range v.Codes[:n] {
			words[i] = l.dictRef | uint64(k)
		}
	case v.Form == batch.Constant:
		ref := uint64(0)
		if !v.IsNull(0) {
			ref = w.add(v.BytesAt(0))
		}
		for i := range words {
			words[i] = ref
		}
	default:
		for i := range words {
			if words[i] = 0; l.col.Nulls == nil || !l.col.Nulls.Get(i) {
				words[i] = w.add(v.BytesAt(i))
			}
		}
	}
	return words, nil
}

// load makes rows of a batch, in buf.
func (c *collector) load(b *batch.Batch) error {
	stride := c.w.lay.stride
	if cap(c.buf) < b.Len*stride {
		c.buf = make([]uint64, b.Len*stride)
	}
	c.buf = c.buf[:b.Len*stride]
	for w := range (len(c.loaders) + 63) / 64 {
		for at := w; at < len(c.buf); at += stride {
			c.buf[at] = 0
		}
	}
	if len(c.loaders) == 0 {
		clear(c.buf)
	}
	for i := range c.loaders {
		l := &c.loaders[i]
		words, err := l.load(b.Cols[l.from], b.Len, &c.texts)
		if err != nil {
			return err
		}
		buf := c.buf[l.at:]
		if l.wide == 1 {
			for j, x := range words {
				buf[j*stride] = x
			}
		} else {
			for j := range b.Len {
				buf[j*stride], buf[j*stride+1] = words[2*j], words[2*j+1]
			}
		}
		if l.col.Nulls == nil {
			continue
		}
		for j := range b.Len {
			if l.col.Nulls.Get(j) {
				c.buf[j*stride+l.nullAt] |= l.nullBit
				buf[j*stride] = 0
			}
		}
	}
	return nil
}
