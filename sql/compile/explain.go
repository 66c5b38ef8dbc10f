package compile

import (
	"fmt"
	"slices"
	"time"

	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// Node is a line of EXPLAIN with what stands below it. The counters are filled when an analyzed program has run.
type Node struct {
	Title    string
	Estimate float64 // rows, -1 when not estimated
	Details  []plan.Detail
	Children []*Node
	Shared   []*Node // the shared subplans of the program, at its root
	name     string  // of a shared subplan, at its top

	counters     *scan.Counters
	spill        *profile.Spill
	out          *profile.Piece // what handed the rows on
	pipeline     *profile.Pipeline
	piece        int // -1: the source
	sink         *profile.Piece
	sinkPipeline *profile.Pipeline
}

// explain makes the node of a logical operator, which knows what it is called and what is told of it. Without EXPLAIN it
// costs one small allocation.
func (c *compiler) explain(n plan.Node, children ...*Node) *Node {
	node := &Node{Estimate: -1}
	if c.env.Estimate != nil {
		node.Title, node.Details = n.Title(), n.Details()
		node.Estimate = c.env.Estimate(n)
		for _, ch := range children {
			if ch != nil {
				node.Children = append(node.Children, ch)
			}
		}
	}
	return node
}

// without drops a detail of the logical operator in whose place others tell what is done.
func (n *Node) without(name string) {
	n.Details = slices.DeleteFunc(n.Details, func(d plan.Detail) bool { return d.Name == name })
}

func (n *Node) detail(name, text string) {
	if text != "" {
		n.Details = append(n.Details, plan.Detail{Name: name, Text: text})
	}
}

// Rows returns the rows that the node handed on, and the time spent in it summed over the workers; false when the
// program was not analyzed or the node has no piece of its own.
func (n *Node) Rows() (rows int64, spent time.Duration, ok bool) {
	if n.out == nil {
		return 0, 0, false
	}
	if n.piece < 0 {
		spent = time.Duration(n.out.Inside.Load())
	} else {
		spent = n.pipeline.Self(n.piece)
	}
	if n.sink != nil {
		spent += time.Duration(n.sink.Inside.Load() + n.sink.Combine.Load())
	}
	return n.out.RowsOut.Load(), spent, true
}

// Show says what of a tree is printed.
type Show struct{ Analyze, Verbose, Costs, Timing bool }

// Text prints the tree as EXPLAIN (FORMAT TEXT) does, one line per element.
func (n *Node) Text(show Show) []string { return n.line(show).Lines() }

// line returns the node and what stands below it, to be printed.
func (n *Node) line(show Show) *plan.Line {
	l := &plan.Line{Title: n.Title, Details: n.shown(show)}
	if show.Costs && n.Estimate >= 0 {
		l.Title += fmt.Sprintf("  (rows=%.0f)", max(n.Estimate, 1))
	}
	if rows, spent, ok := n.Rows(); ok && show.Analyze {
		l.Title += " (actual"
		if show.Timing {
			l.Title += fmt.Sprintf(" time=%.3f ms", float64(spent.Microseconds())/1000)
		}
		l.Title += fmt.Sprintf(" rows=%d)", rows)
	}
	for _, c := range n.Shared {
		l.Shared = append(l.Shared, plan.SharedLine{Name: c.name, Root: c.line(show)})
	}
	for _, c := range n.Children {
		l.Children = append(l.Children, c.line(show))
	}
	return l
}

// shown returns the details that are asked for.
func (n *Node) shown(show Show) []plan.Detail {
	var ds []plan.Detail
	for _, d := range n.Details {
		if show.Verbose || !d.Verbose {
			ds = append(ds, d)
		}
	}
	if show.Analyze {
		ds = append(ds, n.ranDetails()...)
	}
	return ds
}

// ranDetails tells what a piece wrote to temporary files, and what a scan touched.
func (n *Node) ranDetails() []plan.Detail {
	if n.spill != nil && n.spill.Partitions.Load() > 0 {
		return []plan.Detail{{Name: "Spilled", Text: fmt.Sprintf("%d bytes in %d partitions", n.spill.Bytes.Load(), n.spill.Partitions.Load())}}
	}
	if n.counters == nil {
		return nil
	}
	c := n.counters
	ds := []plan.Detail{
		{Name: "Segments", Text: fmt.Sprintf("%d, pruned %d", c.Segments.Load(), c.SegmentsPruned.Load())},
		{Name: "Zones", Text: fmt.Sprintf("%d, pruned %d", c.Zones.Load(), c.ZonesPruned.Load())},
		{Name: "Rows Scanned", Text: fmt.Sprintf("%d, live %d, returned %d", c.RowsScanned.Load(), c.LiveRows.Load(), c.RowsReturned.Load())},
		{Name: "Conditions", Text: fmt.Sprintf("on packed codes %d, on decoded values %d, dictionary entries %d", c.RowsOnPacked.Load(),
			c.RowsDecodedForTerms.Load(), c.EntriesFiltered.Load())},
		{Name: "Values Decoded", Text: fmt.Sprint(c.ValuesDecoded.Load())},
	}
	if b := c.BytesRead.Load(); b > 0 {
		ds = append(ds, plan.Detail{Name: "Bytes Read", Text: fmt.Sprint(b)})
	}
	return ds
}

// JSON returns the tree in the shape of EXPLAIN (FORMAT JSON): ordered keys and values for an encoder.
func (n *Node) JSON(show Show) map[string]any {
	m := map[string]any{"Node Type": n.Title}
	if n.Estimate >= 0 {
		m["Plan Rows"] = int64(max(n.Estimate, 1))
	}
	if rows, spent, ok := n.Rows(); ok && show.Analyze {
		m["Actual Rows"], m["Actual Total Time"] = rows, float64(spent.Microseconds())/1000
	}
	for _, d := range n.shown(show) {
		m[d.Name] = d.Text
	}
	if len(n.Shared)+len(n.Children) > 0 {
		kids := make([]any, 0, len(n.Shared)+len(n.Children))
		for _, c := range n.Shared {
			sub := c.JSON(show)
			sub["Parent Relationship"], sub["Subplan Name"] = "InitPlan", "CTE "+c.name
			kids = append(kids, sub)
		}
		for _, c := range n.Children {
			kids = append(kids, c.JSON(show))
		}
		m["Plans"] = kids
	}
	return m
}
