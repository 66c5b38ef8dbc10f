package unique

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Bounds are between which numbers the first column of a key lies in some rows: where keys ascend, as times and counters do,
// few of a table's files can have them. The zero Bounds tell nothing.
type Bounds struct {
	Column      uint32 // its id
	Kind        types.Kind
	Known       bool
	Least, Most int64
}

// Fits tells whether what is known of values of a kind can be compared with the bounds: integers of any width are.
func (b *Bounds) Fits(k types.Kind) bool { return k == b.Kind || integer(k) && integer(b.Kind) }

func integer(k types.Kind) bool { return k == types.Int2 || k == types.Int4 || k == types.Int8 }

// bounded tells whether values of a type are compared as the numbers that they are stored as.
func bounded(k types.Kind) bool {
	switch k {
	case types.Date, types.Timestamp, types.Timestamptz:
		return true
	}
	return integer(k)
}

// boundsOf returns the bounds of the rows of some probes, whose values are in memory.
func boundsOf(k *Key, probes []keys.Probe, value func(row uint64) ([]*batch.Vector, int)) (b Bounds) {
	if len(probes) == 0 || !bounded(k.Layout.Types[0].Kind) {
		return b
	}
	b = Bounds{Column: k.Layout.IDs[0], Kind: k.Layout.Types[0].Kind, Known: true}
	for i, p := range probes {
		columns, at := value(p.Row)
		d := columns[0].Datum(at)
		if d.Null { // equal to other NULLs, if the key says so
			return Bounds{}
		}
		if i == 0 {
			b.Least, b.Most = d.I, d.I
		}
		b.Least, b.Most = min(b.Least, d.I), max(b.Most, d.I)
	}
	return b
}
