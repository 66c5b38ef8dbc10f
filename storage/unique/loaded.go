package unique

import (
	"context"
	"math/bits"
	"slices"
	"sort"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// Loaded are the rows of a load for one table: those of files, which are sealed and belong to no table yet, and behind them
// Rows. A row of a file is known by InFile.
//
// There may be too many for one list. They are taken in pieces by the first bits of their hashes, which pages of runs have
// in common; hashes then are as short as runs have them.
type Loaded struct {
	Files []File
	Rows  *Rows

	rows    []uint64        // whose values are there, sorted
	numbers []int64         // of rows
	columns []*batch.Vector // of rows
	probes  []keys.Probe
	page    []keys.Probe
	sorter  Sorter
}

const inFile = 1 << 63

// InFile returns how a row of a file is known.
func InFile(file int, place uint32) uint64 { return inFile | uint64(file)<<32 | uint64(place) }

// FileOf returns the file and the place of a row; ok is false when it is in none.
func FileOf(row uint64) (file int, place uint32, ok bool) {
	return int(row &^ inFile >> 32), uint32(row), row&inFile != 0
}

// pieceProbes is about how many probes a piece has: 4 MB of them, looked up in each file of the table while its pages are
// in the processor's cache.
const pieceProbes = 1 << 18

// Each calls do with the probes of one piece after the other, sorted.
func (l *Loaded) Each(ctx context.Context, key int, do func(probes []keys.Probe) error) error {
	k := &l.Rows.Keys[key]
	own := slices.Clone(l.Rows.Probes(key))
	total := len(own)
	runs := make([]int, len(l.Files))
	for i := range l.Files {
		var err error
		if runs[i], err = l.Files[i].run(k); err != nil {
			return err
		}
		run := l.Files[i].KeyRun(runs[i])
		total += run.Entries()
	}
	parts := uint(bits.Len(uint(total / pieceProbes)))
	for piece := range 1 << parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.probes = l.probes[:0]
		for len(own) > 0 && pieceOf(own[0].Hash, parts) == piece {
			l.probes = append(l.probes, keys.Probe{Hash: keys.Short(own[0].Hash), Row: own[0].Row})
			own = own[1:]
		}
		for i := range l.Files {
			if err := l.entries(i, runs[i], piece, parts); err != nil {
				return l.Files[i].Damaged(err)
			}
		}
		l.probes = l.sorter.Sort(l.probes)
		if err := do(l.probes); err != nil {
			return err
		}
	}
	return nil
}

func pieceOf(hash uint64, parts uint) int { return int(hash >> 1 >> (63 - parts)) }

// entries adds what a file has of a piece, without the rows that the load has deleted.
func (l *Loaded) entries(file, key, piece int, parts uint) error {
	f := &l.Files[file]
	run := f.KeyRun(key)
	first, last := pagesOf(run.Pages(), piece, parts)
	for page := first; page <= last; page++ {
		var err error
		if l.page, err = f.Probes(key, page, l.page[:0]); err != nil {
			return err
		}
		for _, p := range l.page {
			if pieceOf(p.Hash, parts) == piece && !f.Deleted.Has(int(p.Row)) {
				l.probes = append(l.probes, keys.Probe{Hash: p.Hash, Row: InFile(file, uint32(p.Row))})
			}
		}
	}
	return nil
}

// pagesOf returns which of a power of two pages have hashes of a piece.
func pagesOf(pages, piece int, parts uint) (first, last int) {
	have := uint(bits.Len(uint(pages)) - 1)
	if have <= parts {
		first = piece >> (parts - have)
		return first, first
	}
	each := 1 << (have - parts)
	return piece * each, (piece+1)*each - 1
}

// Fetch reads the values of those of the rows that are in files, which At then returns.
func (l *Loaded) Fetch(ctx context.Context, key int, rows []uint64) error {
	k := &l.Rows.Keys[key]
	l.rows, l.numbers = append(l.rows[:0], rows...), l.numbers[:0]
	slices.Sort(l.rows)
	l.rows = slices.Compact(l.rows)
	own, _ := slices.BinarySearch(l.rows, inFile)
	l.rows = l.rows[own:]
	l.columns = make([]*batch.Vector, len(k.Layout.Types))
	columns := []int{scan.RowNumber}
	for i, t := range k.Layout.Types {
		l.columns[i] = new(batch.Vector)
		l.columns[i].Reset(t, 0)
		columns = append(columns, i)
	}
	var numbers batch.Vector
	for from := 0; from < len(l.rows); {
		file, _, _ := FileOf(l.rows[from])
		to := from + sort.Search(len(l.rows)-from, func(i int) bool { return l.rows[from+i] >= InFile(file+1, 0) })
		places := make([]uint32, 0, to-from)
		for _, row := range l.rows[from:to] {
			places = append(places, uint32(row))
		}
		f := &l.Files[file]
		err := f.Part(k.Layout, nil).At(ctx, columns, places, func(_ int, b *batch.Batch) error {
			numbers.Flatten(b.Cols[0])
			l.numbers = append(l.numbers, batch.Values[int64](&numbers)[:b.Len]...)
			for i, c := range l.columns {
				c.AppendVector(b.Cols[i+1])
			}
			return nil
		})
		if err != nil {
			return f.Damaged(err)
		}
		from = to
	}
	return nil
}

// At returns the columns of a key and where a row stands in them, which Fetch has been told.
func (l *Loaded) At(key int, row uint64) ([]*batch.Vector, int) {
	if row&inFile == 0 {
		return l.Rows.At(key, row)
	}
	i, _ := slices.BinarySearch(l.rows, row)
	return l.columns, i
}

// before tells whether a row came before another.
func (l *Loaded) before(a, b uint64) bool {
	f, _, inA := FileOf(a)
	g, _, inB := FileOf(b)
	switch {
	case inA != inB:
		return inA
	case !inA:
		return a < b
	case f != g:
		return f < g
	}
	i, _ := slices.BinarySearch(l.rows, a)
	j, _ := slices.BinarySearch(l.rows, b)
	return l.numbers[i] < l.numbers[j]
}

// Twice calls found for each row of a piece that has the key of one that came after it, and with that one. It leaves out
// pairs of Rows, which Rows.Twice has.
func (l *Loaded) Twice(ctx context.Context, key int, probes []keys.Probe, found func(before, row uint64) error) error {
	var met []uint64
	for i, p := range probes {
		if i > 0 && probes[i-1].Hash == p.Hash || i+1 < len(probes) && probes[i+1].Hash == p.Hash {
			met = append(met, p.Row)
		}
	}
	if len(met) == 0 {
		return nil
	}
	if err := l.Fetch(ctx, key, met); err != nil {
		return err
	}
	var last []uint64 // of each different key with a hash
	for from := 0; from < len(probes); {
		to := from + 1
		for to < len(probes) && probes[to].Hash == probes[from].Hash {
			to++
		}
		last = last[:0]
		for _, p := range probes[from:to] {
			if to-from == 1 {
				break
			}
			i := slices.IndexFunc(last, func(row uint64) bool { return l.equal(key, row, p.Row) })
			if i < 0 {
				last = append(last, p.Row)
				continue
			}
			before, after := last[i], p.Row
			if l.before(after, before) {
				before, after = after, before
			}
			if last[i] = after; before&inFile == 0 {
				continue
			}
			if err := found(before, after); err != nil {
				return err
			}
		}
		from = to
	}
	return nil
}

func (l *Loaded) equal(key int, a, b uint64) bool {
	x, i := l.At(key, a)
	y, j := l.At(key, b)
	return l.Rows.Keys[key].Equal(x, i, y, j)
}
