package plan

// CTEScan reads the rows of a shared subplan: Cols[i] is its column From[i]. One of the readers may use the numbers of
// the subplan as they are, so the numbers of a plan and those of a subplan that it reads are not distinct.
type CTEScan struct {
	Shared *Shared
	Alias  string
	Cols   []Column
	From   []ID
}

// Columns implements Node.
func (n *CTEScan) Columns() []Column { return n.Cols }

// Children implements Node: the subplan is none (Shared).
func (n *CTEScan) Children() []Node { return nil }

func (n *CTEScan) over([]Node) Node { return n }

func (n *CTEScan) mapExprs(*exprMapper) Node { return n }

// Prune implements Node.
func (n *CTEScan) Prune(need Set) Node {
	c := *n
	c.Cols, c.From = nil, nil
	for i, col := range n.Cols {
		if need.Has(col.ID) {
			c.Cols, c.From = append(c.Cols, col), append(c.From, n.From[i])
		}
	}
	if len(c.Cols) == len(n.Cols) {
		return n
	}
	return &c
}

// Estimate implements Node.
func (n *CTEScan) Estimate(e Estimates) float64 {
	rows := e.Rows(n.Shared.Plan)
	for i, c := range n.Cols {
		e.Same(c.ID, n.From[i])
	}
	return rows
}

// Title implements Node.
func (n *CTEScan) Title() string {
	if n.Alias == n.Shared.Name {
		return "CTE Scan on " + n.Alias
	}
	return "CTE Scan on " + n.Shared.Name + " " + n.Alias
}

// Details implements Node.
func (n *CTEScan) Details() []Detail {
	var d details
	d.verbose("Output", names(n.Cols))
	return d
}
