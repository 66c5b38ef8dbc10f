package hashtable

import (
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// Partitions of packed keys: by the highest 8 bits of their hash, so that 10 million groups make tables of 40,000
// rows, which fit a second-level cache of 1 to 2 MiB.
const (
	PartitionBits = 8
	Partitions    = 1 << PartitionBits
)

// Table is an open-addressing hash table whose rows stand in the slots: a count (0: the slot is empty), the packed
// key, the states. The slot of a key is its hash without the partition bits; collisions go to the next slot. Rows move
// only in reserve.
type Table struct {
	acc   *mem.Account
	Rows  []uint64
	Keys  int // words of a key
	Width int // words of a row
	Used  int
	Log   uint
	// Stored tells that the last word of a key is its hash.
	Stored bool
}

// hash returns the hash of the row at an offset.
func (t *Table) hash(at int) uint64 {
	if t.Stored {
		return t.Rows[at+t.Keys]
	}
	return HashKey(t.Rows[at+1 : at+1+t.Keys])
}

// NewTable returns an empty table of keys of some words with some more words behind each. It has no memory before Reset or
// Reserve.
func NewTable(acc *mem.Account, keys, states int) *Table {
	return &Table{acc: acc, Keys: keys, Width: 1 + keys + states}
}

// Release gives all memory back; the table is empty afterwards.
func (t *Table) Release() {
	mem.ReleaseSlice(t.acc, t.Rows)
	t.Rows, t.Used, t.Log = nil, 0, 0
}

// Reset empties the table and gives it 2^log slots, reusing its memory.
func (t *Table) Reset(log uint) error {
	n := t.Width << log
	if cap(t.Rows) < n {
		mem.ReleaseSlice(t.acc, t.Rows)
		t.Rows = nil
		rows, err := mem.Slice[uint64](t.acc, n)
		if err != nil {
			return err
		}
		t.Rows = rows
	} else {
		t.Rows = t.Rows[:n]
		clear(t.Rows)
	}
	t.Used, t.Log = 0, log
	return nil
}

// LogFor returns the size of a table for n rows at a load of at most 0.8.
func LogFor(n int) uint { return uint(max(6, bits.Len(uint(n+n/4)))) }

// Fits tells whether n more groups keep the load at or below 0.8.
func (t *Table) Fits(n int) bool { return t.Log > 0 && (t.Used+n)*5 <= 4<<t.Log }

// Reserve makes room for n more groups. It comes before Find, which therefore never moves rows: slots that a batch has
// found stay valid until the next batch, and a refusal of memory comes before the first change.
func (t *Table) Reserve(n int) error {
	if t.Fits(n) {
		return nil
	}
	bigger := Table{acc: t.acc, Keys: t.Keys, Width: t.Width}
	if err := bigger.Reset(LogFor(2*t.Used + n)); err != nil {
		return err
	}
	w := t.Width
	for at := 0; at < len(t.Rows); at += w {
		if t.Rows[at] != 0 {
			// In the order of the slots, that is of the hashes: the new table is filled from front to back, and not in
			// places that each miss the caches.
			to := bigger.Place(t.hash(at))
			copy(bigger.Rows[to:to+w], t.Rows[at:at+w])
		}
	}
	mem.ReleaseSlice(t.acc, t.Rows)
	t.Rows, t.Log = bigger.Rows, bigger.Log
	return nil
}

// Place returns the offset of the first empty slot for a hash.
func (t *Table) Place(hash uint64) int {
	mask := uint64(1)<<t.Log - 1
	s := hash << PartitionBits >> (64 - t.Log)
	for t.Rows[int(s)*t.Width] != 0 {
		s = (s + 1) & mask
	}
	return int(s) * t.Width
}

// Find looks up n keys, the first words of every stride words of keys; it adds those that are missing and counts each.
// slots gets the slot of each. reserve(n) must have been called.
func (t *Table) Find(keys []uint64, stride, n int, slots []uint32) {
	switch t.Keys {
	case 1:
		t.Find1(keys, stride, n, slots)
	case 2:
		t.find2(keys, stride, n, slots)
	default:
		t.findN(keys, stride, n, slots)
	}
}

// Find1 is Find for keys of one word.
func (t *Table) Find1(keys []uint64, stride, n int, slots []uint32) {
	// Fields in locals: stores to rows may alias t for all that the compiler knows, and would have it load them again
	// for each row.
	rows, w, mask, shift := t.Rows, t.Width, uint64(1)<<t.Log-1, 64-t.Log
	slots = slots[:n]
	if n == 0 {
		return
	}
	_ = keys[(n-1)*stride]
	used := t.Used
	for i := range slots {
		k := keys[i*stride]
		s := mix1(k) << PartitionBits >> shift
		for {
			row := rows[int(s)*w:]
			row = row[:2] // one check of bounds for the count and the key
			if row[0] == 0 {
				// The count is what makes a slot used, so it must never go back to 0: retracting users keep the row.
				row[0], row[1] = 1, k
				used++
				break
			}
			if row[1] == k {
				row[0]++ // here, while the line is in the first-level cache, and not in a pass of its own
				break
			}
			s = (s + 1) & mask // at the highest load, 0.8, three slots on average, of which the processor fetches the later ones by itself
		}
		slots[i] = uint32(s) // of a slot, not of a word: 32 bits reach 4 Gi groups
	}
	t.Used = used
}

func (t *Table) find2(keys []uint64, stride, n int, slots []uint32) {
	rows, w, mask, shift := t.Rows, t.Width, uint64(1)<<t.Log-1, 64-t.Log
	slots = slots[:n]
	used := t.Used
	for i := range slots {
		key := keys[i*stride:]
		key = key[:2]
		a, b := key[0], key[1]
		s := Mix(a, b) << PartitionBits >> shift
		for {
			row := rows[int(s)*w:]
			row = row[:3]
			if row[0] == 0 {
				row[0], row[1], row[2] = 1, a, b
				used++
				break
			}
			if row[1] == a && row[2] == b {
				row[0]++
				break
			}
			s = (s + 1) & mask
		}
		slots[i] = uint32(s)
	}
	t.Used = used
}

func (t *Table) findN(keys []uint64, stride, n int, slots []uint32) {
	mask, shift := uint64(1)<<t.Log-1, 64-t.Log
	for i := range n {
		key := keys[i*stride : i*stride+t.Keys]
		s := mixN(key) << PartitionBits >> shift
		for {
			row := t.Rows[int(s)*t.Width:]
			if row[0] == 0 {
				row[0] = 1
				for x, word := range key {
					row[1+x] = word
				}
				t.Used++
				break
			}
			if equalWords(row[1:1+t.Keys], key) {
				row[0]++
				break
			}
			s = (s + 1) & mask
		}
		slots[i] = uint32(s)
	}
}

func equalWords(a, b []uint64) bool {
	b = b[:len(a)]
	for i, x := range a {
		if x != b[i] {
			return false
		}
	}
	return true
}

// Slot returns the slot of a key, or false.
func (t *Table) Slot(key []uint64) (uint32, bool) {
	if t.Used == 0 {
		return 0, false
	}
	mask := uint64(1)<<t.Log - 1
	s := HashKey(key) << PartitionBits >> (64 - t.Log)
	for {
		row := t.Rows[int(s)*t.Width:]
		if row[0] == 0 {
			return 0, false
		}
		if equalWords(row[1:1+t.Keys], key) {
			return uint32(s), true
		}
		s = (s + 1) & mask
	}
}

// Known splits n keys into those that the table has, which it counts, and the others: hit and miss get their
// positions, slots the slots of the hits.
func (t *Table) Known(keys []uint64, n int, hit, miss []uint16, slots []uint32) (hits, misses []uint16) {
	hit, miss = hit[:0], miss[:0]
	for i := range n {
		key := keys[i*t.Keys : i*t.Keys+t.Keys]
		if s, ok := t.Slot(key); ok {
			t.Rows[int(s)*t.Width]++
			slots[len(hit)] = s
			hit = append(hit, uint16(i))
		} else {
			miss = append(miss, uint16(i))
		}
	}
	return hit, miss
}

// Upsert returns the row of a key, and whether it is new: then its count is still 0 and the caller sets it.
func (t *Table) Upsert(key []uint64) (row []uint64, fresh bool, err error) {
	if err := t.Reserve(1); err != nil {
		return nil, false, err
	}
	mask := uint64(1)<<t.Log - 1
	s := HashKey(key) << PartitionBits >> (64 - t.Log)
	for {
		row := t.Rows[int(s)*t.Width:][:t.Width]
		if row[0] == 0 {
			copy(row[1:], key)
			t.Used++
			return row, true, nil
		}
		if equalWords(row[1:1+t.Keys], key) {
			return row, false, nil
		}
		s = (s + 1) & mask
	}
}

// ByPartition returns the offsets of the used rows, partition by partition, and where each partition starts.
func (t *Table) ByPartition() (rows []uint32, start [Partitions + 1]uint32) {
	part := func(at int) int {
		return int(t.hash(at) >> (64 - PartitionBits))
	}
	for at := 0; at < len(t.Rows); at += t.Width {
		if t.Rows[at] != 0 {
			start[part(at)+1]++
		}
	}
	for p := range Partitions {
		start[p+1] += start[p]
	}
	next := start
	rows = make([]uint32, t.Used)
	for at := 0; at < len(t.Rows); at += t.Width {
		if t.Rows[at] != 0 {
			p := part(at)
			rows[next[p]] = uint32(at / t.Width)
			next[p]++
		}
	}
	return rows, start
}

// Row returns the row of a key, or nil.
func (t *Table) Row(key []uint64) []uint64 {
	s, ok := t.Slot(key)
	if !ok {
		return nil
	}
	return t.Rows[int(s)*t.Width:][:t.Width]
}
