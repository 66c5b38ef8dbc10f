package scan

import (
	"unicode/utf8"
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Sampler is a Part that can show some of its rows without a scan, for the estimates of a planner.
type Sampler interface {
	// Sample appends so many rows of a column to out, which has the table's type: rows that stand at even distances, the
	// same ones for every column, among the first so many of the part, which may have got more since. Deleted ones may be
	// among them, and where the part keeps few a row may come twice.
	Sample(column, rows, among int, out *batch.Vector) error
	// Common returns values that many of the part's rows have; nil when none are known.
	Common(column int) []Common
}

// Sampled is a Relation whose rows can be sampled.
type Sampled interface {
	// Sample returns some rows of the columns, at most SampleMax and none when nothing is known: the same ones whenever
	// it is asked. The vectors are flat or constant, and shared: nobody changes them.
	Sample(columns []int) (*batch.Batch, error)
	// Common returns values that many rows of a column have, the most common first, and about how many rows.
	Common(column int) []Common
}

// SampleMax is the most rows of a sample: a condition that a tenth of the rows satisfies is found within 7% of the truth
// two times of three, and evaluating it costs less than reading one zone.
const SampleMax = batch.MaxRows

// sampleMin keeps all of a small part, and sampleShare bounds what samples add to files of some thousand rows.
const (
	sampleMin   = 128
	sampleShare = 16
)

// SampleRows returns how many rows the sample of so many rows has.
func SampleRows(rows int) int { return min(rows, SampleMax, max(sampleMin, rows/sampleShare)) }

// SamplePlace returns the place of the i-th of n sampled rows among so many: the rows are cut into n runs, and of each one
// is taken at a place that looks random, or a table whose rows have a rhythm would show one beat of it.
func SamplePlace(i, n, rows int) int {
	from, to := i*rows/n, (i+1)*rows/n
	x := (uint64(i) + 1) * 0x9e3779b97f4a7c15 // the step of splitmix64, and half of its mixing
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	return from + int((x^x>>31)%uint64(to-from))
}

// SampleBytes is the most that a sample keeps of a string. Longer ones are cut: a condition looks at a beginning mostly.
const SampleBytes = 1024

// AppendSample appends a row of src to a sample.
func AppendSample(out, src *batch.Vector, row int) {
	if out.Type.Physical() != types.PhysBytes || src.IsNull(row) {
		out.AppendDatum(src.Datum(row))
		return
	}
	b := src.BytesAt(row)
	d := types.Datum{Type: out.Type}
	if len(b) > SampleBytes {
		switch out.Type.Kind {
		case types.Text, types.Varchar, types.Char:
			n := SampleBytes
			for n > 0 && !utf8.RuneStart(b[n]) {
				n--
			}
			b = b[:n]
		case types.Bytea:
			b = b[:SampleBytes]
		default: // its bytes mean something as a whole only
			d.Null, b = true, nil
		}
	}
	d.S = unsafe.String(unsafe.SliceData(b), len(b)) // which AppendDatum copies
	out.AppendDatum(d)
}

// AppendWide appends sampled rows of a column whose type may have grown since.
func AppendWide(out, src *batch.Vector) {
	if src.Type.Physical() != out.Type.Physical() {
		var wide batch.Vector
		wide.Widen(src, out.Type)
		src = &wide
	}
	out.AppendVector(src)
}
