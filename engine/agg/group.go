// Package agg groups rows and computes aggregates over them: GROUP BY, DISTINCT, and aggregates without a key.
//
// A Group is the sink of one pipeline and, once that was combined, the source of a later one. Keys are packed into
// 64-bit words (layout): integers by the range that statistics promise, strings as numbers that an interner shared by
// the workers gives them: all entries of the scan's dictionaries at once, by a merge in parallel, or strings as they
// arrive. States are words too (state), so that groups are rows of words in off-heap tables.
//
// The way to group is chosen from the keys, and changes while rows arrive:
//
//   - no key: one row (keyless);
//   - the packed key has few bits: it is the index of an array (array);
//   - one key, from dictionaries that are known beforehand: an array per dictionary, indexed by code, and then a
//     merge of the dictionaries (dictionary); in place of arrays a table by dictionary and code, as long as few of the
//     entries are met; when only the groups with the most rows are wanted, only the entries that
//     can be among them are merged; rows that dictionaries count already need not be read;
//   - else a hash table per worker (hashed), until it outgrows half the second-level cache, or the first rows show
//     that keys seldom repeat; from then on rows are appended to 256 partitions by hash, and Combine builds one table
//     per partition, each in the cache. When any few groups will do, the first ones are fixed and only they are counted.
//
// count(distinct x) and its like collect (key, x) in sets of their own (keySet), which grow the same way, and are
// counted into the groups at the end.
//
// All tables are charged to the task's account. When it refuses memory, all workers' groups are written to temporary
// files in the binary form of their states, divided into partitions by the hash of the key, and the workers go on with
// empty tables; Combine writes the rest, and Producers then aggregate one partition after the other, each of which may
// be divided again. Distinct values are divided by the hash of key and value, so that those of one group need not fit
// the memory either: their partitions are counted first, into further records of their groups. Only what is one state
// must fit, a list or a batch of rows: else 53200.
//
// # The binary form of groups
//
// Groups are exchanged as records, one or more per group, in any order: in temporary files, and by States and Merge. A
// header tells what they are; it is a record of tagged fields (package storage/field), kept once per collection:
//
//	2   version of the records: 1
//	4   keys, a record each: their types
//	6   number of inputs
//	8   states, a record each: 2 the number of the kind (package aggstate), 4 the input, 6 whether the least is kept, 8
//	    the type of the argument
//	10  distinct sets, a record each: types of the values
//
// A type is a record {2 kind, 4 kind of the elements, 6 width, 8 precision, 10 scale}. Records may be merged where all of
// this is equal; a version or a required field that is not known is refused by name. Records themselves are flat, since
// there is one for every group; integers are little-endian, v is a uvarint, values and states are those of aggstate.
//
//	+---------+-----+-------------------------------------------+---------------------------------------+
//	| flags 1 | key | flag 1: rows v, skipped v per input,      | flag 2: per distinct set, a number of |
//	|         |     | states                                    | values v, and the values              |
//	+---------+-----+-------------------------------------------+---------------------------------------+
//
// The key has a byte per column, 0 for NULL, and 1 before a value. Rows is the number of rows of the group, and may be 0
// in a record that adds to one that came before. Skipped counts those rows that an input of states left out: NULLs, and
// what a FILTER dropped. As an example, a record of GROUP BY an int4 with count(*) and sum of an int2, whose key 7 has
// three rows, one NULL, and the sum 10, is
//
//	01 | 01 07000000 | 03 | 01 | 0a00000000000000
package agg

import (
	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Group is an aggregation: an op.Sink for the rows and, once combined, an op.Source of the groups. It is opened once
// and closed once, after its groups were read.
type Group struct {
	cfg  Config
	acc  *mem.Account // part of the task's: what this aggregation has
	prog *program
	way  way
	lay  hashtable.Layout
	sets []setPlan

	arguments
	keyStrings []*hashtable.Interner
	workers    []*worker
	builders   []*worker // of partitions, one per goroutine of Combine
	out        output

	task    *op.Task
	reading reading  // of the partitions in files
	among   *reading // of a partition: those that are read at the same time
	pressure
	spill   spiller
	spilled profile.Spill
}

// New returns an aggregation. Errors of the configuration come from Open.
func New(cfg Config) *Group { return &Group{cfg: cfg} }

// Types returns the types of the groups: the keys, then the calls.
func (g *Group) Types() []types.Type { return g.cfg.Types() }

// Open compiles the aggregation.
func (g *Group) Open(t *op.Task) (err error) {
	g.acc, g.task = t.Account.Part(), t
	g.spill = spiller{space: t.Spill, stats: &g.spilled}
	if g.prog, err = compile(&g.cfg); err != nil {
		return err
	}
	if err = g.plan(t); errs.Is(err, errs.OutOfMemory) && g.spill.may() && !g.lean {
		g.releaseMemory() // dictionaries need more than there is
		g.lean = true
		err = g.plan(t)
	}
	if err != nil {
		return err
	}
	return nil
}

// plan decides how keys, arguments and distinct values are kept.
func (g *Group) plan(t *op.Task) error {
	g.strings, g.store = map[int]*hashtable.Interner{}, &aggstate.Store{}
	if err := g.openArguments(); err != nil {
		return err
	}
	g.prog.bind(g.store, g.strings)
	if err := g.openKeys(t); err != nil {
		return err
	}
	return g.openSets(t)
}

// Consumer makes the state of one worker.
func (g *Group) Consumer(*op.Task, int) (op.Consumer, error) {
	w, err := g.newWorker(g.sets)
	if w != nil {
		g.workers = append(g.workers, w)
	}
	if errs.Is(err, errs.OutOfMemory) && g.spill.may() && !g.lean {
		err = g.restart() // an array of groups needs more than there is
	}
	if d, ok := g.way.(*dictionary); ok && err == nil && g.cfg.Weight != nil && g.cfg.Weight.Once && d.once.dict == nil {
		err = d.openOnce()
	}
	g.floor = g.acc.Used()
	return &consumer{g, w}, err
}

// Close releases all memory, and the files.
func (g *Group) Close() {
	g.releaseMemory()
	g.spill.close()
	g.workers, g.sets = nil, nil
}

// releaseMemory releases the memory of all groups. Workers stay, without any.
func (g *Group) releaseMemory() {
	for _, w := range g.workers {
		w.release()
	}
	g.releaseBuilders()
	for _, s := range g.keyStrings {
		s.Close()
	}
	for _, s := range g.strings {
		s.Close()
	}
	if g.way != nil {
		g.way.release()
	}
	g.out.release(g.acc)
	g.store.Release(g.acc)
	g.keyStrings, g.strings, g.store = nil, nil, nil
}

func (g *Group) releaseBuilders() {
	for _, w := range g.builders {
		w.release()
	}
	g.builders = nil
}

var (
	_ op.Sink   = (*Group)(nil)
	_ op.Source = (*Group)(nil)
)
