package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// logged is records in memory.
type logged struct {
	list []entry
	at   int
}

func (l *logged) next() (uint64, record.Type, []byte, error) {
	if l.at == len(l.list) {
		return 0, 0, nil, io.EOF
	}
	e := l.list[l.at]
	l.at++
	return e.sequence, e.typ, e.payload, nil
}

func (l *logged) close() {}

// bytes returns how many bytes the payloads have in the log.
func (l *logged) bytes() (n int) {
	for _, e := range l.list {
		n += len(e.payload)
	}
	return n
}

// records makes writes of some rows to tables 1 to 3.
func records(first uint64, n, rows int) *logged {
	l := &logged{}
	r := rand.New(rand.NewPCG(first, 2))
	for i := range n {
		t := &catalog.Table{Head: catalog.Head{ID: catalog.TableID(1 + i%3)}, Columns: []catalog.Column{{ID: 1, Type: types.T(types.Text)}}}
		b := batch.New(t.Types())
		b.Reset()
		for range rows {
			b.Cols[0].AppendDatum(types.TextOf(fmt.Sprint("some text ", r.IntN(1000))))
		}
		b.Len = rows
		var e table.Encoder
		e.Begin()
		e.Add(t, b)
		e.End(&table.Head{Seconds: int64(1000 + i)})
		l.list = append(l.list, entry{first + uint64(i), table.RecordWrite, bytes.Join(e.Payload(), nil)})
	}
	return l
}

func mustWrite(t testing.TB, m vfs.FS, number uint64, l *logged) manifest.Archived {
	t.Helper()
	account := memtest.Pool(t, 0).Overdraft("test")
	if err := m.MkdirAll("db/archive"); err != nil {
		t.Fatal(err)
	}
	f, err := write(context.Background(), m, fileName("db/archive", number), number, l, account)
	if err != nil || account.Used() != 0 {
		t.Fatal(err, account.Used())
	}
	return f
}

// TestArchivedFile: what is written is read, from any record on, and without blocks that a table is not in.
func TestArchivedFile(t *testing.T) {
	for _, c := range []struct{ n, rows int }{{1, 1}, {50, 3}, {300, 400}, {3, 60_000}} {
		m := vfs.NewMem()
		l := records(100, c.n, c.rows)
		f := mustWrite(t, m, 7, l)
		t.Logf("%d records of %d rows: %d bytes, %d, %d archived", c.n, c.rows, l.bytes(), f.Plain, f.Bytes)
		if f.First != 100 || f.Last != uint64(99+c.n) || f.From != 1000 || f.To != int64(999+c.n) || len(f.Tables) != min(3, c.n) {
			t.Fatalf("%+v", f)
		}
		if err := Check(m, "db", f, 1<<30); err != nil {
			t.Fatal(err)
		}
		for from := f.First; from <= f.Last; from += uint64(1 + c.n/7) {
			for _, id := range []catalog.TableID{0, 1, 9} {
				account := memtest.Pool(t, 0).Account("test", 0)
				a, err := openArchived(m, "db/archive", &f, 1<<30, id, from, charges{account: account})
				if err != nil {
					t.Fatal(err)
				}
				seen := uint64(0)
				for {
					sequence, typ, payload, err := a.next()
					if errors.Is(err, io.EOF) {
						break
					}
					want := l.list[sequence-100]
					if want.payload, err = table.AppendPlain(nil, want.payload); err != nil {
						t.Fatal(err)
					}
					if err != nil || typ != want.typ || !bytes.Equal(payload, want.payload) {
						t.Fatalf("record %d: %v", sequence, err)
					}
					if seen != 0 && sequence != seen+1 || seen == 0 && sequence > from && id == 0 {
						t.Fatalf("record %d behind %d, from %d", sequence, seen, from)
					}
					seen = sequence
				}
				if id == 9 && seen != 0 || id == 0 && seen != f.Last {
					t.Errorf("table %d: read up to %d", id, seen)
				}
				a.close()
				if account.Used() != 0 {
					t.Errorf("%d bytes are left", account.Used())
				}
			}
		}
		if m.OpenFiles() != 0 {
			t.Errorf("%d files are open", m.OpenFiles())
		}
	}
}

// TestDamagedFile: every byte of an archived file is checked, and so is its length.
func TestDamagedFile(t *testing.T) {
	m := vfs.NewMem()
	f := mustWrite(t, m, 7, records(1, 20, 3))
	name := FileName("db", 7)
	whole, err := vfs.ReadFile(m, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	try := func(b []byte) error {
		d := vfs.NewMem()
		if err := errors.Join(d.MkdirAll("db/archive"), vfs.WriteFile(d, "db/archive", "0000000007.arc", b)); err != nil {
			t.Fatal(err)
		}
		return Check(d, "db", f, 1<<30)
	}
	if err := try(whole); err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 1 << (i % 8)
		if err := try(b); !errs.Is(err, errs.DataCorrupted) && !errs.Is(err, errs.FeatureNotSupported) &&
			i < int(f.Bytes)-record.EndBytes && whole[i] != 0 { // what fills a frame up is not looked at

			t.Errorf("byte %d: %v", i, err)
		}
		if err := try(whole[:i]); !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	if err := Check(vfs.NewMem(), "db", f, 1<<30); !errs.Is(err, errs.DataCorrupted) {
		t.Errorf("a missing file: %v", err)
	}
}

// FuzzFile: no bytes make a block or an index that takes more memory than it may, or that reads otherwise than it is written.
func FuzzFile(f *testing.F) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(true))
	if err != nil {
		f.Fatal(err)
	}
	var plain []byte
	for _, e := range records(5, 4, 3).list {
		plain = e.append(plain)
	}
	f.Add(pack(nil, z, plain))
	x := fileIndex{first: 5, last: 30, plain: 99, from: 1, to: 2, blocks: []block{{48, 5, []catalog.TableID{1, 2}}, {4000, 9, nil}}}
	f.Add(x.append(nil))
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<20))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, err := readIndex(b); err == nil {
			if y, err := readIndex(x.append(nil)); err != nil || fmt.Sprint(*x) != fmt.Sprint(*y) {
				t.Errorf("%+v is read as %+v: %v", x, y, err)
			}
		}
		var taken int64
		got, err := unpack(nil, d, b, 1<<20, func(n int64) error { taken += n; return nil })
		if taken > 1<<20 || int64(len(got)) > taken {
			t.Fatalf("%d bytes taken for %d", taken, len(got))
		}
		if err != nil {
			return
		}
		var again []byte
		for r := (entries{field.NewReader("block", got)}); ; {
			e, ok := r.next()
			if !ok {
				break
			}
			again = e.append(again)
		}
		for r, s := (entries{field.NewReader("block", got)}), (entries{field.NewReader("block", again)}); ; {
			e, ok := r.next()
			o, also := s.next()
			if ok != also || ok && (e.sequence != o.sequence || e.typ != o.typ || !bytes.Equal(e.payload, o.payload)) {
				t.Fatalf("record %d is read as %d", e.sequence, o.sequence)
			}
			if !ok {
				break
			}
		}
	})
}
