package manifest

import "github.com/siltstone-db/siltstone/storage/field"

func (h *Held) writeFields(w *field.Writer) {
	w.Uint(22, h.Logged)
	w.Uint(24, h.Log)
	if h.Tokens.Number != 0 {
		h.Tokens.write(w, 26)
	}
	if h.Lost.To != 0 {
		m := w.Begin(30)
		w.Uint(2, h.Lost.After)
		w.Uint(4, h.Lost.To)
		w.End(m)
	}
	w.Int(33, h.Clock)
	if s := h.Stopped; s != nil {
		m := w.Begin(28)
		for _, f := range s.Log {
			f.write(w, 2)
		}
		for _, f := range s.Tokens {
			f.write(w, 4)
		}
		w.End(m)
	}
}

// readField reads a field that is none of the version's or edit's other ones.
func (h *Held) readField(r *field.Reader) {
	switch r.Number() {
	case 22:
		h.Logged = r.Uint()
	case 24:
		h.Log = r.Uint()
	case 26:
		h.Tokens = readPair(r.Record("token file"))
	case 28:
		h.Stopped = readStopped(r.Record("orderly stop"))
	case 30:
		f := readPair(r.Record("lost records"))
		h.Lost = Gap{f.Number, uint64(f.Bytes)}
	case 33:
		h.Clock = r.Int()
	default:
		r.Unknown()
	}
}

func readStopped(r *field.Reader) *Stopped {
	s := &Stopped{}
	for r.Next() {
		switch r.Number() {
		case 2:
			s.Log = append(s.Log, readPair(r.Record("log file")))
		case 4:
			s.Tokens = append(s.Tokens, readPair(r.Record("token file")))
		default:
			r.Unknown()
		}
	}
	return s
}

func (f File) write(w *field.Writer, n field.Number) {
	m := w.Begin(n)
	w.Uint(2, f.Number)
	w.Uint(4, uint64(f.Bytes))
	w.End(m)
}

// readPair reads a record of two numbers.
func readPair(r *field.Reader) (f File) {
	for r.Next() {
		switch r.Number() {
		case 2:
			f.Number = r.Uint()
		case 4:
			f.Bytes = int64(r.Uint())
		default:
			r.Unknown()
		}
	}
	return f
}
