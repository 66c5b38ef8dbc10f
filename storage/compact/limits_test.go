package compact

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/unique"
)

var small = Picker{Fanout: 4, RowsMax: 1000, BytesMax: 100_000, Deleted: 0.25}

// drawn returns plans as text: the reason and the letters of the files, which are in the order of their ids.
func drawn(plans []Plan) string {
	var out []string
	for _, p := range plans {
		var names strings.Builder
		for _, f := range p.Files {
			names.WriteByte(byte('a' + f.ID))
		}
		out = append(out, string(p.Reason)+":"+names.String())
	}
	return strings.Join(out, " ")
}

// filesOf makes files of some rows, of ten bytes each unless it is told.
func filesOf(rows ...int64) []File {
	list := make([]File, len(rows))
	for i, n := range rows {
		list[i] = File{ID: uint64(i), Base: uint64(1000 * i), Rows: n, Bytes: 10 * n}
	}
	return list
}

// TestPickLimits: what the policy does where a number is just what its rule says, and one beside it.
func TestPickLimits(t *testing.T) {
	change := func(list []File, how func(i int, f *File)) []File {
		for i := range list {
			how(i, &list[i])
		}
		return list
	}
	parts := func(list []File, numbers ...int64) []File {
		return change(list, func(i int, f *File) { f.Partition = numbers[i] })
	}
	for name, c := range map[string]struct {
		files []File
		want  string
	}{
		"a fanout less one":             {filesOf(10, 11, 12), ""},
		"a fanout":                      {filesOf(10, 11, 12, 13), "size:abcd"},
		"of two tiers":                  {filesOf(10, 11, 12, 16), ""},
		"a quarter deleted":             {change(filesOf(400), func(_ int, f *File) { f.Deleted = 100 }), "deleted:a"},
		"a row less":                    {change(filesOf(400), func(_ int, f *File) { f.Deleted = 99 }), ""},
		"busy":                          {change(filesOf(400), func(_ int, f *File) { f.Deleted, f.Busy = 300, true }), ""},
		"half of all rows":              {filesOf(500, 260), "size:ab"}, // together they are more than half
		"more than half":                {filesOf(501, 260), ""},
		"together half":                 {filesOf(250, 250), ""},
		"together more than half":       {filesOf(250, 251), "size:ab"},
		"half of all bytes":             {change(filesOf(17, 17), func(i int, f *File) { f.Bytes = []int64{50_000, 1}[i] }), "size:ab"},
		"more than half of all bytes":   {change(filesOf(17, 17), func(i int, f *File) { f.Bytes = []int64{50_001, 1}[i] }), ""},
		"together half of all bytes":    {change(filesOf(17, 17), func(i int, f *File) { f.Bytes = 25_000 }), ""},
		"together more bytes than half": {change(filesOf(17, 17), func(i int, f *File) { f.Bytes = 25_001 }), "size:ab"},
		"as many as fit":                {filesOf(400, 300, 300), "size:abc"},
		"one row too many":              {filesOf(400, 300, 301), "size:ab"},
		"as many bytes as fit":          {change(filesOf(17, 17, 17), func(i int, f *File) { f.Bytes = []int64{40_000, 30_000, 30_000}[i] }), "size:abc"},
		"one byte too many":             {change(filesOf(17, 17, 17), func(i int, f *File) { f.Bytes = []int64{40_000, 30_000, 30_001}[i] }), "size:ab"},
		"deleted rows are not written":  {change(filesOf(600, 400), func(i int, f *File) { f.Deleted = 100 - 40*int64(i) }), "size:ab"},
		"undivided":                     {change(filesOf(20), func(_ int, f *File) { f.Mixed, f.Undivided = true, true }), "partition:a"},
		"mixed, half of a fanout":       {change(filesOf(20, 21), func(_ int, f *File) { f.Mixed = true }), "size:ab"},
		"mixed and not":                 {change(filesOf(20, 21), func(i int, f *File) { f.Mixed = i == 0 }), ""},
		"two partitions":                {parts(filesOf(20, 21, 22, 23), 1, 1, 1, 2), ""},
		"the newest has a fanout":       {parts(filesOf(100, 101, 490, 22), 1, 1, 2, 2), "size:ab"},
		"few rows end no present":       {parts(filesOf(17, 18, 250, 250, 11), 1, 1, 2, 2, 2), ""},
		"an old one is closed":          {parts(filesOf(400, 100, 300, 300), 1, 1, 2, 2), "size:ab size:cd"},
		"too few beside the largest":    {parts(filesOf(404, 16, 300, 300), 1, 1, 2, 2), "size:cd"},
		"too many for one file":         {parts(filesOf(480, 480, 200, 300, 300), 1, 1, 1, 2, 2), "size:de size:ab"},
		"one file is closed already":    {parts(filesOf(400, 300, 300), 1, 2, 2), "size:bc"},
		"without end is not the newest": {parts(filesOf(40, 41, 300, 310), 1, 1, partition.Infinity, partition.Infinity), "size:cd"},
	} {
		if got := drawn(small.Pick(c.files)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	lenient := small
	lenient.Deleted = 0
	if got := drawn(lenient.Pick(filesOf(40))); got != "" {
		t.Errorf("a file without deleted rows: %q", got)
	}
}

// TestPickRules holds plans for random files against what every plan must be.
func TestPickRules(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 7))
	for range 3000 {
		files := filesOf(make([]int64, r.IntN(20))...)
		for i := range files {
			f := &files[i]
			f.Rows = 1 + r.Int64N([]int64{4, 60, 1200}[r.IntN(3)])
			f.Bytes = f.Rows * (1 + r.Int64N(120))
			f.Deleted = max(0, r.Int64N(f.Rows+1)-f.Rows/2)
			f.Busy = r.IntN(8) == 0
			f.Partition, f.Mixed = r.Int64N(3), r.IntN(6) == 0
			f.Undivided = f.Mixed && r.IntN(4) == 0
		}
		for name, plans := range map[string][]Plan{"pick": small.Pick(files), "vacuum": small.Vacuum(files, false), "vacuum full": small.Vacuum(files, true),
			"cluster": small.Cluster(files), "rebuild": small.Rebuild(files), "index": small.Index(files)} {
			seen := map[uint64]bool{}
			last := int64(0)
			for _, p := range plans {
				var rows, bytes int64
				for i, f := range p.Files {
					if seen[f.ID] || f.Busy || classOf(&f) != classOf(&p.Files[0]) || i > 0 && f.Base <= p.Files[i-1].Base {
						t.Fatalf("%s of %+v: %s", name, files, drawn(plans))
					}
					seen[f.ID] = true
					n, b := f.live()
					rows, bytes = rows+n, bytes+b
				}
				if p.Bytes != bytes || name == "pick" && bytes < last {
					t.Fatalf("%s: %s writes %d bytes, is said to write %d, behind %d", name, drawn(plans), bytes, p.Bytes, last)
				}
				last = bytes
				if name != "cluster" && len(p.Files) > 1 && (rows > small.RowsMax || bytes > small.BytesMax) {
					t.Fatalf("%s: %s makes a file of %d rows and %d bytes", name, drawn(plans), rows, bytes)
				}
			}
			for _, f := range files {
				want := !f.Busy && (name == "cluster" || name == "rebuild" || name == "index" || strings.HasPrefix(name, "vacuum") && f.Deleted > 0)
				if want && !seen[f.ID] || strings.HasPrefix(name, "vacuum") && !strings.HasSuffix(name, "full") && f.Deleted == 0 && seen[f.ID] {
					t.Fatalf("%s of %+v: %s", name, files, drawn(plans))
				}
			}
		}
	}
}

// TestSlim: what a merge of one file waits with is 4 bytes a row, nothing where no row has moved, and enough to carry over
// what is deleted meanwhile.
func TestSlim(t *testing.T) {
	for _, c := range []struct {
		key     []uint32
		deleted bool
	}{{nil, false}, {nil, true}, {[]uint32{2}, false}, {[]uint32{2}, true}} {
		b := newBed(t, 5)
		in := b.file(200)
		b.table.Options.SortKey = c.key // from now on
		if c.deleted {
			in.Deleted = (*index.RowSet)(nil).With([]uint32{3, 70, 199})
		}
		rows := map[uint64]string{}
		b.rows(in.File, in.Deleted, rows)
		x := &Merge{Table: b.table, Inputs: []Input{in}, RowsMax: 1 << 20}
		before := b.account.Used()
		if err := (&Merger{Dir: b.dir, Account: b.account}).Run(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		x.Slim()
		held := b.account.Used() - before
		got := map[uint64]string{}
		x.Outputs[0].Places, _ = x.Places()
		b.rows(x.Outputs[0].File, nil, got)
		if !maps.Equal(got, rows) {
			t.Errorf("%+v: %d rows, want %d", c, len(got), len(rows))
		}
		lists := make([][]uint32, 1)
		now := in.Deleted.With([]uint32{5, 100})
		x.Carry(0, in.Deleted, now, false, lists)
		left := map[uint64]string{}
		b.rows(x.Outputs[0].File, (*index.RowSet)(nil).With(lists[0]), left)
		want := map[uint64]string{}
		b.rows(in.File, now, want)
		if !maps.Equal(left, want) {
			t.Errorf("%+v: %d rows are left, want %d", c, len(left), len(want))
		}
		x.Close()
		if moved := c.key != nil || c.deleted; moved && held < 4*200 || b.account.Used() > before+before/2+4096 {
			t.Errorf("%+v: %d bytes were held, %d are at the end, %d before", c, held, b.account.Used(), before)
		}
		in.File.Release()
		x.Outputs[0].File.Release()
		b.dir.Cache.Close()
		if b.account.Used() != 0 {
			t.Errorf("%+v: %d bytes are left charged", c, b.account.Used())
		}
	}
}

// TestIndexMerge: a file gets runs of the keys that it does not know, keeps its rows and its places, and is left alone when it
// knows all; a cancel leaves nothing behind.
func TestIndexMerge(t *testing.T) {
	b := newBed(t, 9)
	in := b.file(500)
	in.Deleted = (*index.RowSet)(nil).With([]uint32{4}) // carried over later
	m := &Merger{Dir: b.dir, Account: b.account}
	b.table.Constraints = []catalog.Constraint{{Kind: catalog.Unique, Name: "u", Columns: []uint32{1}}, {Kind: catalog.Unique, Name: "v", Columns: []uint32{3, 1}, NullsNotDistinct: true}}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	x := &Merge{Table: b.table, Inputs: []Input{in}}
	if err := m.Index(canceled, x); err == nil || len(x.Outputs) != 0 {
		t.Errorf("a merge that was canceled: %v, %d files", err, len(x.Outputs))
	}
	x.Close()
	want, got := map[uint64]string{}, map[uint64]string{}
	b.rows(in.File, nil, want)
	for round := range 2 {
		x = &Merge{Table: b.table, Inputs: []Input{in}}
		if err := m.Index(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if round == 1 {
			if len(x.Outputs) != 0 {
				t.Error("a file that knows all keys is written again")
			}
			x.Close()
			break
		}
		o := x.Outputs[0]
		s, err := o.File.Segment()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range unique.Of(b.table) {
			if s.FindKey(k.Layout.IDs, k.NullsEqual) < 0 || s.FindKey(k.Layout.IDs, !k.NullsEqual) >= 0 {
				t.Errorf("the key %q has no run of its own", k.Name)
			}
		}
		b.rows(o.File, nil, got)
		if !maps.Equal(got, want) || o.File.Meta.Rows != 500 || fmt.Sprint(o.File.Meta.Ranges) != fmt.Sprint(in.File.Meta.Ranges) {
			t.Errorf("%d rows, want %d: %+v", len(got), len(want), o.File.Meta)
		}
		x.Close()
		in.File.Release()
		in = Input{File: o.File}
	}
	in.File.Release()
	b.dir.Cache.Close()
	if b.account.Used() != 0 {
		t.Errorf("%d bytes are left charged", b.account.Used())
	}
}

// TestExpire: rows of partitions that have ended are left out, by the values of their column, and others stay.
func TestExpire(t *testing.T) {
	b := newBed(t, 4)
	b.low = 10 // 10 to 18, no NULLs
	b.table.Options.PartitionBy, b.table.Options.Unit, b.table.Options.Width = 3, partition.Width, 3
	in := []Input{b.file(300), b.file(200)}
	all, want := map[uint64]string{}, map[uint64]string{}
	for _, i := range in {
		b.rows(i.File, nil, all)
	}
	expired := func(number int64) bool { return number == 4 } // 12 to 14
	for _, i := range in {
		if err := i.File.Read(context.Background(), b.table, b.account, func(x *batch.Batch) error {
			for k := range x.Len {
				n, value := uint64(x.Cols[0].Datum(k).I), x.Cols[2].Datum(k).I
				if value < 12 || value > 14 {
					want[n] = all[n]
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	x := &Merge{Table: b.table, Inputs: in, RowsMax: 1 << 20, Expired: expired}
	if err := (&Merger{Dir: b.dir, Account: b.account}).Run(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	got := map[uint64]string{}
	for _, o := range x.Outputs {
		b.rows(o.File, nil, got)
	}
	if len(want) == len(all) || !maps.Equal(got, want) {
		t.Errorf("%d of %d rows, want %d", len(got), len(all), len(want))
	}
	x.Close()
	for _, i := range in {
		i.File.Release()
	}
	for _, o := range x.Outputs {
		o.File.Release()
	}
	b.dir.Cache.Close()
	if b.account.Used() != 0 {
		t.Errorf("%d bytes are left charged", b.account.Used())
	}
}

// TestMergeOfBlocks: files of more rows than a block has keep their rows, and the rows that are deleted by their numbers
// meanwhile are found in what came of them.
func TestMergeOfBlocks(t *testing.T) {
	b := newBed(t, 12, 3)
	in := []Input{b.file(70_000), b.file(3000)}
	in[0].Deleted = (*index.RowSet)(nil).With([]uint32{0, 65_535, 65_536, 69_999})
	want := map[uint64]string{}
	for _, i := range in {
		b.rows(i.File, i.Deleted, want)
	}
	x := &Merge{Table: b.table, Inputs: in, RowsMax: 68_000}
	if err := (&Merger{Dir: b.dir, Account: b.account}).Run(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	got := map[uint64]string{}
	for _, o := range x.Outputs {
		b.rows(o.File, nil, got)
	}
	if len(x.Outputs) != 2 || len(x.Numbers()) != len(want) || !maps.Equal(got, want) {
		t.Errorf("%d files of %d rows, want %d", len(x.Outputs), len(got), len(want))
	}
	lists := make([][]uint32, len(x.Outputs))
	x.CarryNumbers([]uint64{71_000, 7, 9, 1 << 40, 65_700}, lists)
	left := map[uint64]string{}
	for k, o := range x.Outputs {
		b.rows(o.File, (*index.RowSet)(nil).With(lists[k]), left)
	}
	for _, n := range []uint64{71_000, 7, 9, 65_700} {
		delete(want, n)
	}
	if !maps.Equal(left, want) {
		t.Errorf("%d rows are left, want %d", len(left), len(want))
	}
	x.Close()
	for _, i := range in {
		i.File.Release()
	}
	for _, o := range x.Outputs {
		o.File.Release()
	}
	b.dir.Cache.Close()
	if b.account.Used() != 0 {
		t.Errorf("%d bytes are left charged", b.account.Used())
	}
}
