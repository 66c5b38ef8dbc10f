package fn

import (
	"os"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func noSession(name string) error { return errs.Internal("%s needs a session", name) }

// sessionText registers a stable function without arguments that asks the session.
func sessionText(t types.Type, f func(s Session) string, names ...string) {
	for _, name := range names {
		register(&Overload{Name: name, Result: returns(t), Volatility: Stable,
			Eval: rowText(t, func(c *Context, _ *row, dst []byte) ([]byte, error) {
				if c == nil || c.Session == nil {
					return dst, noSession(name)
				}
				return append(notNil(dst), f(c.Session)...), nil
			})})
	}
}

func init() {
	null := func(t types.Type) types.Datum { return types.NullOf(t) }
	// Clients read the number after PostgreSQL to decide what they may ask: the one that the wire told them, too.
	sessionText(tText, func(s Session) string {
		v, _ := s.Setting("server_version")
		return "PostgreSQL " + v
	}, "version")
	sessionText(tName, Session.User, "current_user", "session_user", "user", "current_role")
	sessionText(tName, Session.Database, "current_database", "current_catalog")
	lookupFn("current_schema", tName, types.StringOf(tName, "public"), true)
	lookupFn("current_schemas", types.ArrayOf(types.Name), types.StringOf(types.ArrayOf(types.Name), "{pg_catalog,public}"), true, tBool)
	setting := func(missingOK bool, args ...types.Type) {
		register(&Overload{Name: "current_setting", Args: args, Result: returns(tText), Volatility: Stable,
			Eval: rowText(tText, func(c *Context, r *row, dst []byte) ([]byte, error) {
				if c == nil || c.Session == nil {
					return dst, noSession("current_setting")
				}
				v, ok := c.Session.Setting(string(r.bytes(0)))
				if !ok {
					if missingOK && r.bool(1) {
						return nil, nil
					}
					return dst, errs.New(errs.UndefinedObject, "unrecognized configuration parameter \"%s\"", r.bytes(0))
				}
				return append(notNil(dst), v...), nil
			})})
	}
	setting(false, tText)
	setting(true, tText, tBool)
	lookupFn("set_config", tText, null(tText), true, tText, tText, tBool)
	register(&Overload{Name: "pg_typeof", Args: list(tAny), Result: returns(tText), NotStrict: true,
		Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			return append(notNil(dst), plain(r.args[0].Type).String()...), nil
		})},
		&Overload{Name: "pg_backend_pid", Result: returns(tInt4), Volatility: Stable,
			Eval: rowFixed(tInt4, func(c *Context, _ *row) (int32, bool, error) {
				if d, ok, err := c.lookup("pg_backend_pid"); ok || err != nil {
					return int32(d.I), true, err
				}
				return int32(os.Getpid()), true, nil
			})})
	lookupFn("txid_current", tInt8, types.IntOf(tInt8, 1), true)
	lookupFn("pg_current_xact_id", tInt8, types.IntOf(tInt8, 1), true)
	lookupFn("pg_is_in_recovery", tBool, types.BoolOf(false), true)
	lookupFn("pg_postmaster_start_time", tTSTZ, null(tTSTZ), true)
	lookupFn("pg_my_temp_schema", tOid, types.IntOf(tOid, 0), true)
	lookupFn("pg_conf_load_time", tTSTZ, null(tTSTZ), true)
}
