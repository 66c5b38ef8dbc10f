package httppush

import (
	"net/http"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// held holds the rows of a body against the CHECK constraints of their table. The readers have seen to NOT NULL.
type held struct {
	guard *table.Guard
	good  batch.Bitmap
	// start is the number that the first row of the batch has in the body, and gaps say how many rows in front of some of
	// the batch were bad for the reader: row i of the batch has the number start plus i plus all gaps up to i.
	start int64
	bad   int64 // of the batch so far
	gaps  []gap
}

type gap struct{ before, rows int64 }

// hold makes the guard of a push; done lets go of it.
func (h *Handler) hold(r *http.Request, user string, t *catalog.Table) (g *held, done func(), err error) {
	for i := range t.Constraints {
		if t.Constraints[i].Kind != catalog.Check {
			continue
		}
		conditions, done, err := h.opt.Conditions(r, user, t)
		if err != nil {
			return nil, nil, err
		}
		return &held{guard: table.NewGuard(t, conditions, types.Datum.String)}, done, nil
	}
	return nil, func() {}, nil
}

// missed notes that a row with a number was bad for the reader.
func (h *held) missed(index int64) {
	before := index - h.start - h.bad
	if n := len(h.gaps); n > 0 && h.gaps[n-1].before == before {
		h.gaps[n-1].rows++
	} else {
		h.gaps = append(h.gaps, gap{before, 1}) // never more than rows of the batch, and one
	}
	h.bad++
}

// keep takes the rows that violate a condition out of a batch.
func (h *held) keep(b *batch.Batch, reject func(index int64, column string, e *errs.Error) error) error {
	rows := b.Len
	if words := batch.Words(rows); len(h.good) < words {
		h.good = make(batch.Bitmap, words)
	}
	good := h.good[:batch.Words(rows)]
	err := h.guard.Good(b, good, func(row int, err error) error {
		index := h.start + int64(row)
		for _, g := range h.gaps {
			if g.before <= int64(row) {
				index += g.rows
			}
		}
		return reject(index, "", errs.From(err))
	})
	if err != nil {
		return err
	}
	if good.Count() < rows {
		some := batch.Batch{Len: rows, Cols: b.Cols, Sel: batch.SelectBits(good)}
		out := batch.New(b.Types())
		some.Compact(out)
		*b = *out
	}
	h.start, h.bad, h.gaps = h.start+int64(rows)+h.bad, 0, h.gaps[:0]
	return nil
}
