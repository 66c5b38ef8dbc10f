package spill_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// open returns a space, and a check that nothing of it is left.
func open(t *testing.T, fs vfs.FS, o spill.Options) (*spill.Space, func()) {
	t.Helper()
	pool := memtest.Pool(t, 0)
	d, err := spill.Open(fs, "data/spill", pool)
	if err != nil {
		t.Fatal(err)
	}
	s := d.Space(o)
	return s, func() {
		t.Helper()
		s.Close()
		files, err := fs.List("data/spill")
		if err != nil || len(files) != 0 || pool.Used() != 0 || s.Bytes() != 0 {
			t.Errorf("left: files %v, %d bytes of memory, %d bytes on disk, %v", files, pool.Used(), s.Bytes(), err)
		}
	}
}

// records makes n records of up to most bytes; each tells its number.
func records(n, most int) [][]byte {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	out := make([][]byte, n)
	for i := range out {
		out[i] = bytes.Repeat([]byte{byte(i)}, rng.IntN(most+1))
		out[i] = binary.AppendUvarint(out[i], uint64(i))
	}
	return out
}

func readAll(r *spill.Run) ([][]byte, error) {
	x := r.Reader()
	defer x.Close()
	var out [][]byte
	for {
		b, err := x.Next()
		if b == nil || err != nil {
			return out, err
		}
		out = append(out, slices.Clone(b))
	}
}

func write(s *spill.Space, rs [][]byte) (*spill.Run, error) {
	r := s.NewRun()
	for _, b := range rs {
		if err := r.Append(b); err != nil {
			return r, err
		}
	}
	return r, r.Finish()
}

func TestRun(t *testing.T) {
	for _, c := range []struct{ n, most int }{{0, 0}, {1, 0}, {1, 200_000}, {5000, 50}, {40, 100_000}, {3, 1 << 20}} {
		s, done := open(t, vfs.NewMem(), spill.Options{})
		want := records(c.n, c.most)
		r, err := write(s, want)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // a run can be read again
			got, err := readAll(r)
			if err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("%v: %d records, %v", c, len(got), err)
			}
		}
		if r.Records() != int64(c.n) || s.Bytes() != r.Bytes() {
			t.Errorf("%v: %d records, %d bytes in the run, %d in the space", c, r.Records(), r.Bytes(), s.Bytes())
		}
		done()
	}
}

// TestDamage flips each byte of a file, and exchanges blocks.
func TestDamage(t *testing.T) {
	fs := vfs.NewMem()
	s, done := open(t, fs, spill.Options{})
	defer done()
	want := records(1000, 100)
	r, err := write(s, want)
	if err != nil {
		t.Fatal(err)
	}
	files, _ := fs.List("data/spill")
	f, err := fs.OpenWrite("data/spill/" + files[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	whole := make([]byte, r.Bytes())
	if _, err := f.ReadAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(whole); i += 1 + i%7 {
		if _, err := f.WriteAt([]byte{whole[i] ^ 0x40}, int64(i)); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(r); !errs.Is(err, errs.DataCorrupted) {
			t.Fatalf("byte %d of %d: %v", i, len(whole), err)
		}
		if _, err := f.WriteAt(whole[i:i+1], int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	size := 12 + int(binary.LittleEndian.Uint32(whole))
	second := size + 12 + int(binary.LittleEndian.Uint32(whole[size:]))
	swapped := append(slices.Clone(whole[size:second]), whole[:size]...)
	if _, err := f.WriteAt(swapped, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(r); !errs.Is(err, errs.DataCorrupted) {
		t.Errorf("blocks at each other's place: %v", err)
	}
}

func TestOpenCleans(t *testing.T) {
	fs := vfs.NewMem()
	d, err := spill.Open(fs, "data/spill", mem.NewPool(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := write(d.Space(spill.Options{}), records(10, 10)); err != nil { // and then the process dies
		t.Fatal(err)
	}
	f, _ := fs.Create("data/spill/notes.txt")
	f.Close()
	if _, err := spill.Open(fs, "data/spill", memtest.Pool(t, 0)); err != nil {
		t.Fatal(err)
	}
	if files, _ := fs.List("data/spill"); len(files) != 1 || files[0].Name != "notes.txt" {
		t.Errorf("left: %v", files)
	}
}

func TestLimits(t *testing.T) {
	fs := vfs.NewMem()
	s, done := open(t, fs, spill.Options{Bytes: 1000})
	rng := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	if _, err := write(s, [][]byte{noise}); !errs.Is(err, errs.ConfigurationLimitExceeded) {
		t.Errorf("over the limit: %v", err)
	}
	done()
	s, done = open(t, fs, spill.Options{})
	fs.SetCapacity(2000)
	if _, err := write(s, [][]byte{noise}); !errs.Is(err, errs.DiskFull) {
		t.Errorf("disk full: %v", err)
	}
	done()
}

// TestFaults fails each operation in turn: the error comes out, and nothing stays.
func TestFaults(t *testing.T) {
	for n := 1; ; n++ {
		fs := errorfs.New(vfs.NewMem(), errorfs.Create|errorfs.Write|errorfs.Read)
		s, done := open(t, fs, spill.Options{})
		fs.Fail(n, true, fmt.Errorf("injected"))
		want := records(1500, 100)
		r, err := write(s, want)
		if err == nil {
			var got [][]byte
			got, err = readAll(r)
			if err == nil && len(got) != len(want) {
				t.Fatalf("failure %d: %d records without an error", n, len(got))
			}
		}
		done()
		if fs.Failed() == 0 {
			if err != nil || n < 5 {
				t.Fatalf("failure %d: %v", n, err)
			}
			return
		}
		if !errs.Is(err, errs.IOError) {
			t.Fatalf("failure %d: %v", n, err)
		}
	}
}

func TestPartitions(t *testing.T) {
	s, done := open(t, vfs.NewMem(), spill.Options{})
	defer done()
	for level := range spill.LevelMax {
		p := s.NewPartitions(level)
		rng := rand.New(rand.NewPCG(2, 2))
		for range 2000 {
			h := rng.Uint64()
			if err := p.Append(h, binary.LittleEndian.AppendUint64(nil, h)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Finish(); err != nil || p.Records() != 2000 {
			t.Fatal(p.Records(), err)
		}
		for i := range spill.Ways {
			got, err := readAll(p.Run(i))
			if err != nil || len(got) < 30 {
				t.Fatalf("partition %d: %d records, %v", i, len(got), err)
			}
			for _, b := range got {
				if h := binary.LittleEndian.Uint64(b); int(h>>(64-5*(level+1))&31) != i {
					t.Fatalf("hash %x is in partition %d of level %d", h, i, level)
				}
			}
		}
		p.Close()
	}
}

func TestRows(t *testing.T) {
	ts := []types.Type{types.T(types.Bool), types.T(types.Int2), types.T(types.Int4), types.T(types.Int8), types.T(types.Float4),
		types.T(types.Float8), types.T(types.Text), types.NumericOf(30, 2), types.T(types.UUID), types.T(types.Interval)}
	b := batch.New(ts)
	b.Reset()
	for i := range 20 {
		d := func(t types.Type) types.Datum {
			if i%3 == 2 {
				return types.NullOf(t)
			}
			switch t.Physical() {
			case types.PhysFloat32, types.PhysFloat64:
				return types.FloatOf(t, float64(i)/2)
			case types.PhysBytes:
				return types.StringOf(t, fmt.Sprint("text ", i))
			case types.PhysUUID:
				return types.StringOf(t, fmt.Sprintf("%016d", i))
			case types.PhysInt128:
				return types.Int128Of(t, uint64(i), int64(i))
			case types.PhysInterval:
				return types.IntervalOf(int32(i), 2, 3)
			}
			return types.IntOf(t, int64(i%2))
		}
		for c, typ := range ts {
			b.Cols[c].AppendDatum(d(typ))
		}
	}
	b.Len = 20
	s, done := open(t, vfs.NewMem(), spill.Options{})
	defer done()
	codec, r := spill.NewRows(ts), s.NewRun()
	for i := range b.Len {
		if err := r.Append(codec.Append(nil, b, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	x := r.Reader()
	defer x.Close()
	back, row := batch.New(ts), 0
	for {
		if err := codec.Fill(x, back, 7, 1<<20); err != nil {
			t.Fatal(err)
		}
		if back.Len == 0 {
			break
		}
		for i := range back.Len {
			for c := range ts {
				got, want := back.Cols[c].Datum(i), b.Cols[c].Datum(row)
				if got.Null != want.Null || !got.Null && types.Compare(got, want) != 0 {
					t.Errorf("row %d column %d: %v, want %v", row, c, got, want)
				}
			}
			row++
		}
	}
	if row != 20 {
		t.Errorf("%d rows", row)
	}
}

// FuzzRows reads damaged rows: an error or a row, never a panic.
func FuzzRows(f *testing.F) {
	ts := []types.Type{types.T(types.Int4), types.T(types.Text), types.T(types.Bool), types.T(types.UUID)}
	f.Add([]byte{0})
	f.Add([]byte{15, 1, 0, 0, 0, 2, 'a', 'b', 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Fuzz(func(t *testing.T, record []byte) {
		codec, b := spill.NewRows(ts), batch.New(ts)
		codec.Reset(b, 1)
		if codec.Read(record, b, 0, 1) != nil {
			return
		}
		again := codec.Append(nil, b, 0)
		codec.Reset(b, 1)
		if err := codec.Read(again, b, 0, 1); err != nil {
			t.Errorf("%x: %v", again, err)
		}
	})
}
