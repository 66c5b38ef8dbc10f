package compact

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/handle"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// bed makes files and reads them back.
type bed struct {
	t       *testing.T
	r       *rand.Rand
	pool    *mem.Pool
	account *mem.Account
	dir     *shelf.Dir
	builder *shelf.Builder
	table   *catalog.Table
	next    uint64
	low     int64 // of the third column
}

func newBed(t *testing.T, seed uint64, key ...uint32) *bed {
	b := &bed{t: t, r: rand.New(rand.NewPCG(seed, 3)), pool: memtest.Pool(t, 0)}
	b.account = b.pool.Overdraft("test")
	m := vfs.NewMem()
	if err := m.MkdirAll("db/segments"); err != nil {
		t.Fatal(err)
	}
	b.dir = &shelf.Dir{FS: handle.New(m, handle.Options{}), Path: "db", Cache: cache.New(b.account, 1<<20), Events: func(event.Event) {}, Account: b.account}
	b.builder = &shelf.Builder{Dir: b.dir, Account: b.account, Slots: make(chan struct{}, 1)}
	b.table = &catalog.Table{Columns: []catalog.Column{
		{ID: 1, Name: "n", Type: types.T(types.Int8)}, {ID: 2, Name: "s", Type: types.T(types.Text)}, {ID: 3, Name: "k", Type: types.T(types.Int4)},
	}}
	b.table.ID, b.table.Name, b.table.Options.SortKey = 1, "t", key
	return b
}

// file makes a file of new rows, whose first column is their number.
func (b *bed) file(rows int) Input {
	b.t.Helper()
	s := live.New(shelf.Live(b.table), b.account, 1, time.Now())
	defer s.Release()
	v := batch.New(b.table.Types())
	v.Reset()
	for i := range rows {
		n := b.next + uint64(i)
		text := types.TextOf(fmt.Sprint("text ", b.r.IntN(20)))
		if b.r.IntN(5) == 0 {
			text = types.NullOf(types.T(types.Text))
		} else if b.r.IntN(3) == 0 { // nearly all differ
			text = types.TextOf(fmt.Sprint("a long one ", b.r.Uint64()))
		}
		k := types.IntOf(types.T(types.Int4), b.low+int64(b.r.IntN(9)))
		if b.r.IntN(7) == 0 && b.low == 0 {
			k = types.NullOf(types.T(types.Int4))
		}
		v.Cols[0].AppendDatum(types.IntOf(types.T(types.Int8), int64(n)))
		v.Cols[1].AppendDatum(text)
		v.Cols[2].AppendDatum(k)
	}
	v.Len = rows
	if err := s.Append(v, 0, rows); err != nil {
		b.t.Fatal(err)
	}
	s.Mark(1)
	x := &shelf.Build{Table: b.table, Live: s, Rows: rows, Workers: 1, Whole: true, Meta: manifest.Segment{Table: 1, First: b.next + 1, Last: b.next + 1}}
	x.Meta.Ranges = []manifest.Range{{Base: b.next, Rows: uint64(rows)}}
	b.next += uint64(rows)
	if b.builder.Run(context.Background(), x); x.Err != nil {
		b.t.Fatal(x.Err)
	}
	x.Discharge()
	return Input{File: x.Pieces[0].File}
}

// deleted returns some places of a file, now and then all.
func (b *bed) deleted(f *shelf.File, of int) *index.RowSet {
	var rows []uint32
	for i := range uint32(f.Meta.Rows) {
		if b.r.IntN(of) == 0 {
			rows = append(rows, i)
		}
	}
	return (*index.RowSet)(nil).With(rows)
}

// rows returns what a file holds by number, without some of it, and checks that numbers and places fit each other.
func (b *bed) rows(f *shelf.File, without *index.RowSet, into map[uint64]string) {
	b.t.Helper()
	s, err := f.Segment()
	if err != nil {
		b.t.Fatal(err)
	}
	var numbers []uint64
	if err := f.Numbers(context.Background(), s, b.account, func(n uint64) { numbers = append(numbers, n) }); err != nil {
		b.t.Fatal(err)
	}
	place := 0
	if err := f.Read(context.Background(), b.table, b.account, func(x *batch.Batch) error {
		for i := range x.Len {
			n := numbers[place]
			if got := x.Cols[0].Datum(i); !without.Has(place) {
				if _, twice := into[n]; twice || uint64(got.I) != n {
					b.t.Fatalf("the row with number %d is %v, or there twice", n, got)
				}
				into[n] = fmt.Sprint(x.Cols[1].Datum(i), x.Cols[2].Datum(i))
			}
			place++
		}
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	if place != len(numbers) || int64(place) != f.Meta.Rows {
		b.t.Fatalf("%d rows with %d numbers, want %d", place, len(numbers), f.Meta.Rows)
	}
}

// TestMergeKeepsRows: files of random rows, some deleted, with and without a sort key, merged into one or several, and
// merged again: each row that stays is there once, with its number.
func TestMergeKeepsRows(t *testing.T) {
	for seed := range uint64(40) {
		var key []uint32
		if seed%3 > 0 {
			key = [][]uint32{{3}, {2, 3}}[seed%3-1]
		}
		b := newBed(t, seed, key...)
		if seed%4 > 1 { // few partitions, or many
			b.table.Options.PartitionBy, b.table.Options.Unit, b.table.Options.Width = 3, partition.Width, []int64{3, 1}[seed%2]
		}
		m := &Merger{Dir: b.dir, Account: b.account}
		inputs := []Input{b.file(1 + b.r.IntN(300))}
		for range 3 {
			for range b.r.IntN(4) {
				f := b.file(1 + b.r.IntN(300))
				if b.r.IntN(3) > 0 { // else its numbers are missing between those of others
					inputs = append(inputs, f)
				} else {
					f.File.Release()
				}
			}
			want := map[uint64]string{}
			for i := range inputs {
				inputs[i].Deleted = b.deleted(inputs[i].File, 1+b.r.IntN(6))
				b.rows(inputs[i].File, inputs[i].Deleted, want)
			}
			x := &Merge{Table: b.table, Inputs: inputs, RowsMax: []int64{50, 1 << 20}[b.r.IntN(2)]}
			if err := m.Run(context.Background(), x); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			got := map[uint64]string{}
			inputs = b.heirs(x, got)
			if !maps.Equal(got, want) {
				t.Fatalf("seed %d: %d rows, want %d, or others", seed, len(got), len(want))
			}
			x.Close()
		}
		for _, i := range inputs {
			i.File.Release()
		}
		b.dir.Cache.Close()
		if b.account.Used() != 0 {
			t.Fatalf("seed %d: %d bytes are left charged", seed, b.account.Used())
		}
	}
}

// partition checks that a file has the values that it says, and is mixed only where there are many partitions.
func (b *bed) partition(f *shelf.File) {
	b.t.Helper()
	rule, ok := b.table.Partitions()
	if !ok {
		return
	}
	rows := partition.NewRows(rule, 0)
	if err := f.Read(context.Background(), b.table, b.account, func(x *batch.Batch) error {
		rows.Add(x.Cols[2])
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	has, says := rows.Ranges(nil, 1)[0], f.Meta.Values
	_, one := rule.Partition(says)
	if !one && rule.Width == 3 {
		b.t.Fatalf("a mixed file of few partitions: %+v", says)
	}
	if says != says.Join(has) || says.Nulls != has.Nulls && one {
		b.t.Fatalf("a file says %+v and has %+v", says, has)
	}
}

// TestMergeOfSortedFiles: files that follow each other in the order of the sort key and of their numbers, but not row by
// row: the numbers are kept, although no row changes its place.
func TestMergeOfSortedFiles(t *testing.T) {
	b := newBed(t, 1, 3)
	x := &Merge{Table: b.table, RowsMax: 1 << 20}
	want, got := map[uint64]string{}, map[uint64]string{}
	for i := range 2 {
		b.low = int64(10 + 10*i)
		x.Inputs = append(x.Inputs, b.file(100))
		b.rows(x.Inputs[i].File, nil, want)
	}
	if err := (&Merger{Dir: b.dir, Account: b.account}).Run(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	o := x.Outputs[0]
	b.rows(o.File, nil, got)
	if len(x.Outputs) != 1 || !maps.Equal(got, want) {
		t.Errorf("%d files with %d rows", len(x.Outputs), len(got))
	}
	x.Close()
	for _, i := range append(x.Inputs, Input{File: o.File}) {
		i.File.Release()
	}
	b.dir.Cache.Close()
}

// heirs reads the outputs of a merge, and returns them as inputs of the next. What is deleted of an input meanwhile is
// carried to the right rows.
func (b *bed) heirs(x *Merge, into map[uint64]string) (next []Input) {
	b.t.Helper()
	lists := make([][]uint32, len(x.Outputs))
	gone := map[uint64]string{}
	for k, i := range x.Inputs {
		now := i.Deleted.With(b.deleted(i.File, 4).Rows())
		x.Carry(k, i.Deleted, now, k == 1, lists)
		if k == 1 {
			now = nil
		}
		before, after := map[uint64]string{}, map[uint64]string{}
		b.rows(i.File, i.Deleted, before)
		if k != 1 {
			b.rows(i.File, now, after)
		}
		for n, row := range before {
			if _, ok := after[n]; !ok {
				gone[n] = row
			}
		}
	}
	for k, o := range x.Outputs {
		b.rows(o.File, nil, into)
		b.partition(o.File)
		left := map[uint64]string{}
		b.rows(o.File, (*index.RowSet)(nil).With(lists[k]), left)
		for n := range left {
			if _, ok := gone[n]; ok {
				b.t.Fatalf("row %d was deleted and is there", n)
			}
		}
		next = append(next, Input{File: o.File})
	}
	carried := 0
	for _, l := range lists {
		slices.Sort(l)
		carried += len(slices.Compact(l))
	}
	if carried != len(gone) {
		b.t.Fatalf("%d deletions are carried, want %d", carried, len(gone))
	}
	for _, i := range x.Inputs {
		i.File.Release()
	}
	return next
}
