package stmt

import (
	"fmt"

	"github.com/siltstone-db/siltstone/sql/bind/copy"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/table"
)

// badRows is what a COPY FROM does with rows that it cannot store.
type badRows struct {
	how   copy.OnError
	most  int64 // 0: any number
	table *catalog.Table
	count int64
	// verbose, if not nil, is told of each of them.
	verbose Output
}

// rejectSink is a transaction whose reject tables others may make at the same time.
type rejectSink struct{ *Tx }

// Edit makes a reject table.
func (s rejectSink) Edit(edits ...catalog.Edit) error {
	s.rejecting = true
	return s.Tx.Edit(edits...)
}

// set makes the appender ask b. By default it fails at the first bad row without.
func (b *badRows) set(o *table.AppenderOptions, tx *Tx) {
	switch b.how {
	case copy.Ignore:
		o.Bad = b.add
	case copy.Reject:
		o.Sink = rejectSink{tx}
		o.Bad, o.Rejects = b.add, &table.Origin{Source: "copy", Lines: true}
	}
}

// add counts a row that is left out, or returns why the COPY fails.
func (b *badRows) add(row *format.BadRow) error {
	if b.how == copy.Ignore && !converts(row) {
		return row.Err
	}
	b.count++
	if b.most == 0 || b.count <= b.most {
		return b.tell(row)
	}
	e := errs.New(errs.InvalidTextRepresentation, "skipped more than REJECT_LIMIT (%d) rows due to data type incompatibility", b.most)
	if b.how == copy.Reject {
		e = errs.New(errs.InvalidTextRepresentation, "rejected more than REJECT_LIMIT (%d) rows", b.most).WithDetail("%s", row.Reason())
	}
	return e.WithContext("%s", row.Err.Context)
}

// tell tells of a row that is left out, in the words of PostgreSQL where it has some.
func (b *badRows) tell(row *format.BadRow) error {
	if b.verbose == nil {
		return nil
	}
	at := fmt.Sprintf("at line %d", row.Line)
	if row.Column != "" {
		at += fmt.Sprintf(" for column %q", row.Column)
	}
	if b.how == copy.Ignore {
		return b.verbose.Notice("NOTICE", "00000", fmt.Sprintf("skipping row due to data type incompatibility %s: %s", at, row.Field()))
	}
	return b.verbose.Notice("NOTICE", "00000", fmt.Sprintf("rejecting row %s: %s", at, row.Reason()))
}

// converts tells whether a value that does not convert is all that is wrong with a row: not its form, its bytes, or a
// constraint.
func converts(row *format.BadRow) bool {
	switch code := row.Err.Code; code {
	case errs.BadCopyFileFormat, errs.CharacterNotInRepertoire:
		return false
	default:
		return row.Column != "" && code[:2] == "22"
	}
}

// notice tells how many rows were left out.
func (b *badRows) notice(out Output) error {
	if b.count == 0 {
		return nil
	}
	rows, were := "rows", "were"
	if b.count == 1 {
		rows, were = "row", "was"
	}
	if b.how == copy.Ignore {
		return out.Notice("NOTICE", "00000", fmt.Sprintf("%d %s %s skipped due to data type incompatibility", b.count, rows, were))
	}
	return out.Notice("NOTICE", "00000", fmt.Sprintf("%d %s %s rejected into %q", b.count, rows, were, table.RejectsName(b.table)))
}
