package segment

import (
	"fmt"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Verify reads the whole file once and checks every byte: the checksum of each buffer, that each buffer decodes, that
// the gaps between buffers are zero and that no two buffers overlap. It does not use the cache.
func (s *Segment) Verify() error {
	var all []ref
	for i := range s.cols {
		c := &s.cols[i]
		for b := range c.blocks {
			if err := s.verifyBlock(c, b); err != nil {
				return s.wrap(fmt.Errorf("column %q: block %d: %w", c.Name, b, err))
			}
			all = append(all, c.blocks[b].values, c.blocks[b].validity)
		}
		if c.sample.stored > 0 {
			if err := s.verifySample(c); err != nil {
				return s.wrap(fmt.Errorf("column %q: sample: %w", c.Name, err))
			}
			all = append(all, c.sample)
		}
		if c.dict == nil {
			continue
		}
		_, _, _, size := c.dict.layout()
		dict := make([]byte, size)
		if err := s.loadDictionary(c, dict, nil); err != nil {
			return s.wrap(fmt.Errorf("column %q: dictionary: %w", c.Name, err))
		}
		if err := newDictText(s, c, c.dictionary(dict)).all(nil); err != nil {
			return err
		}
		for _, g := range c.dict.groups {
			all = append(all, g[:]...)
		}
		all = append(all, c.dict.chunks...)
	}
	pages, err := s.verifyKeys()
	if err != nil {
		return s.wrap(err)
	}
	all = append(all, pages...)
	all = slices.DeleteFunc(all, func(r ref) bool { return r.stored == 0 })
	slices.SortFunc(all, func(a, b ref) int { return int(int64(a.offset) - int64(b.offset)) })
	if err := s.verifyGaps(all); err != nil {
		return s.wrap(err)
	}
	return nil
}

func (s *Segment) verifyBlock(c *column, block int) error {
	b := &c.blocks[block]
	if b.values.stored > 0 {
		buf := make([]byte, b.values.plain)
		if err := s.fetch(b.values, buf, nil); err != nil {
			return err
		}
		if err := c.checkValues(block, buf); err != nil {
			return err
		}
	}
	if b.validity.stored > 0 {
		return s.fetch(b.validity, make([]byte, b.validity.plain), nil)
	}
	return nil
}

func (s *Segment) verifySample(c *column) error {
	buf := make([]byte, c.sample.plain)
	if err := s.fetch(c.sample, buf, nil); err != nil {
		return err
	}
	return c.readSample(new(batch.Vector), buf, s.rows)
}

// verifyGaps checks what no checksum covers: the bytes between the buffers, up to the metadata, and between the blobs
// after it.
func (s *Segment) verifyGaps(all []ref) error {
	at := uint64(headerBytes)
	for _, r := range append(all, ref{offset: s.metadata}) {
		if r.offset < at || r.offset-at >= alignment && r.stored > 0 {
			return errs.Corrupt("buffer at %d, the one before ends at %d", r.offset, at)
		}
		if r.offset > at {
			if err := s.verifyGap(make([]byte, r.offset-at), at); err != nil {
				return err
			}
		}
		at = r.offset + uint64(r.stored)
	}
	return s.verifyTail()
}

func (s *Segment) verifyGap(gap []byte, at uint64) error {
	if err := s.readAt(gap, int64(at)); err != nil {
		return err
	}
	if i := slices.IndexFunc(gap, func(b byte) bool { return b != 0 }); i >= 0 {
		return errs.Corrupt("byte %d between buffers is %#x, want 0", at+uint64(i), gap[i])
	}
	return nil
}

// verifyTail checks the gaps between metadata blobs, directory and footer.
func (s *Segment) verifyTail() error {
	tail := make([]byte, s.size-int64(s.metadata))
	if err := s.readAt(tail, int64(s.metadata)); err != nil {
		return err
	}
	f, err := readFooter(tail[len(tail)-footerBytes:], s.size)
	if err != nil {
		return err
	}
	used := make([]bool, len(tail))
	mark := func(off, n uint64) {
		for i := range n {
			used[off-s.metadata+i] = true
		}
	}
	dir, _, err := readDirectory(tail[f.directory-f.metadata:][:f.length], &f)
	if err != nil {
		return err
	}
	for _, e := range dir {
		mark(e.offset, uint64(e.length))
	}
	mark(f.directory, uint64(f.length))
	mark(uint64(s.size)-footerBytes, footerBytes)
	for i, u := range used {
		if !u && tail[i] != 0 {
			return errs.Corrupt("byte %d between buffers is %#x, want 0", s.metadata+uint64(i), tail[i])
		}
	}
	return nil
}
