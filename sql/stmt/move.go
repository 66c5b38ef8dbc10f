package stmt

import (
	"context"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
)

const (
	// manyBytes is how many bytes of batches a transaction keeps before they move into a load, or a 32nd of the server's
	// memory if that is less: what fits goes to the log straight from the batches, which is the shortest way.
	manyBytes = 128 << 20
	// moveBytes is how many move at once from then on: few, so that they are still in the processor's cache, and yet so
	// many that two goroutines seldom wait for each other.
	moveBytes = 8 << 20
)

// move is batches on their way into the load while the statement makes more.
type move struct {
	writes []pending
	moved  int
	err    error
	done   chan struct{} // closed when moved and err are set
}

// move lets the pending batches move, once those before have.
func (t *Tx) move(ctx context.Context) error {
	if err := t.moved(); err != nil {
		return err
	}
	if t.load == nil {
		t.load = t.db.NewLoad()
		if t.saved {
			t.load.Savepoint()
		}
	}
	m := &move{writes: t.writes, done: make(chan struct{})}
	t.moving, t.writes, t.bytes = m, nil, 0
	load := t.load
	go func() {
		defer close(m.done)
		defer op.Recover(&m.err)
		for _, w := range m.writes {
			if m.err = load.Append(ctx, w.table, w.rows); m.err != nil {
				return
			}
			m.moved++
		}
	}()
	return nil
}

// moved waits for the batches on their way. Those that could not move are pending again.
func (t *Tx) moved() error {
	m := t.moving
	if m == nil {
		return nil
	}
	<-m.done
	t.moving = nil
	t.spare = t.spare[:0]
	for i, w := range m.writes {
		if i < m.moved {
			t.account.Free(w.bytes)
			t.spare = append(t.spare, w.rows)
		} else {
			t.bytes += w.bytes
		}
	}
	t.writes = append(m.writes[m.moved:len(m.writes):len(m.writes)], t.writes...)
	return m.err
}

// moveAll moves everything that is pending.
func (t *Tx) moveAll(ctx context.Context) error {
	if err := t.move(ctx); err != nil {
		return err
	}
	return t.Await()
}

// sealOwn writes the transaction's own rows into files, if they are more than a few: its commit has less to do then.
func (t *Tx) sealOwn(ctx context.Context) error {
	if t.load == nil && t.bytes < moveBytes {
		return nil
	}
	if err := t.moveAll(ctx); err != nil {
		return err
	}
	return t.load.Seal(ctx)
}

// Await waits for what moves. A statement that called Insert ends with it, so that the error is its own.
func (t *Tx) Await() error {
	err := t.moved()
	clear(t.spare)
	t.spare = nil
	return err
}

// Spare returns a batch to fill and Insert: one whose rows have moved, or a new one.
func (t *Tx) Spare() *batch.Batch {
	n := len(t.spare)
	if n == 0 {
		return new(batch.Batch)
	}
	b := t.spare[n-1]
	t.spare = t.spare[:n-1]
	return b
}
