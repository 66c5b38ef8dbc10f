package tokens

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// entryBytes is about what an entry takes in a file.
const entryBytes = 50

// spare is how many entries may lie in files beyond twice those that are known: 3 MB.
const spare = 1 << 16

// Save makes all tokens committed so far durable in the token file.
func (s *Set) Save() error {
	s.mu.Lock()
	list := s.flush
	s.flush = nil
	s.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	if err := s.write(list); err != nil {
		s.mu.Lock()
		s.flush = append(list, s.flush...)
		s.mu.Unlock()
		return err
	}
	s.mu.Lock()
	known := len(s.order)
	s.mu.Unlock()
	if s.written > 2*known+spare {
		return s.rewrite()
	}
	return nil
}

// rewrite copies the tokens that are still known into one new file and removes the others. On a full disk everything
// stays as it is: the next Save, or the next start, tries again.
func (s *Set) rewrite() error {
	s.mu.Lock()
	list := slices.Clone(s.order)
	s.mu.Unlock()
	if s.f != nil {
		s.f.Close() // what was written is synced
		s.f = nil
	}
	old, written := s.files, s.written
	s.files, s.written = nil, 0
	if len(old) > 0 { // also without any token: a directory that had files is known by them
		if err := s.write(list); err != nil {
			s.files, s.written = append(old, s.files...), written
			if vfs.Passes(err) {
				return nil
			}
			return err
		}
	}
	for i, f := range old {
		if err := s.o.FS.Remove(s.name(f.Number)); err != nil {
			s.files = append(old[i:len(old):len(old)], s.files...)
			return vfs.Error("remove", s.name(f.Number), err)
		}
	}
	return nil
}

// write appends entries. Only Save, called by one goroutine at a time, and Open use it. After an error the file is
// given up and the next write starts another.
func (s *Set) write(list []*token) (err error) {
	if s.f == nil {
		if err := s.create(); err != nil {
			return err
		}
	}
	w := field.NewWriter(make([]byte, 0, len(list)*entryBytes))
	for _, k := range list {
		k.writeFields(w)
	}
	a := s.a
	a.Group = a.Offset
	if _, err = s.f.WriteAt(a.Append(nil, 1, s.n+1, w.Record()), s.a.Offset); err == nil {
		err = s.f.SyncData()
	}
	if err != nil {
		err = vfs.Error("write", s.f.Name(), err)
		s.f.Close()
		s.f = nil
		return err
	}
	s.a = a
	s.files[len(s.files)-1].Bytes = a.Offset
	s.n++
	s.written += len(list)
	return nil
}

// File is a token file: its number, and how many bytes of it are durable.
type File struct {
	Number uint64
	Bytes  int64
}

// Files returns the token files, the one that was begun last at the end. Only Save, called by one goroutine at a time,
// changes them.
func (s *Set) Files() []File { return slices.Clone(s.files) }

func (s *Set) name(number uint64) string { return fmt.Sprintf("%s/%06d.tok", s.o.Dir, number) }

func (s *Set) create() error {
	s.number++
	name := s.name(s.number)
	f, err := s.o.FS.Create(name)
	if err != nil {
		return vfs.Error("create", name, err)
	}
	s.files = append(s.files, File{Number: s.number})
	_, err = f.WriteAt(record.AppendHeader(nil, record.Header{Kind: record.Tokens, Number: s.number, First: 1}), 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = s.o.FS.SyncDir(s.o.Dir)
	}
	if err != nil {
		f.Close()
		return vfs.Error("write", name, err)
	}
	s.files[len(s.files)-1].Bytes = record.HeaderBytes
	s.f, s.n, s.a = f, 0, record.Appender{Number: s.number, Offset: record.HeaderBytes}
	return nil
}

// open reads all token files and copies them into one.
func (s *Set) open() error {
	infos, err := s.o.FS.List(s.o.Dir)
	if err != nil {
		return vfs.Error("list", s.o.Dir, err)
	}
	for _, i := range infos {
		var number uint64
		if _, err := fmt.Sscanf(i.Name, "%d.tok", &number); err != nil || !strings.HasSuffix(i.Name, ".tok") {
			continue
		}
		s.number = max(s.number, number)
		s.files = append(s.files, File{number, i.Size})
		if err := readFile(s.o.FS, s.o.Dir+"/"+i.Name, number, func(k token) {
			s.written++
			s.Commit(ID{k.hash, k.content}, k.Write, k.seconds)
		}); err != nil {
			return fmt.Errorf("read the idempotency tokens: %w", err)
		}
	}
	s.flush = nil
	if len(s.files) == 0 {
		return nil
	}
	return s.rewrite()
}

func readFile(fsys vfs.FS, name string, number uint64, add func(token)) error {
	f, err := fsys.Open(name)
	if err != nil {
		return vfs.Error("open", name, err)
	}
	defer f.Close()
	r, err := record.NewReader(f, record.Tokens, number, 1<<30)
	if err != nil {
		return err
	}
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := readEntries(rec.Payload, add); err != nil {
			return fmt.Errorf("file %s: record at offset %d: %w", name, rec.Offset, err)
		}
	}
}

func (k *token) writeFields(w *field.Writer) {
	m := w.Begin(2)
	w.Bytes(2, k.hash[:])
	w.Uint(4, k.Sequence)
	w.Uint(6, uint64(k.Rows))
	w.Uint(8, uint64(k.seconds))
	w.Fixed(10, k.content)
	w.End(m)
}

// readEntries hands the entries of a record to add.
func readEntries(b []byte, add func(token)) error {
	r := field.NewReader("record of tokens", b)
	for r.Next() {
		if r.Number() != 2 {
			r.Unknown()
			continue
		}
		if k := readEntry(r.Record("token")); r.Err() == nil {
			add(k)
		}
	}
	return r.Err()
}

func readEntry(r *field.Reader) (k token) {
	for r.Next() {
		switch r.Number() {
		case 2:
			if b := r.Bytes(); len(b) == len(k.hash) {
				copy(k.hash[:], b)
			} else {
				r.Fail("a hash of %d bytes", len(b))
			}
		case 4:
			k.Sequence = r.Uint()
		case 6:
			k.Rows = int64(r.Uint())
		case 8:
			k.seconds = int64(r.Uint())
		case 10:
			k.content = r.Fixed()
		default:
			r.Unknown()
		}
	}
	return k
}

// Close closes the file and the account.
func (s *Set) Close() error {
	if s.o.Account != nil {
		s.o.Account.Close()
	}
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}
