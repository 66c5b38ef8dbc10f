package session

import (
	"math"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Version is the release of PostgreSQL whose dialect, catalogs and protocol Siltstone speaks. Clients choose their
// catalog queries by it.
const (
	Version       = "15.20 (SiltStone)"
	versionNumber = "150020"
)

const maxInt = math.MaxInt32

// parameters is the registry, by lower-case name.
var parameters = map[string]*parameter{}

func init() {
	for i := range parameterList {
		p := &parameterList[i]
		parameters[strings.ToLower(p.name)] = p
	}
}

const (
	catLocale   = "Client Connection Defaults / Locale and Formatting"
	catStmt     = "Client Connection Defaults / Statement Behavior"
	catOther    = "Client Connection Defaults / Other Defaults"
	catPreset   = "Preset Options"
	catCompat   = "Version and Platform Compatibility"
	catResource = "Resource Usage / Memory"
	catConnect  = "Connections and Authentication"
	catReport   = "Reporting and Logging"
	catPlanner  = "Query Tuning"
	catOwn      = "Siltstone"
)

var isolationLevels = []string{"serializable", "repeatable read", "read committed", "read uncommitted"}

var parameterList = []parameter{
	{name: "application_name", kind: text, category: catReport, description: "Name of the application, for statistics and logs.", report: true, check: asciiName},
	{name: "array_nulls", kind: boolean, boot: "on", category: catCompat, description: "NULL in array literals is the null value."},
	{name: "backslash_quote", kind: enum, boot: "safe_encoding", values: []string{"safe_encoding", "on", "off"}, category: catCompat, description: `Whether \' is allowed in strings.`},
	{name: "block_size", kind: integer, boot: "8192", min: 8192, max: 8192, context: internal, category: catPreset, description: "Size of a disk block as PostgreSQL has it."},
	{name: "bytea_output", kind: enum, boot: "hex", values: []string{"escape", "hex"}, category: catStmt, description: "Output form of bytea."},
	{name: "client_encoding", kind: text, boot: "UTF8", category: catLocale, description: "Character set of the client.", report: true, check: checkEncoding},
	{name: "client_min_messages", kind: enum, boot: "notice", values: []string{"debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"}, category: catStmt, description: "Least severe message that is sent to the client."},
	{name: "DateStyle", kind: text, boot: "ISO, MDY", category: catLocale, description: "Form of dates and order of ambiguous ones.", report: true, check: checkDateStyle},
	{name: "default_table_access_method", kind: text, boot: "heap", category: catStmt, description: "Access method of new tables."},
	{name: "default_tablespace", kind: text, category: catStmt, description: "Tablespace of new tables."},
	{name: "default_transaction_deferrable", kind: boolean, boot: "off", category: catStmt, description: "New transactions are deferrable."},
	{name: "default_transaction_isolation", kind: enum, boot: "read committed", values: isolationLevels, category: catStmt, description: "Isolation level of new transactions."},
	{name: "default_transaction_read_only", kind: boolean, boot: "off", category: catStmt, description: "New transactions are read-only.", report: true},
	{name: "escape_string_warning", kind: boolean, boot: "on", category: catCompat, description: "Warn of backslashes in plain strings."},
	{name: "extra_float_digits", kind: integer, boot: "1", min: -15, max: 3, category: catLocale, description: "Digits of floating-point output; above 0: shortest exact."},
	{name: "idle_in_transaction_session_timeout", kind: integer, boot: "0", unit: "ms", max: maxInt, category: catStmt, description: "Longest idle time inside a transaction; 0: no limit."},
	{name: "idle_session_timeout", kind: integer, boot: "0", unit: "ms", max: maxInt, category: catStmt, description: "Longest idle time outside a transaction; 0: no limit."},
	{name: "in_hot_standby", kind: boolean, boot: "off", context: internal, category: catPreset, description: "Whether this is a standby.", report: true},
	{name: "integer_datetimes", kind: boolean, boot: "on", context: internal, category: catPreset, description: "Times are integers.", report: true},
	{name: "IntervalStyle", kind: enum, boot: "postgres", values: []string{"postgres", "postgres_verbose", "sql_standard", "iso_8601"}, category: catLocale, description: "Output form of intervals.", report: true, check: checkIntervalStyle},
	{name: "is_superuser", kind: boolean, boot: "on", context: internal, category: catPreset, description: "Whether the user is a superuser.", report: true, hidden: true},
	{name: "jit", kind: boolean, boot: "off", category: catPlanner, description: "Accepted for compatibility; plans are never compiled to machine code."},
	{name: "lc_collate", kind: text, boot: "C", context: internal, category: catPreset, description: "Collation order: by bytes."},
	{name: "lc_ctype", kind: text, boot: "C", context: internal, category: catPreset, description: "Character classes."},
	{name: "lc_messages", kind: text, boot: "C", category: catLocale, description: "Language of messages."},
	{name: "lc_monetary", kind: text, boot: "C", category: catLocale, description: "Form of amounts of money."},
	{name: "lc_numeric", kind: text, boot: "C", category: catLocale, description: "Form of numbers."},
	{name: "lc_time", kind: text, boot: "C", category: catLocale, description: "Names of days and months."},
	{name: "lock_timeout", kind: integer, boot: "0", unit: "ms", max: maxInt, category: catStmt, description: "Longest wait for a lock; Siltstone takes none."},
	{name: "max_connections", kind: integer, boot: "100", min: 1, max: 262143, context: atStart, category: catConnect, description: "Most sessions at once."},
	{name: "max_identifier_length", kind: integer, boot: "63", min: 63, max: 63, context: internal, category: catPreset, description: "Longest identifier in bytes."},
	{name: "max_index_keys", kind: integer, boot: "32", min: 32, max: 32, context: internal, category: catPreset, description: "Most columns of a key."},
	{name: "max_parallel_workers_per_gather", kind: integer, boot: "2", max: 1024, category: catResource, description: "Accepted for compatibility; see siltstone.workers."},
	{name: "row_security", kind: boolean, boot: "on", category: catStmt, description: "Accepted for compatibility."},
	{name: "search_path", kind: text, boot: `"$user", public`, category: catStmt, description: "Schemas searched for names without one."},
	{name: "server_encoding", kind: text, boot: "UTF8", context: internal, category: catPreset, description: "Character set of the database.", report: true},
	{name: "server_version", kind: text, boot: Version, context: internal, category: catPreset, description: "Version that clients see.", report: true},
	{name: "server_version_num", kind: integer, boot: versionNumber, max: maxInt, context: internal, category: catPreset, description: "Version as a number."},
	{name: "session_authorization", kind: text, context: internal, category: catPreset, description: "User of the session.", report: true, hidden: true},
	{name: "siltstone.batch_rows", kind: integer, boot: "2048", min: 1, max: 2048, category: catOwn, description: "Most rows of a batch inside the engine; small values are for tests."},
	{name: "siltstone.cache", kind: boolean, boot: "on", category: catOwn, description: "Answer from statistics where they are exact."},
	{name: "siltstone.disable_passes", kind: text, category: catOwn, description: "Optimizer passes to skip, separated by commas."},
	{name: "siltstone.force_spill", kind: boolean, boot: "off", category: catOwn, description: "Use temporary files as if no memory were granted; for tests."},
	{name: "siltstone.workers", kind: integer, boot: "0", max: 1024, category: catOwn, description: "Workers of a query; 0: one per core."},
	{name: "standard_conforming_strings", kind: boolean, boot: "on", category: catCompat, description: "Backslashes in plain strings are plain.", report: true, check: onlyOn("standard_conforming_strings")},
	{name: "statement_timeout", kind: integer, boot: "0", unit: "ms", max: maxInt, category: catStmt, description: "Longest run of a statement; 0: no limit."},
	{name: "synchronous_commit", kind: enum, boot: "on", values: []string{"local", "remote_write", "remote_apply", "on", "off"}, category: catResource, description: "Accepted for compatibility: a commit is always durable before it is answered."},
	{name: "temp_file_limit", kind: integer, boot: "-1", unit: "kB", min: -1, max: maxInt, category: catResource, description: "Most bytes of temporary files of one query; -1: no limit."},
	{name: "temp_tablespaces", kind: text, category: catStmt, description: "Tablespaces of temporary tables."},
	{name: "TimeZone", kind: text, boot: "UTC", category: catLocale, description: "Time zone of input and output.", report: true, check: checkTimeZone},
	{name: "transaction_deferrable", kind: boolean, boot: "off", category: catStmt, description: "The current transaction is deferrable.", keepOnReset: true},
	{name: "transaction_isolation", kind: enum, boot: "read committed", values: isolationLevels, category: catStmt, description: "Isolation level of the current transaction.", keepOnReset: true},
	{name: "transaction_read_only", kind: boolean, boot: "off", category: catStmt, description: "The current transaction is read-only.", keepOnReset: true},
	{name: "work_mem", kind: integer, boot: "1048576", unit: "kB", min: 64, max: maxInt, category: catResource, description: "Memory of one query, 8 MB where this is less; what needs more goes to temporary files."},
	{name: "xmloption", kind: enum, boot: "content", values: []string{"content", "document"}, category: catStmt, description: "Accepted for compatibility."},
}

// asciiName replaces what is not printable ASCII, as PostgreSQL 15 does.
func asciiName(v string) (string, error) {
	b := []byte(v)
	for i, c := range b {
		if c < 32 || c > 126 {
			b[i] = '?'
		}
	}
	return string(b), nil
}

func checkEncoding(v string) (string, error) {
	plain := strings.ToUpper(strings.NewReplacer("-", "", "_", "", "'", "", " ", "").Replace(v))
	switch plain {
	case "UTF8", "UNICODE":
		return "UTF8", nil
	case "SQLASCII":
		return "SQL_ASCII", nil
	case "LATIN1", "ISO88591", "WIN1252", "LATIN9", "WIN1251", "EUCJP", "SJIS", "GBK", "BIG5", "KOI8R", "ISO885915":
		return "", errs.Unsupported("client encoding %q", v)
	}
	return "", parameters["client_encoding"].invalid(v)
}

// checkDateStyle keeps the output form and the order of fields apart, as PostgreSQL does. Output is always ISO.
func checkDateStyle(v string) (string, error) {
	order := "MDY"
	for _, w := range strings.Split(v, ",") {
		switch w = strings.ToUpper(strings.TrimSpace(w)); w {
		case "ISO", "DEFAULT", "":
		case "MDY", "US", "NONEURO", "NONEUROPEAN":
			order = "MDY"
		case "DMY", "EURO", "EUROPEAN":
			order = "DMY"
		case "YMD":
			order = "YMD"
		case "SQL", "POSTGRES", "GERMAN":
			return "", errs.Unsupported("DateStyle %s", w)
		default:
			return "", parameters["datestyle"].invalid(v).WithDetail("Unrecognized key word: %q.", strings.ToLower(w))
		}
	}
	return "ISO, " + order, nil
}

func checkIntervalStyle(v string) (string, error) {
	if v != "postgres" {
		return "", errs.Unsupported("IntervalStyle %s", v)
	}
	return v, nil
}

// checkTimeZone accepts what the engine can compute with: names of the zone database, in any case, and offsets east of
// Greenwich.
func checkTimeZone(v string) (string, error) {
	v = strings.TrimSpace(v)
	switch strings.ToUpper(v) {
	case "LOCAL", "DEFAULT":
		return "UTC", nil
	}
	loc, err := types.LoadZone(v)
	if err != nil {
		return "", parameters["timezone"].invalid(v)
	}
	if name := loc.String(); strings.EqualFold(name, v) {
		return name, nil // the database's own spelling
	}
	return v, nil
}

// onlyOn refuses to switch off what cannot be switched off.
func onlyOn(name string) func(string) (string, error) {
	return func(v string) (string, error) {
		if v != "on" {
			return "", errs.Unsupported("%s = %s", name, v)
		}
		return v, nil
	}
}
