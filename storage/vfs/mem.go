package vfs

import (
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"sort"
	"sync"
	"syscall"
	"time"
)

// memBlock is the unit in which unsynced contents survive a crash; memSector that in which a block may be torn.
const (
	memBlock  = 4096
	memSector = 512
)

// Mem is a file system in memory that knows what a crash may lose.
//
// Contents: each 4,096-byte block written since the last sync survives or not on its own, in any order, and one in
// eight of the survivors is torn at a sector. The file's unsynced size is lost or kept as a whole; kept bytes that did
// not survive read as before the write, or as zeros. Entries: each create, rename or remove since the directory's last
// SyncDir happens or does not, in order, as one step. Directories themselves are always durable.
type Mem struct {
	mu       sync.Mutex
	live     map[string]*memNode
	durable  map[string]*memNode
	pending  []memOp
	dirs     map[string]bool
	locks    map[string]bool
	capacity int64 // bytes of all files together; 0: no limit
	open     int
}

type memOp struct {
	kind     byte // 'c'reate, 'r'ename, 'd'elete
	from, to string
	node     *memNode
}

// memNode is guarded by its Mem's lock.
type memNode struct {
	data    []byte
	durable []byte
	dirty   map[int64]bool // blocks written since the last sync
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	return &Mem{live: map[string]*memNode{}, durable: map[string]*memNode{}, dirs: map[string]bool{}, locks: map[string]bool{}}
}

// SetCapacity limits the bytes of all files together; writes beyond it fail with ENOSPC. 0 lifts the limit.
func (m *Mem) SetCapacity(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = n
}

// Used returns the bytes of all files.
func (m *Mem) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.usedLocked()
}

// OpenFiles returns the number of files opened and not closed.
func (m *Mem) OpenFiles() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open
}

func (m *Mem) usedLocked() int64 {
	var n int64
	for _, f := range m.live {
		n += int64(len(f.data))
	}
	return n
}

// CrashClone returns what a machine might find after losing power now: what was not synced survives piece by piece
// with probability keep, decided by seed. keep 0 is the strictest disk, 1 a mere kill of the process.
func (m *Mem) CrashClone(seed uint64, keep float64) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	rnd := rand.New(rand.NewPCG(seed, 0x5117))
	survives := func() bool { return keep >= 1 || keep > 0 && rnd.Float64() < keep }
	names := maps.Clone(m.durable)
	for _, op := range m.pending {
		if survives() {
			op.apply(names)
		}
	}
	c := NewMem()
	c.dirs = maps.Clone(m.dirs)
	nodes := map[*memNode]*memNode{}
	sorted := slices.Sorted(maps.Keys(names))
	for _, name := range sorted {
		n := names[name]
		if nodes[n] == nil {
			nodes[n] = n.crash(rnd, survives, keep)
		}
		c.live[name] = nodes[n]
	}
	c.durable = maps.Clone(c.live)
	return c
}

func (op memOp) apply(names map[string]*memNode) {
	switch op.kind {
	case 'c':
		names[op.to] = op.node
	case 'd':
		delete(names, op.from)
	case 'r':
		if names[op.from] == op.node {
			delete(names, op.from)
		}
		names[op.to] = op.node
	}
}

func (n *memNode) crash(rnd *rand.Rand, survives func() bool, keep float64) *memNode {
	size := len(n.durable)
	if len(n.data) != size && survives() {
		size = len(n.data)
	}
	out := make([]byte, size)
	copy(out, n.durable)
	dirty := slices.Sorted(maps.Keys(n.dirty))
	for _, b := range dirty {
		from := b * memBlock
		to := min(from+memBlock, int64(len(n.data)), int64(size))
		if from >= to || !survives() {
			continue
		}
		if keep < 1 && rnd.IntN(8) == 0 {
			to = min(to, from+memSector*int64(rnd.IntN(memBlock/memSector)))
		}
		copy(out[from:to], n.data[from:to])
	}
	return &memNode{data: out, durable: slices.Clone(out), dirty: map[int64]bool{}}
}

func notExist(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

func (m *Mem) create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = path.Clean(name)
	if !m.dirs[path.Dir(name)] {
		return nil, notExist("create", name)
	}
	// An old file of that name keeps its contents until the new entry is durable: truncation is a new node.
	n := &memNode{dirty: map[int64]bool{}}
	m.live[name] = n
	m.pending = append(m.pending, memOp{kind: 'c', to: name, node: n})
	m.open++
	return &memFile{m: m, n: n, name: name, write: true}, nil
}

func (m *Mem) openNode(name string, write bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = path.Clean(name)
	n := m.live[name]
	if n == nil {
		return nil, notExist("open", name)
	}
	m.open++
	return &memFile{m: m, n: n, name: name, write: write}, nil
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) { return m.create(name) }

// Open implements FS.
func (m *Mem) Open(name string) (File, error) { return m.openNode(name, false) }

// OpenWrite implements FS.
func (m *Mem) OpenWrite(name string) (File, error) { return m.openNode(name, true) }

// Rename implements FS.
func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to = path.Clean(from), path.Clean(to)
	n := m.live[from]
	if n == nil {
		return notExist("rename", from)
	}
	op := memOp{kind: 'r', from: from, to: to, node: n}
	op.apply(m.live)
	m.pending = append(m.pending, op)
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = path.Clean(name)
	if m.live[name] == nil {
		return notExist("remove", name)
	}
	op := memOp{kind: 'd', from: name}
	op.apply(m.live)
	m.pending = append(m.pending, op)
	return nil
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for d := path.Clean(dir); !m.dirs[d]; d = path.Dir(d) {
		m.dirs[d] = true
	}
	return nil
}

// List implements FS.
func (m *Mem) List(dir string) ([]Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir = path.Clean(dir)
	if !m.dirs[dir] {
		return nil, notExist("list", dir)
	}
	var infos []Info
	for name, n := range m.live {
		if path.Dir(name) == dir {
			infos = append(infos, Info{Name: path.Base(name), Size: int64(len(n.data))})
		}
	}
	for d := range m.dirs {
		if d != dir && path.Dir(d) == dir {
			infos = append(infos, Info{Name: path.Base(d), Dir: true})
		}
	}
	sort.Slice(infos, func(i, j int) bool { return infos[i].Name < infos[j].Name })
	return infos, nil
}

// Stat implements FS.
func (m *Mem) Stat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = path.Clean(name)
	if n := m.live[name]; n != nil {
		return Info{Name: path.Base(name), Size: int64(len(n.data)), ModTime: time.Unix(0, 0)}, nil
	}
	if m.dirs[name] {
		return Info{Name: path.Base(name), Dir: true}, nil
	}
	return Info{}, notExist("stat", name)
}

// SyncDir implements FS.
func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir = path.Clean(dir)
	rest := m.pending[:0]
	for _, op := range m.pending {
		if op.from != "" && path.Dir(op.from) == dir || op.to != "" && path.Dir(op.to) == dir {
			op.apply(m.durable)
		} else {
			rest = append(rest, op)
		}
	}
	clear(m.pending[len(rest):])
	m.pending = rest
	return nil
}

type memLock struct {
	m    *Mem
	name string
}

// Lock implements FS.
func (m *Mem) Lock(name string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[name] {
		return nil, ErrLocked
	}
	m.locks[name] = true
	return memLock{m, name}, nil
}

func (l memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.m.locks, l.name)
	return nil
}

// Free implements FS.
func (m *Mem) Free(string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.capacity == 0 {
		return 1 << 40, nil
	}
	return uint64(max(0, m.capacity-m.usedLocked())), nil
}

type memFile struct {
	m     *Mem
	n     *memNode
	name  string
	pos   int64
	write bool
	done  bool
}

func (f *memFile) Name() string { return f.name }

func (f *memFile) Write(b []byte) (int, error) {
	n, err := f.WriteAt(b, f.pos)
	f.pos += int64(n)
	return n, err
}

// WriteAt writes what fits, as a full disk does.
func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if !f.write || f.done {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: fs.ErrPermission}
	}
	n := len(b)
	if grow := off + int64(n) - int64(len(f.n.data)); grow > 0 && f.m.capacity > 0 {
		if room := f.m.capacity - f.m.usedLocked(); grow > room {
			n = max(0, n-int(grow-max(0, room)))
		}
	}
	f.put(b[:n], off)
	if n < len(b) {
		return n, &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	return n, nil
}

func (f *memFile) put(b []byte, off int64) {
	if len(b) == 0 {
		return
	}
	if need := off + int64(len(b)); need > int64(len(f.n.data)) {
		f.n.data = append(f.n.data, make([]byte, need-int64(len(f.n.data)))...)
	}
	copy(f.n.data[off:], b)
	for blk := off / memBlock; blk <= (off+int64(len(b))-1)/memBlock; blk++ {
		f.n.dirty[blk] = true
	}
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.done {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrClosed}
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if len(f.n.durable) > len(f.n.data) {
		f.n.durable = f.n.durable[:len(f.n.data)]
	}
	if add := len(f.n.data) - len(f.n.durable); add > 0 {
		f.n.durable = append(f.n.durable, make([]byte, add)...)
	}
	for b := range f.n.dirty {
		from := b * memBlock
		to := min(from+memBlock, int64(len(f.n.data)))
		if from < to {
			copy(f.n.durable[from:to], f.n.data[from:to])
		}
	}
	clear(f.n.dirty)
	return nil
}

func (f *memFile) SyncData() error { return f.Sync() }

func (f *memFile) Preallocate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	grow := size - int64(len(f.n.data))
	if grow <= 0 {
		return nil
	}
	if f.m.capacity > 0 && grow > f.m.capacity-f.m.usedLocked() {
		return &fs.PathError{Op: "fallocate", Path: f.name, Err: syscall.ENOSPC}
	}
	f.n.data = append(f.n.data, make([]byte, grow)...)
	return nil
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if size > int64(len(f.n.data)) {
		f.n.data = append(f.n.data, make([]byte, size-int64(len(f.n.data)))...)
		return nil
	}
	f.n.data = slices.Clip(f.n.data[:size:size])
	// What lies beyond comes back as zeros if the file grows again, once the truncation is durable.
	for b := size / memBlock; b*memBlock < int64(len(f.n.durable)); b++ {
		f.n.dirty[b] = true
	}
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.done {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.done = true
	f.m.open--
	return nil
}
