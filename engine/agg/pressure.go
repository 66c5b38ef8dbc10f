package agg

import (
	"errors"
	"sync"

	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// How groups share the account with the pieces around them. A Group that takes rows goes to files when little is left
// and much of what is gone is its own (mem.Account.Tight), so that the pieces below it, which may be reading their own
// files one partition at a time, get what these need. Groups that are read leave room to the pieces above them: those in
// memory are written after all when little is left, and the partitions that are read at once take half of the limit
// together. Where that is not enough, fewer workers read partitions, and the last one divides its own further.

// pressure is what a Group knows of how often it ran out of memory.
type pressure struct {
	floor      int64        // what acc held when the tables were empty
	world      sync.RWMutex // held to read while a worker takes a batch, to write while everything is spilled
	generation int          // how often everything was spilled
	lean       bool         // the tables are made without the scan's dictionaries, and do not become partitions
	merged     int          // records since then
}

// own returns what the groups have taken since they were empty. Dictionaries that were merged are the groups' as well,
// since they are done without the next time.
func (g *Group) own() int64 {
	n := g.acc.Used()
	if g.lean {
		n -= g.floor
	}
	return n
}

// crowded tells that the groups should make room without having been refused.
func (g *Group) crowded() bool {
	n := int64(g.readers())
	return n > 0 && g.acc.Limit() > 0 && g.acc.Used()*n > g.acc.Limit()/2 || g.acc.Tight(g.own()*max(1, n))
}

// short returns the refusal that a worker met in this batch and got around with what it had in reserve.
func (w *worker) short() error {
	if w.g.spill.space.Force() || w.g.crowded() {
		return errForced
	}
	for _, sc := range [2]*hashtable.Scatter{w.clean, w.flagged} {
		if sc != nil && sc.Refused != nil {
			return sc.Refused
		}
	}
	for _, s := range w.sets {
		if s.parts != nil && s.parts.Refused != nil {
			return s.parts.Refused
		}
	}
	return nil
}

// errForced stands for a refusal when none was met, but a test wants one or others need the memory.
var errForced = errs.New(errs.OutOfMemory, "spilling is forced")

// tooLarge is the error when spilling does not help.
func tooLarge(cause error) error {
	e := *errs.From(cause)
	return e.WithHint("One group, or a batch of rows, needs more memory than the query may have: raise work_mem.")
}

// makeRoom makes room unless another worker has done so since the refusal.
func (g *Group) makeRoom(generation int, cause error) error {
	if !g.spill.may() {
		if errors.Is(cause, errForced) {
			return nil
		}
		return cause
	}
	g.world.Lock()
	defer g.world.Unlock()
	if g.generation != generation {
		return nil
	}
	return g.empty()
}

// empty writes all groups and starts with empty tables; called with the world.
func (g *Group) empty() error {
	if err := g.flush(); err != nil {
		return err
	}
	return g.restart()
}

// restart releases the memory of all groups and makes the workers' states again, without the dictionaries of the scan:
// numbers of strings are counted from 1 again.
func (g *Group) restart() error {
	keys := g.fixedKeys()
	g.releaseMemory()
	g.generation++
	g.merged = 0
	g.lean = true
	if err := g.plan(g.task); err != nil {
		return err
	}
	for _, w := range g.workers {
		fresh, err := g.newWorker(g.sets)
		if fresh != nil {
			*w = *fresh
		}
		if err != nil {
			return err
		}
	}
	g.floor = g.acc.Used()
	return g.fixAgain(keys)
}

// fixedKeys returns the keys of groups that were fixed, in binary form.
func (g *Group) fixedKeys() (keys [][]byte) {
	h, ok := g.way.(*hashed)
	if !ok {
		return nil
	}
	f := h.fixed.Load()
	if f == nil {
		return nil
	}
	for at := 0; at < len(f.keys.Rows); at += f.keys.Width {
		if f.keys.Rows[at] != 0 {
			keys = append(keys, g.way.appendKey(nil, f.keys.Rows[at+1:at+1+f.keys.Keys]))
		}
	}
	return keys
}

// fixAgain fixes the groups of these keys.
func (g *Group) fixAgain(keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	tab := hashtable.NewTable(g.acc, g.lay.Words, 0)
	defer tab.Release()
	key := make([]uint64, g.lay.Words)
	for _, b := range keys {
		x := reader{aggstate.NewReader(b), g}
		x.key(key)
		if err := x.Done(); err != nil {
			return err
		}
		row, _, err := tab.Upsert(key)
		if err != nil {
			return err
		}
		row[0] = 1
	}
	h := g.way.(*hashed) // that of all keys where memory is short
	h.limited = true
	return h.fix(tab)
}

// abandon undoes a Combine that was refused memory: the workers' tables and partitions have all rows still, or again.
func (g *Group) abandon() {
	g.releaseBuilders()
	for i, t := range g.out.tables {
		if t == g.workers[0].tab {
			g.out.tables[i] = nil
		}
	}
	g.out.release(g.acc)
	g.out = output{}
	for i := range g.sets { // values that were counted already are still in their sets
		for _, x := range g.sets[i].states {
			s := &g.prog.states[x]
			for _, w := range g.workers {
				for at := 1 + g.lay.Words + s.at; at < len(w.tab.Rows); at += w.tab.Width {
					clear(w.tab.Rows[at : at+s.Words])
				}
			}
		}
	}
}
