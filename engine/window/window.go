// Package window computes window functions: functions of a row and of the rows around it.
//
// A Window is the sink of one pipeline and, once that was combined, the source of a later one. Its rows are kept together
// by the keys that all calls partition by, sorted by all keys, and handed out with a column per call:
//
//	batch ─► collector: rows of words, divided by hash ─► unit ─► bundle: sorted, with the first rows of partitions
//	                                │ refused memory                      │ and of peers as bitmaps
//	                                ▼                                     ▼
//	                        spill.Partitions ─► a unit each        a chunk of rows at a time: frames, calls
//
// Calls with different partitions and orders share one sort where one's keys begin the other's (Call.Part, Call.Order).
//
// A row is some 64-bit words: bits of NULLs, then values as in package hashtable; strings are references to dictionaries
// of the snapshot, or to texts. Sort keys of a bundle are packed into as few bits as their ranges need, mostly into one
// word with the row's number, which a radix sort orders.
//
// Frames only move forward: their starts and ends never go back from a row to the next one, also with EXCLUDE, which
// leaves a frame in up to three pieces that do the same. So an aggregate over a frame needs no tree: rows are added at
// its end, and taken away from its start where the state can retract them; where it cannot, the states of the frame's
// suffixes are kept, made anew when the last of them was used up, so that each row is merged a few times whatever the
// frame's size (slider.go).
//
// What does not fit the account goes to files by hash. A part that does not fit by itself is divided again; rows of one
// partition that do not fit are sorted by an order.Sort and kept in pages, of which a few are in memory (pages.go): every
// function works with them, since only row looks at where a row is.
package window

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/order"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Config describes window functions over one order of the rows.
type Config struct {
	In []types.Type
	// Keys order the rows. The partition of a call is by the first Call.Part of them, its order by those up to Call.Order.
	Keys []order.Key
	// Shared is how many leading keys all calls partition by, the least of their Part.
	Shared int
	Calls  []Call
	// Keep are the ordinals of In that are handed on, in front of the calls.
	Keep []int
	// Zone is where days and months are added to a timestamptz by a RANGE frame; nil: UTC.
	Zone *time.Location
	// Top says that only rows with few before them in their partition are wanted; nil: all. Others may come too.
	Top *Top
}

// Top wants the rows whose row_number, or rank, is at most K in a call's partition and order.
type Top struct {
	Part, Order int // as of a Call; Part is Config.Shared
	Ranks       bool
	K           int64
}

// Types returns the types of the columns that come out.
func (c *Config) Types() []types.Type {
	ts := make([]types.Type, 0, len(c.Keep)+len(c.Calls))
	for _, k := range c.Keep {
		ts = append(ts, c.In[k])
	}
	for i := range c.Calls {
		ts = append(ts, c.Calls[i].Result)
	}
	return ts
}

// Window is a sink and a source.
type Window struct {
	cfg     Config
	out     []types.Type
	lay     layout
	task    *op.Task
	texts   texts
	spilled profile.Spill
	files   files
	mu      struct {
		sync.Mutex
		collectors []*collector
	}
	units []*unit
	kept  kept
	next  atomic.Int64 // of units
	rows  int64
}

// New returns a Window.
func New(cfg Config) *Window {
	w := &Window{cfg: cfg, out: cfg.Types()}
	w.lay = newLayout(&w.cfg)
	return w
}

// Types returns the types of the columns kept and of the calls.
func (w *Window) Types() []types.Type { return w.out }

// Spilled returns the counters of what was written to temporary files.
func (w *Window) Spilled() *profile.Spill { return &w.spilled }

// Open gets ready for rows.
func (w *Window) Open(t *op.Task) error {
	w.task = t
	w.texts.open()
	w.files.open(w)
	for i := range w.cfg.Calls {
		if c := &w.cfg.Calls[i]; c.framed() {
			if err := c.Frame.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Consumer makes the state of one worker.
func (w *Window) Consumer(t *op.Task, _ int) (op.Consumer, error) {
	c := newCollector(w, t)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.collectors = append(w.mu.collectors, c)
	return c, nil
}

// Combine makes the units of work: those in files once anything was written.
func (w *Window) Combine(t *op.Task) error {
	cs := w.mu.collectors
	w.mu.collectors = nil
	defer func() {
		for _, c := range cs {
			c.release()
		}
	}()
	held, scattered := int64(0), false
	for _, c := range cs {
		w.rows += int64(c.rows)
		held += c.charged
		scattered = scattered || len(c.parts) > 1
	}
	if t.Spill != nil && (w.files.started() || t.Account.Tight(2*held)) {
		for _, c := range cs {
			if err := c.spill(); err != nil {
				return err
			}
		}
		us, err := w.files.units()
		w.units, w.rows = us, w.files.rows.Load()
		return err
	}
	scattered = w.cfg.Shared > 0 && (scattered || w.rows > scatterRows)
	for _, c := range cs {
		if scattered {
			c.scatter()
		}
		if err := c.charge(); err != nil {
			return err
		}
	}
	w.units = collected(cs, scattered)
	return nil
}

// Rows returns the number of rows.
func (w *Window) Rows() int64 { return w.rows }

// Ordered tells that the rows come in the order of the keys: where nothing keeps them apart. One worker reads them then.
func (w *Window) Ordered() bool { return w.cfg.Shared == 0 }

// Producer hands out units, one after the other.
func (w *Window) Producer(t *op.Task, _ int) (op.Producer, error) {
	return &producer{w: w, t: t, step: max(1, min(t.BatchRows, batch.MaxRows)), out: batch.New(w.out)}, nil
}

// Close gives back what is left of the memory, and the files.
func (w *Window) Close() {
	for _, c := range w.mu.collectors {
		c.release()
	}
	w.mu.collectors = nil
	for _, u := range w.units {
		u.close()
	}
	w.units = nil
	w.kept.release(w)
	w.files.close()
	w.texts.close()
}

var (
	_ op.Sink   = (*Window)(nil)
	_ op.Source = (*Window)(nil)
)
