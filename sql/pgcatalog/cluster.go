package pgcatalog

import (
	"slices"
	"strings"
)

func fillNamespace(e *Env, b *builder) {
	for _, n := range e.listedSchemas() {
		b.add("oid", e.schemaOID(n), "nspname", n, "nspowner", oidOwner)
	}
}

// schemas returns every schema, the built-in ones first.
func (e *Env) schemas() []string {
	all := []string{"pg_toast", "pg_catalog", "information_schema", "siltstone"}
	for _, s := range e.Catalog().Schemas() {
		all = append(all, s.Name)
	}
	return all
}

// listedSchemas are those that catalogs list.
func (e *Env) listedSchemas() []string {
	return slices.DeleteFunc(e.schemas(), func(s string) bool { return s == ownSchema })
}

func fillDatabase(e *Env, b *builder) {
	b.add("oid", oidDatabase, "datname", e.Database, "datdba", oidOwner, "encoding", encodingUTF8,
		"datlocprovider", "c", "datallowconn", true, "datconnlimit", -1, "dattablespace", oidTablespace,
		"datcollate", "C", "datctype", "C")
}

func fillRoles(e *Env, b *builder) {
	b.add("rolname", e.User, "rolsuper", true, "rolinherit", true, "rolcreaterole", true, "rolcreatedb", true,
		"rolcanlogin", true, "rolreplication", true, "rolconnlimit", -1, "rolpassword", "********",
		"rolbypassrls", true, "oid", oidOwner)
}

func fillAuthid(e *Env, b *builder) {
	b.add("oid", oidOwner, "rolname", e.User, "rolsuper", true, "rolinherit", true, "rolcreaterole", true,
		"rolcreatedb", true, "rolcanlogin", true, "rolreplication", true, "rolbypassrls", true, "rolconnlimit", -1)
}

func fillUser(e *Env, b *builder) {
	b.add("usename", e.User, "usesysid", oidOwner, "usecreatedb", true, "usesuper", true, "userepl", true,
		"usebypassrls", true, "passwd", "********")
}

func fillTablespace(e *Env, b *builder) {
	b.add("oid", oidTablespace, "spcname", "pg_default", "spcowner", oidOwner)
	b.add("oid", 1664, "spcname", "pg_global", "spcowner", oidOwner)
}

func fillAm(e *Env, b *builder) {
	b.add("oid", oidHeap, "amname", "heap", "amhandler", procOID("heap_tableam_handler"), "amtype", "t")
	b.add("oid", 403, "amname", "btree", "amhandler", procOID("bthandler"), "amtype", "i")
}

func fillCollation(e *Env, b *builder) {
	b.add("oid", oidDefaultColl, "collname", "default", "collnamespace", oidPgCatalog, "collowner", oidOwner,
		"collprovider", "d", "collisdeterministic", true, "collencoding", -1)
	for i, n := range []string{"C", "POSIX"} {
		b.add("oid", 950+i, "collname", n, "collnamespace", oidPgCatalog, "collowner", oidOwner, "collprovider", "c",
			"collisdeterministic", true, "collencoding", -1, "collcollate", n, "collctype", n)
	}
}

func fillLanguage(e *Env, b *builder) {
	for i, n := range []string{"internal", "c", "sql"} {
		b.add("oid", 12+i, "lanname", n, "lanowner", oidOwner, "lanpltrusted", n == "sql")
	}
}

func fillSettings(e *Env, b *builder) {
	if e.Settings == nil {
		return
	}
	for _, s := range e.Settings() {
		var enum any
		if len(s.Enum) > 0 {
			enum = s.Enum
		}
		b.add("name", s.Name, "setting", s.Value, "unit", nonEmpty(s.Unit), "category", s.Category,
			"short_desc", s.Description, "context", s.Context, "vartype", s.Vartype, "source", s.Source,
			"min_val", nonEmpty(s.Min), "max_val", nonEmpty(s.Max), "enumvals", enum, "boot_val", s.Boot,
			"reset_val", s.Reset, "pending_restart", false)
	}
}

func fillOwnSettings(e *Env, b *builder) {
	if e.Settings == nil {
		return
	}
	for _, s := range e.Settings() {
		if n, ok := strings.CutPrefix(s.Name, "siltstone."); ok {
			b.add("name", n, "setting", s.Value, "description", s.Description)
		}
	}
}

func fillActivity(e *Env, b *builder) {
	if e.Sessions == nil {
		return
	}
	for _, s := range e.Sessions() {
		b.add("datid", oidDatabase, "datname", s.Database, "pid", s.PID, "usesysid", oidOwner, "usename", s.User,
			"application_name", s.Application, "client_port", s.ClientPort, "client_addr", nonEmpty(s.ClientAddr),
			"backend_start", instant(s.BackendStart), "xact_start", instant(s.XactStart),
			"query_start", instant(s.QueryStart), "state_change", instant(s.StateChange),
			"wait_event_type", nonEmpty(s.WaitType), "wait_event", nonEmpty(s.WaitEvent), "state", nonEmpty(s.State),
			"query", s.Query, "backend_type", "client backend")
	}
}

func instant(micros int64) any {
	if micros == 0 {
		return nil
	}
	return micros
}

func fillPrepared(e *Env, b *builder) {
	if e.Prepared == nil {
		return
	}
	for _, p := range e.Prepared() {
		var ts []string
		for _, t := range p.Parameters {
			ts = append(ts, t.String())
		}
		b.add("name", p.Name, "statement", p.Statement, "prepare_time", instant(p.Prepared), "parameter_types", ts,
			"from_sql", p.FromSQL, "generic_plans", 0, "custom_plans", 0)
	}
}
