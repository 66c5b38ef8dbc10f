package segment

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Audit reads all values of the segment and holds what was derived from them when it was written against them: zone maps,
// numbers of rows, NULLs and distinct values, bounds and sums, dictionaries with their hashes and counts, common values, the sample, and
// the runs of keys. It returns a sentence for each thing that is wrong, one for each kind of thing and column. Estimates
// (sketches) are neither right nor wrong. deleted are the rows that a run of a key may lack. The work space is charged to
// the account.
//
// The bytes may be sound all the same: Verify says whether they are what was written, Audit whether that was right.
func (s *Segment) Audit(ctx context.Context, deleted *index.RowSet, account *mem.Account) (wrong []string, err error) {
	for i := range s.cols {
		a := &audit{c: &s.cols[i], rows: s.rows, account: account}
		if err := s.auditColumn(ctx, i, a); err != nil {
			return wrong, err
		}
		for _, w := range a.wrong {
			wrong = append(wrong, fmt.Sprintf("column %q: %s", s.cols[i].Name, w))
		}
	}
	for i := range s.keys {
		w, err := s.auditKey(ctx, i, deleted, account)
		if err != nil {
			return wrong, err
		}
		wrong = append(wrong, w...)
	}
	return wrong, nil
}

// each hands all rows of some columns of the segment to do, in their order.
func (s *Segment) each(ctx context.Context, columns []int, account *mem.Account, do func(b *batch.Batch) error) error {
	ts := make([]types.Type, len(columns))
	for i, c := range columns {
		ts[i] = s.cols[c].Type
	}
	ps, err := s.All(nil).Open(ctx, &scan.Request{Columns: columns, Account: account})
	if err != nil {
		return err
	}
	defer ps.Close()
	return scan.EachBatch(ctx, ps, batch.New(ts), do)
}

func (s *Segment) auditColumn(ctx context.Context, col int, a *audit) error {
	var pins Pins
	defer pins.Release()
	dict, err := s.Dictionary(col, &pins)
	if err != nil {
		return err
	}
	var sample *batch.Vector
	if a.c.sample.stored > 0 {
		if sample, err = s.sample(col, nil); err != nil {
			return err
		}
	}
	if err := a.begin(dict, sample); err != nil {
		return err
	}
	defer a.close()
	var part batch.Vector
	err = s.each(ctx, []int{col}, a.account, func(b *batch.Batch) error {
		v := b.Cols[0]
		if v.Form == batch.Packed || v.Form == batch.Constant {
			part.Flatten(v)
			v = &part
		}
		a.add(v)
		return nil
	})
	if err == nil {
		a.end()
	}
	return err
}

// audit is what is found of a column while its rows go by.
type audit struct {
	c       *column
	rows    int
	account *mem.Account
	charged int64
	wrong   []string

	place      int // of the next row
	zone       bounds
	all        bounds
	blockNulls int
	sumLo      uint64
	sumHi      int64
	bytes      int64
	ints       []int64
	common     counted
	texts      []int64 // rows of each common string
	sample     *batch.Vector
	sampled    int // next row of it

	dict     *batch.Dictionary
	counts   []uint32 // rows by entry
	prefixes []uint64 // what zones keep of an entry
}

// bounds are those of the values of some rows, in the order of their form.
type bounds struct {
	nulls    int
	some     bool
	min, max uint64      // in an order-preserving form
	least    types.Datum // of wide values and strings
	most     types.Datum
}

// say notes that something is wrong, the first of a kind.
func (a *audit) say(kind, format string, args ...any) {
	text := kind + ": " + fmt.Sprintf(format, args...)
	for _, w := range a.wrong {
		if len(w) > len(kind) && w[:len(kind)+1] == kind+":" {
			return
		}
	}
	a.wrong = append(a.wrong, text)
}

func (a *audit) begin(dict *batch.Dictionary, sample *batch.Vector) error {
	a.dict, a.sample = dict, sample
	a.beginCommon()
	if dict == nil {
		return nil
	}
	if err := a.account.Reserve(12 * int64(dict.Len)); err != nil {
		return err
	}
	a.charged = 12 * int64(dict.Len)
	a.counts, a.prefixes = make([]uint32, dict.Len), make([]uint64, dict.Len)
	for i := range a.prefixes {
		a.prefixes[i] = scan.StringPrefix(string(prefixOf(scan.OrderKey(a.c.Type, dict.At(i)))))
	}
	return nil
}

func (a *audit) close() { a.account.Free(a.charged) }

// add takes the next rows, which end in the zone that they begin in: batches of a scan do.
func (a *audit) add(v *batch.Vector) {
	for from := 0; from < v.Len; {
		n := min(v.Len-from, scan.ZoneRows-a.place%scan.ZoneRows)
		a.values(v, from, from+n)
		a.samples(v, from, from+n)
		from, a.place = from+n, a.place+n
		if a.place%scan.ZoneRows == 0 || a.place == a.rows {
			a.endZone()
		}
	}
}

// samples holds those of the rows that the sample has against it.
func (a *audit) samples(v *batch.Vector, from, to int) {
	if a.sample == nil {
		return
	}
	for ; a.sampled < a.sample.Len; a.sampled++ {
		at := scan.SamplePlace(a.sampled, a.sample.Len, a.rows) - a.place
		if at >= to-from {
			return
		}
		var one batch.Vector
		one.Reset(a.c.Type, 0)
		scan.AppendSample(&one, v, from+at)
		if got, want := a.sample.Datum(a.sampled), one.Datum(0); got != want && !(got.F != got.F && want.F != want.F) {
			a.say("sample", "row %d differs from the one at place %d", a.sampled, a.place+at)
		}
	}
}

// endZone compares the zone that has ended with its map.
func (a *audit) endZone() {
	z, i := &a.zone, (a.place-1)/scan.ZoneRows
	zones := &a.c.zones
	if uint32(z.nulls) != zones.Nulls[i] {
		a.say("zone map", "zone %d has %d NULL values, the map says %d", i, z.nulls, zones.Nulls[i])
	}
	if z.some && zones.Ranges {
		lo, hi := a.ordered(zones.Min[i]), a.ordered(zones.Max[i])
		if z.min < lo || z.max > hi {
			a.say("zone map", "zone %d has values outside the bounds that the map says", i)
		}
	}
	a.blockNulls += z.nulls
	if a.place%scan.BlockRows == 0 || a.place == a.rows {
		if b := (a.place - 1) / scan.BlockRows; uint32(a.blockNulls) != a.c.blocks[b].nulls {
			a.say("NULL values", "block %d has %d, its metadata say %d", b, a.blockNulls, a.c.blocks[b].nulls)
		}
		a.blockNulls = 0
	}
	a.all.take(z)
	*z = bounds{}
}

// take adds the bounds of more rows.
func (b *bounds) take(z *bounds) {
	b.nulls += z.nulls
	switch {
	case !z.some:
	case !b.some:
		b.some, b.min, b.max, b.least, b.most = true, z.min, z.max, z.least, z.most
	default:
		b.min, b.max = min(b.min, z.min), max(b.max, z.max)
		if z.least.Type.Kind != types.Invalid && scan.Order(z.least, b.least) < 0 {
			b.least = z.least
		}
		if z.most.Type.Kind != types.Invalid && scan.Order(z.most, b.most) > 0 {
			b.most = z.most
		}
	}
}

// end compares what the whole column has with its statistics.
func (a *audit) end() {
	t := &a.c.stats
	if int64(a.all.nulls) != t.Nulls {
		a.say("NULL values", "there are %d, the statistics say %d", a.all.nulls, t.Nulls)
	}
	if t.HasSum && a.all.some && (a.sumLo != t.SumLo || a.sumHi != t.SumHi) {
		a.say("sum", "it is not that of the values")
	}
	a.endDictionary()
	if a.bytes != t.StringBytes {
		a.say("bytes", "the strings have %d, the statistics say %d", a.bytes, t.StringBytes)
	}
	a.endBounds()
	a.endCommon()
}
