package compact

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/types"
)

// cacheBytes is what a merge keeps of what it reads: the blocks of one column, each of which it reads once. Those of
// queries stay where they are.
const cacheBytes = 16 << 20

// Merger moves bytes. It may do several merges at once.
type Merger struct {
	Dir     *shelf.Dir
	Account *mem.Account // of the work space; a merge that it refuses has not happened
}

// Input is a file with the rows that are deleted of it when the merge begins. It holds a reference.
type Input struct {
	File    *shelf.File
	Deleted *index.RowSet
	Numbers []uint64 // of its rows, by place; nil: those that it has itself
}

// Merge is some files of a table on their way into others.
type Merge struct {
	Table   *catalog.Table
	Inputs  []Input // in the order of their first numbers
	RowsMax int64   // of an output
	Whole   bool    // rows are not divided by their partitions
	// Expired, if not nil, tells of which partitions rows are left out, as if they had been deleted.
	Expired func(number int64) bool
	Outputs []*Output
	// Replaces, if it has ranges, is what the outputs have for that of the inputs: the ranges of numbers, and records.
	Replaces manifest.Segment

	moved   [][]uint32 // by input: the place in all outputs together that a row has; gone: none
	order   []uint32   // place in all outputs -> row in all inputs together, of those that stay
	numbers []uint64   // row in all inputs together -> its number
	cuts    []cut      // of the order, by output
	starts  []int      // of the inputs' rows in all, and how many there are
	account *mem.Account
	charged int64
}

// Output is a file that came of a merge.
type Output struct {
	File   *shelf.File
	Places *shelf.Places
	first  int // of its rows in all outputs together
}

// cut is an output's share of the order: so many rows, and which values of the partition column they have.
type cut struct {
	rows   int
	values partition.Range
}

// gone is the place of a row that was deleted before.
const gone = ^uint32(0)

// Run does a merge. The context ends it early. After an error there are no files. The caller closes the merge in any case.
func (m *Merger) Run(ctx context.Context, x *Merge) (err error) {
	x.account = m.Account
	defer func() {
		if r := recover(); r != nil { // what is merged is there all the same
			err = errs.Internal("merge segments of table %q: %v", x.Table.Name, r)
		}
		if err != nil {
			x.dropOutputs()
		}
	}()
	c := cache.New(m.Account, cacheBytes)
	defer c.Close()
	in, done, err := m.open(x, c)
	defer done()
	if err != nil {
		return err
	}
	if err := x.expire(ctx, in); err != nil {
		return err
	}
	if err := x.number(ctx, in); err != nil || len(x.numbers) == 0 {
		return err
	}
	if err := x.sort(ctx, in); err != nil {
		return err
	}
	if err := x.divide(ctx, in); err != nil {
		return err
	}
	if err := x.move(); err != nil {
		return err
	}
	first := 0
	for _, c := range x.cuts {
		if err := m.write(ctx, x, in, first, c); err != nil {
			return err
		}
		first += c.rows
	}
	return m.Dir.Sync()
}

// dropOutputs removes what came of a merge that failed.
func (x *Merge) dropOutputs() {
	for _, o := range x.Outputs {
		o.File.Obsolete()
		o.File.Release()
	}
	x.Outputs = nil
}

// Close gives back what the merge holds; its outputs are the caller's.
func (x *Merge) Close() {
	if x.account != nil {
		x.account.Free(x.charged)
	}
	x.charged, x.moved, x.order, x.numbers, x.cuts = 0, nil, nil, nil, nil
}

// Slim gives up what a merge of one file holds beyond what Carry needs, when it waits for others before it is settled: 4 bytes a
// row, and nothing where all rows stand where they stood.
func (x *Merge) Slim() {
	if len(x.Inputs) != 1 || len(x.Outputs) != 1 {
		return
	}
	same := len(x.order) == len(x.moved[0])
	for place := 0; place < len(x.order) && same; place++ {
		same = x.order[place] == uint32(place)
	}
	if same {
		x.moved[0] = nil
	}
	x.order, x.numbers, x.Outputs[0].Places = nil, nil, nil
	x.account.Free(x.charged - 4*int64(len(x.moved[0])))
	x.charged = 4 * int64(len(x.moved[0]))
}

// Places returns where the rows of the one output of a slim merge stand. Those of its input are known.
func (x *Merge) Places() (*shelf.Places, error) {
	p, err := x.Inputs[0].File.Places(context.Background()) // which reads nothing
	if err != nil || x.moved[0] == nil {
		return p, err
	}
	return p.Followed(x.moved[0], gone), nil
}

// open opens the inputs apart from who else reads them.
func (m *Merger) open(x *Merge, c *cache.Cache) (in []*segment.Segment, done func(), err error) {
	var closers []func()
	done = func() {
		for _, f := range closers {
			f()
		}
	}
	for _, i := range x.Inputs {
		s, f, err := m.Dir.OpenApart(i.File.Meta, c)
		if err != nil {
			return nil, done, i.File.Noticed(err)
		}
		in, closers = append(in, s), append(closers, f)
	}
	return in, done, nil
}

// number finds the numbers of all rows that stay.
func (x *Merge) number(ctx context.Context, in []*segment.Segment) error {
	rows := 0
	for _, i := range x.Inputs {
		rows += int(i.File.Meta.Rows) - i.Deleted.Len()
	}
	if int64(rows) > 1<<31 {
		return errs.New(errs.ProgramLimitExceeded, "%d rows are too many for one merge", rows)
	}
	if err := x.charge(int64(rows) * (8 + 4)); err != nil {
		return err
	}
	x.numbers = make([]uint64, 0, rows)
	for k, i := range x.Inputs {
		x.starts = append(x.starts, len(x.numbers))
		place := 0
		numbers := i.File.Numbers
		if i.Numbers != nil {
			numbers = func(_ context.Context, _ *segment.Segment, _ *mem.Account, do func(uint64)) error {
				for _, n := range i.Numbers {
					do(n)
				}
				return nil
			}
		}
		err := numbers(ctx, in[k], x.account, func(n uint64) {
			if !i.Deleted.Has(place) {
				x.numbers = append(x.numbers, n)
			}
			place++
		})
		if err != nil {
			return i.File.Noticed(err)
		}
	}
	x.starts = append(x.starts, len(x.numbers))
	return nil
}

func (x *Merge) charge(bytes int64) error {
	if err := x.account.Reserve(bytes); err != nil {
		return err
	}
	x.charged += bytes
	return nil
}

// sort finds the order of all rows: by the sort key, or by their numbers.
func (x *Merge) sort(ctx context.Context, in []*segment.Segment) (err error) {
	var read *column
	defer func() {
		if read != nil {
			read.release()
		}
	}()
	x.order, err = shelf.SortOrder(ctx, x.Table, len(x.numbers), func(id uint32) ([]*batch.Vector, error) {
		col := slices.IndexFunc(x.Table.Columns, func(c catalog.Column) bool { return c.ID == id })
		if col < 0 || !anyHas(in, id) {
			return nil, nil
		}
		if read != nil {
			read.release()
		}
		var err error
		read, err = x.read(ctx, in, &x.Table.Columns[col], nil)
		return read.chunks, err
	}, x.account)
	if err != nil || x.order != nil {
		return err
	}
	x.order = make([]uint32, len(x.numbers))
	for i := range x.order {
		x.order[i] = uint32(i)
	}
	if len(x.Table.Options.SortKey) == 0 && !slices.IsSorted(x.numbers) {
		slices.SortFunc(x.order, func(a, b uint32) int { return cmp.Compare(x.numbers[a], x.numbers[b]) })
	}
	return nil
}

// move notes where each row of the inputs goes.
func (x *Merge) move() error {
	to := make([]uint32, len(x.order))
	for place, row := range x.order {
		to[row] = uint32(place)
	}
	x.moved = make([][]uint32, len(x.Inputs))
	row := 0
	for k, i := range x.Inputs {
		if err := x.charge(4 * i.File.Meta.Rows); err != nil {
			return err
		}
		x.moved[k] = make([]uint32, i.File.Meta.Rows)
		for place := range x.moved[k] {
			if x.moved[k][place] = gone; !i.Deleted.Has(place) {
				x.moved[k][place] = to[row]
				row++
			}
		}
	}
	return nil
}

// read reads a column of the table from all inputs, without the rows that are deleted and, if it is not nil, only those
// that a set of rows in all inputs has. The caller releases it, also after an error.
func (x *Merge) read(ctx context.Context, in []*segment.Segment, t *catalog.Column, only *index.RowSet) (*column, error) {
	c := &column{typ: t.Type, account: x.account}
	layout := &scan.Layout{IDs: []uint32{t.ID}, Types: []types.Type{t.Type}, Missing: map[int]types.Datum{0: t.Value()}}
	for k, i := range x.Inputs {
		rows, without := x.starts[k+1]-x.starts[k], i.Deleted
		if only != nil {
			rows, without = x.without(k, only)
		}
		if rows == 0 {
			continue
		}
		part := in[k].Part(layout, &c.pins).Without(0, without)
		if err := c.read(ctx, part, rows); err != nil {
			return c, i.File.Noticed(fmt.Errorf("read column %q of segment %d: %w", t.Name, i.File.Meta.File, err))
		}
	}
	return c, nil
}

// without returns the rows of an input that are deleted or not in a set of rows in all inputs, and how many are left.
func (x *Merge) without(k int, only *index.RowSet) (rows int, without *index.RowSet) {
	i := x.Inputs[k]
	var not []uint32
	row := x.starts[k]
	for place := range int(i.File.Meta.Rows) {
		if i.Deleted.Has(place) {
			continue
		}
		if only.Has(row) {
			rows++
		} else {
			not = append(not, uint32(place))
		}
		row++
	}
	return rows, i.Deleted.With(not)
}

// columns returns the columns of the table that any of the inputs has. A younger one stays out, so that its value of older
// rows goes on to be that, unless it is one of a key, which needs a run. The identities of rows, whose numbers stay, are one more where any input has them.
func (x *Merge) columns(in []*segment.Segment) (columns []*catalog.Column) {
	for col := range x.Table.Columns {
		if c := &x.Table.Columns[col]; anyHas(in, c.ID) || keyed(x.Table, c.ID) {
			columns = append(columns, c)
		}
	}
	if i := shelf.IdentityColumn; anyHas(in, i.ID) {
		columns = append(columns, &catalog.Column{ID: i.ID, Name: i.Name, Type: i.Type})
	}
	return columns
}

// keyed tells whether a column is one of a key.
func keyed(t *catalog.Table, id uint32) bool {
	return slices.ContainsFunc(t.Constraints, func(k catalog.Constraint) bool { return k.Indexed() && slices.Contains(k.Columns, id) })
}

// anyHas tells whether any of the inputs has a column.
func anyHas(in []*segment.Segment, id uint32) bool {
	return slices.ContainsFunc(in, func(s *segment.Segment) bool { return s.Find(id) >= 0 })
}

// write writes one output: rows from first on in the order of all.
func (m *Merger) write(ctx context.Context, x *Merge, in []*segment.Segment, first int, c cut) error {
	rows := c.rows
	order, numbers, only := x.piece(first, rows)
	meta := manifest.Segment{File: m.Dir.Next(), Table: x.Table.ID, Rows: int64(rows), Values: c.values}
	base := x.ranges(&meta, numbers)
	columns := x.columns(in)
	w := &segment.Input{ID: uint64(meta.File), Rows: rows, Account: x.account, Workers: 1, Order: order}
	for _, c := range columns {
		w.Columns = append(w.Columns, segment.Column{ID: c.ID, Name: c.Name, Type: c.Type})
	}
	w.Keys = shelf.FileKeys(x.Table, w.Columns)
	distances := make([]uint64, rows) // by place
	for place := range distances {
		row := place
		if order != nil {
			row = int(order[place])
		}
		distances[place] = numbers[row] - base
	}
	if len(meta.Ranges) > 1 || meta.Ranges[0].Rows != uint64(rows) || !slices.IsSorted(distances) {
		w.Columns = append(w.Columns, shelf.RowNumberColumn)
	} else {
		distances = nil // each is its place
	}
	var read *column
	defer func() {
		if read != nil {
			read.release()
		}
	}()
	w.Chunks = func(col int) ([]*batch.Vector, error) {
		if read != nil {
			read.release()
			read = nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if col == len(columns) {
			return []*batch.Vector{distancesOf(numbers, base)}, nil
		}
		var err error
		read, err = x.read(ctx, in, columns[col], only)
		return read.chunks, err
	}
	var err error
	if meta.Bytes, err = m.Dir.Write(w); err != nil {
		return err
	}
	o := &Output{File: m.Dir.File(meta), first: first}
	x.Outputs = append(x.Outputs, o)
	if distances != nil {
		o.Places = shelf.SparsePlaces(distances)
	}
	_, err = o.File.Segment()
	return err
}

// piece returns the order of the rows of one output among themselves, nil if they are in order; their numbers, by row;
// and which rows they are among all, nil for all of them.
func (x *Merge) piece(first, rows int) (order []uint32, numbers []uint64, only *index.RowSet) {
	order, numbers = x.order, x.numbers
	if rows < len(x.order) {
		mine := slices.Clone(x.order[first : first+rows])
		only = (*index.RowSet)(nil).With(mine)
		slices.Sort(mine)
		numbers, order = make([]uint64, rows), make([]uint32, rows)
		for i, row := range mine {
			numbers[i] = x.numbers[row]
		}
		for i, row := range x.order[first : first+rows] {
			at, _ := slices.BinarySearch(mine, row)
			order[i] = uint32(at)
		}
	}
	if slices.IsSorted(order) {
		order = nil
	}
	return order, numbers, only
}

// ranges gives a file the ranges that its rows lie in, and returns the first number. One output has those of all inputs.
// Several have the rows of each other's ranges between theirs: each has one from its first number to its last.
func (x *Merge) ranges(meta *manifest.Segment, numbers []uint64) (base uint64) {
	var all []manifest.Range
	for k, i := range x.Inputs {
		all = append(all, i.File.Meta.Ranges...)
		if k == 0 || i.File.Meta.First < meta.First {
			meta.First = i.File.Meta.First
		}
		meta.Last = max(meta.Last, i.File.Meta.Last)
	}
	if x.Replaces.Ranges != nil {
		all, meta.First, meta.Last = slices.Clone(x.Replaces.Ranges), x.Replaces.First, x.Replaces.Last
	}
	if len(numbers) < len(x.numbers) {
		first := slices.Min(numbers)
		all = []manifest.Range{{Base: first, Rows: slices.Max(numbers) - first + 1}}
	}
	meta.Ranges = joined(all)
	return meta.Ranges[0].Base
}

// joined returns ranges in their order, those that meet as one.
func joined(all []manifest.Range) (ranges []manifest.Range) {
	slices.SortFunc(all, func(a, b manifest.Range) int { return cmp.Compare(a.Base, b.Base) })
	for _, r := range all {
		if k := len(ranges) - 1; k >= 0 && ranges[k].Base+ranges[k].Rows >= r.Base {
			ranges[k].Rows = max(ranges[k].Rows, r.Base+r.Rows-ranges[k].Base)
		} else {
			ranges = append(ranges, r)
		}
	}
	return ranges
}

// distancesOf returns how far numbers are from a first one, as a column.
func distancesOf(numbers []uint64, base uint64) *batch.Vector {
	v := &batch.Vector{}
	v.Reset(types.T(types.Int8), len(numbers))
	for i, values := 0, batch.Values[int64](v); i < len(numbers); i++ {
		values[i] = int64(numbers[i] - base)
	}
	return v
}

// Numbers returns the numbers of all rows of the outputs, in no order. They belong to the merge.
func (x *Merge) Numbers() []uint64 { return x.numbers }

// CarryNumbers adds to the deleted rows of the outputs those of some numbers that they have.
func (x *Merge) CarryNumbers(numbers []uint64, into [][]uint32) {
	slices.Sort(numbers)
	place := 0
	for o, c := range x.cuts {
		for i := range c.rows {
			if _, ok := slices.BinarySearch(numbers, x.numbers[x.order[place]]); ok {
				into[o] = append(into[o], uint32(i))
			}
			place++
		}
	}
}

// Carry adds to the deleted rows of the outputs what was deleted of an input in the meantime: the rows of now that were
// not in was, or all when the input has gone. into has a list for each output.
func (x *Merge) Carry(input int, was, now *index.RowSet, all bool, into [][]uint32) {
	if len(x.Outputs) == 0 { // no row was left
		return
	}
	carry := func(row uint32) {
		to := row
		if x.moved[input] != nil {
			to = x.moved[input][row]
		}
		if to == gone {
			return
		}
		o := sort.Search(len(x.Outputs), func(i int) bool { return x.Outputs[i].first > int(to) }) - 1
		into[o] = append(into[o], to-uint32(x.Outputs[o].first))
	}
	if all {
		for row := range uint32(x.Inputs[input].File.Meta.Rows) {
			if !was.Has(int(row)) {
				carry(row)
			}
		}
		return
	}
	for _, row := range now.Rows() {
		if !was.Has(int(row)) {
			carry(row)
		}
	}
}
