package session

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format/wire"
	"github.com/siltstone-db/siltstone/storage/types"
)

func lower(s string) string { return strings.ToLower(s) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// parameterTypes turns OIDs of Parse into types; 0 and unknown stay open.
func parameterTypes(oids []uint32) ([]types.Type, error) {
	if len(oids) == 0 {
		return nil, nil
	}
	ts := make([]types.Type, len(oids))
	for i, oid := range oids {
		if oid == 0 {
			ts[i] = types.T(types.Unknown)
			continue
		}
		t, ok := pgtype.TypeByOID(oid)
		if !ok {
			return nil, errs.New(errs.UndefinedObject, "type with OID %d does not exist", oid)
		}
		ts[i] = t
	}
	return ts, nil
}

// decode turns the values of Bind into values of the parameters' types. Errors say which parameter of which portal it was,
// and not its value, which may be a secret.
func (s *Session) decode(ctx context.Context, portal string, ts []types.Type, params []Parameter) ([]types.Datum, error) {
	values := make([]types.Datum, len(params))
	set := s.TypeSettings()
	for i, p := range params {
		t := ts[i]
		if t.Kind == types.Unknown || t.Kind == types.Invalid {
			t = types.T(types.Text)
		}
		d, err := pgtype.Decode(t, p.Format, p.Value, set)
		if isName(t) && p.Format == pgtype.FormatText && p.Value != nil {
			d, err = compile.Constant(&expr.Cast{Arg: &expr.Const{Value: types.TextOf(string(p.Value))}, T: t}, s.context(ctx))
		}
		if err != nil {
			return nil, parameterError(err, portal, i+1, p.Format)
		}
		values[i] = d
	}
	return values, nil
}

// isName tells the types whose text is a name that the catalog resolves.
func isName(t types.Type) bool {
	switch t.Kind {
	case types.Regclass, types.Regtype, types.Regproc, types.Regnamespace:
		return true
	}
	return false
}

func parameterError(err error, portal string, number int, format int16) error {
	e := *errs.From(err)
	e.Context = fmt.Sprintf("unnamed portal parameter $%d", number)
	if portal != "" {
		e.Context = fmt.Sprintf("portal \"%s\" parameter $%d", portal, number)
	}
	switch {
	case format == pgtype.FormatText:
		e.Context += " = '...'"
	case e.Code == errs.InvalidBinaryRepresentation && e.Message == wire.LeftoverBinary:
		e.Message += fmt.Sprintf(" in bind parameter %d", number)
	}
	return &e
}

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

// arguments computes the arguments of EXECUTE, converted to the types of the parameters.
func (s *Session) arguments(ctx context.Context, st *parse.Statement, nodes []*pg.Node, want []types.Type) ([]types.Datum, error) {
	if len(nodes) == 0 {
		return nil, nil
	}
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
	err = s.env(ctx, output{silent{}}).Query(ctx, proj, func(b *batch.Batch) error {
		for _, v := range b.Cols {
			values = append(values, v.Datum(0))
		}
		return nil
	})
	return values, err
}

// TypeSettings returns the settings that the text forms of values depend on, for package pgtype. The value is the
// caller's; it is not changed when a setting is.
func (s *Session) TypeSettings() *types.Settings {
	set := typeSettings(s.settings)
	set.Names = s
	return set
}

// RegName implements types.Namer.
func (s *Session) RegName(d types.Datum) (string, bool) {
	name, ok, err := s.Lookup("reg_out", d)
	return name.S, ok && err == nil && !name.Null
}
