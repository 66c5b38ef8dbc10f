package copybinary_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/copybinary"
	"github.com/siltstone-db/siltstone/storage/types"
)

var columns = []format.Column{
	{Name: "a", Type: types.T(types.Int4)}, {Name: "b", Type: types.T(types.Text)}, {Name: "c", Type: types.T(types.Numeric)},
	{Name: "d", Type: types.T(types.Timestamptz)}, {Name: "e", Type: types.T(types.Bool)},
}

func read(src io.Reader, cols []format.Column, maxRows int) (string, error) {
	opts := copybinary.Options{Table: "t", Limits: format.Limits{RowBytes: 1 << 16}}
	r := copybinary.NewReader(src, opts, cols)
	var out strings.Builder
	b := &batch.Batch{}
	for more := true; more; {
		var err error
		if more, err = r.Read(b, maxRows); err != nil {
			return out.String(), err
		}
		for i := range b.Len {
			for _, v := range b.Cols {
				fmt.Fprintf(&out, "<%s>", v.Datum(i))
			}
			out.WriteByte('\n')
		}
	}
	return out.String(), nil
}

// TestRowsOfPostgreSQL reads what COPY TO of PostgreSQL 15 wrote, and writes the same bytes.
func TestRowsOfPostgreSQL(t *testing.T) {
	data, err := os.ReadFile("testdata/rows.bin")
	if err != nil {
		t.Fatal(err)
	}
	want := "<1><x><1.50><2024-01-02 03:04:05+00><t>\n<NULL><NULL><NULL><NULL><NULL>\n<-7><é><-12345678901234567890.123><infinity><f>\n"
	for _, src := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data))} {
		if got, err := read(src, columns, 2); err != nil || got != want {
			t.Errorf("got %s, %v", got, err)
		}
	}
	r := copybinary.NewReader(bytes.NewReader(data), copybinary.Options{}, columns)
	b := &batch.Batch{}
	var out bytes.Buffer
	w := copybinary.NewWriter(&out, columns)
	for more := true; more; {
		if more, err = r.Read(b, 2); err == nil {
			err = w.Write(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil || !bytes.Equal(out.Bytes(), data) {
		t.Errorf("wrote %x, %v, want %x", out.Bytes(), err, data)
	}
}

func TestErrors(t *testing.T) {
	const head = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	two := columns[:2]
	for _, c := range []struct {
		in, message, context string
		code                 errs.Code
	}{
		{"nonsense", "COPY file signature not recognized", "", "22P04"},
		{head[:11], "invalid COPY file header (missing flags)", "", "22P04"},
		{head[:11] + "\x00\x01\x00\x00\x00\x00\x00\x00", "invalid COPY file header (WITH OIDS)", "", "22P04"},
		{head[:11] + "\x01\x00\x00\x00\x00\x00\x00\x00", "unrecognized critical flags in COPY file header", "", "22P04"},
		{head[:11] + "\x00\x00\x00\x00\x00\x00\x00\x05", "invalid COPY file header (wrong length)", "", "22P04"},
		{head + "\x00\x03", "row field count is 3, expected 2", "COPY t, line 1", "22P04"},
		{head + "\x00", "unexpected EOF in COPY data", "COPY t, line 1", "22P04"},
		{head + "\x00\x02\x00\x00\x00\x04\x00", "unexpected EOF in COPY data", "COPY t, line 1, column a", "22P04"},
		{head + "\x00\x02\xff\xff\xff\xfe", "invalid field size", "COPY t, line 1, column a", "22P04"},
		{head + "\x00\x02\x00\x00\x00\x03abc", "insufficient data left in message", "COPY t, line 1, column a", "08P01"},
		{head + "\x00\x02\x00\x00\x00\x05abcde", "incorrect binary data format", "COPY t, line 1, column a", "22P03"},
		{head + "\x00\x02\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\x01\xff", `invalid byte sequence for encoding "UTF8": 0xff`, "COPY t, line 1, column b", "22021"},
		{head + "\x00\x02\x7f\xff\xff\xff", "field is longer than 65536 bytes", "COPY t, line 1, column a", "54000"},
		{head + "\xff\xffx", "received copy data after EOF marker", "COPY t, line 1", "22P04"},
	} {
		_, err := read(strings.NewReader(c.in), two, 10)
		e := errs.From(err)
		if e == nil || e.Code != c.code || e.Message != c.message || e.Context != c.context {
			t.Errorf("%q: got %+v", c.in, e)
		}
	}
	if got, err := read(strings.NewReader(head+"\xff\xff"), two, 10); err != nil || got != "" {
		t.Error(got, err)
	}
	boom := errors.New("boom")
	if _, err := read(io.MultiReader(strings.NewReader(head), iotest.ErrReader(boom)), two, 10); !errors.Is(err, boom) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	if data, err := os.ReadFile("testdata/rows.bin"); err == nil {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, err1 := read(bytes.NewReader(data), columns, 100)
		parts, err2 := read(iotest.OneByteReader(bytes.NewReader(data)), columns, 1)
		if fmt.Sprint(err1) != fmt.Sprint(err2) || err1 == nil && whole != parts {
			t.Errorf("whole: %q, %v; in parts: %q, %v", whole, err1, parts, err2)
		}
	})
}
