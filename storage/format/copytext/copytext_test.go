package copytext_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/copytext"
	"github.com/siltstone-db/siltstone/storage/types"
)

var twoColumns = []format.Column{{Name: "a", Type: types.T(types.Int4)}, {Name: "b", Type: types.T(types.Text)}}

// read returns all rows, one line each, values in <> and NULL as NULL.
func read(src io.Reader, opts copytext.Options, cols []format.Column, maxRows int) (string, error) {
	r, err := copytext.NewReader(src, opts, cols)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	b := &batch.Batch{}
	for more := true; more; {
		if more, err = r.Read(b, maxRows); err != nil {
			return out.String(), err
		}
		for i := range b.Len {
			for _, v := range b.Cols {
				if d := v.Datum(i); d.Null {
					out.WriteString("NULL")
				} else {
					fmt.Fprintf(&out, "<%s>", d)
				}
			}
			out.WriteByte('\n')
		}
	}
	return out.String(), nil
}

// TestAgainstPostgreSQL compares rows, errors and their contexts with those of COPY.
func TestAgainstPostgreSQL(t *testing.T) {
	empty := ""
	options := map[string]copytext.Options{
		"format text":                         {},
		"format text, header":                 {Header: format.WithHeader},
		"format text, header match":           {Header: format.MatchHeader},
		"format text, delimiter '|', null ''": {Delimiter: '|', Null: &empty},
	}
	f, err := os.Open("testdata/copy.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		p := strings.Split(s.Text(), "\t")
		in, err1 := strconv.Unquote(p[1])
		want, err2 := strconv.Unquote(p[2])
		opts, ok := options[p[0]]
		if err1 != nil || err2 != nil || !ok {
			t.Fatal(s.Text())
		}
		opts.Table = "t"
		for _, src := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			got, err := read(src, opts, twoColumns, 2)
			if err != nil {
				e := errs.From(err)
				got = fmt.Sprintf("!%s: %s|%s", e.Code, e.Message, e.Context)
			}
			if got != want {
				t.Errorf("%s of %q:\n got %q\nwant %q", p[0], in, got, want)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	opts := copytext.Options{Table: "t", Limits: format.Limits{RowBytes: 1000, FieldBytes: 100}}
	if _, err := read(strings.NewReader(strings.Repeat("1", 2000)), opts, twoColumns, 2); !errs.Is(err, "54000") {
		t.Error(err)
	}
	if _, err := read(strings.NewReader("1\t"+strings.Repeat("1", 200)+"\n"), opts, twoColumns, 2); !errs.Is(err, "54000") {
		t.Error(err)
	}
	if _, err := copytext.NewReader(nil, copytext.Options{Delimiter: 'a'}, twoColumns); !errs.Is(err, "22023") {
		t.Error(err)
	}
}

func TestWriteReadsBack(t *testing.T) {
	b := batch.New(format.Types(twoColumns))
	b.Reset()
	for i, s := range []string{"plain", "", "tab\tnew\nback\\slash", `\N`, "\b\f\r\v", `\.`} {
		b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int4), int64(i)))
		b.Cols[1].AppendDatum(types.TextOf(s))
	}
	b.Cols[0].AppendDatum(types.NullOf(types.T(types.Int4)))
	b.Cols[1].AppendDatum(types.NullOf(types.T(types.Text)))
	b.Len = 7
	var buf bytes.Buffer
	w, err := copytext.NewWriter(&buf, copytext.Options{}, twoColumns)
	if err == nil {
		err = errors.Join(w.Write(b), w.Close())
	}
	want := "0\tplain\n1\t\n2\ttab\\tnew\\nback\\\\slash\n3\t\\\\N\n4\t\\b\\f\\r\\v\n5\t\\\\.\n\\N\t\\N\n"
	if err != nil || buf.String() != want {
		t.Fatalf("got %q, %v", buf.String(), err)
	}
	got, err := read(&buf, copytext.Options{}, twoColumns, 3)
	if want := "<0><plain>\n<1><>\n<2><tab\tnew\nback\\slash>\n<3><\\N>\n<4><\b\f\r\v>\n<5><\\.>\nNULLNULL\n"; err != nil || got != want {
		t.Fatalf("got %q, %v", got, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"1\tx\n", "\\x41\\101\\\n\t\\N\r\n", "\\.\n", "a\r"} {
		f.Add([]byte(s), uint8(3))
	}
	cols := []format.Column{{Name: "a", Type: types.T(types.Text)}, {Name: "b", Type: types.T(types.Text)}}
	f.Fuzz(func(t *testing.T, data []byte, maxRows uint8) {
		opts := copytext.Options{Table: "t", Limits: format.Limits{RowBytes: 4096}}
		whole, err1 := read(bytes.NewReader(data), opts, cols, 1+int(maxRows))
		parts, err2 := read(iotest.OneByteReader(bytes.NewReader(data)), opts, cols, 1)
		if fmt.Sprint(err1) != fmt.Sprint(err2) || err1 == nil && whole != parts {
			t.Errorf("whole: %q, %v; in parts: %q, %v", whole, err1, parts, err2)
		}
	})
}
