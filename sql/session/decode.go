package session

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format/wire"
	"github.com/siltstone-db/siltstone/storage/types"
)

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

// parameterError says which parameter of which portal an error is about.
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
