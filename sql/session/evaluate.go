package session

import (
	"context"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// selectOf makes SELECT of some expressions, to have them bound.
func selectOf(nodes []*pg.Node) *pg.Node {
	s := &pg.SelectStmt{LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT, Op: pg.SetOperation_SETOP_NONE}
	for _, n := range nodes {
		s.TargetList = append(s.TargetList, &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: n}}})
	}
	return &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: s}}
}

// typesOf returns the types that PREPARE names.
func (s *Session) typesOf(ctx context.Context, st *parse.Statement, names []*pg.Node) ([]types.Type, error) {
	var casts []*pg.Node
	for _, n := range names {
		null := &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Isnull: true}}}
		casts = append(casts, &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{Arg: null, TypeName: n.GetTypeName()}}})
	}
	q, err := s.bindQuery(ctx, st, selectOf(casts))
	if err != nil {
		return nil, err
	}
	var ts []types.Type
	for _, c := range q.Columns {
		ts = append(ts, c.Type)
	}
	return ts, nil
}

// bindQuery binds a SELECT that was made of parts of a statement.
func (s *Session) bindQuery(ctx context.Context, st *parse.Statement, n *pg.Node) (*bind.Query, error) {
	b := bind.New(&resolver{s: s}, nil, bind.Env{Fn: s.context(ctx)})
	bound, err := b.Statement(parse.Statement{Node: n, Text: st.Text, Source: st.Source})
	if err != nil {
		return nil, err
	}
	q, ok := bound.(*bind.Query)
	if !ok {
		return nil, errs.Internal("expressions bound to %T", bound)
	}
	return q, nil
}

// argumentsAtOnce is how many arguments of EXECUTE are computed by one query: fewer than a select list may have.
const argumentsAtOnce = 1000

// arguments computes the arguments of EXECUTE, converted to the types of the parameters.
func (s *Session) arguments(ctx context.Context, st *parse.Statement, nodes []*pg.Node, want []types.Type) ([]types.Datum, error) {
	var values []types.Datum
	for len(nodes) > 0 {
		n := min(len(nodes), argumentsAtOnce)
		some, err := s.someArguments(ctx, st, nodes[:n], want[:n])
		if err != nil {
			return nil, err
		}
		values, nodes, want = append(values, some...), nodes[n:], want[n:]
	}
	return values, nil
}

func (s *Session) someArguments(ctx context.Context, st *parse.Statement, nodes []*pg.Node, want []types.Type) ([]types.Datum, error) {
	q, err := s.bindQuery(ctx, st, selectOf(nodes))
	if err != nil {
		return nil, err
	}
	proj := &plan.Project{Input: q.Plan}
	id := plan.MaxID(q.Plan)
	for i, c := range q.Columns {
		e := expr.Expr(&expr.Column{Index: int(q.Plan.Columns()[i].ID), Name: c.Name, T: c.Type})
		if c.Type != want[i] {
			e = &expr.Cast{Arg: e, T: want[i], Assignment: true}
		}
		id++
		proj.Exprs = append(proj.Exprs, e)
		proj.Cols = append(proj.Cols, plan.Column{ID: id, Name: c.Name, Type: want[i]})
	}
	var values []types.Datum
	err = s.env(ctx, output{Discard{}}).Query(ctx, proj, func(b *batch.Batch) error {
		for _, v := range b.Cols {
			values = append(values, v.Datum(0))
		}
		return nil
	})
	return values, err
}
