// Package tokens remembers which idempotency tokens were committed in the last days, so that a client may repeat a
// write. A token lies in its write's log record; before log files are retired it is copied to a token file.
//
// A write claims its token with Begin and ends the claim with Commit or Abort; meanwhile others with the same token wait
// for the outcome. A Set is safe for concurrent use, but for Open, Save and Close, which come one after the other.
//
// A token file "<number>.tok" is a file of package record, kind "TOKN". Each record is tagged fields (package field): 2,
// again and again, is an entry {2 hash, 16 bytes, 4 sequence, 6 rows, 8 seconds since 1970, 10 content, 8 bytes}. The hash
// is XXH3-128 of the table's id in 8 bytes, the client's length in 4, client, key. Opening a directory copies what has not
// expired into one new file, and so does Save when less than half of what lies in the files is known yet.
package tokens

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Options say where the files lie and how much is remembered.
type Options struct {
	FS   vfs.FS
	Dir  string
	Kept time.Duration
	Max  int
	Now  func() time.Time
	// Account is charged for each token that is remembered; it does not refuse. Close closes it.
	Account *mem.Account
}

// Set is the tokens of a database.
type Set struct {
	o     Options
	mu    sync.Mutex
	known map[hash]*token
	order []*token // as committed: the oldest first
	flush []*token // not in a token file yet
	// The files belong to Open and Save. files are all of them, the last is f; written counts their entries.
	files   []File
	written int
	number  uint64
	f       vfs.File
	a       record.Appender
	n       uint64 // records in f
}

type hash [16]byte

// ID is what is known of a token that comes.
type ID struct {
	hash    hash
	content uint64
}

// NewID returns the ID of the token that a client gave a write to a table. content is a hash of what it sent, 0 when
// nobody knows.
func NewID(table uint64, client, key string, content uint64) ID {
	b := binary.LittleEndian.AppendUint64(nil, table)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(client)))
	b = append(append(b, client...), key...)
	return ID{hash: xxh3.Hash128(b).Bytes(), content: content}
}

// Write is what a token was committed with.
type Write struct {
	Sequence uint64
	Rows     int64
}

type token struct {
	Write
	hash    hash
	seconds int64
	content uint64
	pending chan struct{} // not nil until its write is decided
}

// memory is about what a remembered token takes: its entry, its place in the order and in the table.
const memory = 150

// Open reads the tokens of a directory.
func Open(o Options) (*Set, error) {
	s := &Set{o: o, known: map[hash]*token{}}
	return s, s.open()
}

// Begin claims a token. It returns the entry of a write that was committed with it before, or a claim, which the
// caller ends with Commit or Abort. While another write with the token is on its way it waits for the outcome.
func (s *Set) Begin(ctx context.Context, id ID) (known *Write, err error) {
	for {
		s.mu.Lock()
		k := s.known[id.hash]
		if k == nil {
			s.known[id.hash] = &token{hash: id.hash, pending: make(chan struct{})}
			s.mu.Unlock()
			return nil, nil
		}
		pending := k.pending
		s.mu.Unlock()
		if pending == nil {
			if k.content != id.content && k.content != 0 && id.content != 0 {
				return nil, errs.New(errs.InvalidParameterValue, "the idempotency key was used for other rows before").
					WithHint("Use a new key for each batch of rows; repeat a key only with the same batch.")
			}
			return &k.Write, nil
		}
		select {
		case <-pending:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Abort gives a claim back.
func (s *Set) Abort(id ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.known[id.hash]; k != nil && k.pending != nil {
		delete(s.known, id.hash)
		close(k.pending)
	}
}

// Commit notes a token whose record is durable, claimed before or replayed.
func (s *Set) Commit(id ID, w Write, seconds int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.known[id.hash]
	if k == nil {
		k = &token{hash: id.hash}
		s.known[id.hash] = k
	} else if k.pending == nil {
		return // replayed, and in a token file too
	}
	k.Write, k.seconds, k.content = w, seconds, id.content
	s.order = append(s.order, k)
	_ = s.o.Account.Reserve(memory)
	s.flush = append(s.flush, k)
	if k.pending != nil {
		close(k.pending)
		k.pending = nil
	}
	s.expireLocked()
}

// expireLocked forgets tokens that are too old, and the oldest when there are too many.
func (s *Set) expireLocked() {
	limit := s.o.Now().Add(-s.o.Kept).Unix()
	n := 0
	for n < len(s.order) && (s.order[n].seconds < limit || len(s.order)-n > s.o.Max) {
		delete(s.known, s.order[n].hash)
		n++
	}
	if n > 0 {
		clear(s.order[:n])
		s.order = s.order[n:] // append makes room in front, now and then
		s.o.Account.Free(int64(n) * memory)
	}
}
