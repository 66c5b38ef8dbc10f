package join

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// carried is what a join by blocks knows of the rows of a probe run from the build rows so far: who has found a partner,
// and for whom NOT IN is unknown. That is a bit or two per row and could be too much for memory too, so it lies in a
// file: a record per batch, of the words of both bitmaps, read with the batch and written again for the next table. It
// belongs to one goroutine at a time.
type carried struct {
	old, new *spill.Run // after the tables before; after this one
	reader   *spill.Reader
	record   []byte
	stats    *profile.Spill
}

// begin is called before the batches are looked up in a table.
func (c *carried) begin(h *Hash, last bool) error {
	c.stats = h.spill.stats
	if c.new != nil {
		c.old, c.new = c.new, nil
		c.reader = c.old.Reader()
	}
	if !last {
		c.new = h.spill.space.NewRun()
	}
	return nil
}

// load makes the worker's bitmaps what was known of the next batch, of n rows.
func (c *carried) load(p *probing, n int) error {
	if c.reader == nil {
		return nil
	}
	record, err := c.reader.Next()
	if err != nil {
		return err
	}
	words := batch.Words(n)
	if len(record) != 16*words {
		return errs.Corrupt("a temporary file has %d bytes about %d rows of a join", len(record), n)
	}
	for i := range words {
		p.found[i] = binary.LittleEndian.Uint64(record[8*i:])
		p.unknown[i] = binary.LittleEndian.Uint64(record[8*(words+i):])
	}
	return nil
}

// store keeps what is known of the batch by now.
func (c *carried) store(p *probing, n int) error {
	c.record = c.record[:0]
	for _, bits := range [2]batch.Bitmap{p.found[:batch.Words(n)], p.unknown[:batch.Words(n)]} {
		for _, w := range bits {
			c.record = binary.LittleEndian.AppendUint64(c.record, w)
		}
	}
	return c.new.Append(c.record)
}

// end is called after the last batch.
func (c *carried) end() error {
	c.drop()
	if c.new == nil {
		return nil
	}
	if err := c.new.Finish(); err != nil {
		return err
	}
	c.stats.Add(c.new.Bytes())
	return nil
}

// drop gives up what was known before.
func (c *carried) drop() {
	if c.reader != nil {
		c.reader.Close()
		c.reader = nil
	}
	c.old.Close()
	c.old = nil
}

// close removes the files.
func (c *carried) close() {
	c.drop()
	c.new.Close()
	c.new = nil
}
