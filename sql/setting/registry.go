package setting

import (
	"math"
	"strings"
)

// version is the release of PostgreSQL whose dialect, catalogs and protocol Siltstone speaks. Clients choose their
// catalog queries by it.
const (
	version       = "15.20 (Siltstone)"
	versionNumber = "150020"
)

const maxInt = math.MaxInt32

// parameters is the registry, by lower-case name.
var parameters = map[string]*Parameter{}

func init() {
	for _, list := range [][]Parameter{parameterList, compatibleList} {
		for i := range list {
			parameters[strings.ToLower(list[i].Name)] = &list[i]
		}
	}
}

const (
	catLocale   = "Client Connection Defaults / Locale and Formatting"
	catStmt     = "Client Connection Defaults / Statement Behavior"
	catPreset   = "Preset Options"
	catCompat   = "Version and Platform Compatibility"
	catResource = "Resource Usage / Memory"
	catConnect  = "Connections and Authentication"
	catReport   = "Reporting and Logging"
	catPlanner  = "Query Tuning"
	catOwn      = "Siltstone"
)

var isolationLevels = []string{"serializable", "repeatable read", "read committed", "read uncommitted"}

var parameterList = []Parameter{
	{Name: "application_name", Kind: text, Category: catReport, Description: "Name of the application, for statistics and logs.", Report: true, check: asciiName},
	{Name: "array_nulls", Kind: boolean, Boot: "on", Category: catCompat, Description: "NULL in array literals is the null value."},
	{Name: "backslash_quote", Kind: enum, Boot: "safe_encoding", Values: []string{"safe_encoding", "on", "off"}, Category: catCompat, Description: `Whether \' is allowed in strings.`},
	{Name: "block_size", Kind: integer, Boot: "8192", Min: 8192, Max: 8192, Context: internal, Category: catPreset, Description: "Size of a disk block as PostgreSQL has it."},
	{Name: "bytea_output", Kind: enum, Boot: "hex", Values: []string{"escape", "hex"}, Category: catStmt, Description: "Output form of bytea."},
	{Name: "client_encoding", Kind: text, Boot: "UTF8", Category: catLocale, Description: "Character set of the client.", Report: true, check: checkEncoding},
	{Name: "client_min_messages", Kind: enum, Boot: "notice", Values: []string{"debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"}, Category: catStmt, Description: "Least severe message that is sent to the client."},
	{Name: "DateStyle", Kind: text, Boot: "ISO, MDY", Category: catLocale, Description: "Form of dates and order of ambiguous ones.", Report: true, check: checkDateStyle},
	{Name: "default_table_access_method", Kind: text, Boot: "heap", Category: catStmt, Description: "Access method of new tables."},
	{Name: "default_tablespace", Kind: text, Category: catStmt, Description: "Tablespace of new tables."},
	{Name: "default_transaction_deferrable", Kind: boolean, Boot: "off", Category: catStmt, Description: "New transactions are deferrable."},
	{Name: "default_transaction_isolation", Kind: enum, Boot: "read committed", Values: isolationLevels, Category: catStmt, Description: "Isolation level of new transactions."},
	{Name: "default_transaction_read_only", Kind: boolean, Boot: "off", Category: catStmt, Description: "New transactions are read-only.", Report: true},
	{Name: "escape_string_warning", Kind: boolean, Boot: "on", Category: catCompat, Description: "Warn of backslashes in plain strings."},
	{Name: "extra_float_digits", Kind: integer, Boot: "1", Min: -15, Max: 3, Category: catLocale, Description: "Digits of floating-point output; above 0: shortest exact."},
	{Name: "idle_in_transaction_session_timeout", Kind: integer, Boot: "0", Unit: "ms", Max: maxInt, Category: catStmt, Description: "Longest idle time inside a transaction; 0: no limit."},
	{Name: "idle_session_timeout", Kind: integer, Boot: "0", Unit: "ms", Max: maxInt, Category: catStmt, Description: "Longest idle time outside a transaction; 0: no limit."},
	{Name: "in_hot_standby", Kind: boolean, Boot: "off", Context: internal, Category: catPreset, Description: "Whether this is a standby.", Report: true},
	{Name: "integer_datetimes", Kind: boolean, Boot: "on", Context: internal, Category: catPreset, Description: "Times are integers.", Report: true},
	{Name: "IntervalStyle", Kind: enum, Boot: "postgres", Values: []string{"postgres", "postgres_verbose", "sql_standard", "iso_8601"}, Category: catLocale, Description: "Output form of intervals.", Report: true, check: checkIntervalStyle},
	{Name: "is_superuser", Kind: boolean, Boot: "on", Context: internal, Category: catPreset, Description: "Whether the user is a superuser.", Report: true, hidden: true},
	{Name: "jit", Kind: boolean, Boot: "off", Category: catPlanner, Description: "Accepted for compatibility; plans are never compiled to machine code."},
	{Name: "lc_collate", Kind: text, Boot: "C", Context: internal, Category: catPreset, Description: "Collation order: by bytes."},
	{Name: "lc_ctype", Kind: text, Boot: "C", Context: internal, Category: catPreset, Description: "Character classes."},
	{Name: "lc_messages", Kind: text, Boot: "C", Category: catLocale, Description: "Language of messages."},
	{Name: "lc_monetary", Kind: text, Boot: "C", Category: catLocale, Description: "Form of amounts of money."},
	{Name: "lc_numeric", Kind: text, Boot: "C", Category: catLocale, Description: "Form of numbers."},
	{Name: "lc_time", Kind: text, Boot: "C", Category: catLocale, Description: "Names of days and months."},
	{Name: "lock_timeout", Kind: integer, Boot: "0", Unit: "ms", Max: maxInt, Category: catStmt, Description: "Longest wait for an advisory lock; 0: no limit."},
	{Name: "max_connections", Kind: integer, Boot: "100", Min: 1, Max: 262143, Context: atStart, Category: catConnect, Description: "Most sessions at once."},
	{Name: "max_identifier_length", Kind: integer, Boot: "63", Min: 63, Max: 63, Context: internal, Category: catPreset, Description: "Longest identifier in bytes."},
	{Name: "max_index_keys", Kind: integer, Boot: "32", Min: 32, Max: 32, Context: internal, Category: catPreset, Description: "Most columns of a key."},
	{Name: "max_parallel_workers_per_gather", Kind: integer, Boot: "2", Max: 1024, Category: catResource, Description: "Accepted for compatibility; see siltstone.workers."},
	{Name: "role", Kind: text, Boot: "none", Category: catStmt, Description: "Role whose rights count.", hidden: true},
	{Name: "row_security", Kind: boolean, Boot: "on", Category: catStmt, Description: "Accepted for compatibility."},
	{Name: "search_path", Kind: text, Boot: `"$user", public`, Category: catStmt, Description: "Schemas searched for names without one."},
	{Name: "server_encoding", Kind: text, Boot: "UTF8", Context: internal, Category: catPreset, Description: "Character set of the database.", Report: true},
	{Name: "server_version", Kind: text, Boot: version, Context: internal, Category: catPreset, Description: "Version that clients see.", Report: true},
	{Name: "server_version_num", Kind: integer, Boot: versionNumber, Max: maxInt, Context: internal, Category: catPreset, Description: "Version as a number."},
	{Name: "session_authorization", Kind: text, Context: internal, Category: catPreset, Description: "User of the session.", Report: true, hidden: true},
	{Name: "siltstone.batch_rows", Kind: integer, Boot: "2048", Min: 1, Max: 2048, Category: catOwn, Description: "Most rows of a batch inside the engine; small values are for tests."},
	{Name: "siltstone.cache", Kind: boolean, Boot: "on", Category: catOwn, Description: "Answer from statistics where they are exact."},
	{Name: "siltstone.disable_passes", Kind: text, Category: catOwn, Description: "Optimizer passes to skip, separated by commas."},
	{Name: "siltstone.force_spill", Kind: boolean, Boot: "off", Category: catOwn, Description: "Use temporary files as if no memory were granted; for tests."},
	{Name: "siltstone.workers", Kind: integer, Boot: "0", Max: 1024, Category: catOwn, Description: "Workers of a query; 0: one per core."},
	{Name: "standard_conforming_strings", Kind: boolean, Boot: "on", Category: catCompat, Description: "Backslashes in plain strings are plain.", Report: true, check: onlyOn("standard_conforming_strings")},
	{Name: "statement_timeout", Kind: integer, Boot: "0", Unit: "ms", Max: maxInt, Category: catStmt, Description: "Longest run of a statement; 0: no limit."},
	{Name: "synchronous_commit", Kind: enum, Boot: "on", Values: []string{"local", "remote_write", "remote_apply", "on", "off"}, Category: catResource, Description: "Accepted for compatibility: a commit is always durable before it is answered."},
	{Name: "temp_file_limit", Kind: integer, Boot: "-1", Unit: "kB", Min: -1, Max: maxInt, Category: catResource, Description: "Most bytes of temporary files of one query; -1: no limit."},
	{Name: "temp_tablespaces", Kind: text, Category: catStmt, Description: "Tablespaces of temporary tables."},
	{Name: "TimeZone", Kind: text, Boot: "UTC", Category: catLocale, Description: "Time zone of input and output.", Report: true, check: checkTimeZone},
	{Name: "transaction_deferrable", Kind: boolean, Boot: "off", Category: catStmt, Description: "The current transaction is deferrable.", keepOnReset: true},
	{Name: "transaction_isolation", Kind: enum, Boot: "read committed", Values: isolationLevels, Category: catStmt, Description: "Isolation level of the current transaction.", keepOnReset: true},
	{Name: "transaction_read_only", Kind: boolean, Boot: "off", Category: catStmt, Description: "The current transaction is read-only.", keepOnReset: true},
	{Name: "work_mem", Kind: integer, Boot: "1048576", Unit: "kB", Min: 64, Max: maxInt, Category: catResource, Description: "Memory of one query, 8 MB where this is less; what needs more goes to temporary files."},
	{Name: "xmloption", Kind: enum, Boot: "content", Values: []string{"content", "document"}, Category: catStmt, Description: "Accepted for compatibility."},
}
