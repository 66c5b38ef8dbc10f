package counter

import "github.com/siltstone-db/siltstone/storage/field"

// WriteFields writes a move as fields: 2 counter, 4 number, 6 it was given out.
func (m Move) WriteFields(w *field.Writer) {
	w.Uint(2, uint64(m.Counter))
	w.Int(4, m.Last)
	w.Bool(6, m.Called)
}

// Read reads what WriteFields wrote.
func Read(r *field.Reader) (m Move) {
	for r.Next() {
		switch r.Number() {
		case 2:
			n := r.Uint()
			if m.Counter = uint32(n); uint64(m.Counter) != n {
				r.Fail("a counter has the number %d", n)
			}
		case 4:
			m.Last = r.Int()
		case 6:
			m.Called = r.Bool()
		default:
			r.Unknown()
		}
	}
	return m
}
