package stmt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/copybinary"
	"github.com/siltstone-db/siltstone/storage/format/copytext"
	"github.com/siltstone-db/siltstone/storage/format/csv"
	"github.com/siltstone-db/siltstone/storage/format/ndjson"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// formats are the formats of rows with one text column: a row of a text, and a reader.
var formats = map[string]struct {
	row  func(text string) string
	open func(src io.Reader, l format.Limits, cols []format.Column) (table.Reader, error)
}{
	"csv": {func(s string) string { return s + "\n" }, func(src io.Reader, l format.Limits, cols []format.Column) (table.Reader, error) {
		return csv.NewReader(src, csv.Options{Limits: l}, cols)
	}},
	"csv, quoted": {func(s string) string { return `"` + s + "\"\r\n" }, func(src io.Reader, l format.Limits, cols []format.Column) (table.Reader, error) {
		return csv.NewReader(src, csv.Options{Limits: l}, cols)
	}},
	"csv, no last line end": {func(s string) string { return s }, func(src io.Reader, l format.Limits, cols []format.Column) (table.Reader, error) {
		return csv.NewReader(src, csv.Options{Limits: l}, cols)
	}},
	"text": {func(s string) string { return s + "\n" }, func(src io.Reader, l format.Limits, cols []format.Column) (table.Reader, error) {
		return copytext.NewReader(src, copytext.Options{Limits: l}, cols)
	}},
	"ndjson": {func(s string) string { return `{"s":"` + s + "\"}\n" }, func(src io.Reader, l format.Limits, cols []format.Column) (table.Reader, error) {
		return ndjson.NewReader(src, ndjson.Options{Limits: l}, cols), nil
	}},
	"binary": {func(s string) string {
		b := binary.BigEndian.AppendUint16(nil, 1)
		return string(binary.BigEndian.AppendUint32(b, uint32(len(s)))) + s
	}, func(src io.Reader, l format.Limits, cols []format.Column) (table.Reader, error) {
		head := "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
		return copybinary.NewReader(io.MultiReader(strings.NewReader(head), src), copybinary.Options{Limits: l}, cols), nil
	}},
}

// readText reads all rows and returns the bytes of the texts.
func readText(r table.Reader) (n int, err error) {
	for more := true; more; {
		var b batch.Batch
		if more, err = r.Read(&b, 100); err != nil {
			return n, err
		}
		for i := range b.Len {
			n += len(b.Cols[0].Datum(i).S)
		}
	}
	return n, nil
}

// TestLimitsOfRows meets the limit of a field and of a row in every format, and exceeds them by one, whatever pieces the
// bytes come in.
func TestLimitsOfRows(t *testing.T) {
	cols := []format.Column{{Name: "s", Type: types.T(types.Text)}}
	for name, f := range formats {
		for _, n := range []int{100, 70000, 200000} {
			text := strings.Repeat("x", n)
			row := f.row(text)
			for _, l := range []format.Limits{{RowBytes: len(row), FieldBytes: n}, {RowBytes: len(row) - 1, FieldBytes: n}, {RowBytes: 2 * len(row), FieldBytes: n - 1}} {
				for kind, src := range map[string]io.Reader{"whole": strings.NewReader(row), "halves": iotest.HalfReader(strings.NewReader(row))} {
					r, err := f.open(src, l, cols)
					if err != nil {
						t.Fatal(err)
					}
					got, err := readText(r)
					if met := l.RowBytes == len(row); met && (err != nil || got != n) || !met && !errs.Is(err, errs.ProgramLimitExceeded) {
						t.Errorf("%s, %d bytes, row of %d, limits %+v, %s: %d, %v", name, n, len(row), l, kind, got, err)
					}
				}
			}
		}
	}
}

// TestLongRowsAreCharged: a long row is charged before it is read, refused where there is no memory, and given back when it
// is read; short ones cost nothing.
func TestLongRowsAreCharged(t *testing.T) {
	cols := []format.Column{{Name: "s", Type: types.T(types.Text)}}
	for name, f := range formats {
		if name == "csv, no last line end" {
			continue
		}
		long, short := f.row(strings.Repeat("x", 5<<20)), f.row("short")
		body := short + long + strings.Repeat(short, 50000)
		pool := memtest.Pool(t, 64<<20)
		account := pool.Account("rows", 0)
		r, err := f.open(strings.NewReader(body), format.Limits{Account: account}, cols)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := readText(r); err != nil || n != 5<<20+50001*5 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		if account.Peak() < 15<<20 || account.Used() != 0 {
			t.Errorf("%s: %d bytes were charged, %d at the end", name, account.Peak(), account.Used())
		}
		little := memtest.Pool(t, 4<<20).Account("rows", 0)
		if r, err = f.open(bytes.NewReader([]byte(body)), format.Limits{Account: little}, cols); err != nil {
			t.Fatal(err)
		}
		if _, err := readText(r); !errs.Is(err, errs.OutOfMemory) {
			t.Errorf("%s: %v", name, err)
		}
		if n := little.Peak(); n > 4<<20 {
			t.Errorf("%s: %s", name, fmt.Sprint(n))
		}
	}
}
