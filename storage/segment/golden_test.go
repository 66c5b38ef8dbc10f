package segment

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/types"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// goldenInput is a small fixed segment with most types and encodings.
func goldenInput() *Input {
	const rows = 100
	d := &data{rows: rows}
	add := func(name string, t types.Type, value func(i int) types.Datum) {
		v := make([]types.Datum, rows)
		for i := range v {
			v[i] = value(i)
			if name[0] == '?' && i%7 == 3 {
				v[i] = types.NullOf(t)
			}
		}
		d.cols = append(d.cols, Column{ID: uint32(len(d.cols) + 1), Name: name, Type: t})
		d.value = append(d.value, v)
	}
	integer := func(name string, t types.Type, f func(i int) int64) {
		add(name, t, func(i int) types.Datum { return types.IntOf(t, f(i)) })
	}
	integer("id", types.T(types.Int8), func(i int) int64 { return 1000 + 3*int64(i) })
	integer("constant", types.T(types.Int2), func(i int) int64 { return -5 })
	integer("runs", types.T(types.Int4), func(i int) int64 { return int64(i / 30 * 1000003) })
	integer("?small", types.T(types.Int4), func(i int) int64 { return int64(i * 7919 % 101) })
	integer("few", types.T(types.Int8), func(i int) int64 { return []int64{-1 << 40, 0, 12, 1 << 50}[i*7%4] })
	integer("price", types.NumericOf(12, 2), func(i int) int64 { return int64(i*104729%100000) - 50000 })
	integer("?day", types.T(types.Date), func(i int) int64 { return 19000 + int64(i)/3 })
	add("flag", types.T(types.Bool), func(i int) types.Datum { return types.BoolOf(i%3 == 0) })
	add("ratio", types.T(types.Float8), func(i int) types.Datum { return types.FloatOf(types.T(types.Float8), float64(i)/8) })
	wide := types.NumericOf(30, 0)
	add("?wide", wide, func(i int) types.Datum { return types.Int128Of(wide, uint64(i), int64(i%2)) })
	add("span", types.T(types.Interval), func(i int) types.Datum { return types.IntervalOf(1, int32(i), 5) })
	add("?phrase", types.T(types.Text), func(i int) types.Datum {
		return types.TextOf([]string{"", "silt", "stone", "siltstone", "shale"}[i*i%5])
	})
	add("nothing", types.T(types.Text), func(i int) types.Datum { return types.NullOf(types.T(types.Text)) })
	return &Input{ID: 42, Columns: d.cols, Rows: rows, Chunks: func(c int) ([]*batch.Vector, error) {
		v := new(batch.Vector)
		v.Reset(d.cols[c].Type, 0)
		for _, x := range d.value[c] {
			v.AppendDatum(x)
		}
		return []*batch.Vector{v}, nil
	}}
}

// TestGolden pins the bytes of format 2.0. A difference is a new format version, or a bug: files out there do not
// change. The choice of encodings may change within a version; then both files are rewritten, and the old bytes stay as
// another file to be read for ever.
func TestGolden(t *testing.T) {
	golden(t, "v2.0", goldenInput())
	keyed := goldenInput()
	keyed.Columns = keyed.Columns[:12]
	keyed.Keys = []keys.Key{{Columns: []int{0}}, {Columns: []int{11, 3}}, {Columns: []int{11, 3}, NullsEqual: true}}
	keyed.Gone = (*index.RowSet)(nil).With([]uint32{5, 99})
	golden(t, "v2.0-keys", keyed)
}

func golden(t *testing.T, version string, in *Input) {
	var file bytes.Buffer
	if _, err := Write(&file, in); err != nil {
		t.Fatal(err)
	}
	s := open(t, file.Bytes(), newCache(t, 0))
	var dump bytes.Buffer
	if err := s.Dump(&dump); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{version + ".segment": file.Bytes(), version + ".dump": dump.Bytes()} {
		path := filepath.Join("testdata", name)
		if *rewrite {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs (%d bytes, want %d); -rewrite shows how", path, len(got), len(want))
		}
	}
}

// TestReadGolden reads every segment file in testdata, of whatever version, and compares its dump.
func TestReadGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.segment")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range files {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var dump bytes.Buffer
		if err := open(t, file, newCache(t, 0)).Dump(&dump); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(path[:len(path)-len(".segment")] + ".dump")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(dump.Bytes(), want) {
			t.Errorf("%s: the dump differs", path)
		}
	}
}
