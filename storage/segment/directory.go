package segment

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
)

// blobRef says where the metadata blob of a column lies.
type blobRef struct {
	offset      uint64
	length, crc uint32
}

// The fields of a directory.
const (
	columnField field.Number = 2
	keyField    field.Number = 4
)

func appendDirectory(dst []byte, dir []blobRef, runs []keyRun) []byte {
	w := field.NewWriter(dst)
	for _, e := range dir {
		m := w.Begin(columnField)
		w.Uint(2, e.offset)
		w.Uint(4, uint64(e.length))
		w.Fixed(6, uint64(e.crc))
		w.End(m)
	}
	for i := range runs {
		runs[i].append(w)
	}
	return w.Record()
}

// readDirectory reads the directory of a file with a footer.
func readDirectory(b []byte, f *footer) (dir []blobRef, runs []keyRun, err error) {
	if got := checksum(b); got != f.crc {
		return nil, nil, errs.Corrupt("directory: checksum %08x, want %08x", got, f.crc)
	}
	r := field.NewReader("directory", b)
	for r.Next() {
		switch r.Number() {
		case columnField:
			e := readBlobRef(r.Record("column of the directory"))
			if e.offset < f.metadata || e.offset > f.directory || uint64(e.length) > f.directory-e.offset {
				r.Fail("column %d: metadata of %d bytes at %d", len(dir), e.length, e.offset)
			}
			dir = append(dir, e)
		case keyField:
			runs = append(runs, readRun(r.Record("key of the directory"), int(f.rows), f.metadata))
		default:
			r.Unknown()
		}
	}
	if len(dir) != int(f.columns) {
		r.Fail("%d columns, want %d", len(dir), f.columns)
	}
	return dir, runs, r.Err()
}

func readBlobRef(r *field.Reader) (e blobRef) {
	for r.Next() {
		switch r.Number() {
		case 2:
			e.offset = r.Uint()
		case 4:
			e.length = uint32(min(r.Uint(), math.MaxUint32))
		case 6:
			e.crc = uint32(r.Fixed())
		default:
			r.Unknown()
		}
	}
	return e
}
