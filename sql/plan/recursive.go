package plan

// Recursive is WITH RECURSIVE name AS (Seed UNION [ALL] Step): the rows of Seed, and then, as long as there are any, those
// that Step makes of the rows before. Step reads them through one WorkScan. Without All, rows that came before are dropped.
type Recursive struct {
	Name       string
	Working    int // unique in the query, from 1: which WorkScan reads it
	Seed, Step Node
	All        bool
	Cols       []Column
}

// recursiveRounds is how often Step is expected to run with as many rows as the seed has, which is what PostgreSQL takes.
const recursiveRounds = 10

// Columns implements Node.
func (n *Recursive) Columns() []Column { return n.Cols }

// Children implements Node.
func (n *Recursive) Children() []Node { return []Node{n.Seed, n.Step} }

func (n *Recursive) over(in []Node) Node {
	c := *n
	c.Seed, c.Step = in[0], in[1]
	return &c
}

func (n *Recursive) mapExprs(*exprMapper) Node { return n }

// Prune implements Node: what nobody reads outside may be read by the next round.
func (n *Recursive) Prune(Set) Node {
	return WithChildren(n, []Node{PruneExact(n.Seed), PruneExact(n.Step)})
}

// Estimate implements Node.
func (n *Recursive) Estimate(e Estimates) float64 {
	e.Rows(n.Step)
	return e.Rows(n.Seed) * recursiveRounds
}

// Title implements Node.
func (n *Recursive) Title() string { return "Recursive Union" }

// Details implements Node.
func (n *Recursive) Details() []Detail { return nil }

// WorkScan reads the rows of the round before, inside of the Step of a Recursive.
type WorkScan struct {
	Working  int
	Name     string
	Cols     []Column
	Ordinals []int // in the columns of the Recursive
}

// workRows is what is expected of a round: more than one row, so that its joins are not nested loops.
const workRows = 100

// Columns implements Node.
func (n *WorkScan) Columns() []Column { return n.Cols }

// Children implements Node.
func (n *WorkScan) Children() []Node { return nil }

func (n *WorkScan) over([]Node) Node { return n }

func (n *WorkScan) mapExprs(*exprMapper) Node { return n }

// Prune implements Node.
func (n *WorkScan) Prune(need Set) Node {
	c := *n
	c.Cols, c.Ordinals = nil, nil
	for i, col := range n.Cols {
		if need.Has(col.ID) {
			c.Cols, c.Ordinals = append(c.Cols, col), append(c.Ordinals, n.Ordinals[i])
		}
	}
	if len(c.Cols) == len(n.Cols) {
		return n
	}
	return &c
}

// Estimate implements Node.
func (n *WorkScan) Estimate(Estimates) float64 { return workRows }

// Title implements Node.
func (n *WorkScan) Title() string { return "WorkTable Scan on " + n.Name }

// Details implements Node.
func (n *WorkScan) Details() []Detail {
	var d details
	d.verbose("Output", names(n.Cols))
	return d
}
