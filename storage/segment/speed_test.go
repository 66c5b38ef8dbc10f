package segment

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// events are columns as a clickstream has them, with the encodings they lead to.
var eventColumns = []struct {
	name string
	typ  types.Type
	make func(r *rand.Rand, i int) int64
}{
	{"watch_id", types.T(types.Int8), func(r *rand.Rand, i int) int64 { return int64(r.Uint64()) }},
	{"user_id", types.T(types.Int8), func(r *rand.Rand, i int) int64 { return int64(kernel.HashUint64(r.Uint64N(300000))) }},
	{"event_time", types.T(types.Timestamp), func(r *rand.Rand, i int) int64 { return 1700000000e6 + int64(i)*40e3 + r.Int64N(1e6)/1e6*1e6 }},
	{"counter_id", types.T(types.Int4), func(r *rand.Rand, i int) int64 { return int64(i / 1500) }},
	{"region_id", types.T(types.Int4), func(r *rand.Rand, i int) int64 { return int64(r.ExpFloat64() * 900) }},
	{"width", types.T(types.Int2), func(r *rand.Rand, i int) int64 {
		return [...]int64{320, 640, 1024, 1280, 1366, 1920, 2560, 3840}[r.IntN(8)]
	}},
	{"adv_engine", types.T(types.Int2), func(r *rand.Rand, i int) int64 { return int64(kernel.Bit(r.IntN(140) == 0)) * int64(2+r.IntN(30)) }},
	{"is_robot", types.T(types.Int2), func(r *rand.Rand, i int) int64 { return 0 }},
}

// events makes a segment of n rows with those columns, then phrase (few distinct, mostly empty) and url (many).
func events(t testing.TB, n int) *Input {
	t.Helper()
	in := &Input{ID: 1, Rows: n}
	var cols [][]*batch.Vector
	for k, c := range eventColumns {
		r := rand.New(rand.NewPCG(uint64(k), 1))
		in.Columns = append(in.Columns, Column{ID: uint32(k), Name: c.name, Type: c.typ})
		var chunks []*batch.Vector
		for at := 0; at < n; at += scan.BlockRows {
			v := new(batch.Vector)
			v.Reset(c.typ, min(scan.BlockRows, n-at))
			for i := range v.Len {
				x := c.make(r, at+i)
				switch c.typ.Physical() {
				case types.PhysInt16:
					batch.Values[int16](v)[i] = int16(x)
				case types.PhysInt32:
					batch.Values[int32](v)[i] = int32(x)
				default:
					batch.Values[int64](v)[i] = x
				}
			}
			chunks = append(chunks, v)
		}
		cols = append(cols, chunks)
	}
	text := types.T(types.Text)
	for k, c := range []struct {
		name string
		make func(r *rand.Rand) uint64
	}{
		{"phrase", func(r *rand.Rand) uint64 { return max(r.Uint64N(60000), 52000) - 52000 }},
		{"url", func(r *rand.Rand) uint64 { return 1 + r.Uint64N(uint64(n/2+1)) }},
	} {
		r := rand.New(rand.NewPCG(uint64(k), 2))
		dict := &batch.Dictionary{ID: uint64(1000 + k), Offsets: []uint32{0}, Distinct: true}
		code := map[uint64]uint32{}
		var chunks []*batch.Vector
		for at := 0; at < n; at += scan.BlockRows {
			v := new(batch.Vector)
			v.ResetDict(text, dict, min(scan.BlockRows, n-at))
			for i := range v.Len {
				x := c.make(r)
				id, ok := code[x]
				if !ok {
					id = uint32(dict.Len)
					code[x] = id
					if x > 0 {
						h := kernel.HashUint64(x)
						dict.Heap = fmt.Appendf(dict.Heap, "http://www.%c%d.com/%x/catalogue/page%d.html?id=%d", 'a'+h%26, h%3000, h>>52, h>>40%1000, x)
					}
					dict.Offsets = append(dict.Offsets, uint32(len(dict.Heap)))
					dict.Hashes = append(dict.Hashes, kernel.HashBytes(dict.Heap[dict.Offsets[dict.Len]:]))
					dict.Len++
				}
				v.Codes[i] = id
			}
			chunks = append(chunks, v)
		}
		in.Columns = append(in.Columns, Column{ID: uint32(len(eventColumns) + k), Name: c.name, Type: text})
		cols = append(cols, chunks)
	}
	in.Chunks = func(c int) ([]*batch.Vector, error) { return cols[c], nil }
	return in
}

func writeInput(t testing.TB, in *Input) []byte {
	t.Helper()
	var buf bytes.Buffer
	if _, err := Write(&buf, in); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func openEvents(t testing.TB, n int) *Segment {
	return open(t, writeInput(t, events(t, n)), newCache(t, 0))
}

func textTerm(col int, op scan.Op, s string) scan.Term {
	return scan.Term{Column: col, Op: op, Values: []types.Datum{types.TextOf(s)}}
}

func intTerm(col int, op scan.Op, x int64) scan.Term {
	return scan.Term{Column: col, Op: op, Values: []types.Datum{types.IntOf(eventColumns[col].typ, x)}}
}

// scanCases are shapes of scans: what is filtered, what is returned.
var scanCases = []struct {
	name  string
	cols  []int
	terms []scan.Term
}{
	{"count", nil, nil},
	{"sum_width", []int{5}, nil},
	{"user", []int{1}, nil},
	{"region_width", []int{4, 5}, nil},
	{"adv_engine_ne_0", []int{6}, []scan.Term{intTerm(6, scan.Ne, 0)}},
	{"adv_engine_ne_0_user", []int{1, 4}, []scan.Term{intTerm(6, scan.Ne, 0)}},
	{"phrase_ne_empty", []int{8}, []scan.Term{textTerm(8, scan.Ne, "")}},
	{"counter_eq", []int{1, 4, 8, 9}, []scan.Term{intTerm(3, scan.Eq, 62)}},
	{"user_eq", []int{1}, []scan.Term{intTerm(1, scan.Eq, 435090932899640449)}},
	{"url", []int{9}, nil},
	{"url_filter", []int{9}, []scan.Term{{Column: 9, Op: scan.Entries, Filter: contains("page77")}}},
}

type contains string

func (c contains) Filter(v *batch.Vector, out batch.Bitmap) error {
	for i := range v.Len {
		if bytes.Contains(v.Data[v.Offsets[i]:v.Offsets[i+1]], []byte(c)) {
			out.Set(i)
		}
	}
	return nil
}

// TestAllocs proves that a batch costs no heap memory once buffers have grown.
func TestAllocs(t *testing.T) {
	s := openEvents(t, 3*scan.BlockRows)
	for _, c := range scanCases {
		ps, err := s.All(nil).Open(context.Background(), &scan.Request{Columns: c.cols, Terms: c.terms, Counters: new(scan.Counters)})
		if err != nil {
			t.Fatal(err)
		}
		if ps == nil {
			continue
		}
		cur, err := ps.Cursor()
		if err != nil {
			t.Fatal(err)
		}
		var out batch.Batch
		rows := 0
		scanAll := func() {
			for m := range ps.Morsels() {
				if err := cur.Seek(m); err != nil {
					t.Fatal(err)
				}
				for {
					ok, err := cur.Next(background, &out)
					if err != nil {
						t.Fatal(err)
					}
					if !ok {
						break
					}
					rows += out.Len
				}
			}
		}
		scanAll()
		if n := testing.AllocsPerRun(3, scanAll); n != 0 {
			t.Errorf("%s: %v allocations in %d morsels", c.name, n, ps.Morsels())
		}
		cur.Close()
		ps.Close()
	}
}

// TestCounters shows that filters are decided on packed values, and that dropped rows are never decoded.
func TestCounters(t *testing.T) {
	n := 3 * scan.BlockRows
	s := openEvents(t, n)
	for _, c := range []struct {
		name          string
		cols          []int
		terms         []scan.Term
		packed, share int // share: at most 1/share of the rows are decoded
	}{
		{"engine", []int{1}, []scan.Term{intTerm(6, scan.Ne, 0)}, n, 100},
		{"phrase", []int{1, 8}, []scan.Term{textTerm(8, scan.Ne, "")}, n, 3},
		{"width", []int{1}, []scan.Term{intTerm(5, scan.In, 1024)}, n, 4},
	} {
		ctr := new(scan.Counters)
		rows := drainAll(t, s, &scan.Request{Columns: c.cols, Terms: c.terms, Counters: ctr})
		if got := ctr.RowsOnPacked.Load(); got != int64(c.packed) || ctr.RowsDecodedForTerms.Load() != 0 {
			t.Errorf("%s: %d rows on packed values, %d decoded for terms", c.name, got, ctr.RowsDecodedForTerms.Load())
		}
		if got := ctr.ValuesDecoded.Load(); got != int64(rows*len(c.cols)) || rows*c.share > n {
			t.Errorf("%s: %d values decoded for %d rows", c.name, got, rows)
		}
		if ctr.RowsScanned.Load() != int64(n) || ctr.RowsReturned.Load() != int64(rows) || ctr.Segments.Load() != 1 || ctr.BytesRead.Load() == 0 {
			t.Errorf("%s: scanned %d, returned %d, read %d", c.name, ctr.RowsScanned.Load(), ctr.RowsReturned.Load(), ctr.BytesRead.Load())
		}
		s.Close() // so that the next one reads again
	}
	ctr := new(scan.Counters)
	drainAll(t, s, &scan.Request{Columns: []int{1}, Terms: []scan.Term{intTerm(3, scan.Eq, 62)}, Counters: ctr})
	if z, p := ctr.Zones.Load(), ctr.ZonesPruned.Load(); z != int64(n/scan.ZoneRows) || p < z-2 {
		t.Errorf("%d of %d zones pruned", p, z)
	}
	ctr = new(scan.Counters)
	drainAll(t, s, &scan.Request{Terms: []scan.Term{intTerm(3, scan.Eq, 1<<20)}, Counters: ctr})
	if ctr.SegmentsPruned.Load() != 1 {
		t.Error("not pruned by the segment's range")
	}
}

func drainAll(t testing.TB, s *Segment, req *scan.Request) int {
	ps, err := s.All(nil).Open(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if ps == nil {
		return 0
	}
	defer ps.Close()
	cur, err := ps.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	defer cur.Close()
	var out batch.Batch
	rows := 0
	for m := range ps.Morsels() {
		if err := cur.Seek(m); err != nil {
			t.Fatal(err)
		}
		for {
			ok, err := cur.Next(background, &out)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			rows += out.Len
		}
	}
	return rows
}

func BenchmarkScan(b *testing.B) {
	const n = scan.SegmentRows
	s := openEvents(b, n)
	for _, c := range scanCases {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			rows := 0
			for b.Loop() {
				rows = drainAll(b, s, &scan.Request{Columns: c.cols, Terms: c.terms})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
			b.ReportMetric(float64(rows), "rows")
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	const n = scan.SegmentRows
	all := events(b, n)
	for i, c := range all.Columns {
		b.Run(c.Name, func(b *testing.B) {
			one := &Input{ID: 1, Rows: n, Columns: []Column{c}, Chunks: func(int) ([]*batch.Vector, error) { return all.Chunks(i) }}
			var bytes int64
			b.ReportAllocs()
			for b.Loop() {
				info, err := Write(io.Discard, one)
				if err != nil {
					b.Fatal(err)
				}
				bytes = info.Bytes
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
			b.ReportMetric(float64(bytes)/n, "bytes/row")
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	s := openEvents(b, scan.SegmentRows)
	for _, col := range []int{1, 4, 8, 9} {
		b.Run(s.cols[col].Name, func(b *testing.B) {
			for b.Loop() {
				s.Close()
				drainAll(b, s, &scan.Request{Columns: []int{col}})
			}
		})
	}
}
