package table

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/types"
)

var codecTypes = []types.Type{
	types.T(types.Bool), types.T(types.Int2), types.T(types.Int4), types.T(types.Int8), types.T(types.Float4),
	types.T(types.Float8), types.NumericOf(30, 2), types.T(types.Interval), types.T(types.UUID), types.T(types.Text),
}

// codecTable has ids with holes, and types with and without modifiers.
func codecTable(version uint64) *catalog.Table {
	t := &catalog.Table{Head: catalog.Head{ID: 7}, Version: version}
	for i, typ := range codecTypes {
		t.Columns = append(t.Columns, catalog.Column{ID: uint32(300 - 20*i), Type: typ})
	}
	return t
}

func codecRows(n int) *batch.Batch {
	b := &batch.Batch{Len: n}
	for k, t := range codecTypes {
		v := new(batch.Vector)
		v.Reset(t, 0)
		for i := range n {
			d := types.Datum{Type: t, I: int64(i % 2), Hi: int64(i), F: float64(i), S: fmt.Sprintf("%016d", i)}
			if (i+k)%5 == 4 {
				d = types.NullOf(t)
			}
			v.AppendDatum(d)
		}
		b.Cols = append(b.Cols, v)
	}
	return b
}

func encode(sizes ...int) []byte {
	var e Encoder
	ids := index.NewRowIDs()
	ids.AddMany([]uint64{3, 1 << 33})
	files := []shelf.Sealed{{File: &shelf.File{Meta: codecFile}, Deleted: (*index.RowSet)(nil).With([]uint32{5, 900})}}
	deletions := []Deletion{{Table: 7, Rows: ids}, {Table: 8, Below: 99}}
	e.Begin()
	for i, n := range sizes {
		e.Add(codecTable(uint64(i)), codecRows(n))
	}
	e.End(&Head{Seconds: 1_700_000_000, Token: &codecToken,
		Edits: edits(), Deletions: deletions, Files: files, Positions: codecMoves})
	return bytes.Join(e.Payload(), nil)
}

func edits() []catalog.Edit {
	return []catalog.Edit{catalog.Create(&catalog.Schema{Head: catalog.Head{ID: 9, OID: 20_000, Name: "s"}}),
		catalog.Drop(nil, &catalog.Schema{Head: catalog.Head{ID: 6}})}
}

func deletedIn(f manifest.Segment) int {
	n, _ := index.RowsIn([]byte(f.Deleted))
	return n
}

func TestCodec(t *testing.T) {
	sizes := []int{1, 2, 64, 65, 1000, 5000}
	var d Decoder
	if err := d.Begin(encode(sizes...)); err != nil || len(d.Files) != 1 || d.Files[0].File != 300 || deletedIn(d.Files[0]) != 2 || d.Token == nil || *d.Token != codecToken || d.Seconds != 1_700_000_000 {
		t.Fatalf("head: %+v, %v", d, err)
	}
	if !bytes.Equal(catalog.AppendEdits(nil, d.Edits), catalog.AppendEdits(nil, edits())) || len(d.Edits) != 2 {
		t.Fatalf("catalog edits: %+v", d.Edits)
	}
	if del := d.Deletions; len(del) != 2 || del[0].Table != 7 || del[0].Rows.Len() != 2 || !del[0].Rows.Has(1<<33) || del[1].Below != 99 {
		t.Fatalf("deletions: %+v", del)
	}
	if !slices.Equal(d.Positions, codecMoves) {
		t.Fatalf("positions: %+v", d.Positions)
	}
	for i, n := range sizes {
		s, err := d.Next()
		if err != nil || s.Table != 7 || s.Version != uint64(i) || s.Batch.Len != n {
			t.Fatalf("section %d: %+v, %v", i, s, err)
		}
		want := codecRows(n)
		if len(s.Columns) != len(codecTypes) {
			t.Fatalf("section %d: columns %v", i, s.Columns)
		}
		for c, v := range s.Batch.Cols {
			if s.Columns[c] != (Column{uint32(300 - 20*c), codecTypes[c]}) || v.Type != codecTypes[c] {
				t.Fatalf("section %d: column %d is %v", i, c, s.Columns[c])
			}
			for r := range n {
				if got, want := v.Datum(r), want.Cols[c].Datum(r); got != want {
					t.Fatalf("section %d column %d row %d: %v, want %v", i, c, r, got, want)
				}
			}
		}
	}
}

func TestCodecGolden(t *testing.T) {
	if got := hex.EncodeToString(encode(1)); got != golden {
		t.Errorf("the format changed: logs written before cannot be read\n got %s\nwant %s", got, golden)
	}
}

// TestAppendPlain: a payload whose sections are unpacked reads as the same.
func TestAppendPlain(t *testing.T) {
	packed := encode(1, 64, 1000, 5000)
	plain, err := AppendPlain([]byte("before"), packed)
	if err != nil || string(plain[:6]) != "before" || len(plain) <= len(packed) {
		t.Fatal(len(plain), len(packed), err)
	}
	again, err := AppendPlain(nil, plain[6:])
	if err != nil || !bytes.Equal(again, plain[6:]) {
		t.Fatal("what is plain changes", err)
	}
	var a, b Decoder
	if err := errors.Join(a.Begin(packed), b.Begin(plain[6:])); err != nil {
		t.Fatal(err)
	}
	if len(a.Files) != len(b.Files) || fmt.Sprint(a.Numbers) != fmt.Sprint(b.Numbers) || len(a.Edits) != len(b.Edits) || *a.Token != *b.Token {
		t.Error("the heads differ")
	}
	for a.More() {
		x, err := a.Next()
		y, err2 := b.Next()
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if x.Table != y.Table || x.Version != y.Version || !slices.Equal(x.Columns, y.Columns) || x.Batch.Len != y.Batch.Len {
			t.Fatalf("%+v is read as %+v", x, y)
		}
		for c := range x.Batch.Cols {
			for r := range x.Batch.Len {
				if x.Batch.Cols[c].Datum(r) != y.Batch.Cols[c].Datum(r) {
					t.Fatalf("column %d, row %d", c, r)
				}
			}
		}
	}
	if b.More() {
		t.Error("there is more")
	}
	packed = encode(64, 65)
	for i := 0; i < len(packed); i += 7 { // damage is an error, or is read as something
		d := bytes.Clone(packed)
		d[i] ^= 0x40
		_, _ = AppendPlain(nil, d)
		_, _ = AppendPlain(nil, packed[:i])
	}
}

func decodeAll(b []byte) error {
	var d Decoder
	if err := d.Begin(b); err != nil {
		return err
	}
	for d.More() {
		if _, err := d.Next(); err != nil {
			return err
		}
	}
	return nil
}

// A payload that is cut is an error, or ends between two sections: the frame around it tells its length.
func TestCodecTruncated(t *testing.T) {
	b := encode(3, 2000)
	for n := 1; n < len(b); n += 1 + n/50 {
		r := field.NewReader("payload", b[:n])
		for r.Next() {
		}
		if decodeAll(b[:n]) == nil && r.Err() != nil {
			t.Fatalf("%d of %d bytes were accepted", n, len(b))
		}
	}
}

// Fields that an older server may pass over change nothing, wherever they stand; others are refused.
func TestCodecNewer(t *testing.T) {
	w := field.NewWriter(encode(1, 2))
	w.Uint(101, 5)
	if err := decodeAll(w.Record()); err != nil {
		t.Fatal(err)
	}
	w.Uint(100, 5)
	if err := decodeAll(w.Record()); !errs.Is(err, errs.FeatureNotSupported) {
		t.Fatalf("a field of a newer version: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(1, 3))
	f.Add(encode(400))
	f.Fuzz(func(t *testing.T, b []byte) { _ = decodeAll(b) })
}

var codecToken = Token{Table: 9, Client: "c", Key: "k", Content: 1 << 63}

var codecMoves = []positions.Move{{Key: positions.Key{Source: 5, Partition: "clicks/3"}, To: "1042"}, {Key: positions.Key{Source: 5, Partition: "gone"}}}

var codecFile = manifest.Segment{File: 300, Table: 7, Rows: 1000, Bytes: 70_000}

// golden is a write of one row with a token, catalog edits, deletions and a file.
const golden = "1080e2cfaa06221112016322016b3100000000000000804009321b12121001220e1001200930a09c01520173920100120510033201064238100732340200000000000000000000003a3000000100000000000000100000000300020000003a3000000100000000000000100000000000420410082063522310ac02200730e80740f0a2048201143a30000001000000000001001000000005008403621210052208636c69636b732f33320431303432620810052204676f6e6582010b1007210100000000000000729b01100730014221ac0204980206840208f0010adc010cc8010eb4011100001e04a001228c012478126070727000000000000000000000000000000000000000000000000000000100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000003030303030303030303030303030303001000000000000000000000000"
