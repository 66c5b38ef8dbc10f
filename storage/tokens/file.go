package tokens

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

const entryBytes = 48

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
	if len(list) > 0 {
		if err := s.write(list); err != nil {
			s.files, s.written = append(old, s.files...), written
			if errs.Is(err, errs.DiskFull) {
				return nil
			}
			return err
		}
	}
	for i, name := range old {
		if err := s.o.FS.Remove(name); err != nil {
			s.files = append(s.files, old[i:]...)
			return vfs.Error("remove", name, err)
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
	b := make([]byte, 0, len(list)*entryBytes)
	for _, k := range list {
		b = append(b, k.hash[:]...)
		b = binary.LittleEndian.AppendUint64(b, k.Sequence)
		b = binary.LittleEndian.AppendUint64(b, uint64(k.Rows))
		b = binary.LittleEndian.AppendUint64(b, uint64(k.seconds))
		b = binary.LittleEndian.AppendUint64(b, k.content)
	}
	a := s.a
	a.Group = a.Offset
	if _, err = s.f.WriteAt(a.Append(nil, 1, s.n+1, b), s.a.Offset); err == nil {
		err = s.f.SyncData()
	}
	if err != nil {
		err = vfs.Error("write", s.f.Name(), err)
		s.f.Close()
		s.f = nil
		return err
	}
	s.a = a
	s.n++
	s.written += len(list)
	return nil
}

func (s *Set) create() error {
	s.number++
	name := fmt.Sprintf("%s/%06d.tok", s.o.Dir, s.number)
	f, err := s.o.FS.Create(name)
	if err != nil {
		return vfs.Error("create", name, err)
	}
	s.files = append(s.files, name)
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
		s.files = append(s.files, s.o.Dir+"/"+i.Name)
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
		if len(rec.Payload)%entryBytes != 0 {
			return errs.Corrupt("file %s: record at offset %d: %d bytes are no whole tokens", name, rec.Offset, len(rec.Payload))
		}
		for b := rec.Payload; len(b) > 0; b = b[entryBytes:] {
			k := token{
				Write:   Write{binary.LittleEndian.Uint64(b[16:]), int64(binary.LittleEndian.Uint64(b[24:]))},
				seconds: int64(binary.LittleEndian.Uint64(b[32:])), content: binary.LittleEndian.Uint64(b[40:]),
			}
			copy(k.hash[:], b)
			add(k)
		}
	}
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
