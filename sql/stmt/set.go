package stmt

import (
	"fmt"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// setVariable runs SET and RESET.
func setVariable(env *Env, n *pg.VariableSetStmt) (string, error) {
	switch n.Kind {
	case pg.VariableSetKind_VAR_RESET_ALL:
		return "RESET", env.Session.Reset("")
	case pg.VariableSetKind_VAR_RESET:
		if strings.EqualFold(n.Name, "session_authorization") {
			return "RESET", nil
		}
		return "RESET", env.Session.Reset(n.Name)
	case pg.VariableSetKind_VAR_SET_MULTI:
		return setMany(env, n)
	}
	if err := warnLocal(env, n); err != nil {
		return "", err
	}
	own := strings.EqualFold(n.Name, "session_authorization") // which is what it is: nobody becomes somebody else
	if n.Kind == pg.VariableSetKind_VAR_SET_DEFAULT {
		if own {
			return "SET", nil
		}
		return "SET", env.Session.Reset(n.Name)
	}
	v, err := setValue(n)
	if err != nil {
		return "", err
	}
	if none := strings.EqualFold(n.Name, "role") && v == "none"; own || strings.EqualFold(n.Name, "role") && !none {
		if v != env.Fn.Session.User() {
			return "", errs.New(errs.InvalidParameterValue, "role %q does not exist", v)
		}
		if own {
			return "SET", nil
		}
	}
	return "SET", env.Session.Set(n.Name, v, n.IsLocal)
}

func warnLocal(env *Env, n *pg.VariableSetStmt) error {
	if n.IsLocal && !env.Session.InTransaction() {
		return env.Out.Notice("WARNING", string(errs.NoActiveSQLTransaction), "SET LOCAL can only be used in transaction blocks")
	}
	return nil
}

// setValue makes one text of the arguments of SET: lists of names are joined by commas, quoted where a setting is a
// list of identifiers.
func setValue(n *pg.VariableSetStmt) (string, error) {
	name := strings.ToLower(n.Name)
	isList := name == "search_path" || name == "datestyle" || name == "temp_tablespaces"
	if len(n.Args) > 1 && !isList {
		return "", errs.New(errs.InvalidParameterValue, "SET %s takes only one argument", n.Name)
	}
	parts := make([]string, len(n.Args))
	for i, a := range n.Args {
		v, quotable, err := constant(a)
		if err != nil {
			return "", err
		}
		if quotable && name != "datestyle" && isList {
			v = pgcatalog.QuoteIdent(v)
		}
		parts[i] = v
	}
	v := strings.Join(parts, ", ")
	if name == "timezone" {
		return zoneValue(n.Args[0], v)
	}
	return v, nil
}

// constant returns the text of a constant argument, and whether it is a string.
func constant(n *pg.Node) (text string, isString bool, err error) {
	switch n := n.Node.(type) {
	case *pg.Node_AConst:
		switch v := n.AConst.Val.(type) {
		case *pg.A_Const_Ival:
			return strconv.Itoa(int(v.Ival.Ival)), false, nil
		case *pg.A_Const_Fval:
			return v.Fval.Fval, false, nil
		case *pg.A_Const_Sval:
			return v.Sval.Sval, true, nil
		case *pg.A_Const_Boolval:
			return strconv.FormatBool(v.Boolval.Boolval), false, nil
		case nil:
			if n.AConst.Isnull {
				return "", false, errs.New(errs.NullValueNotAllowed, "a setting cannot be NULL")
			}
			return "0", false, nil // the tree leaves out what is zero
		}
	case *pg.Node_TypeCast:
		return constant(n.TypeCast.Arg)
	}
	return "", false, errs.New(errs.InvalidParameterValue, "a setting takes constants only")
}

// zoneValue turns SET TIME ZONE with a number of hours or an interval into an offset.
func zoneValue(arg *pg.Node, v string) (string, error) {
	if c, ok := arg.Node.(*pg.Node_TypeCast); ok && strings.HasSuffix(typeName(c.TypeCast.TypeName), "interval") {
		d, err := types.Parse(types.T(types.Interval), v)
		if err != nil {
			return "", err
		}
		months, days, micros := d.IntervalParts()
		if months != 0 || days != 0 {
			return "", errs.New(errs.InvalidParameterValue, "invalid value for parameter \"TimeZone\": %q", v).
				WithDetail("Cannot specify days in time zone interval.")
		}
		return offset(micros / 1e6), nil
	}
	if _, isString, _ := constant(arg); isString {
		return v, nil
	}
	hours, err := strconv.ParseFloat(v, 64)
	if err != nil || hours < -167 || hours > 167 {
		return "", errs.New(errs.InvalidParameterValue, "invalid value for parameter \"TimeZone\": %q", v)
	}
	return offset(int64(hours * 3600)), nil
}

// offset writes seconds east of Greenwich as a POSIX zone, whose offset counts to the west: <+02>-02.
func offset(seconds int64) string {
	east, west := "+", "-"
	if seconds < 0 {
		east, west, seconds = "-", "+", -seconds
	}
	clock := fmt.Sprintf("%02d", seconds/3600)
	if seconds%3600 != 0 {
		clock += fmt.Sprintf(":%02d", seconds/60%60)
	}
	return "<" + east + clock + ">" + west + clock
}

func typeName(n *pg.TypeName) string {
	var parts []string
	for _, p := range n.GetNames() {
		parts = append(parts, p.GetString_().GetSval())
	}
	return strings.Join(parts, ".")
}

// setMany runs SET TRANSACTION and SET SESSION CHARACTERISTICS.
func setMany(env *Env, n *pg.VariableSetStmt) (string, error) {
	prefix, local := "transaction_", true
	switch n.Name {
	case "TRANSACTION":
		if !env.Session.InTransaction() {
			return "SET", env.Out.Notice("WARNING", string(errs.NoActiveSQLTransaction),
				"SET TRANSACTION can only be used in transaction blocks")
		}
	case "SESSION CHARACTERISTICS":
		prefix, local = "default_transaction_", false
	default:
		return "", errs.Unsupported("SET %s", n.Name)
	}
	return "SET", TransactionModes(env.Session, n.Args, prefix, local)
}

// TransactionModes sets the options of BEGIN or SET TRANSACTION.
func TransactionModes(s Session, options []*pg.Node, prefix string, local bool) error {
	for _, o := range options {
		d := o.GetDefElem()
		if d == nil {
			continue
		}
		v, _, err := constant(d.Arg)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(d.Defname, "transaction_")
		if err := s.Set(prefix+name, v, local); err != nil {
			return err
		}
	}
	return nil
}
