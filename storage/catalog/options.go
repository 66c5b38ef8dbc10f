package catalog

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/quantity"
)

// Options are the WITH (...) settings of a table; what is zero is as the database has it.
type Options struct {
	// SortKey are the columns by which segments are sorted: sort_key.
	SortKey []uint32
	// SealRows, SealBytes and SealAge say when live rows are sealed: seal_rows, seal_bytes, seal_age.
	SealRows  int
	SealBytes int64
	SealAge   time.Duration
	// OnConflict says what becomes of a row whose key is there: on_conflict.
	OnConflict OnConflict
	// PartitionBy is the column of PARTITION BY RANGE; 0: the table has no partitions. Unit and Width say how large they are:
	// partition. Retain is how long rows stay, by that column: retain; 0: for ever.
	PartitionBy uint32
	Unit        partition.Unit
	Width       int64
	Retain      time.Duration
	// RetainLog is how long the log keeps what the table got, and its loads' files: retain_log.
	RetainLog Retention
	kept      string
}

// OnConflict is what a table does with a row whose key is there.
type OnConflict uint8

// The values of on_conflict. The numbers are durable.
const (
	ConflictFails   OnConflict = 0 // 23505
	ConflictUpdates OnConflict = 1 // the row takes the place of the other
)

var conflictWords = [...]string{ConflictFails: "error", ConflictUpdates: "update"}

// SealRowsMax is the most rows that a table may ask to have sealed together: sixteen times the default. A segment's rows
// are sorted and encoded in memory.
const SealRowsMax = 1 << 24

// Option is one setting as text.
type Option struct{ Name, Value string }

// optionNames are those that Options has, in order, foreign those of PostgreSQL that have none here.
var (
	optionNames = []string{"sort_key", "seal_rows", "seal_bytes", "seal_age", "on_conflict", "partition", "retain", "retain_log"}
	foreign     = []string{"fillfactor", "toast_tuple_target", "parallel_workers", "user_catalog_table", "vacuum_truncate",
		"vacuum_index_cleanup", "log_autovacuum_min_duration", "oids"}
)

// Set sets an option of the table.
func (t *Table) Set(o Option) error {
	name, value := strings.ToLower(o.Name), strings.TrimSpace(o.Value)
	bad := errs.New(errs.InvalidParameterValue, "invalid value for storage parameter %q: %q", name, o.Value)
	switch name {
	case "sort_key":
		key, err := t.sortKey(value)
		if err != nil {
			return err
		}
		t.Options.SortKey = key
	case "seal_rows":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > SealRowsMax {
			return bad
		}
		t.Options.SealRows = n
	case "seal_bytes":
		n, err := quantity.ParseBytes(value)
		if err != nil || n < 1 {
			return bad
		}
		t.Options.SealBytes = n
	case "seal_age":
		d, err := quantity.ParseDuration(value)
		if err != nil || d < time.Microsecond {
			return bad
		}
		t.Options.SealAge = d
	case "on_conflict":
		n := slices.Index(conflictWords[:], strings.ToLower(value))
		if n < 0 {
			return bad.WithHint("It is %q or %q.", conflictWords[0], conflictWords[1])
		}
		t.Options.OnConflict = OnConflict(n)
	case "partition":
		return t.setPartition(value, bad)
	case "retain_log":
		r, err := parseRetention(value)
		if err != nil {
			return bad.WithHint("It is a duration such as '1 day', '0', or 'forever'.")
		}
		t.Options.RetainLog = r
	case "retain":
		d, err := quantity.ParseDuration(value)
		if err != nil || d < time.Microsecond {
			return bad.WithHint("It is how long rows stay: '400 days', '1 hour'.")
		}
		t.Options.Retain = d
	default:
		return unknownOption(name)
	}
	return nil
}

// Reset makes an option what the database has.
func (t *Table) Reset(name string) error {
	switch name = strings.ToLower(name); name {
	case "sort_key":
		t.Options.SortKey = nil
	case "seal_rows":
		t.Options.SealRows = 0
	case "seal_bytes":
		t.Options.SealBytes = 0
	case "seal_age":
		t.Options.SealAge = 0
	case "on_conflict":
		t.Options.OnConflict = ConflictFails
	case "partition":
		t.Options.Unit, t.Options.Width = partition.Default, 0
	case "retain_log":
		t.Options.RetainLog = 0
	case "retain":
		t.Options.Retain = 0
	default:
		return unknownOption(name)
	}
	return nil
}

func unknownOption(name string) error {
	if slices.Contains(foreign, name) || strings.HasPrefix(name, "autovacuum_") || strings.HasPrefix(name, "toast.") {
		return errs.Unsupported("storage parameter %q", name)
	}
	e := errs.New(errs.InvalidParameterValue, "unrecognized parameter %q", name)
	if near := errs.Near(name, slices.Values(optionNames)); near != "" {
		e = e.WithHint("Did you mean %q?", near)
	}
	return e
}

// sortKey reads a list of columns.
func (t *Table) sortKey(text string) ([]uint32, error) {
	var key []uint32
	for _, name := range strings.Split(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		at := t.Column(name)
		if at < 0 {
			return nil, errs.New(errs.UndefinedColumn, "column %q named in sort_key does not exist", name)
		}
		if typ := t.Columns[at].Type; !typ.Ordered() {
			return nil, errs.New(errs.WrongObjectType, "column %q of type %s cannot be in sort_key", name, typ).
				WithHint("Its values have no order.")
		}
		if !slices.Contains(key, t.Columns[at].ID) {
			key = append(key, t.Columns[at].ID)
		}
	}
	return key, nil
}

// Settings returns the options that are set, as text that Set reads.
func (t *Table) Settings() []Option {
	var list []Option
	o := &t.Options
	if len(o.SortKey) > 0 {
		names := make([]string, len(o.SortKey))
		for i, at := range t.Ordinals(o.SortKey) {
			names[i] = t.Columns[at].Name
		}
		list = append(list, Option{"sort_key", strings.Join(names, ", ")})
	}
	if o.SealRows > 0 {
		list = append(list, Option{"seal_rows", strconv.Itoa(o.SealRows)})
	}
	if o.SealBytes > 0 {
		text, _ := quantity.Bytes.Format(o.SealBytes, 1, 1)
		list = append(list, Option{"seal_bytes", text})
	}
	if o.SealAge > 0 {
		text, _ := quantity.Time.Format(int64(o.SealAge/time.Microsecond), 1, 1)
		list = append(list, Option{"seal_age", text})
	}
	if o.OnConflict != ConflictFails {
		list = append(list, Option{"on_conflict", conflictWords[o.OnConflict]})
	}
	if o.RetainLog != 0 {
		list = append(list, Option{"retain_log", o.RetainLog.String()})
	}
	return append(list, o.partitions()...)
}

func (o *Options) check(t *Table) error {
	if slices.Contains(t.Ordinals(o.SortKey), -1) {
		return errs.Internal("the sort key of %q has a column that is not there", t.Name)
	}
	if o.SealRows < 0 || o.SealRows > SealRowsMax || o.SealBytes < 0 || o.SealAge < 0 || o.RetainLog < 0 {
		return errs.Internal("an option of %q is out of range", t.Name)
	}
	if o.OnConflict != ConflictFails && !slices.ContainsFunc(t.Constraints, func(k Constraint) bool { return k.Indexed() }) {
		return errs.New(errs.InvalidTableDefinition, "storage parameter \"on_conflict\" needs a primary key or a unique constraint").
			WithHint("Rows are found by their keys.")
	}
	return o.checkPartitions(t)
}
