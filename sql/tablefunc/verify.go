package tablefunc

import (
	"fmt"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// ownFunctions are those of schema siltstone.
var ownFunctions = map[string]*tableFunction{
	"verify": {args: []types.Type{types.T(types.Regclass)},
		cols: []catalog.Column{{Name: "segment", Type: types.T(types.Int8)}, {Name: "row_numbers", Type: types.T(types.Text)},
			{Name: "rows", Type: types.T(types.Int8)}, {Name: "source_rows", Type: types.T(types.Int8)},
			{Name: "hash", Type: types.T(types.Text)}, {Name: "source_hash", Type: types.T(types.Text)},
			{Name: "source", Type: types.T(types.Text)}, {Name: "equal", Type: types.T(types.Bool)},
			{Name: "problem", Type: types.T(types.Text)}}, run: verify},
}

// verify reads all segments of a table and tells what they hold, what they should hold, and what else is wrong with them.
func verify(e *Env, args []types.Datum) ([][]types.Datum, error) {
	if args[0].Null {
		return nil, nil
	}
	t := e.Catalog().TableByOID(uint32(args[0].I))
	if t == nil {
		return nil, errs.New(errs.WrongObjectType, "relation with OID %d is not a table", uint32(args[0].I))
	}
	lines, err := e.DB.Verify(e.Fn.Ctx, t.ID)
	if errs.Is(err, errs.UndefinedTable) { // the transaction has made it, or it was dropped since
		return nil, nil
	}
	count := func(n int64) types.Datum { return types.IntOf(types.T(types.Int8), n) }
	text := func(s string) types.Datum {
		d := types.TextOf(s)
		d.Null = s == ""
		return d
	}
	var rows [][]types.Datum
	for i := range lines {
		l := &lines[i]
		row := []types.Datum{count(int64(l.Segment)), text(l.Numbers()), count(l.Rows), count(l.Of.Rows), text(fmt.Sprintf("%016x", l.Hash)),
			text(fmt.Sprintf("%016x", l.Of.Hash)), text(string(l.Source)), types.BoolOf(l.Equal()), text(l.Problem())}
		if l.Source == "" { // nothing to read
			for _, k := range []int{2, 3, 4, 5, 7} {
				row[k].Null = true
			}
		}
		rows = append(rows, row)
	}
	return rows, err
}
