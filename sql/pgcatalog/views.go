package pgcatalog

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// ruleOIDs is the base of numbers of the rules by which PostgreSQL keeps views.
const ruleOIDs = 0x68000000

// getViewDef is pg_get_viewdef(oid | name [, ...]): the query of a view, NULL for all else.
func getViewDef(e *Env, args []types.Datum) (types.Datum, bool, error) {
	oid := uint32(args[0].I)
	if args[0].Type.Kind == types.Text {
		parts := append([]string{""}, SplitName(args[0].S)...)
		oid, _ = e.resolve(parts[len(parts)-2], parts[len(parts)-1])
	}
	v, ok := e.Catalog().ByOID(oid).(*catalog.View)
	if !ok {
		return nullText, true, nil
	}
	return types.TextOf(viewText(e, v)), true, nil
}

// viewText returns the query of a view by the names that things have now: a relation that is called otherwise than when the
// view was made, or whose columns are, has its old names as aliases.
func viewText(e *Env, v *catalog.View) string {
	sts, err := parse.Parse(v.Query)
	if err != nil || len(sts) != 1 {
		return v.Query + ";"
	}
	tree := proto.Clone(sts[0].Node).(*pg.Node)
	parse.RangeVars(tree, func(n *pg.RangeVar) {
		i := slices.IndexFunc(v.Reads, func(r catalog.Read) bool { return r.Schema == n.Schemaname && r.Name == n.Relname })
		if i >= 0 {
			rename(e.Catalog(), n, &v.Reads[i])
		}
	})
	text, err := parse.Query(tree.GetSelectStmt())
	if err != nil {
		return v.Query + ";"
	}
	return " " + text + ";"
}

// rename gives a reference to a relation its name of now.
func rename(s *catalog.Snapshot, n *pg.RangeVar, r *catalog.Read) {
	var columns []catalog.Column
	o := s.Object(r.Relation)
	switch o := o.(type) {
	case *catalog.Table:
		columns = o.Columns
	case *catalog.View:
		columns = o.Columns
	default:
		return
	}
	h := o.Common()
	if n.Schemaname = h.Schema; n.Alias == nil && h.Name != r.Name {
		n.Alias = &pg.Alias{Aliasname: r.Name}
	}
	n.Relname = h.Name
	var names []*pg.Node // of then, in today's order
	changed := false
	for _, c := range r.Columns {
		at := slices.IndexFunc(columns, func(x catalog.Column) bool { return x.ID == c.ID })
		if at < 0 {
			continue
		}
		changed = changed || columns[at].Name != c.Name
		names = append(names, pg.MakeStrNode(c.Name))
	}
	if !changed {
		return
	}
	if n.Alias == nil {
		n.Alias = &pg.Alias{Aliasname: r.Name}
	}
	n.Alias.Colnames = append(n.Alias.Colnames, names[min(len(n.Alias.Colnames), len(names)):]...)
}

// fillRewrite lists the rules of views, through which tools look for what views depend on.
func fillRewrite(e *Env, b *builder) {
	for v := range e.views() {
		b.add("oid", ruleOIDs+v.OID, "rulename", "_RETURN", "ev_class", v.OID, "ev_type", "1", "ev_enabled", "O", "is_instead", true)
	}
}
