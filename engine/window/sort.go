package window

import (
	"math/bits"
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// sort orders the rows: ids, and the first rows of those with equal keys.
func (b *bundle) sort() error {
	if err := b.openFirsts(); err != nil {
		return err
	}
	if err := b.charge(int64(b.n) * 4); err != nil {
		return err
	}
	b.ids = make([]uint32, b.n)
	if b.n == 0 {
		return nil
	}
	if len(b.lay.keys) == 0 {
		b.number(func(i int, id uint32) { b.ids[i] = id })
		b.firsts[0].Set(0)
		return b.stopped()
	}
	p, err := b.pack()
	if err != nil {
		return err
	}
	idBits := bits.Len(uint(len(b.chunks)-1)) + chunkBits
	if p.exact && p.bits+idBits <= 64 {
		return b.sortNarrow(p, idBits)
	}
	return b.sortWide(p)
}

// number calls f for each row's number, in the order in which rows lie.
func (b *bundle) number(f func(i int, id uint32)) {
	i := 0
	for c, rows := range b.chunks {
		for r := range len(rows) / b.stride {
			f(i, uint32(c)<<chunkBits|uint32(r))
			i++
		}
	}
}

// sortNarrow sorts words of all codes and the row's number.
func (b *bundle) sortNarrow(p *packing, idBits int) error {
	size := int64(b.n) * 16
	if err := b.charge(size); err != nil {
		return err
	}
	defer b.free(size)
	words := make([]uint64, b.n)
	for k := range p.keys {
		if err := b.stopped(); err != nil {
			return err
		}
		b.addCodes(words, &p.keys[k])
	}
	if err := b.stopped(); err != nil {
		return err
	}
	b.number(func(i int, id uint32) { words[i] = words[i]<<idBits | uint64(id) })
	words, err := radix(words, make([]uint64, b.n), idBits, idBits+p.bits, b.stopped)
	if err != nil {
		return err
	}
	mask := uint64(1)<<idBits - 1
	for i, w := range words {
		b.ids[i] = uint32(w & mask)
	}
	for n, first := range b.firsts {
		if first == nil {
			continue
		}
		shift := idBits + p.behind(n)
		last := ^words[0] >> shift
		if n == 0 || shift >= 64 {
			first.Set(0)
			continue
		}
		for i, w := range words {
			if w >>= shift; w != last {
				first.Set(i)
				last = w
			}
		}
	}
	return b.stopped()
}

// behind returns the bits of the codes behind the first n keys.
func (p *packing) behind(n int) int {
	if n == 0 {
		return p.bits
	}
	return p.keys[n-1].shift
}

// addCodes appends the codes of one key to the words of rows, as they lie. Plain integers, which most keys are, have a
// loop of their own.
func (b *bundle) addCodes(words []uint64, k *keyCode) {
	width, i := uint(k.width), 0
	if k.wide == 1 && !k.text() && !k.nulls && !k.desc && !k.isFloat() {
		lo := k.lo ^ 1<<63
		for n, c := range b.chunks {
			if n%64 == 63 && b.ctx.Err() != nil {
				return // whoever called sees it
			}
			for at := k.at; at < len(c); at += b.stride {
				words[i] = words[i]<<width | (c[at] - lo)
				i++
			}
		}
		return
	}
	for n, c := range b.chunks {
		if n%64 == 63 && b.ctx.Err() != nil {
			return
		}
		for at := 0; at < len(c); at += b.stride {
			x, _ := k.code(c[at:at+b.stride], &b.w.texts)
			words[i] = words[i]<<width | x
			i++
		}
	}
}

// radixMin is how many words a radix sort pays for.
const radixMin = 512

// radix sorts words by their bits from low to high, with b as scratch of the same length, and returns the one of the two
// that has them. Words that are in order already cost one look.
func radix(a, b []uint64, low, high int, stopped func() error) ([]uint64, error) {
	ordered := true
	for i := 1; i < len(a) && ordered; i++ {
		ordered = a[i-1] <= a[i]
	}
	if ordered {
		return a, nil
	}
	if len(a) < radixMin {
		slices.Sort(a)
		return a, nil
	}
	for ; low < high; low += 8 {
		var count [256]int
		for from := 0; from < len(a); from += radixLook {
			for _, w := range a[from:min(len(a), from+radixLook)] {
				count[uint8(w>>low)]++
			}
			if err := stopped(); err != nil {
				return nil, err
			}
		}
		if count[uint8(a[0]>>low)] == len(a) {
			continue
		}
		places(&count)
		for from := 0; from < len(a); from += radixLook {
			for _, w := range a[from:min(len(a), from+radixLook)] {
				d := uint8(w >> low)
				b[count[d]] = w
				count[d]++
			}
			if err := stopped(); err != nil {
				return nil, err
			}
		}
		a, b = b, a
	}
	return a, nil
}

// radixLook is how many entries a pass takes between two looks at the context: some milliseconds.
const radixLook = 1 << 18

// places makes of the numbers of digits where the first of each goes.
func places(count *[256]int) {
	at := 0
	for i, n := range count {
		count[i] = at
		at += n
	}
}

// sortWide sorts entries of up to 128 bits of codes. Rows whose codes do not tell all are compared.
func (b *bundle) sortWide(p *packing) error {
	size := int64(b.n) * 48
	if err := b.charge(size); err != nil {
		return err
	}
	defer b.free(size)
	es := make([]wideEntry, b.n)
	b.number(func(i int, id uint32) { es[i].id = id })
	for k := range p.keys {
		if err := b.stopped(); err != nil {
			return err
		}
		b.addWideCodes(es, &p.keys[k])
	}
	es, err := b.order(es, p)
	if err != nil {
		return err
	}
	for i := range es {
		b.ids[i] = es[i].id
	}
	return b.mark(es, p)
}

func (b *bundle) addWideCodes(es []wideEntry, k *keyCode) {
	width, i := uint(k.width), 0
	for n, c := range b.chunks {
		if n%64 == 63 && b.ctx.Err() != nil {
			return
		}
		for at := 0; at < len(c); at += b.stride {
			x, high := k.code(c[at:at+b.stride], &b.w.texts)
			e := &es[i]
			if width >= 64 {
				e.hi = e.lo<<(width-64) | high
				e.lo = x
			} else {
				e.hi = e.hi<<width | e.lo>>(64-width)
				e.lo = e.lo<<width | x
			}
			i++
		}
	}
}

// order sorts entries: by radix where their codes tell all.
func (b *bundle) order(es []wideEntry, p *packing) ([]wideEntry, error) {
	ordered := p.exact
	for i := 1; i < len(es) && ordered; i++ {
		ordered = es[i-1].compare(&es[i]) <= 0
	}
	if ordered {
		return es, nil
	}
	if p.exact && len(es) >= radixMin {
		return radixWide(es, make([]wideEntry, len(es)), p.bits, b.stopped)
	}
	n, stopped := 0, false
	slices.SortFunc(es, func(x, y wideEntry) int {
		if n++; n >= look && !stopped {
			n, stopped = 0, b.ctx.Err() != nil
		}
		if stopped {
			return 0
		}
		c := x.compare(&y)
		if c == 0 && !p.exact {
			n += 16
			c = b.compareBehind(p, x.id, y.id)
		}
		return c
	})
	if stopped {
		return nil, errs.From(b.ctx.Err())
	}
	return es, nil
}

// compareBehind compares two rows by the keys that their codes do not tell all of.
func (b *bundle) compareBehind(p *packing, x, y uint32) int {
	r, s := b.rowOf(x), b.rowOf(y)
	from := len(p.keys)
	if from > 0 && !p.keys[from-1].exact {
		from--
	}
	for i := from; i < len(b.lay.keys); i++ {
		if c := b.lay.keys[i].compare(r, s, &b.w.texts); c != 0 {
			return c
		}
	}
	return 0
}

// rowOf returns a row by its number.
func (b *bundle) rowOf(id uint32) []uint64 {
	at := int(id&(chunkRows-1)) * b.stride
	return b.chunks[id>>chunkBits][at : at+b.stride]
}

func radixWide(a, b []wideEntry, high int, stopped func() error) ([]wideEntry, error) {
	for low := 0; low < high; low += 8 {
		var count [256]int
		digit := func(e *wideEntry) uint8 {
			if low >= 64 {
				return uint8(e.hi >> (low - 64))
			}
			return uint8(e.lo >> low)
		}
		for i := range a {
			if count[digit(&a[i])]++; i%radixLook == radixLook-1 {
				if err := stopped(); err != nil {
					return nil, err
				}
			}
		}
		if count[digit(&a[0])] == len(a) {
			continue
		}
		places(&count)
		for i := range a {
			d := digit(&a[i])
			b[count[d]] = a[i]
			if count[d]++; i%radixLook == radixLook-1 {
				if err := stopped(); err != nil {
					return nil, err
				}
			}
		}
		a, b = b, a
	}
	return a, nil
}

// mark sets the first rows of those with equal keys.
func (b *bundle) mark(es []wideEntry, p *packing) error {
	for i := range es {
		if i%look == 0 {
			if err := b.stopped(); err != nil {
				return err
			}
		}
		equal := -1
		if i > 0 {
			equal = b.equalTo(p, &es[i-1], &es[i])
		}
		b.markRow(i, equal)
	}
	return nil
}

// equalTo returns how many leading keys of two neighbours are equal.
func (b *bundle) equalTo(p *packing, x, y *wideEntry) int {
	n := len(p.keys)
	if n > 0 && !p.keys[n-1].exact {
		n--
	}
	hi, lo := x.hi^y.hi, x.lo^y.lo
	different := bits.Len64(lo)
	if hi != 0 {
		different = 64 + bits.Len64(hi)
	}
	for i := range p.keys[:n] {
		if different > p.keys[i].shift {
			return i
		}
	}
	if n == len(b.lay.keys) {
		return n
	}
	r, s := b.rowOf(x.id), b.rowOf(y.id)
	for i := n; i < len(b.lay.keys); i++ {
		if b.lay.keys[i].compare(r, s, &b.w.texts) != 0 {
			return i
		}
	}
	return len(b.lay.keys)
}

// markRow notes a row that is equal to the one before it in some leading keys; -1: there is none before it.
func (b *bundle) markRow(i, equal int) {
	for n := equal + 1; n < len(b.firsts); n++ {
		if b.firsts[n] != nil {
			b.firsts[n].Set(i)
		}
	}
}
