package exec

import (
	"context"
	"time"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// timedProducer counts what a source hands out.
type timedProducer struct {
	op.Producer
	p *profile.Piece
}

func (t *timedProducer) Next(ctx context.Context) (*batch.Batch, error) {
	start := time.Now()
	b, err := t.Producer.Next(ctx)
	t.p.Inside.Add(int64(time.Since(start)))
	return b, err
}

// timedConsumer counts what goes from one piece to the next.
type timedConsumer struct {
	op.Consumer
	to, from *profile.Piece
}

func (t *timedConsumer) Consume(b *batch.Batch) error {
	t.from.RowsOut.Add(int64(b.Len))
	t.from.BatchesOut.Add(1)
	t.to.RowsIn.Add(int64(b.Len))
	t.to.BatchesIn.Add(1)
	start := time.Now()
	err := t.Consumer.Consume(b)
	t.to.Inside.Add(int64(time.Since(start)))
	return err
}

func (t *timedConsumer) Finish() error {
	start := time.Now()
	err := t.Consumer.Finish()
	t.to.Inside.Add(int64(time.Since(start)))
	return err
}
