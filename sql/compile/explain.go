package compile

import (
	"fmt"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// Node is a line of EXPLAIN with what stands below it. The counters are filled when an analyzed program has run.
type Node struct {
	Title    string
	Estimate float64 // rows, -1 when not estimated
	Details  []Detail
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

// Detail is a property of a node.
type Detail struct{ Name, Text string }

// explain makes the node of a logical operator. Without EXPLAIN it costs one small allocation.
func (c *compiler) explain(n plan.Node, title string, children ...*Node) *Node {
	node := &Node{Title: title, Estimate: -1}
	if c.env.Estimate != nil {
		node.Estimate = c.env.Estimate(n)
		for _, ch := range children {
			if ch != nil {
				node.Children = append(node.Children, ch)
			}
		}
	}
	return node
}

func (n *Node) detail(name, text string) {
	if text != "" {
		n.Details = append(n.Details, Detail{name, text})
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

// Text prints the tree as EXPLAIN (FORMAT TEXT) does, one line per element.
func (n *Node) Text(analyze, costs, timing bool) []string {
	var lines []string
	n.text(&lines, 0, analyze, costs, timing)
	return lines
}

func (n *Node) text(lines *[]string, depth int, analyze, costs, timing bool) {
	head := strings.Repeat("      ", max(depth-1, 0))
	indent := head
	if depth > 0 {
		head += "  ->  "
		indent += "      "
	}
	line := head + n.Title
	if costs && n.Estimate >= 0 {
		line += fmt.Sprintf("  (rows=%.0f)", max(n.Estimate, 1))
	}
	if analyze {
		if rows, spent, ok := n.Rows(); ok {
			line += " (actual"
			if timing {
				line += fmt.Sprintf(" time=%.3f ms", float64(spent.Microseconds())/1000)
			}
			line += fmt.Sprintf(" rows=%d)", rows)
		}
	}
	*lines = append(*lines, line)
	for _, d := range append(n.Details, n.ranDetails(analyze)...) {
		*lines = append(*lines, indent+"  "+d.Name+": "+d.Text)
	}
	for _, c := range n.Shared {
		*lines = append(*lines, indent+"  CTE "+c.name)
		from := len(*lines)
		c.text(lines, depth+1, analyze, costs, timing)
		for i := from; i < len(*lines); i++ {
			(*lines)[i] = "  " + (*lines)[i]
		}
	}
	for _, c := range n.Children {
		c.text(lines, depth+1, analyze, costs, timing)
	}
}

// ranDetails tells what a piece wrote to temporary files, and what a scan touched.
func (n *Node) ranDetails(analyze bool) []Detail {
	if !analyze {
		return nil
	}
	if n.spill != nil && n.spill.Partitions.Load() > 0 {
		return []Detail{{"Spilled", fmt.Sprintf("%d bytes in %d partitions", n.spill.Bytes.Load(), n.spill.Partitions.Load())}}
	}
	if n.counters == nil {
		return nil
	}
	c := n.counters
	ds := []Detail{
		{"Segments", fmt.Sprintf("%d, pruned %d", c.Segments.Load(), c.SegmentsPruned.Load())},
		{"Zones", fmt.Sprintf("%d, pruned %d", c.Zones.Load(), c.ZonesPruned.Load())},
		{"Rows Scanned", fmt.Sprintf("%d, live %d, returned %d", c.RowsScanned.Load(), c.LiveRows.Load(), c.RowsReturned.Load())},
		{"Conditions", fmt.Sprintf("on packed codes %d, on decoded values %d, dictionary entries %d", c.RowsOnPacked.Load(),
			c.RowsDecodedForTerms.Load(), c.EntriesFiltered.Load())},
		{"Values Decoded", fmt.Sprint(c.ValuesDecoded.Load())},
	}
	if b := c.BytesRead.Load(); b > 0 {
		ds = append(ds, Detail{"Bytes Read", fmt.Sprint(b)})
	}
	return ds
}

// JSON returns the tree in the shape of EXPLAIN (FORMAT JSON): ordered keys and values for an encoder.
func (n *Node) JSON(analyze bool) map[string]any {
	m := map[string]any{"Node Type": n.Title}
	if n.Estimate >= 0 {
		m["Plan Rows"] = int64(max(n.Estimate, 1))
	}
	if rows, spent, ok := n.Rows(); ok && analyze {
		m["Actual Rows"], m["Actual Total Time"] = rows, float64(spent.Microseconds())/1000
	}
	for _, d := range append(n.Details, n.ranDetails(analyze)...) {
		m[d.Name] = d.Text
	}
	if len(n.Shared)+len(n.Children) > 0 {
		kids := make([]any, 0, len(n.Shared)+len(n.Children))
		for _, c := range n.Shared {
			sub := c.JSON(analyze)
			sub["Parent Relationship"], sub["Subplan Name"] = "InitPlan", "CTE "+c.name
			kids = append(kids, sub)
		}
		for _, c := range n.Children {
			kids = append(kids, c.JSON(analyze))
		}
		m["Plans"] = kids
	}
	return m
}
