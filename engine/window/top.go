package window

import "github.com/siltstone-db/siltstone/storage/errs"

// cutRows is how many rows a part has before it is cut for the first time; later it is when it has twice as many as were
// left.
const cutRows = chunkRows

// cut drops rows that cannot be among the first ones of their partition, in parts that have grown.
func (c *collector) cut() error {
	for i := range c.parts {
		p := &c.parts[i]
		if p.rows < max(cutRows, 2*p.cut) {
			continue
		}
		if err := c.cutPart(p); errs.Is(err, errs.OutOfMemory) {
			p.cut = p.rows // as many more may come before it is tried again
		} else if err != nil {
			return err
		}
	}
	return nil
}

// cutPart sorts the rows of a part and keeps the first ones of each partition.
func (c *collector) cutPart(p *part) error {
	top := c.w.cfg.Top
	b, err := newBundle(c.ctx, c.w, c.w.task, &unit{w: c.w, chunks: p.chunks})
	if err != nil {
		return err
	}
	defer b.close()
	o := ordering{part: top.Part, order: top.Order}
	o.begin(b)
	o.ps, o.pe, o.gs, o.ge = make([]int, 1), make([]int, 1), make([]int, 1), make([]int, 1)
	kept := part{}
	for _, rows := range p.chunks {
		c.chunked -= int64(cap(rows)) * 8
	}
	for i := range b.n {
		o.chunk(i, 1)
		rank := i - o.ps[0]
		if top.Ranks {
			rank = o.gs[0] - o.ps[0]
		}
		if int64(rank) >= top.K {
			continue
		}
		last := c.room(&kept)
		*last = append(*last, b.row(i)...)
		kept.rows++
	}
	c.rows += kept.rows - p.rows
	kept.cut = kept.rows
	*p = kept
	return nil
}
