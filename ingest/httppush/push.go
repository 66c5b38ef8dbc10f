package httppush

import (
	"context"
	"sync"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// batchRows is the most rows of a batch. A push of a few rows should not make room for a block of them, and a batch
// that is still in the processor's cache is encoded faster.
const batchRows = 8192

// push is the rows of a body on their way.
type push struct {
	table   *catalog.Table
	body    *Body
	account *mem.Account
	batches []*batch.Batch
}

func newPush(t *catalog.Table, body *Body, pool *mem.Pool) *push {
	p := &push{table: t, body: body, account: pool.Intake("http push", 0)}
	body.account = p.account
	return p
}

// spares are batches of pushes that have ended, of any table: vectors change their types and keep their memory.
var spares = sync.Pool{New: func() any { return new(batch.Batch) }}

// spareMaxBytes is the most that an unused batch may hold: a huge one must not stay for the sake of small ones.
const spareMaxBytes = 4 << 20

// read reads all rows. The batches are the store's to read until its Commit has returned.
func (p *push) read(ctx context.Context, in *rows) error {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := spares.Get().(*batch.Batch)
		p.batches = append(p.batches, b)
		var err error
		if more, err = in.Read(b, batchRows); err != nil {
			return err
		}
		if b.Len == 0 {
			p.batches = p.batches[:len(p.batches)-1]
			spares.Put(b)
			continue
		}
		if err := p.account.Reserve(b.Bytes()); err != nil {
			return err
		}
		p.body.settle()
	}
	return nil
}

// end gives the memory back.
func (p *push) end() {
	for _, b := range p.batches {
		if b.Bytes() <= spareMaxBytes {
			spares.Put(b)
		}
	}
	p.batches = nil
	p.body.account = nil
	p.account.Close()
}
