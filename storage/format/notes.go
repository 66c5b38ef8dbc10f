package format

import (
	"bytes"
	"fmt"
	"sort"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// BadRow is a row that cannot be stored, and why.
type BadRow struct {
	Index  int64       // of the row among all rows of the stream, from 0; headers and blank lines do not count
	Line   int64       // on which the row ends, from 1; the number of the row in formats without lines
	Column string      // "" when the row as a whole is to blame
	Text   []byte      // the row as it came, without its line end; nil when it was not kept
	Err    *errs.Error // its context names the place
}

// Error returns the reason.
func (b *BadRow) Error() string { return b.Err.Error() }

// Reason says what is wrong in one sentence: for JSON that cannot be read, the detail tells where.
func (b *BadRow) Reason() string {
	if b.Err.Detail == "" {
		return b.Err.Message
	}
	return b.Err.Message + ": " + b.Err.Detail
}

// Field returns the field of the column that is to blame as the context of the error shows it: in quotes, or as null input.
func (b *BadRow) Field() string {
	_, field, _ := strings.Cut(b.Err.Context, fmt.Sprintf(", line %d, column %s: ", b.Line, b.Column))
	return field
}

// Unwrap returns the reason.
func (b *BadRow) Unwrap() error { return b.Err }

// Notes is what a reader tells of a batch besides its values: the rows that it could not read, which are left out, and
// where the others came from, since they may be found wanting later (NOT NULL, CHECK) and are told by their places then.
// A reader without notes returns an error for the first row that it cannot read.
//
// Most rows cost a comparison: places are kept as runs of rows in which each is one further than the one before.
type Notes struct {
	// BadMax is how many bad rows end a batch, so that a stream of nothing else cannot fill the memory. The rows that were
	// read before the last of them are in the batch, no others.
	BadMax int
	// Texts keeps the text of every row; otherwise there is only that of rows with a NULL in a column that takes none.
	Texts bool
	// Context returns the context of an error about a row. The reader sets it.
	Context func(b *BadRow) string

	// Bad are the rows that could not be read since Begin.
	Bad []BadRow

	// Lacks are, for each column with a default that others compute, the rows without a value; nil for a column that all
	// rows have.
	Lacks [][]uint16

	strict      bool
	rows        int
	index, line int64 // of the last good row
	runs        []run
	texts       []noted
	heap        []byte
}

// run says that the rows of a batch from one on have places that follow each other.
type run struct {
	row         int
	index, line int64
}

// noted is the text of a row, up to end in the heap.
type noted struct{ row, end int }

// Ready returns n, or notes for a reader that has none: they take no bad row.
func (n *Notes) Ready() *Notes {
	if n == nil {
		return &Notes{strict: true}
	}
	return n
}

// Begin forgets what was noted, for a new batch.
func (n *Notes) Begin() {
	for i := range n.Lacks {
		n.Lacks[i] = n.Lacks[i][:0]
	}
	n.rows, n.Bad, n.runs, n.texts, n.heap = 0, n.Bad[:0], n.runs[:0], n.texts[:0], n.heap[:0]
	if cap(n.heap) > LongRowBytes {
		n.heap = nil
	}
}

// Full tells that the batch should end.
func (n *Notes) Full() bool { return len(n.Bad) >= max(n.BadMax, 1) }

// Row notes the next row of the batch. keep says that something is wrong with it already.
func (n *Notes) Row(index, line int64, text []byte, keep bool) {
	if len(n.runs) == 0 || index != n.index+1 || line != n.line+1 {
		n.runs = append(n.runs, run{n.rows, index, line})
	}
	n.index, n.line = index, line
	if keep || n.Texts {
		if n.heap == nil {
			n.heap = []byte{}
		}
		n.heap = append(n.heap, text...)
		n.texts = append(n.texts, noted{n.rows, len(n.heap)})
	}
	n.rows++
}

// Lack notes that the row at hand has no value for a column.
func (n *Notes) Lack(col int) {
	for len(n.Lacks) <= col {
		n.Lacks = append(n.Lacks, nil)
	}
	n.Lacks[col] = append(n.Lacks[col], uint16(n.rows))
}

// Reject notes that the row at hand could not be read. Who has no notes gets it back as an error.
func (n *Notes) Reject(b BadRow) error {
	for i, l := range n.Lacks {
		if k := len(l); k > 0 && int(l[k-1]) == n.rows {
			n.Lacks[i] = l[:k-1]
		}
	}
	if b.Text = bytes.Clone(b.Text); n.strict {
		return &b
	}
	n.Bad = append(n.Bad, b)
	return nil
}

// At returns where a row of the batch came from, with its text if that was kept, until the next Begin.
func (n *Notes) At(row int) BadRow {
	i := sort.Search(len(n.runs), func(i int) bool { return n.runs[i].row > row }) - 1
	if i < 0 {
		return BadRow{}
	}
	r := n.runs[i]
	b := BadRow{Index: r.index + int64(row-r.row), Line: r.line + int64(row-r.row)}
	i = sort.Search(len(n.texts), func(i int) bool { return n.texts[i].row >= row })
	if i < len(n.texts) && n.texts[i].row == row {
		from := 0
		if i > 0 {
			from = n.texts[i-1].end
		}
		b.Text = n.heap[from:n.texts[i].end:n.texts[i].end]
	}
	return b
}

// Wanting returns a row of the batch that was found wanting, with the reason, whose context is that of the row.
func (n *Notes) Wanting(row int, column string, err error) BadRow {
	b := n.At(row)
	e := *errs.From(err)
	if b.Column, b.Err = column, &e; e.Context == "" && n.Context != nil {
		e.Context = n.Context(&b)
	}
	return b
}

// CopyContext is the context of an error about a row of a text format of COPY: its line, and its text if that is known.
func CopyContext(table string) func(b *BadRow) string {
	return func(b *BadRow) string {
		if b.Text == nil {
			return lineContext(table, b.Line)
		}
		return rowContext(table, b.Line, b.Text)
	}
}

// LineContext is the context of an error about a row whose form nobody reads.
func LineContext(table string) func(b *BadRow) string {
	return func(b *BadRow) string { return lineContext(table, b.Line) }
}
