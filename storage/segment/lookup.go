package segment

import (
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/keys"
)

// Lookup appends the places whose keys may be those that probes look for, which are sorted by their hashes: of each page
// the filter is read first, and then, when a hash has passed, the entries. What is read stays in the cache, as columns do.
func (s *Segment) Lookup(key int, probes []keys.Probe, out []keys.Match) ([]keys.Match, error) {
	k := &s.keys[key]
	for from := 0; from < len(probes); {
		page := k.run.PageOf(probes[from].Hash)
		to := from + 1
		for to < len(probes) && k.run.PageOf(probes[to].Hash) == page {
			to++
		}
		var err error
		if out, err = s.lookupPage(k, page, probes, from, to, out); err != nil {
			return out, s.wrap(err)
		}
		from = to
	}
	return out, nil
}

// lookupPage is Lookup for the probes of one page.
func (s *Segment) lookupPage(k *keyRun, page int, probes []keys.Probe, from, to int, out []keys.Match) ([]keys.Match, error) {
	filter, err := s.keyFilter(k, page)
	if err != nil {
		return out, err
	}
	defer filter.Release()
	bits := filter.Bytes()
	for from < to && !keys.MayHave(bits, probes[from].Hash) {
		from++
	}
	if from == to {
		return out, nil
	}
	buf, err := s.keyEntries(k, page)
	if err != nil {
		return out, err
	}
	defer buf.Release()
	view := k.run.Page(buf.Bytes())
	for i := from; i < to; i++ {
		h := probes[i].Hash
		if !keys.MayHave(bits, h) {
			continue
		}
		for a, b := view.Find(h); a < b; a++ {
			out = append(out, keys.Match{Probe: i, Place: view.Place(a)})
		}
	}
	return out, nil
}

// Probes appends the hashes and places of the entries of a page of a key, sorted. n is the number of pages.
func (s *Segment) Probes(key, page int, dst []keys.Probe) ([]keys.Probe, error) {
	k := &s.keys[key]
	buf, err := s.keyEntries(k, page)
	if err != nil {
		return dst, s.wrap(err)
	}
	defer buf.Release()
	view := k.run.Page(buf.Bytes())
	for i, h := range view.Hashes(nil, page) {
		dst = append(dst, keys.Probe{Hash: h, Row: uint64(view.Place(i))})
	}
	return dst, nil
}

// KeyRun returns the shape of a key's run.
func (s *Segment) KeyRun(key int) keys.Run { return s.keys[key].run }

// keyFilter returns the pinned filter of a page.
func (s *Segment) keyFilter(k *keyRun, page int) (*cache.Buffer, error) {
	r := k.pages[page].filter
	at := cache.Key{File: s.file, Offset: r.offset}
	if b := s.cache.Lookup(at); b != nil {
		return b, nil
	}
	return s.cache.Load(at, int(r.plain), func(dst []byte) error { return s.readFilter(k, page, dst) })
}

// keyEntries returns the pinned entries of a page.
func (s *Segment) keyEntries(k *keyRun, page int) (*cache.Buffer, error) {
	r := k.pages[page].entries
	at := cache.Key{File: s.file, Offset: r.offset}
	if b := s.cache.Lookup(at); b != nil {
		return b, nil
	}
	return s.cache.Load(at, int(r.plain), func(dst []byte) error { return s.readEntries(k, page, dst) })
}
