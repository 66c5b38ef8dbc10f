package ndjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/ndjson"
	"github.com/siltstone-db/siltstone/storage/types"
)

var testColumns = []format.Column{
	{Name: "a", Type: types.T(types.Int4), NotNull: true},
	{Name: "b", Type: types.T(types.Text)},
	{Name: "c", Type: types.T(types.Bool), Default: &types.Datum{Type: types.T(types.Bool), I: 1}},
}

// read returns all rows, one line each, values in <> and NULL as NULL.
func read(src io.Reader, opts ndjson.Options, cols []format.Column, maxRows int) (string, error) {
	r := ndjson.NewReader(src, opts, cols)
	var out strings.Builder
	b := &batch.Batch{}
	for more := true; more; {
		var err error
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
	for _, c := range []struct{ in, want string }{
		{`{"a":1,"b":"x","c":false}` + "\n" + `{"a":2,"b":"y","c":true}`, "<1><x><f>\n<2><y><t>\n"},
		{`{"c":false,"b":"x","a":1}` + "\n\n \n" + `{"b":"y","a":"2"}` + "\n", "<1><x><f>\n<2><y><t>\n"},
		{` { "a" : 1 , "b" : null } ` + "\r\n", "<1>NULL<t>\n"},
		{`{"a":1,"a":2,"b":"first","b":"last"}`, "<2><last><t>\n"},
		{`{"a":-0,"b":1.50e3,"c":"yes"}`, "<0><1.50e3><t>\n"},
		{`{"a":1,"b":{"k":[1,{"x":"\u00e9"}]}}`, `<1><{"k":[1,{"x":"\u00e9"}]}><t>` + "\n"},
		{`{"a":1,"b":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"}`, "<1><é😀\"\\/\b\f\n\r\t><t>\n"},
		{`{"\u0061":1}`, "<1>NULL<t>\n"},
		{"\xef\xbb\xbf" + `{"a":1}`, "<1>NULL<t>\n"},
		{"", ""},
	} {
		for _, maxRows := range []int{1, 1000} {
			if got, err := read(strings.NewReader(c.in), ndjson.Options{}, testColumns, maxRows); err != nil || got != c.want {
				t.Errorf("%s: got %q, %v; want %q", c.in, got, err, c.want)
			}
			if got, err := read(iotest.OneByteReader(strings.NewReader(c.in)), ndjson.Options{}, testColumns, maxRows); err != nil || got != c.want {
				t.Errorf("%s byte by byte: got %q, %v; want %q", c.in, got, err, c.want)
			}
		}
	}
}

func TestRejects(t *testing.T) {
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for _, c := range []struct {
		in, column string
		code       errs.Code
		message    string
	}{
		{`{"a":1,"zz":2}`, "zz", "42703", `column "zz" of relation "t" does not exist`},
		{`{"a":"x"}`, "a", "22P02", `invalid input syntax for type integer: "x"`},
		{`{"a":1.5}`, "a", "22P02", `invalid input syntax for type integer: "1.5"`},
		{`{"a":true}`, "a", "22P02", `invalid input syntax for type integer: "true"`},
		{`{"a":[1]}`, "a", "22P02", `invalid input syntax for type integer: "[1]"`},
		{`{"a":9999999999}`, "a", "22003", `value "9999999999" is out of range for type integer`},
		{`{"a":1,"b":"\ud800"}`, "b", "22P02", "invalid input syntax for type json"},
		{`{"a":1,"b":"\u0000"}`, "b", "22P05", "unsupported Unicode escape sequence"},
		{`{"a":1,"b":"` + "\xff" + `"}`, "", "22021", `invalid byte sequence for encoding "UTF8": 0xff 0x22`},
		{`{"a":1,"b":` + deep + `}`, "b", "54000", "JSON is nested deeper than 64 levels"},
		{`{"a":1,}`, "", "22P02", "invalid input syntax for type json"},
		{`{"a":1}{"a":2}`, "", "22P02", "invalid input syntax for type json"},
		{`{"a":01}`, "a", "22P02", "invalid input syntax for type json"},
		{`{"a":1`, "", "22P02", "invalid input syntax for type json"},
		{`[1]`, "", "22P02", "invalid input syntax for type json"},
		{`nonsense`, "", "22P02", "invalid input syntax for type json"},
		{"{\"a\":1,\"b\":\"\x01\"}", "b", "22P02", "invalid input syntax for type json"},
	} {
		in := `{"a":7}` + "\n\n" + c.in + "\n" + `{"a":8,"b":"ok"}`
		_, err := read(strings.NewReader(in), ndjson.Options{Table: "t"}, testColumns, 10)
		var re *format.BadRow
		if !errors.As(err, &re) || re.Index != 1 || re.Line != 3 || re.Column != c.column || re.Err.Code != c.code {
			t.Errorf("%s: got %+v", c.in, err)
			continue
		}
		if c.code != "22021" && re.Err.Message != c.message {
			t.Errorf("%s: got %q, want %q", c.in, re.Err.Message, c.message)
		}
		notes := &format.Notes{BadMax: 2}
		got, err := read(strings.NewReader(in), ndjson.Options{Table: "t", Notes: notes}, testColumns, 10)
		rejected := len(notes.Bad)
		if err != nil || rejected != 1 || string(notes.Bad[0].Text) != c.in || got != "<7>NULL<t>\n<8><ok><t>\n" {
			t.Errorf("%s: skipping it: got %q, %v, %d rejected", c.in, got, err, rejected)
		}
	}
}

func TestIgnoreUnknown(t *testing.T) {
	got, err := read(strings.NewReader(`{"x":{"y":[1]},"a":1,"z":"\n"}`), ndjson.Options{IgnoreUnknown: true}, testColumns, 10)
	if err != nil || got != "<1>NULL<t>\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestWriteReadsBack(t *testing.T) {
	b := batch.New(format.Types(testColumns))
	b.Reset()
	for i, s := range []string{"plain", "q\"\\\n\t\x01é"} {
		b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int4), int64(i)))
		b.Cols[1].AppendDatum(types.TextOf(s))
		b.Cols[2].AppendDatum(types.BoolOf(i == 0))
	}
	b.Len = 2
	var buf bytes.Buffer
	if err := ndjson.NewWriter(&buf, testColumns, nil).Write(b); err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(buf.Bytes()) {
		if !json.Valid(line) {
			t.Errorf("not JSON: %s", line)
		}
	}
	got, err := read(&buf, ndjson.Options{}, testColumns, 10)
	if want := "<0><plain><t>\n<1><q\"\\\n\t\x01é><f>\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// FuzzRead compares with encoding/json: a row that it reads as an object with a string b must give that string.
func FuzzRead(f *testing.F) {
	for _, s := range []string{`{"b":"x"}`, `{"b":"\u00e9\ud83d\ude00"}`, `{"b":"\ud800x"}`, `{"b":1e5,"b":"z"}`, `{"b":{"c":[]}}`, `{"b" : "\\"} `} {
		f.Add([]byte(s))
	}
	cols := []format.Column{{Name: "b", Type: types.T(types.Text)}}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.IndexByte(data, '\n') >= 0 {
			return
		}
		got, err := read(bytes.NewReader(data), ndjson.Options{IgnoreUnknown: true, Limits: format.Limits{RowBytes: 1 << 16}}, cols, 10)
		var want map[string]any
		if jsonErr := json.Unmarshal(data, &want); jsonErr != nil || want == nil {
			if err == nil && got != "" && !strings.Contains(string(data), `\`) && json.Valid(data) {
				t.Errorf("took %q as %q", data, got)
			}
			return
		}
		if s, ok := want["b"].(string); ok && err == nil && got != "<"+s+">\n" {
			t.Errorf("%q: got %q, want %q", data, got, s)
		}
	})
}

// BenchmarkRead reads rows of 20 columns.
func BenchmarkRead(b *testing.B) {
	var cols []format.Column
	row := []byte("{")
	for i := range 20 {
		k, text := types.Int4, "1234567"
		switch i % 5 {
		case 1:
			k, text = types.Text, `"https://example.com/a/b?c=d"`
		case 2:
			k, text = types.Timestamptz, `"2026-11-22T10:47:34.123Z"`
		case 3:
			k, text = types.Float8, "3.25"
		}
		name := fmt.Sprintf("column_%d", i)
		cols = append(cols, format.Column{Name: name, Type: types.T(k)})
		if i > 0 {
			row = append(row, ',')
		}
		row = fmt.Appendf(row, "%q:%s", name, text)
	}
	row = append(row, '}', '\n')
	const rows = 20000
	data := bytes.Repeat(row, rows)
	out := &batch.Batch{}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	total := 0
	for b.Loop() {
		r := ndjson.NewReader(bytes.NewReader(data), ndjson.Options{}, cols)
		for more := true; more; total += out.Len {
			var err error
			if more, err = r.Read(out, 8192); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "rows/s")
}
