package format_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/copybinary"
	"github.com/siltstone-db/siltstone/storage/format/copytext"
	"github.com/siltstone-db/siltstone/storage/format/csv"
	"github.com/siltstone-db/siltstone/storage/format/ndjson"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

type reader interface {
	Read(out *batch.Batch, maxRows int) (bool, error)
}

// notedFormats are the formats of rows of an integer and a text: a row of them, "-" for NULL, and a reader.
var notedFormats = map[string]struct {
	head string
	row  func(n, s string) string
	text func(row string) string // as notes have it
	open func(io.Reader, *format.Notes, []format.Column) (reader, error)
}{
	"csv": {"", func(n, s string) string { return strings.ReplaceAll(n, "-", "") + ",\"" + s + "\"\r\n" }, lineOf,
		func(in io.Reader, n *format.Notes, cols []format.Column) (reader, error) {
			return csv.NewReader(in, csv.Options{Table: "t", Notes: n}, cols)
		}},
	"text": {"", func(n, s string) string {
		return strings.ReplaceAll(n, "-", `\N`) + "\t" + strings.ReplaceAll(s, "\n", `\n`) + "\n"
	}, lineOf,
		func(in io.Reader, n *format.Notes, cols []format.Column) (reader, error) {
			return copytext.NewReader(in, copytext.Options{Table: "t", Notes: n}, cols)
		}},
	"ndjson": {"", func(n, s string) string {
		return fmt.Sprintf("\n{\"n\":%s,\"s\":%q}\n", strings.ReplaceAll(strconv.Quote(n), `"-"`, "null"), s)
	}, lineOf,
		func(in io.Reader, n *format.Notes, cols []format.Column) (reader, error) {
			return ndjson.NewReader(in, ndjson.Options{Table: "t", Notes: n}, cols), nil
		}},
	"binary": {"PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00", func(n, s string) string {
		b := []byte{0, 2}
		if i, err := strconv.Atoi(n); n == "-" {
			b = binary.BigEndian.AppendUint32(b, 0xffffffff)
		} else if err != nil {
			b = append(binary.BigEndian.AppendUint32(b, 3), "bad"...)
		} else {
			b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, 4), uint32(i))
		}
		return string(binary.BigEndian.AppendUint32(b, uint32(len(s)))) + s
	}, func(row string) string { return row },
		func(in io.Reader, n *format.Notes, cols []format.Column) (reader, error) {
			return copybinary.NewReader(in, copybinary.Options{Table: "t", Notes: n}, cols), nil
		}},
}

func lineOf(row string) string { return strings.Trim(row, "\r\n") }

// TestNotes: every reader tells which rows it could not read, with their texts, goes on behind them, and knows of the
// others where they came from.
func TestNotes(t *testing.T) {
	cols := []format.Column{{Name: "n", Type: types.T(types.Int4), NotNull: true}, {Name: "s", Type: types.T(types.Text)}}
	for name, f := range notedFormats {
		for _, badMax := range []int{1, 3, 1000} {
			for _, texts := range []bool{false, true} {
				in := f.head
				var rows, want []string // the texts of all rows, and what is to be told
				for i := range 500 {
					n := strconv.Itoa(i)
					switch {
					case i%7 == 3 || i > 300 && i < 320:
						n = "x"
					case i%11 == 5:
						n = "-"
					}
					row := f.row(n, fmt.Sprint("a\n", i))
					in += row
					rows = append(rows, f.text(row))
					want = append(want, n)
				}
				notes := &format.Notes{BadMax: badMax, Texts: texts}
				r, err := f.open(strings.NewReader(in), notes, cols)
				if err != nil {
					t.Fatal(err)
				}
				got := readNoted(t, name, r, notes, rows)
				if !slices.Equal(got, want) {
					t.Errorf("%s, %d bad rows at most: got %q, want %q", name, badMax, got, want)
				}
			}
		}
	}
}

// readNoted returns what is told of each row: its number, "-" for a NULL, "x" when it could not be read.
func readNoted(t *testing.T, name string, r reader, notes *format.Notes, rows []string) []string {
	t.Helper()
	got := make([]string, len(rows))
	lastLine := int64(0)
	for more := true; more; {
		b := &batch.Batch{}
		var err error
		if more, err = r.Read(b, 100); err != nil {
			t.Fatal(err)
		}
		if len(notes.Bad) > notes.BadMax {
			t.Errorf("%d bad rows in a batch", len(notes.Bad))
		}
		for _, bad := range notes.Bad {
			got[bad.Index] = "x"
			if string(bad.Text) != rows[bad.Index] || bad.Column != "n" || bad.Err.Context == "" || bad.Line < 1 {
				t.Errorf("bad row %+v, want %q", bad, rows[bad.Index])
			}
		}
		for i := range b.Len {
			n, at := b.Cols[0].Datum(i), notes.At(i)
			if got[at.Index] = n.String(); n.Null {
				got[at.Index] = "-"
			}
			if step := lines[name]; at.Line <= lastLine || step > 0 && at.Line != step*(at.Index+1) {
				t.Errorf("row %d is on line %d, behind %d", at.Index, at.Line, lastLine)
			}
			lastLine = at.Line
			if kept := notes.Texts || n.Null; kept && string(at.Text) != rows[at.Index] || !kept && at.Text != nil {
				t.Errorf("row %d has the text %q, want %q", at.Index, at.Text, rows[at.Index])
			}
			if b := notes.Wanting(i, "", errs.New(errs.CheckViolation, "no")); b.Index != at.Index || b.Err.Context == "" {
				t.Errorf("row %d: %+v", at.Index, b)
			}
		}
	}
	return got
}

// lines are how many lines a row has, in formats where they count from the first.
var lines = map[string]int64{"text": 1, "ndjson": 2, "binary": 1}

// A row that is rejected lacks nothing.
func TestLacks(t *testing.T) {
	n := &format.Notes{BadMax: 10}
	n.Begin()
	for row := range 6 {
		n.Lack(2)
		if row%2 == 0 {
			n.Lack(0)
		}
		if row == 3 || row == 4 {
			if err := n.Reject(format.BadRow{Index: int64(row)}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		n.Row(int64(row), int64(row), nil, false)
	}
	if got := fmt.Sprint(n.Lacks); got != "[[0 2] [] [0 1 2 3]]" {
		t.Errorf("got %s", got)
	}
	if n.Begin(); len(n.Lacks[0])+len(n.Lacks[2])+len(n.Bad) != 0 {
		t.Errorf("a new batch lacks %v", n.Lacks)
	}
}

// What is read of a stream is charged before it is rows, from a size on; a pool without room ends the reading.
func TestMeter(t *testing.T) {
	pool := mem.NewPool(3 << 20)
	account := pool.Account("t", 0)
	m := format.NewMeter(strings.NewReader(strings.Repeat("x", 8<<20)), account)
	buf := make([]byte, 32<<10)
	n := 0
	for {
		k, err := m.Read(buf)
		if n += k; err != nil {
			if !errs.Is(err, errs.OutOfMemory) {
				t.Error(err)
			}
			break
		}
		if free := int64(n - 64<<10); pool.Used() < free {
			t.Fatalf("%d bytes are charged for %d", pool.Used(), n)
		}
	}
	if n < 3<<20 || n > 4<<20 {
		t.Errorf("refused after %d bytes", n)
	}
	if m.Settle(); pool.Used() != 0 {
		t.Errorf("%d bytes are charged", pool.Used())
	}
	if _, err := m.Read(buf); err != nil {
		t.Error(err)
	}
}
