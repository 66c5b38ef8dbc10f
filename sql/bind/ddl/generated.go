package ddl

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// serials are the types that serial and the like stand for.
var serials = map[string]types.Kind{"smallserial": types.Int2, "serial2": types.Int2, "serial": types.Int4, "serial4": types.Int4,
	"bigserial": types.Int8, "serial8": types.Int8}

// serial makes a column of serial one of an integer type with a sequence of its own.
func (t *columns) serial(c catalog.Column, d *pg.ColumnDef, name string) (catalog.Column, error) {
	if len(d.TypeName.ArrayBounds) > 0 {
		return c, t.st.Fail(d.TypeName.Location, errs.FeatureNotSupported, "array of serial is not implemented")
	}
	c.Type, c.NotNull = types.T(serials[name]), true
	t.own = append(t.own, OwnSequence{Column: c.Name})
	return c, nil
}

// identity reads GENERATED ... AS IDENTITY.
func (t *columns) identity(c *catalog.Column, k *pg.Constraint) error {
	o, err := sequenceOptions(t.binder, t.st, k.Options, true)
	if err != nil {
		return err
	}
	c.Identity = catalog.ByDefault
	if k.GeneratedWhen == "a" {
		c.Identity = catalog.Always
	}
	if !c.Type.IsInteger() {
		return errs.New(errs.InvalidParameterValue, "identity column type must be smallint, integer, or bigint")
	}
	t.own = append(t.own, OwnSequence{Column: c.Name, Identity: byte(c.Identity), Options: *o})
	return nil
}

// compatible refuses a column that has its values from two places.
func (t *columns) compatible(c *catalog.Column, d *pg.ColumnDef, defaulted bool) error {
	serial := slices.ContainsFunc(t.own, func(o OwnSequence) bool { return o.Column == c.Name && o.Identity == 0 })
	what := ""
	switch {
	case (defaulted || serial) && c.Identity != 0:
		what = "both default and identity"
	case (defaulted || serial) && c.Generated:
		what = "both default and generation expression"
	case c.Identity != 0 && c.Generated:
		what = "both identity and generation expression"
	default:
		return nil
	}
	loc := d.Location
	for _, n := range d.Constraints {
		if k := n.GetConstraint(); k.Contype == pg.ConstrType_CONSTR_IDENTITY || k.Contype == pg.ConstrType_CONSTR_GENERATED ||
			k.Contype == pg.ConstrType_CONSTR_DEFAULT {
			loc = k.Location // of the last, at which it is found
		}
	}
	return t.st.Fail(loc, errs.SyntaxError, "%s specified for column %q of table %q", what, c.Name, t.name)
}

// generate reads the expression of a column that is computed of others, which are all known by now, and returns the
// constraints of the column that are left.
func (t *columns) generate(c *catalog.Column, later []*pg.Constraint) ([]*pg.Constraint, error) {
	for i, k := range later {
		if k.Contype == pg.ConstrType_CONSTR_GENERATED {
			return slices.Delete(slices.Clone(later), i, i+1), t.binder.Generated(t.name, t.list, c, k.RawExpr)
		}
	}
	return later, nil
}
