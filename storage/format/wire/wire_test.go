package wire_test

import (
	"bufio"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format/wire"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

var typeNames = map[string]types.Type{
	"bool": types.T(types.Bool), "int2": types.T(types.Int2), "int4": types.T(types.Int4), "int8": types.T(types.Int8),
	"float4": types.T(types.Float4), "float8": types.T(types.Float8), "numeric": types.T(types.Numeric),
	"numeric(10,2)": types.NumericOf(10, 2), "numeric(30,10)": types.NumericOf(30, 10), "date": types.T(types.Date),
	"time": types.T(types.Time), "timestamp": types.T(types.Timestamp), "timestamptz": types.T(types.Timestamptz),
	"interval": types.T(types.Interval), "uuid": types.T(types.UUID), "text": types.T(types.Text),
	"bytea": types.T(types.Bytea), "oid": types.T(types.Oid), "int4[]": types.ArrayOf(types.Int4),
	"text[]": types.ArrayOf(types.Text),
}

// TestAgainstPostgreSQL compares both forms of values with PostgreSQL's, from flat and constant vectors, and reads them
// back.
func TestAgainstPostgreSQL(t *testing.T) {
	zone, err := datetime.LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	set := &types.Settings{Settings: datetime.Settings{Location: zone}}
	f, err := os.Open("testdata/values.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		p := strings.Split(s.Text(), "\t")
		typ, in, bin, text := typeNames[p[0]], p[1], p[2], p[3]
		if typ.Kind == types.Bool {
			text = text[:1]
		}
		d, err := wire.DecodeText(typ, []byte(in), set)
		if err != nil {
			t.Errorf("%s %q: %v", p[0], in, err)
			continue
		}
		var flat, constant batch.Vector
		flat.Reset(typ, 0)
		flat.AppendDatum(d)
		constant.ResetConstant(d, 5)
		for _, v := range []struct {
			v   *batch.Vector
			row int
		}{{&flat, 0}, {&constant, 3}} {
			if got := string(wire.TextEncoder(typ, set)(nil, v.v, v.row)); got != text {
				t.Errorf("%s %q: text %q, want %q", p[0], in, got, text)
			}
			if got := hex.EncodeToString(wire.BinaryEncoder(typ)(nil, v.v, v.row)); got != bin {
				t.Errorf("%s %q: binary %s, want %s", p[0], in, got, bin)
			}
		}
		raw, _ := hex.DecodeString(bin)
		back, err := wire.DecodeBinary(typ, raw)
		if err != nil || types.Compare(back, d) != 0 || string(types.AppendWith(nil, back, set)) != text {
			t.Errorf("%s %q: binary reads as %v, %v", p[0], in, back, err)
		}
		if typ.Physical() != types.PhysBytes {
			if _, err := wire.DecodeBinary(typ, append(raw, 0)); !errs.Is(err, "22P03") {
				t.Errorf("%s with a byte too many: %v", p[0], err)
			}
		}
	}
}

func TestForms(t *testing.T) {
	words := make([]byte, 16)
	words[0] = 0b11_10_01_00
	var packed, dict batch.Vector
	packed.ResetPacked(types.T(types.Int4), 100, 2, words, 4)
	dict.ResetDict(types.T(types.Text), &batch.Dictionary{Len: 2, Offsets: []uint32{0, 1, 3}, Heap: []byte("abb")}, 2)
	dict.Codes[0], dict.Codes[1] = 1, 0
	text := wire.TextEncoder(types.T(types.Int4), nil)
	if got := string(text(nil, &packed, 3)); got != "103" {
		t.Errorf("packed: %s", got)
	}
	if got := string(wire.TextEncoder(types.T(types.Text), nil)(nil, &dict, 0)); got != "bb" {
		t.Errorf("dict: %s", got)
	}
}

func TestEncodersDoNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 256)
	for name, typ := range typeNames {
		if typ.Kind == types.Array {
			continue
		}
		in := map[types.Kind]string{types.Bool: "t", types.Date: "2024-01-02", types.Time: "01:02:03", types.Timestamp: "2024-01-02 03:04:05.6",
			types.Timestamptz: "2024-01-02 03:04:05.6", types.Interval: "1 day", types.UUID: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}[typ.Kind]
		if in == "" {
			in = "12"
		}
		d, err := types.Parse(typ, in)
		if err != nil {
			t.Fatal(err)
		}
		var v batch.Vector
		v.Reset(typ, 0)
		v.AppendDatum(d)
		for form, e := range []wire.Encoder{wire.TextEncoder(typ, nil), wire.BinaryEncoder(typ)} {
			if n := testing.AllocsPerRun(20, func() { dst = e(dst[:0], &v, 0) }); n != 0 {
				t.Errorf("%s, form %d: %v allocations", name, form, n)
			}
		}
	}
}

func FuzzDecodeBinary(f *testing.F) {
	var all []types.Type
	for _, name := range []string{"bool", "int4", "float8", "numeric", "numeric(10,2)", "numeric(30,10)", "date", "timestamp", "interval", "text", "int4[]", "text[]"} {
		all = append(all, typeNames[name])
	}
	f.Add(uint8(3), []byte{0, 1, 0, 0, 0, 0, 0, 2, 0, 7})
	f.Add(uint8(10), []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		typ := all[int(which)%len(all)]
		d, err := wire.DecodeBinary(typ, b)
		if err != nil {
			return
		}
		again, err := wire.DecodeBinary(typ, wire.AppendBinary(nil, d))
		if err != nil || types.Compare(again, d) != 0 {
			t.Errorf("%s: %v comes back as %v, %v", typ, d, again, err)
		}
	})
}
