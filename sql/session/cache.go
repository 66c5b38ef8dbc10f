package session

import (
	"container/list"
	"context"
	"sync"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/sql/stmt"
	"github.com/siltstone-db/siltstone/storage/catalog"
)

// planCacheEntries bounds the cache: a dashboard repeats some hundred texts, and a plan takes some ten kilobytes.
// Texts longer than planTextBytes (bulk INSERTs) come once, and would only push the others out.
const (
	planCacheEntries = 1024
	planTextBytes    = 16 << 10
	planCacheBytes   = 32 << 20 // as parse.Weight has it: a plan of 16 KiB of IN list takes a MB
)

// planKey is what an optimized plan depends on, apart from statistics.
type planKey struct {
	text, params, path, zone, style, passes string
	catalog                                 uint64
}

// planCache remembers commands by their text, the most recently used ones. Commands are immutable, so sessions share
// them. It is safe for concurrent use.
type planCache struct {
	limit int
	mu    struct {
		sync.Mutex
		entries map[planKey]*list.Element
		order   list.List // of *planEntry, most recently used first
		bytes   int64     // weight of all entries
	}
}

type planEntry struct {
	key   planKey
	bytes int64
	cmd   *stmt.Command
	rows  []tableRows
}

// tableRows is the number of rows that a table had when a plan was made.
type tableRows struct {
	table catalog.TableID
	rows  int64
}

func newPlanCache(limit int) *planCache {
	c := &planCache{limit: limit}
	c.mu.entries = map[planKey]*list.Element{}
	return c
}

// get returns a command, or nil. A plan whose tables have become more than twice as large, or half as small, is
// forgotten: its joins may stand in the wrong order.
func (c *planCache) get(ctx context.Context, key planKey, tx *stmt.Tx) *stmt.Command {
	c.mu.Lock()
	el, ok := c.mu.entries[key]
	if !ok {
		c.mu.Unlock()
		return nil
	}
	c.mu.order.MoveToFront(el)
	e := el.Value.(*planEntry)
	c.mu.Unlock()
	for _, t := range e.rows {
		rel, err := tx.Table(ctx, t.table)
		if err != nil {
			return nil
		}
		if now := rel.Rows(); now > 2*t.rows+1000 || t.rows > 2*now+1000 {
			c.drop(key)
			return nil
		}
	}
	return e.cmd
}

func (c *planCache) put(ctx context.Context, key planKey, cmd *stmt.Command, tx *stmt.Tx) {
	e := &planEntry{key: key, cmd: cmd, bytes: parse.Weight(key.text)}
	e.read(ctx, cmd.Plan, tx)
	for _, s := range plan.SharedOf(cmd.Plan) {
		e.read(ctx, s.Plan, tx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.mu.entries[key]; ok {
		el.Value = e
		return
	}
	c.mu.entries[key] = c.mu.order.PushFront(e)
	c.mu.bytes += e.bytes
	for len(c.mu.entries) > c.limit || c.mu.bytes > planCacheBytes {
		c.removeLocked(c.mu.order.Back())
	}
}

// read notes how many rows the tables of a plan have.
func (e *planEntry) read(ctx context.Context, n plan.Node, tx *stmt.Tx) {
	plan.Walk(n, func(n plan.Node) bool {
		if sc, ok := n.(*plan.Scan); ok && sc.Table != nil {
			if rel, err := tx.Table(ctx, sc.Table.ID); err == nil {
				e.rows = append(e.rows, tableRows{sc.Table.ID, rel.Rows()})
			}
		}
		return true
	})
}

func (c *planCache) drop(key planKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.mu.entries[key]; ok {
		c.removeLocked(el)
	}
}

func (c *planCache) removeLocked(el *list.Element) {
	e := el.Value.(*planEntry)
	c.mu.order.Remove(el)
	delete(c.mu.entries, e.key)
	c.mu.bytes -= e.bytes
}

// clear forgets everything (DISCARD PLANS).
func (c *planCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.order.Init()
	clear(c.mu.entries)
	c.mu.bytes = 0
}
