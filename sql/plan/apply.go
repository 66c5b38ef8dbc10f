package plan

// Apply runs Right once per row of Left, with Left's columns as parameters: a correlated subquery that was not
// unnested. Kind is Inner (LATERAL), Left, Semi, Anti, Single or Mark.
type Apply struct {
	Kind        JoinKind
	Left, Right Node
	MarkColumn  Column
}

// Columns implements Node.
func (n *Apply) Columns() []Column { return n.Kind.columns(n.Left, n.Right, n.MarkColumn) }

// Children implements Node.
func (n *Apply) Children() []Node { return []Node{n.Left, n.Right} }

func (n *Apply) over(in []Node) Node {
	return &Apply{Kind: n.Kind, Left: in[0], Right: in[1], MarkColumn: n.MarkColumn}
}

func (n *Apply) mapExprs(*exprMapper) Node { return n }

// Prune implements Node.
func (n *Apply) Prune(need Set) Node {
	need = need.with()
	for _, c := range FreeColumns(n.Right) {
		need.Add(ID(c.Index))
	}
	return pruneInputs(n, need)
}

// Estimate implements Node.
func (n *Apply) Estimate(e Estimates) float64 {
	l, r := e.Rows(n.Left), e.Rows(n.Right)
	switch n.Kind {
	case Inner, Left:
		return l * r
	case Semi, Anti:
		return l / 2
	}
	return l
}

// Title implements Node.
func (n *Apply) Title() string { return "Apply " + n.Kind.String() }

// Details implements Node.
func (n *Apply) Details() []Detail { return nil }
