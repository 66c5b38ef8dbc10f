package table

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/types"
)

var codecTypes = []types.Type{
	types.T(types.Bool), types.T(types.Int2), types.T(types.Int4), types.T(types.Int8), types.T(types.Float4),
	types.T(types.Float8), types.NumericOf(30, 2), types.T(types.Interval), types.T(types.UUID), types.T(types.Text),
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
	files := []Sealed{{Segment: NewSegment(codecFile, nil, nil, nil), Deleted: (*index.RowSet)(nil).With([]uint32{5, 900})}}
	deletions := []Deletion{{Table: 7, Rows: ids}, {Table: 8, Below: 99}}
	e.Begin()
	for i, n := range sizes {
		e.Add(Section{Table: 7, Version: uint64(i), Batch: codecRows(n)})
	}
	e.End(&Head{Seconds: 1_700_000_000, Token: &Token{Client: "c", Key: "k", Content: 1 << 63},
		Edits: []catalog.Edit{catalog.DropTable{ID: 6}, catalog.CreateSchema{Name: "s", OID: 20_000}}, Deletions: deletions, Files: files})
	return bytes.Join(e.Payload(), nil)
}

func deletedIn(f manifest.Segment) int {
	n, _ := index.RowsIn([]byte(f.Deleted))
	return n
}

func TestCodec(t *testing.T) {
	sizes := []int{1, 2, 64, 65, 1000, 5000}
	var d Decoder
	if err := d.Begin(encode(sizes...)); err != nil || len(d.Files) != 1 || d.Files[0].File != 300 || deletedIn(d.Files[0]) != 2 || d.Token == nil || *d.Token != (Token{Client: "c", Key: "k", Content: 1 << 63}) || d.Seconds != 1_700_000_000 {
		t.Fatalf("head: %+v, %v", d, err)
	}
	if want := []catalog.Edit{catalog.DropTable{ID: 6}, catalog.CreateSchema{Name: "s", OID: 20_000}}; !slices.Equal(d.Edits, want) {
		t.Fatalf("catalog edits: %+v", d.Edits)
	}
	if del := d.Deletions; len(del) != 2 || del[0].Table != 7 || del[0].Rows.Len() != 2 || !del[0].Rows.Has(1<<33) || del[1].Below != 99 {
		t.Fatalf("deletions: %+v", del)
	}
	for i, n := range sizes {
		s, err := d.Next()
		if err != nil || s.Table != 7 || s.Version != uint64(i) || s.Batch.Len != n {
			t.Fatalf("section %d: %+v, %v", i, s, err)
		}
		want := codecRows(n)
		for c, v := range s.Batch.Cols {
			v.Type = codecTypes[c]
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

func decodeAll(b []byte) error {
	var d Decoder
	if err := d.Begin(b); err != nil {
		return err
	}
	for d.Sections > 0 {
		if _, err := d.Next(); err != nil {
			return err
		}
	}
	return nil
}

func TestCodecTruncated(t *testing.T) {
	b := encode(3, 2000)
	for n := 0; n < len(b); n += 1 + n/50 {
		if decodeAll(b[:n]) == nil {
			t.Fatalf("%d of %d bytes were accepted", n, len(b))
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(1, 3))
	f.Add(encode(400))
	f.Fuzz(func(t *testing.T, b []byte) { _ = decodeAll(b) })
}

var codecFile = manifest.Segment{File: 300, Table: 7, Rows: 1000, Bytes: 70_000}

// golden is a write of one row with a token, catalog edits, deletions and a file, format 1.
const golden = "0180e2cfaa06010163016b00000000000000800a0102020605a09c010173020700340200000000000000000000003a3000000100000000000000100000000300020000003a300000010000000000000010000000000008630001ac0207e807f0a204143a3000000100000000000100100000000500840301070001007b7b0a0100000000000000000002000000030000000000040000000000000000000501000000000000000000000000060000000000000000000700000000000000000000000000000000000800000000000000000000000000000000000900303030303030303030303030303030300a01000000000000000000000000"
