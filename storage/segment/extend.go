package segment

import (
	"fmt"
	"io"
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Extend writes a segment that has what s has, and more columns and runs of keys: the first more columns of in, and the keys
// of in, whose columns may be further ones, which are read and not written. All have as many rows as s, in its order: in has
// no order. The buffers of s are copied as they are, and none of them is decoded.
func Extend(w io.Writer, s *Segment, more int, in *Input) (Info, error) {
	for _, c := range in.Columns[:more] {
		if s.Find(c.ID) >= 0 {
			return Info{}, errs.Internal("segment %s has column %d already", s.name, c.ID)
		}
	}
	if in.Rows != s.rows || in.Order != nil {
		return Info{}, errs.Internal("%d more rows for segment %s of %d rows", in.Rows, s.name, s.rows)
	}
	sw := &writer{w: w, in: in}
	defer sw.discharge()
	sw.write(header(in.ID))
	if err := sw.copy(s); err != nil {
		return Info{}, err
	}
	added := make([]*meta, more)
	if err := sw.columns(added); err != nil {
		return Info{}, err
	}
	runs, err := sw.writeKeys()
	if err != nil {
		return Info{}, err
	}
	metas := make([]*meta, 0, len(s.cols)+len(added))
	for i := range s.cols {
		metas = append(metas, s.cols[i].meta)
	}
	if sw.err == nil {
		sw.finish(append(metas, added...), append(slices.Clip(s.keys), runs...))
	}
	if sw.err != nil {
		return Info{}, fmt.Errorf("write segment %d: %w", in.ID, sw.err)
	}
	return Info{in.ID, int64(in.Rows), int64(sw.off)}, nil
}

// copyBytes is what is read at once of a segment that is copied.
const copyBytes = 1 << 20

// copy copies all buffers of a segment, which stay where they are.
func (w *writer) copy(s *Segment) error {
	b := make([]byte, min(copyBytes, s.metadata))
	for at := uint64(headerBytes); at < s.metadata && w.err == nil; at += uint64(len(b)) {
		b = b[:min(uint64(len(b)), s.metadata-at)]
		if err := s.readAt(b, int64(at)); err != nil {
			return s.wrap(err)
		}
		w.write(b)
	}
	return nil
}
