package csv_test

import (
	"bufio"
	"bytes"
	stdcsv "encoding/csv"
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
	"github.com/siltstone-db/siltstone/storage/format/csv"
	"github.com/siltstone-db/siltstone/storage/types"
)

func columns(kinds ...types.Kind) []format.Column {
	var cols []format.Column
	for i, k := range kinds {
		cols = append(cols, format.Column{Name: string(rune('a' + i)), Type: types.T(k)})
	}
	return cols
}

// read returns all rows, one line each, values in <> and NULL as NULL.
func read(src io.Reader, opts csv.Options, cols []format.Column, maxRows int) (string, error) {
	r, err := csv.NewReader(src, opts, cols)
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

func TestRead(t *testing.T) {
	opts := csv.Options{Table: "t"}
	two := columns(types.Text, types.Text)
	for _, c := range []struct {
		name, in, want string
		opts           csv.Options
		cols           []format.Column
	}{
		{"plain", "1,x\n2,y\n", "<1><x>\n<2><y>\n", opts, columns(types.Int4, types.Text)},
		{"no final newline", "a,b\nc,d", "<a><b>\n<c><d>\n", opts, two},
		{"null and empty", "a,\n\"\",b\n", "<a>NULL\n<><b>\n", opts, two},
		{"quotes", "\"a,b\",\"c\"\"d\"\n\"x\ny\",z\n", "<a,b><c\"d>\n<x\ny><z>\n", opts, two},
		{"quotes inside", "a\"b\"c,\"d\"e\n", "<abc><de>\n", opts, two},
		{"crlf", "a,b\r\n\"c\r\nd\",e\r\n", "<a><b>\n<c\r\nd><e>\n", opts, two},
		{"cr", "a,b\rc,d\r", "<a><b>\n<c><d>\n", opts, two},
		{"bom", "\xef\xbb\xbfa,b\n", "<a><b>\n", opts, two},
		{"end marker", "a,b\n\\.\nrest", "<a><b>\n", opts, two},
		{"escape", "'a\\'b',c\n", "<a'b><c>\n", csv.Options{Quote: '\'', Escape: '\\'}, two},
		{"delimiter", "a;b\n", "<a><b>\n", csv.Options{Delimiter: ';'}, two},
		{"null string", "NULL,\"NULL\"\n", "NULL<NULL>\n", csv.Options{Null: "NULL"}, two},
		{"force null", "\"\",\"\"\n", "NULL<>\n", csv.Options{ForceNull: []bool{true, false}}, two},
		{"force not null", ",\n", "<>NULL\n", csv.Options{ForceNotNull: []bool{true, false}}, two},
		{"header", "x,y\na,b\n", "<a><b>\n", csv.Options{Header: format.WithHeader}, two},
		{"match", "a,b\nc,d\n", "<c><d>\n", csv.Options{Header: format.MatchHeader}, two},
		{"empty", "", "", opts, two},
		{"one column, empty line", "\nx\n", "NULL\n<x>\n", opts, columns(types.Text)},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, maxRows := range []int{1, 3, 1000} {
				got, err := read(strings.NewReader(c.in), c.opts, c.cols, maxRows)
				if err != nil || got != c.want {
					t.Errorf("got %q, %v; want %q", got, err, c.want)
				}
				if got, err = read(iotest.OneByteReader(strings.NewReader(c.in)), c.opts, c.cols, maxRows); err != nil || got != c.want {
					t.Errorf("byte by byte: got %q, %v; want %q", got, err, c.want)
				}
			}
		})
	}
}

// TestAgainstPostgreSQL compares rows, errors and their contexts with those of COPY.
func TestAgainstPostgreSQL(t *testing.T) {
	options := map[string]csv.Options{
		"format csv":                     {},
		"format csv, header match":       {Header: format.MatchHeader},
		"format csv, force_null (b)":     {ForceNull: []bool{false, true}},
		"format csv, force_not_null (b)": {ForceNotNull: []bool{false, true}},
		`format csv, delimiter ';', quote '''', escape '\', null 'NULL'`: {Delimiter: ';', Quote: '\'', Escape: '\\', Null: "NULL"},
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
			got, err := read(src, opts, columns(types.Int4, types.Text), 2)
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

func TestReadErrors(t *testing.T) {
	opts := csv.Options{Table: "t", Limits: format.Limits{RowBytes: 1000, FieldBytes: 100}}
	match := opts
	match.Header = format.MatchHeader
	two := columns(types.Int4, types.Int4)
	for _, c := range []struct {
		name, in string
		code     errs.Code
		message  string
		context  string
		opts     csv.Options
		cols     []format.Column
	}{
		{"missing", "1,2\n3\n", "22P04", `missing data for column "b"`, `COPY t, line 2: "3"`, opts, two},
		{"extra", "1,2,3\n", "22P04", "extra data after last expected column", `COPY t, line 1: "1,2,3"`, opts, two},
		{"type", "1,x\n", "22P02", `invalid input syntax for type integer: "x"`, `COPY t, line 1, column b: "x"`, opts, two},
		{"range", "1,99999999999\n", "22003", `value "99999999999" is out of range for type integer`, `COPY t, line 1, column b: "99999999999"`, opts, two},
		{"unterminated", "1,\"2\n3,4\n", "22P04", "unterminated CSV quoted field", "COPY t, line 1: \"1,\"2\n3,4\n\"", opts, two},
		{"utf8", "1,2\n\xff,2\n", "22021", `invalid byte sequence for encoding "UTF8": 0xff`, "COPY t, line 2", opts, two},
		{"zero byte", "1,\x00\n", "22021", `invalid byte sequence for encoding "UTF8": 0x00`, "COPY t, line 1", opts, two},
		{"stray cr", "1,2\n3\r,4\n", "22P04", "unquoted carriage return found in data", "COPY t, line 2", opts, two},
		{"header count", "a\n", "22P04", "wrong number of fields in header line: got 1, expected 2", `COPY t, line 1: "a"`, match, two},
		{"header name", "a,c\n", "22P04", `column name mismatch in header line field 2: got "c", expected "b"`, `COPY t, line 1: "a,c"`, match, two},
		{"long row", strings.Repeat("1", 2000), "54000", "row is longer than 1000 bytes", "COPY t, line 1", opts, two},
		{"long field", "1," + strings.Repeat("1", 200) + "\n", "54000", "field is longer than 100 bytes",
			`COPY t, line 1, column b: "` + strings.Repeat("1", 100) + `..."`, opts, two},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(strings.NewReader(c.in), c.opts, c.cols, 1000)
			e := errs.From(err)
			if e == nil || e.Code != c.code || e.Message != c.message || e.Context != c.context {
				t.Errorf("got %+v", e)
			}
		})
	}
}

// TestAgainstStandardLibrary reads random rows with encoding/csv too.
func TestAgainstStandardLibrary(t *testing.T) {
	words := []string{"", "a", "b c", `"`, ",", "\n", "é", `""`, "x,y", "\\"}
	seed := uint32(1)
	next := func(n int) int { seed = seed*1664525 + 1013904223; return int(seed>>16) % n }
	for range 300 {
		var buf bytes.Buffer
		w := stdcsv.NewWriter(&buf)
		var want strings.Builder
		for range next(20) {
			var rec []string
			for range 3 {
				rec = append(rec, words[next(len(words))]+words[next(len(words))])
			}
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
			for _, s := range rec {
				if s == "" {
					want.WriteString("NULL")
				} else {
					fmt.Fprintf(&want, "<%s>", s)
				}
			}
			want.WriteByte('\n')
		}
		w.Flush()
		got, err := read(&buf, csv.Options{}, columns(types.Text, types.Text, types.Text), 7)
		if err != nil || got != want.String() {
			t.Fatalf("got %q, %v; want %q", got, err, want.String())
		}
	}
}

func TestWriteReadsBack(t *testing.T) {
	cols := columns(types.Text, types.Int4, types.Timestamptz)
	b := batch.New(format.Types(cols))
	b.Reset()
	for i, s := range []string{"plain", "", "a,b", "q\"q", "l\nl", `\.`} {
		b.Cols[0].AppendDatum(types.TextOf(s))
		b.Cols[1].AppendDatum(types.IntOf(types.T(types.Int4), int64(i)))
		b.Cols[2].AppendDatum(types.NullOf(types.T(types.Timestamptz)))
	}
	b.Len = 6
	var buf bytes.Buffer
	w, err := csv.NewWriter(&buf, csv.Options{Header: format.WithHeader}, cols)
	if err == nil {
		err = errors.Join(w.Write(b), w.Close())
	}
	want := "a,b,c\nplain,0,\n\"\",1,\n\"a,b\",2,\n\"q\"\"q\",3,\n\"l\nl\",4,\n\\.,5,\n"
	if err != nil || buf.String() != want {
		t.Fatalf("got %q, %v", buf.String(), err)
	}
	got, err := read(&buf, csv.Options{Header: format.MatchHeader}, cols, 2)
	if err != nil || got != "<plain><0>NULL\n<><1>NULL\n<a,b><2>NULL\n<q\"q><3>NULL\n<l\nl><4>NULL\n<\\.><5>NULL\n" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"1,x\n", "\"a\"\"b\",\r\nc", "a,b\r", "\\.\n", "\xef\xbb\xbf\"", "\xff,\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, maxRows uint8) {
		opts := csv.Options{Table: "t", Limits: format.Limits{RowBytes: 4096}}
		cols := columns(types.Text, types.Text)
		whole, err1 := read(bytes.NewReader(data), opts, cols, 1+int(maxRows))
		parts, err2 := read(iotest.OneByteReader(bytes.NewReader(data)), opts, cols, 1)
		if fmt.Sprint(err1) != fmt.Sprint(err2) || err1 == nil && whole != parts {
			t.Errorf("whole: %q, %v; in parts: %q, %v", whole, err1, parts, err2)
		}
	})
}
