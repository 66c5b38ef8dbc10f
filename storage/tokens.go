package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// tokens knows which idempotency tokens were committed in the last days. A token lies in its write's log record; when
// log files are retired it has been copied to a token file before.
//
// A token file "<number>.tok" in tokens/ is a file of package record, kind "TOKN". Each record holds entries of 48
// bytes: 16 bytes hash of the token (XXH3-128 of the client's length in 4 bytes, client, key), sequence, rows, seconds
// since 1970, content, little-endian. Opening a database copies what has not expired into one new file, and so does save when
// less than half of what lies in the files is known yet.
type tokens struct {
	fs   vfs.FS
	dir  string
	keep time.Duration
	max  int
	now  func() time.Time
	// account is charged tokenMemory for each token that is remembered; it does not refuse.
	account *mem.Account
	mu      sync.Mutex
	known   map[tokenHash]*token
	order   []*token // as committed: the oldest first
	flush   []*token // not in a token file yet
	// The files belong to open and save. files names all of them, the last is f; written counts their entries.
	files   []string
	written int
	number  uint64
	f       vfs.File
	a       record.Appender
	n       uint64 // records in f
}

type tokenHash [16]byte

// tokenID is what is known of a token that comes.
type tokenID struct {
	hash    tokenHash
	content uint64
}

type token struct {
	hash     tokenHash
	sequence uint64
	rows     int64
	seconds  int64
	content  uint64
	pending  chan struct{} // not nil until its write is decided
}

const tokenBytes = 48

// tokensSpare is how many entries may lie in files beyond twice those that are known: 3 MB.
const tokensSpare = 1 << 16

// tokenMemory is about what a remembered token takes: its entry, its place in the order and in the table.
const tokenMemory = 150

func hashToken(t *table.Token) tokenID {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(t.Client)))
	b = append(append(b, t.Client...), t.Key...)
	return tokenID{hash: xxh3.Hash128(b).Bytes(), content: t.Content}
}

// begin claims a token. It returns the entry of a write that was committed with it before, or a claim, which the
// caller ends with commit or abort. While another write with the token is on its way it waits for the outcome.
func (t *tokens) begin(ctx context.Context, id tokenID) (known *token, err error) {
	for {
		t.mu.Lock()
		k := t.known[id.hash]
		if k == nil {
			t.known[id.hash] = &token{hash: id.hash, pending: make(chan struct{})}
			t.mu.Unlock()
			return nil, nil
		}
		pending := k.pending
		t.mu.Unlock()
		if pending == nil {
			if k.content != id.content && k.content != 0 && id.content != 0 {
				return nil, errs.New(errs.InvalidParameterValue, "the idempotency key was used for other rows before").
					WithHint("Use a new key for each batch of rows; repeat a key only with the same batch.")
			}
			return k, nil
		}
		select {
		case <-pending:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// abort gives a claim back.
func (t *tokens) abort(id tokenID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.known[id.hash]; k != nil && k.pending != nil {
		delete(t.known, id.hash)
		close(k.pending)
	}
}

// commit notes a token whose record is durable, claimed before or replayed.
func (t *tokens) commit(id tokenID, sequence uint64, rows, seconds int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.known[id.hash]
	if k == nil {
		k = &token{hash: id.hash}
		t.known[id.hash] = k
	} else if k.pending == nil {
		return // replayed, and in a token file too
	}
	k.sequence, k.rows, k.seconds, k.content = sequence, rows, seconds, id.content
	t.order = append(t.order, k)
	_ = t.account.Reserve(tokenMemory)
	t.flush = append(t.flush, k)
	if k.pending != nil {
		close(k.pending)
		k.pending = nil
	}
	t.expireLocked()
}

// expireLocked forgets tokens that are too old, and the oldest when there are too many.
func (t *tokens) expireLocked() {
	limit := t.now().Add(-t.keep).Unix()
	n := 0
	for n < len(t.order) && (t.order[n].seconds < limit || len(t.order)-n > t.max) {
		delete(t.known, t.order[n].hash)
		n++
	}
	if n > 0 {
		clear(t.order[:n])
		t.order = t.order[n:] // append makes room in front, now and then
		t.account.Free(int64(n) * tokenMemory)
	}
}

// save makes all tokens committed so far durable in the token file.
func (t *tokens) save() error {
	t.mu.Lock()
	list := t.flush
	t.flush = nil
	t.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	if err := t.write(list); err != nil {
		t.mu.Lock()
		t.flush = append(list, t.flush...)
		t.mu.Unlock()
		return err
	}
	t.mu.Lock()
	known := len(t.order)
	t.mu.Unlock()
	if t.written > 2*known+tokensSpare {
		return t.rewrite()
	}
	return nil
}

// rewrite copies the tokens that are still known into one new file and removes the others. On a full disk everything
// stays as it is: the next save, or the next start, tries again.
func (t *tokens) rewrite() error {
	t.mu.Lock()
	list := slices.Clone(t.order)
	t.mu.Unlock()
	if t.f != nil {
		t.f.Close() // what was written is synced
		t.f = nil
	}
	old, written := t.files, t.written
	t.files, t.written = nil, 0
	if len(list) > 0 {
		if err := t.write(list); err != nil {
			t.files, t.written = append(old, t.files...), written
			if errs.Is(err, errs.DiskFull) {
				return nil
			}
			return err
		}
	}
	for i, name := range old {
		if err := t.fs.Remove(name); err != nil {
			t.files = append(t.files, old[i:]...)
			return vfs.Error("remove", name, err)
		}
	}
	return nil
}

// write appends entries. Only save, called by one goroutine at a time, and open use it. After an error the file is
// given up and the next write starts another.
func (t *tokens) write(list []*token) (err error) {
	if t.f == nil {
		if err := t.create(); err != nil {
			return err
		}
	}
	b := make([]byte, 0, len(list)*tokenBytes)
	for _, k := range list {
		b = append(b, k.hash[:]...)
		b = binary.LittleEndian.AppendUint64(b, k.sequence)
		b = binary.LittleEndian.AppendUint64(b, uint64(k.rows))
		b = binary.LittleEndian.AppendUint64(b, uint64(k.seconds))
		b = binary.LittleEndian.AppendUint64(b, k.content)
	}
	a := t.a
	a.Group = a.Offset
	if _, err = t.f.WriteAt(a.Append(nil, 1, t.n+1, b), t.a.Offset); err == nil {
		err = t.f.SyncData()
	}
	if err != nil {
		err = vfs.Error("write", t.f.Name(), err)
		t.f.Close()
		t.f = nil
		return err
	}
	t.a = a
	t.n++
	t.written += len(list)
	return nil
}

func (t *tokens) create() error {
	t.number++
	name := fmt.Sprintf("%s/%06d.tok", t.dir, t.number)
	f, err := t.fs.Create(name)
	if err != nil {
		return vfs.Error("create", name, err)
	}
	t.files = append(t.files, name)
	_, err = f.WriteAt(record.AppendHeader(nil, record.Header{Kind: record.Tokens, Number: t.number, First: 1}), 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = t.fs.SyncDir(t.dir)
	}
	if err != nil {
		f.Close()
		return vfs.Error("write", name, err)
	}
	t.f, t.n, t.a = f, 0, record.Appender{Number: t.number, Offset: record.HeaderBytes}
	return nil
}

// open reads all token files and copies them into one.
func (t *tokens) open() error {
	t.known = map[tokenHash]*token{}
	infos, err := t.fs.List(t.dir)
	if err != nil {
		return vfs.Error("list", t.dir, err)
	}
	for _, i := range infos {
		var number uint64
		if _, err := fmt.Sscanf(i.Name, "%d.tok", &number); err != nil || !strings.HasSuffix(i.Name, ".tok") {
			continue
		}
		t.number = max(t.number, number)
		t.files = append(t.files, t.dir+"/"+i.Name)
		if err := readTokens(t.fs, t.dir+"/"+i.Name, number, func(k token) {
			t.written++
			t.commit(tokenID{k.hash, k.content}, k.sequence, k.rows, k.seconds)
		}); err != nil {
			return fmt.Errorf("read the idempotency tokens: %w", err)
		}
	}
	t.flush = nil
	if len(t.files) == 0 {
		return nil
	}
	return t.rewrite()
}

func readTokens(fsys vfs.FS, name string, number uint64, add func(token)) error {
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
		if len(rec.Payload)%tokenBytes != 0 {
			return errs.Corrupt("file %s: record at offset %d: %d bytes are no whole tokens", name, rec.Offset, len(rec.Payload))
		}
		for b := rec.Payload; len(b) > 0; b = b[tokenBytes:] {
			k := token{
				sequence: binary.LittleEndian.Uint64(b[16:]), rows: int64(binary.LittleEndian.Uint64(b[24:])),
				seconds: int64(binary.LittleEndian.Uint64(b[32:])), content: binary.LittleEndian.Uint64(b[40:]),
			}
			copy(k.hash[:], b)
			add(k)
		}
	}
}

func (t *tokens) close() error {
	if t.account != nil {
		t.account.Close()
	}
	if t.f == nil {
		return nil
	}
	return t.f.Close()
}
