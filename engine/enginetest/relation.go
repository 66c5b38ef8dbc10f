// Package enginetest has what tests of the engine share: an in-memory relation whose columns come in every vector
// form, random rows for it, a runner that collects what a plan answers, and a naive row-at-a-time oracle. It is used
// by tests alone; the oracle uses Go maps and Datums on purpose, so that it shares no code with what it checks.
package enginetest

import (
	"context"
	"math/rand/v2"
	"slices"
	"sort"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Row is one row.
type Row []types.Datum

// Relation is a table in memory: parts, as segments would be, each of batches of one vector form per column.
type Relation struct {
	types []types.Type
	parts []part
	rows  int64
	stats []scan.ColumnStats
}

type part struct {
	batches []*batch.Batch
	dicts   []*batch.Dictionary // by column; nil: values
}

var dictionaryID atomic.Uint64

// NewRelation stores rows in parts of about the same size. forms chooses how: with a source of randomness every part's
// columns get random forms, without one everything is flat.
func NewRelation(ts []types.Type, rows []Row, parts int, rng *rand.Rand) *Relation {
	r := &Relation{types: ts, rows: int64(len(rows)), stats: make([]scan.ColumnStats, len(ts))}
	parts = max(1, parts)
	for p := range parts {
		r.parts = append(r.parts, newPart(ts, rows[len(rows)*p/parts:len(rows)*(p+1)/parts], rng))
	}
	for c := range ts {
		r.stats[c] = statsOf(rows, c)
	}
	return r
}

func statsOf(rows []Row, c int) scan.ColumnStats {
	s := scan.ColumnStats{Rows: int64(len(rows)), Distinct: -1}
	for _, row := range rows {
		d := row[c]
		switch {
		case d.Null:
			s.Nulls++
		case !s.HasRange:
			s.HasRange, s.Min, s.Max = true, d, d
		case types.Compare(d, s.Min) < 0:
			s.Min = d
		case types.Compare(d, s.Max) > 0:
			s.Max = d
		}
	}
	return s
}

func newPart(ts []types.Type, rows []Row, rng *rand.Rand) part {
	p := part{dicts: make([]*batch.Dictionary, len(ts))}
	codes := make([]map[string]uint32, len(ts))
	forms := make([]int, len(ts))
	for c, t := range ts {
		if rng != nil {
			forms[c] = rng.IntN(3)
		}
		if t.Physical() == types.PhysBytes && t.Kind != types.Numeric && forms[c] > 0 {
			p.dicts[c], codes[c] = newDictionary(rows, c, forms[c] == 1)
		}
	}
	for at := 0; at < len(rows); at += batch.MaxRows {
		part := rows[at:min(len(rows), at+batch.MaxRows)]
		b := batch.New(ts)
		b.Len = len(part)
		for c, t := range ts {
			fill(b.Cols[c], t, part, c, p.dicts[c], codes[c], forms[c])
		}
		p.batches = append(p.batches, b)
	}
	return p
}

// newDictionary makes the dictionary of a column, ordered by hash like that of a segment, or in order of arrival like
// that of a live segment.
func newDictionary(rows []Row, c int, ordered bool) (*batch.Dictionary, map[string]uint32) {
	var entries []string
	seen := map[string]uint32{}
	counts := map[string]uint32{}
	for _, row := range rows {
		if row[c].Null {
			continue
		}
		counts[row[c].S]++
		if _, ok := seen[row[c].S]; !ok {
			seen[row[c].S] = 0
			entries = append(entries, row[c].S)
		}
	}
	if len(entries) == 0 {
		entries = append(entries, "")
	}
	if ordered {
		sort.Slice(entries, func(i, j int) bool {
			a, b := kernel.HashBytes([]byte(entries[i])), kernel.HashBytes([]byte(entries[j]))
			return a < b || a == b && entries[i] < entries[j]
		})
	}
	d := &batch.Dictionary{ID: dictionaryID.Add(1), Len: len(entries), Offsets: []uint32{0}, HashOrdered: ordered, Distinct: true}
	for i, e := range entries {
		seen[e] = uint32(i)
		d.Heap = append(d.Heap, e...)
		d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
		d.Hashes = append(d.Hashes, kernel.HashBytes([]byte(e)))
		d.Counts = append(d.Counts, counts[e])
	}
	return d, seen
}

// fill writes rows of column c in one of the forms that suit it.
func fill(v *batch.Vector, t types.Type, rows []Row, c int, d *batch.Dictionary, codes map[string]uint32, form int) {
	if d != nil {
		v.ResetDict(t, d, len(rows))
		for i, row := range rows {
			v.Codes[i] = 0
			if row[c].Null {
				v.Nulls(len(rows)).Clear(i)
			} else {
				v.Codes[i] = codes[row[c].S]
			}
		}
		return
	}
	if form > 0 && len(rows) > 0 && allEqual(rows, c) {
		v.ResetConstant(rows[0][c], len(rows))
		v.Type = t
		return
	}
	switch t.Physical() {
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		if form == 2 && fillPacked(v, t, rows, c) {
			return
		}
	}
	v.Reset(t, 0)
	for _, row := range rows {
		v.AppendDatum(row[c])
	}
}

func allEqual(rows []Row, c int) bool {
	for _, row := range rows {
		if row[c].Null != rows[0][c].Null || !row[c].Null && types.Compare(row[c], rows[0][c]) != 0 {
			return false
		}
	}
	return true
}

func fillPacked(v *batch.Vector, t types.Type, rows []Row, c int) bool {
	lo, hi, some := int64(0), int64(0), false
	for _, row := range rows {
		if x := row[c].I; !row[c].Null {
			if !some {
				lo, hi, some = x, x, true
			}
			lo, hi = min(lo, x), max(hi, x)
		}
	}
	width := kernel.Width(uint64(hi) - uint64(lo))
	if hi < lo || width > 60 {
		return false
	}
	words := make([]uint64, len(rows))
	for i, row := range rows {
		if !row[c].Null {
			words[i] = uint64(row[c].I - lo)
		}
	}
	data := make([]byte, (kernel.PackedBytes(len(rows), width)+7)/8*8+8)
	kernel.Pack64(data, words, width)
	v.ResetPacked(t, lo, width, data, len(rows))
	for i, row := range rows {
		if row[c].Null {
			v.Nulls(len(rows)).Clear(i)
		}
	}
	return true
}

// Types returns the types of the columns.
func (r *Relation) Types() []types.Type { return r.types }

// Rows returns the number of rows.
func (r *Relation) Rows() int64 { return r.rows }

// Stats returns exact statistics.
func (r *Relation) Stats(column int) scan.ColumnStats { return r.stats[column] }

// Dictionaries returns the dictionaries of a column, one for each part that has one.
func (r *Relation) Dictionaries(column int) []*batch.Dictionary {
	var out []*batch.Dictionary
	for _, p := range r.parts {
		if p.dicts[column] != nil {
			out = append(out, p.dicts[column])
		}
	}
	return out
}

// Open plans a scan. Terms are applied row by row; Late terms are applied as well, batch by batch, so that a wrong one
// shows.
func (r *Relation) Open(_ context.Context, req *scan.Request) (scan.Scan, error) {
	s := &relationScan{r: r, req: req, columns: req.Columns}
	if req.Counted {
		s.batches, s.columns = r.countedBatches(req.Columns[0]), []int{req.Columns[0], len(r.types)}
		return s, nil
	}
	for _, p := range r.parts {
		s.batches = append(s.batches, p.batches...)
	}
	return s, nil
}

type relationScan struct {
	r       *Relation
	req     *scan.Request
	columns []int // ordinals in the batches
	batches []*batch.Batch
	next    atomic.Int64
}

func (s *relationScan) Reader() (scan.Reader, error) {
	step := s.req.BatchRows
	if step <= 0 {
		step = batch.MaxRows
	}
	return &relationReader{s: s, step: step}, nil
}

func (s *relationScan) Dictionaries(column int) ([]*batch.Dictionary, bool) {
	var out []*batch.Dictionary
	for _, p := range s.r.parts {
		if d := p.dicts[s.req.Columns[column]]; d != nil {
			out = append(out, d)
		}
	}
	return out, len(out) == len(s.r.parts)
}

// countedBatches answers a counted request: every other part that has a dictionary hands out its entries with the numbers
// of their rows, the others their rows, each of which counts once. The numbers stand behind all columns.
func (r *Relation) countedBatches(c int) (out []*batch.Batch) {
	for i, p := range r.parts {
		if i%2 == 0 && p.dicts[c] != nil {
			out = append(out, p.entries(r.types, c)...)
			continue
		}
		for _, b := range p.batches {
			ones := &batch.Vector{}
			ones.ResetConstant(types.IntOf(types.T(types.Int8), 1), b.Len)
			out = append(out, &batch.Batch{Cols: append(slices.Clip(b.Cols), ones), Len: b.Len})
		}
	}
	return out
}

// entries returns the entries of a column's dictionary that have rows, and NULL.
func (p *part) entries(ts []types.Type, c int) (out []*batch.Batch) {
	counts, nulls := make([]int64, p.dicts[c].Len), int64(0)
	for _, b := range p.batches {
		for i := range b.Len {
			if v := b.Cols[c]; v.IsNull(i) {
				nulls++
			} else {
				counts[v.Codes[i]]++
			}
		}
	}
	add := func(v *batch.Vector, n []int64) {
		weights := &batch.Vector{}
		weights.Reset(types.T(types.Int8), len(n))
		copy(batch.Values[int64](weights), n)
		// As segments do, lend the numbers of a run: of some dictionaries all, of others every other one.
		if k := v.Codes; len(k) > 0 && int(k[len(k)-1]-k[0]) == len(k)-1 && (p.dicts[c].Len%2 == 0 || len(out)%2 == 0) {
			weights.ResetPacked(types.T(types.Int8), 0, 32, mem.Bytes(p.dicts[c].Counts[k[0]:][:len(n)]), len(n))
		}
		b := &batch.Batch{Cols: make([]*batch.Vector, len(ts)+1), Len: len(n)}
		b.Cols[c], b.Cols[len(ts)] = v, weights
		out = append(out, b)
	}
	if nulls > 0 {
		v := &batch.Vector{}
		v.ResetConstant(types.NullOf(ts[c]), 1)
		add(v, []int64{nulls})
	}
	var codes []uint32
	for code, n := range counts {
		if n > 0 {
			codes = append(codes, uint32(code))
		}
	}
	for chunk := range slices.Chunk(codes, 100) {
		v, n := &batch.Vector{}, make([]int64, len(chunk))
		v.ResetDict(ts[c], p.dicts[c], len(chunk))
		copy(v.Codes, chunk)
		for i, code := range chunk {
			n[i] = counts[code]
		}
		add(v, n)
	}
	return out
}

func (s *relationScan) Close() {}

type relationReader struct {
	s    *relationScan
	step int
	cur  *batch.Batch
	pos  int
	idx  []uint16
}

func (r *relationReader) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if r.cur == nil || r.pos >= r.cur.Len {
			i := int(r.s.next.Add(1)) - 1
			if i >= len(r.s.batches) {
				return false, nil
			}
			r.cur, r.pos = r.s.batches[i], 0
		}
		from, to := r.pos, min(r.cur.Len, r.pos+r.step)
		r.pos = to
		if from == 0 && to == r.cur.Len && len(r.s.req.Terms) == 0 && !r.late() {
			for i, c := range r.s.columns {
				out.Cols[i].Lend(r.cur.Cols[c])
			}
			out.Len = to
			return true, nil
		}
		r.idx = r.idx[:0]
		for i := from; i < to; i++ {
			if r.matches(i) {
				r.idx = append(r.idx, uint16(i))
			}
		}
		if len(r.idx) == 0 {
			continue
		}
		for i, c := range r.s.columns {
			out.Cols[i].Gather(r.cur.Cols[c], r.idx)
		}
		out.Len = len(r.idx)
		return true, nil
	}
}

func (r *relationReader) late() bool {
	for _, l := range r.s.req.Late {
		if l.Get() != nil {
			return true
		}
	}
	return false
}

func (r *relationReader) matches(i int) bool {
	for k := range r.s.req.Terms {
		if !Holds(&r.s.req.Terms[k], r.cur.Cols[r.s.req.Terms[k].Column], i) {
			return false
		}
	}
	for _, l := range r.s.req.Late {
		if t := l.Get(); t != nil && !Holds(t, r.cur.Cols[t.Column], i) {
			return false
		}
	}
	return true
}

func (r *relationReader) Close() {}

// Holds tells whether a row satisfies a term.
func Holds(t *scan.Term, v *batch.Vector, i int) bool {
	d := v.Datum(i)
	if t.Op == scan.IsNull || t.Op == scan.IsNotNull {
		return d.Null == (t.Op == scan.IsNull)
	}
	if d.Null {
		return false
	}
	switch t.Op {
	case scan.In:
		if t.Set != nil {
			return t.Set.Contains(d.I)
		}
		return slices.ContainsFunc(t.Values, func(x types.Datum) bool { return types.Compare(x, d) == 0 })
	case scan.Entries:
		var one batch.Vector
		one.ResetConstant(d, 1)
		out := make(batch.Bitmap, 1)
		return t.Filter.Filter(&one, out) == nil && out.Get(0)
	}
	c := types.Compare(d, t.Values[0])
	switch t.Op {
	case scan.Eq:
		return c == 0
	case scan.Ne:
		return c != 0
	case scan.Lt:
		return c < 0
	case scan.Le:
		return c <= 0
	case scan.Gt:
		return c > 0
	}
	return c >= 0
}
