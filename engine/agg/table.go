package agg

import (
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// Partitions of packed keys: by the highest 8 bits of their hash, so that 10 million groups make tables of 40,000
// rows, which fit a second-level cache of 1 to 2 MiB.
const (
	partitionBits = 8
	partitions    = 1 << partitionBits
)

// table is an open-addressing hash table whose rows stand in the slots: a count (0: the slot is empty), the packed
// key, the states. The slot of a key is its hash without the partition bits; collisions go to the next slot. Rows move
// only in reserve.
type table struct {
	acc   *mem.Account
	rows  []uint64
	keys  int // words of a key
	width int // words of a row
	used  int
	log   uint
	// stored tells that the last word of a key is its hash (modeDict).
	stored bool
}

// hash returns the hash of the row at an offset.
func (t *table) hash(at int) uint64 {
	if t.stored {
		return t.rows[at+t.keys]
	}
	return hashKey(t.rows[at+1 : at+1+t.keys])
}

func newTable(acc *mem.Account, keys, states int) *table {
	return &table{acc: acc, keys: keys, width: 1 + keys + states}
}

func (t *table) release() {
	mem.ReleaseSlice(t.acc, t.rows)
	t.rows, t.used, t.log = nil, 0, 0
}

// reset empties the table and gives it 2^log slots, reusing its memory.
func (t *table) reset(log uint) error {
	n := t.width << log
	if cap(t.rows) < n {
		mem.ReleaseSlice(t.acc, t.rows)
		t.rows = nil
		rows, err := mem.Slice[uint64](t.acc, n)
		if err != nil {
			return err
		}
		t.rows = rows
	} else {
		t.rows = t.rows[:n]
		clear(t.rows)
	}
	t.used, t.log = 0, log
	return nil
}

// logFor returns the size of a table for n rows at a load of at most 0.8.
func logFor(n int) uint { return uint(max(6, bits.Len(uint(n+n/4)))) }

// fits tells whether n more groups keep the load at or below 0.8.
func (t *table) fits(n int) bool { return t.log > 0 && (t.used+n)*5 <= 4<<t.log }

// reserve makes room for n more groups.
func (t *table) reserve(n int) error {
	if t.fits(n) {
		return nil
	}
	bigger := table{acc: t.acc, keys: t.keys, width: t.width}
	if err := bigger.reset(logFor(2*t.used + n)); err != nil {
		return err
	}
	w := t.width
	for at := 0; at < len(t.rows); at += w {
		if t.rows[at] != 0 {
			to := bigger.place(t.hash(at))
			copy(bigger.rows[to:to+w], t.rows[at:at+w])
		}
	}
	mem.ReleaseSlice(t.acc, t.rows)
	t.rows, t.log = bigger.rows, bigger.log
	return nil
}

// place returns the offset of the first empty slot for a hash.
func (t *table) place(hash uint64) int {
	mask := uint64(1)<<t.log - 1
	s := hash << partitionBits >> (64 - t.log)
	for t.rows[int(s)*t.width] != 0 {
		s = (s + 1) & mask
	}
	return int(s) * t.width
}

// find looks up n keys, the first words of every stride words of keys; it adds those that are missing and counts each.
// slots gets the slot of each. reserve(n) must have been called.
func (t *table) find(keys []uint64, stride, n int, slots []uint32) {
	switch t.keys {
	case 1:
		t.find1(keys, stride, n, slots)
	case 2:
		t.find2(keys, stride, n, slots)
	default:
		t.findN(keys, stride, n, slots)
	}
}

func (t *table) find1(keys []uint64, stride, n int, slots []uint32) {
	rows, w, mask, shift := t.rows, t.width, uint64(1)<<t.log-1, 64-t.log
	slots = slots[:n]
	if n == 0 {
		return
	}
	_ = keys[(n-1)*stride]
	used := t.used
	for i := range slots {
		k := keys[i*stride]
		s := mix(k) << partitionBits >> shift
		for {
			row := rows[int(s)*w:]
			row = row[:2]
			if row[0] == 0 {
				row[0], row[1] = 1, k
				used++
				break
			}
			if row[1] == k {
				row[0]++
				break
			}
			s = (s + 1) & mask
		}
		slots[i] = uint32(s)
	}
	t.used = used
}

func (t *table) find2(keys []uint64, stride, n int, slots []uint32) {
	rows, w, mask, shift := t.rows, t.width, uint64(1)<<t.log-1, 64-t.log
	slots = slots[:n]
	used := t.used
	for i := range slots {
		key := keys[i*stride:]
		key = key[:2]
		a, b := key[0], key[1]
		s := mix2(a, b) << partitionBits >> shift
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
	t.used = used
}

func (t *table) findN(keys []uint64, stride, n int, slots []uint32) {
	mask, shift := uint64(1)<<t.log-1, 64-t.log
	for i := range n {
		key := keys[i*stride : i*stride+t.keys]
		s := mixN(key) << partitionBits >> shift
		for {
			row := t.rows[int(s)*t.width:]
			if row[0] == 0 {
				row[0] = 1
				for x, word := range key {
					row[1+x] = word
				}
				t.used++
				break
			}
			if equalWords(row[1:1+t.keys], key) {
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

// slot returns the slot of a key, or false.
func (t *table) slot(key []uint64) (uint32, bool) {
	if t.used == 0 {
		return 0, false
	}
	mask := uint64(1)<<t.log - 1
	s := hashKey(key) << partitionBits >> (64 - t.log)
	for {
		row := t.rows[int(s)*t.width:]
		if row[0] == 0 {
			return 0, false
		}
		if equalWords(row[1:1+t.keys], key) {
			return uint32(s), true
		}
		s = (s + 1) & mask
	}
}

// known splits n keys into those that the table has, which it counts, and the others: hit and miss get their
// positions, slots the slots of the hits.
func (t *table) known(keys []uint64, n int, hit, miss []uint16, slots []uint32) (hits, misses []uint16) {
	hit, miss = hit[:0], miss[:0]
	for i := range n {
		key := keys[i*t.keys : i*t.keys+t.keys]
		if s, ok := t.slot(key); ok {
			t.rows[int(s)*t.width]++
			slots[len(hit)] = s
			hit = append(hit, uint16(i))
		} else {
			miss = append(miss, uint16(i))
		}
	}
	return hit, miss
}

// upsert returns the row of a key, and whether it is new: then its count is still 0 and the caller sets it.
func (t *table) upsert(key []uint64) (row []uint64, fresh bool, err error) {
	if err := t.reserve(1); err != nil {
		return nil, false, err
	}
	mask := uint64(1)<<t.log - 1
	s := hashKey(key) << partitionBits >> (64 - t.log)
	for {
		row := t.rows[int(s)*t.width:][:t.width]
		if row[0] == 0 {
			copy(row[1:], key)
			t.used++
			return row, true, nil
		}
		if equalWords(row[1:1+t.keys], key) {
			return row, false, nil
		}
		s = (s + 1) & mask
	}
}

// byPartition returns the offsets of the used rows, partition by partition, and where each partition starts.
func (t *table) byPartition() (rows []uint32, start [partitions + 1]uint32) {
	part := func(at int) int {
		return int(t.hash(at) >> (64 - partitionBits))
	}
	for at := 0; at < len(t.rows); at += t.width {
		if t.rows[at] != 0 {
			start[part(at)+1]++
		}
	}
	for p := range partitions {
		start[p+1] += start[p]
	}
	next := start
	rows = make([]uint32, t.used)
	for at := 0; at < len(t.rows); at += t.width {
		if t.rows[at] != 0 {
			p := part(at)
			rows[next[p]] = uint32(at / t.width)
			next[p]++
		}
	}
	return rows, start
}
