// Package metamorphic holds the storage against a plain model: a History is random operations under random options, Run
// does them on a database in memory and on slices of rows, and every answer must be the same, whatever was sealed,
// restarted, cut off by a crash, or refused by a disk in between.
//
// A History is a function of its seed. It is text, a line per setting or operation, so that one that failed is kept as
// a file; any part of it is a history as well, since an operation that finds nothing to work on does nothing. That is
// what lets Shrink leave lines out for as long as the rest still fails.
//
// What depends on goroutines (when the sealer writes, how commits at the same time meet) is not part of a history: a
// run may differ from another in it, and must be right in each.
package metamorphic

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// History is settings of the database and operations on it.
type History struct {
	Settings []Setting
	Ops      []Op
}

// Setting is an option of the database.
type Setting struct {
	Name  string
	Value int64
}

// Op is an operation. What its numbers mean is said where its kind is done; Seed decides all that is random in it.
type Op struct {
	Kind  string
	Table int // one of a few
	Slot  int // of transactions and snapshots, one of a few
	N     int
	Seed  uint64
}

// String prints the operation as Parse reads it.
func (o Op) String() string {
	return fmt.Sprintf("%s t=%d s=%d n=%d seed=%d", o.Kind, o.Table, o.Slot, o.N, o.Seed)
}

// String prints the history as Parse reads it.
func (h *History) String() string {
	var b strings.Builder
	for _, s := range h.Settings {
		fmt.Fprintf(&b, "set %s %d\n", s.Name, s.Value)
	}
	for _, o := range h.Ops {
		fmt.Fprintln(&b, o)
	}
	return b.String()
}

// Parse reads what String has printed. Empty lines and those that begin with # are left out.
func Parse(text string) (*History, error) {
	h := &History{}
	for n, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || strings.HasPrefix(f[0], "#"):
		case f[0] == "set" && len(f) == 3:
			v, err := strconv.ParseInt(f[2], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n+1, err)
			}
			h.Settings = append(h.Settings, Setting{f[1], v})
		default:
			var o Op
			if _, err := fmt.Sscanf(line, "%s t=%d s=%d n=%d seed=%d", &o.Kind, &o.Table, &o.Slot, &o.N, &o.Seed); err != nil {
				return nil, fmt.Errorf("line %d: %q: %w", n+1, line, err)
			}
			if actions[o.Kind] == nil {
				return nil, fmt.Errorf("line %d: unknown operation %q", n+1, o.Kind)
			}
			h.Ops = append(h.Ops, o)
		}
	}
	return h, nil
}

// The numbers of things that operations name.
const (
	tableSlots = 3
	otherSlots = 3 // of transactions, and of snapshots
)

// weights say how often an operation comes. Those of transactions are many, since each is one step of one.
var weights = []struct {
	kind   string
	weight int
}{
	{"create", 6}, {"drop", 1}, {"swap", 4}, {"options", 2}, {"alter", 7}, {"append", 22}, {"delete", 10}, {"update", 6}, {"several", 6}, {"truncate", 2},
	{"token", 5}, {"parallel", 4}, {"race", 3},
	{"begin", 8}, {"xappend", 16}, {"xdelete", 6}, {"xupdate", 6}, {"xtruncate", 2}, {"xalter", 5}, {"savepoint", 5}, {"rollbackto", 4}, {"xread", 6},
	{"commit", 8}, {"abort", 2},
	{"snapshot", 5}, {"reread", 6}, {"release", 2}, {"read", 16}, {"parts", 6}, {"counted", 4},
	{"checkpoint", 5}, {"vacuum", 3}, {"cluster", 2}, {"reindex", 2}, {"restart", 3}, {"crash", 4}, {"cut", 8}, {"full", 2}, {"fault", 3}, {"heal", 5}, {"flip", 1},
}

// Generate returns the history of a seed with a number of operations.
func Generate(seed uint64, ops int) *History {
	r := rand.New(rand.NewPCG(seed, 0x51175))
	h := &History{Settings: settings(r)}
	total := 0
	for _, w := range weights {
		total += w.weight
	}
	for t := range tableSlots {
		h.Ops = append(h.Ops, Op{Kind: "create", Table: t, Seed: r.Uint64N(1e6)})
	}
	for len(h.Ops) < ops {
		n := r.IntN(total)
		i := 0
		for n >= weights[i].weight {
			n -= weights[i].weight
			i++
		}
		h.Ops = append(h.Ops, Op{weights[i].kind, r.IntN(tableSlots), r.IntN(otherSlots), number(r), r.Uint64N(1e6)})
	}
	return h
}

// number is small mostly, and large now and then.
func number(r *rand.Rand) int {
	switch r.IntN(24) {
	case 0:
		return 1000 + r.IntN(9000)
	case 1, 2, 3:
		return 100 + r.IntN(900)
	}
	return 1 + r.IntN(80)
}

func settings(r *rand.Rand) []Setting {
	var list []Setting
	pick := func(name string, values ...int64) {
		list = append(list, Setting{name, values[r.IntN(len(values))]})
	}
	pick("seal_rows", 20, 50, 300, 3000, 9000, 100000)
	pick("seal_age_ms", 1, 20, 3600000, 3600000)
	pick("live_bytes", 200<<10, 2<<20, 64<<20)
	pick("cache_bytes", 1, 64<<10, 8<<20)
	pick("log_file", 4096, 16384, 1<<20)
	pick("seal_workers", 1, 2, 4)
	pick("batch_rows", 0, 0, 1, 3, 100)
	pick("serve_damaged", 0, 1)
	pick("merge_fanout", 2, 3, 8)
	pick("merge_rows", 60, 1000, 1<<20)
	return list
}
