package vfs

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"sort"
	"sync"
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
	data, durable             []byte
	dataShared, durableShared bool           // with another node or each other: copied before it is changed
	dirty                     map[int64]bool // blocks written since the last sync
}

// own makes the contents changeable.
func (n *memNode) own() {
	if n.dataShared {
		n.data, n.dataShared = slices.Clone(n.data), false
	}
}

// ownDurable is own for what a crash keeps.
func (n *memNode) ownDurable() {
	if n.durableShared {
		n.durable, n.durableShared = slices.Clone(n.durable), false
	}
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
