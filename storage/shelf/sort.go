package shelf

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// SortOrder returns the permutation that sorts rows by the table's sort_key, or nil when it has none or the rows are in
// order: row i of the file is row order[i]. The sort is stable; NULLs come last. chunks returns the vectors of a column
// by its ID, which are not needed any more when it is asked for the next; none when all rows are older than the column,
// and have one value. It charges the account for its work space, and gives all
// of it back; the order itself is the caller's to charge.
func SortOrder(ctx context.Context, t *catalog.Table, rows int, chunks func(id uint32) ([]*batch.Vector, error), account *mem.Account) ([]uint32, error) {
	key := t.Options.SortKey
	if len(key) == 0 {
		return nil, nil
	}
	so, err := newSorter(rows, account)
	if err != nil {
		return nil, err
	}
	defer so.close()
	for _, id := range key {
		vs, err := chunks(id)
		if err != nil {
			return nil, err
		}
		if err := so.column(ctx, vs); err != nil {
			return nil, err
		}
	}
	if !so.moved {
		return nil, nil
	}
	return so.order, nil
}

// sorter sorts rows by one word of one column at a time, the most significant first: each word sorts the rows that are
// equal in all words before it. However many columns the key has and however wide they are, it holds 12 bytes and a bit
// per row, and while it ranks the strings of a column 20 bytes per string.
type sorter struct {
	account *mem.Account
	order   []uint32     // on the heap: who asked for it keeps it
	words   []uint64     // of each row, by its number
	tied    batch.Bitmap // by place: the row there equals the one before it in all words so far
	moved   bool         // order is not that of the numbers any more
}

func newSorter(rows int, account *mem.Account) (*sorter, error) {
	so := &sorter{account: account, order: make([]uint32, rows)}
	for i := range so.order {
		so.order[i] = uint32(i)
	}
	var err error
	if so.words, err = mem.Slice[uint64](account, rows); err != nil {
		return nil, err
	}
	if so.tied, err = mem.Slice[uint64](account, batch.Words(rows)); err != nil {
		so.close()
		return nil, err
	}
	so.tied.Fill(rows)
	if rows > 0 {
		so.tied.Clear(0)
	}
	return so, nil
}

func (so *sorter) close() {
	mem.ReleaseSlice(so.account, so.words)
	mem.ReleaseSlice(so.account, so.tied)
}

// column sorts ties by the values of a column.
func (so *sorter) column(ctx context.Context, chunks []*batch.Vector) error {
	if len(chunks) == 0 {
		return nil
	}
	switch v := chunks[0]; v.Type.Physical() {
	case types.PhysBytes:
		r, err := newRanks(v.Type, chunks, so.account)
		if err != nil {
			return err
		}
		defer r.close()
		return so.word(ctx, chunks, r.words)
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		if err := so.word(ctx, chunks, highWords); err != nil {
			return err
		}
		return so.word(ctx, chunks, lowWords)
	default:
		return so.word(ctx, chunks, narrowWords)
	}
}

// word sorts ties by one word of each row, which fill gives for the rows of a chunk.
func (so *sorter) word(ctx context.Context, chunks []*batch.Vector, fill func(dst []uint64, v *batch.Vector)) error {
	at := 0
	for _, v := range chunks {
		dst := so.words[at : at+v.Len]
		fill(dst, v)
		for i := range dst {
			if v.IsNull(i) {
				dst[i] = ^uint64(0)
			}
		}
		at += v.Len
	}
	for from := 0; from < len(so.order); {
		to := from + 1
		for to < len(so.order) && so.tied.Get(to) {
			to++
		}
		if to-from > 1 {
			if err := ctx.Err(); err != nil {
				return err
			}
			so.sortTies(from, to)
		}
		from = to
	}
	return nil
}

// sortTies sorts the rows at places [from, to), which were equal so far.
func (so *sorter) sortTies(from, to int) {
	rows, words := so.order[from:to], so.words
	sorted := true
	for i := 1; i < len(rows) && sorted; i++ {
		sorted = words[rows[i-1]] <= words[rows[i]]
	}
	if !sorted {
		so.moved = true
		slices.SortFunc(rows, func(a, b uint32) int { // by number, too: that makes it stable
			if c := cmp.Compare(words[a], words[b]); c != 0 {
				return c
			}
			return cmp.Compare(a, b)
		})
	}
	for i := 1; i < len(rows); i++ {
		if words[rows[i-1]] != words[rows[i]] {
			so.tied.Clear(from + i)
		}
	}
}

// narrowWords are the words of values of at most 64 bits.
func narrowWords(dst []uint64, v *batch.Vector) {
	switch v.Type.Physical() {
	case types.PhysBool:
		bits := v.Bools()
		for i := range dst {
			dst[i] = bits[i>>6] >> (i & 63) & 1
		}
	case types.PhysInt16:
		intWords(dst, batch.Values[int16](v))
	case types.PhysInt32:
		intWords(dst, batch.Values[int32](v))
	case types.PhysInt64:
		intWords(dst, batch.Values[int64](v))
	case types.PhysFloat32:
		floatWords(dst, batch.Values[float32](v))
	case types.PhysFloat64:
		floatWords(dst, batch.Values[float64](v))
	}
}

func intWords[T int16 | int32 | int64](dst []uint64, values []T) {
	for i, x := range values[:len(dst)] {
		dst[i] = signed(int64(x))
	}
}

// signed keeps the order of signed integers.
func signed(x int64) uint64 { return uint64(x) ^ 1<<63 }

func floatWords[T float32 | float64](dst []uint64, values []T) {
	for i, x := range values[:len(dst)] {
		dst[i] = batch.Float64Bits(float64(x))
	}
}

// highWords are the first words of values of 128 bits.
func highWords(dst []uint64, v *batch.Vector) {
	switch v.Type.Physical() {
	case types.PhysInt128:
		for i, x := range batch.Values[batch.Int128](v)[:len(dst)] {
			dst[i] = signed(x.Hi)
		}
	case types.PhysInterval:
		for i, x := range batch.Values[batch.Interval](v)[:len(dst)] {
			dst[i] = signed(x.Key().Hi)
		}
	case types.PhysUUID:
		for i := range dst {
			dst[i] = binary.BigEndian.Uint64(v.Data[16*i:])
		}
	}
}

// lowWords are their second words.
func lowWords(dst []uint64, v *batch.Vector) {
	switch v.Type.Physical() {
	case types.PhysInt128:
		for i, x := range batch.Values[batch.Int128](v)[:len(dst)] {
			dst[i] = x.Lo
		}
	case types.PhysInterval:
		for i, x := range batch.Values[batch.Interval](v)[:len(dst)] {
			dst[i] = x.Key().Lo
		}
	case types.PhysUUID:
		for i := range dst {
			dst[i] = binary.BigEndian.Uint64(v.Data[16*i+8:])
		}
	}
}
