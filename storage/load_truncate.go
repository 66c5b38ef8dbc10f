package storage

import (
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/live"
)

// Truncate makes the load what it was when tables had so many rows; those that are not listed had none. Savepoint was
// called then, or no load was there yet and it was called at first. After an error the load is good for nothing but
// Abort.
func (l *Load) Truncate(rows map[catalog.TableID]int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lt := range l.tables {
		if err := l.truncateLocked(lt, rows[lt.info.ID]); err != nil {
			return err
		}
	}
	return nil
}

// truncateLocked forgets the rows of a table from a number on.
func (l *Load) truncateLocked(lt *loadTable, rows int64) error {
	defer l.measureLocked()
	for lt.rows > rows {
		p := lt.parts[len(lt.parts)-1]
		first := lt.rows - int64(p.rows)
		if first < rows {
			for p.building {
				l.cond.Wait()
			}
			return l.shortenLocked(lt, p, int(rows-first))
		}
		lt.rows = first
		l.dropLocked(p)
		lt.parts = lt.parts[:len(lt.parts)-1]
	}
	return nil
}

// shortenLocked leaves the first n rows of the last part of a table. Those of a file are read back: a savepoint seldom
// lies within one.
func (l *Load) shortenLocked(lt *loadTable, p *loadPart, n int) error {
	if p.live != nil {
		lt.rows -= int64(p.rows - n)
		p.plain = p.plain * int64(n) / int64(p.rows)
		p.rows = n
		p.live.Truncate(n)
		p.frozen, p.failures, p.retry = false, 0, time.Time{}
		return nil
	}
	lt.parts = lt.parts[:len(lt.parts)-1]
	lt.rows -= int64(p.rows)
	err := l.readBack(lt, p, n)
	l.dropLocked(p)
	return err
}

// readBack appends the rows of a sealed part that were the first n, in the order in which they came.
func (l *Load) readBack(lt *loadTable, p *loadPart, n int) error {
	if p.order != nil {
		return l.readSorted(lt, p, n)
	}
	account := l.db.o.Pool.Account("rollback to savepoint", 0)
	defer account.Close()
	return p.file.Read(l.ctx, lt.info, account, func(b *batch.Batch) error {
		if n == 0 {
			return nil
		}
		f := lt.flat.Flatten(b)
		f.Len = min(f.Len, n)
		n -= f.Len
		return l.appendLocked(lt, f)
	})
}

// readSorted is readBack for a part whose file is sorted. The rows are laid out in memory and then taken one by one.
func (l *Load) readSorted(lt *loadTable, p *loadPart, n int) error {
	account := l.db.o.Pool.Account("rollback to savepoint", 0)
	defer account.Close()
	all := live.New(liveColumns(lt.info), l.db.liveAccount, 0, time.Time{})
	defer all.Release()
	if err := p.file.Read(l.ctx, lt.info, account, func(b *batch.Batch) error {
		f := lt.flat.Flatten(b)
		return all.Append(f, 0, f.Len)
	}); err != nil {
		return err
	}
	all.Mark(1)
	at := make([]uint32, len(p.order)) // where the rows stand now
	for i, came := range p.order {
		at[came] = uint32(i)
	}
	chunks := make([][]*batch.Vector, len(lt.info.Columns))
	for c := range chunks {
		chunks[c] = all.Chunks(c)
	}
	for from := 0; from < n; from += batch.MaxRows {
		rows := at[from:min(from+batch.MaxRows, n)]
		out := batch.New(lt.info.Types())
		out.Reset()
		for c, vs := range chunks {
			for _, i := range rows {
				k := 0
				for int(i) >= vs[k].Len {
					i -= uint32(vs[k].Len)
					k++
				}
				out.Cols[c].AppendDatum(vs[k].Datum(int(i)))
			}
		}
		out.Len = len(rows)
		if err := l.appendLocked(lt, out); err != nil {
			return err
		}
	}
	return nil
}
