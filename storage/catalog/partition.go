package catalog

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/quantity"
)

// Partitions returns the rule by which the rows of the table belong to partitions; false when it has none.
func (t *Table) Partitions() (r partition.Rule, ok bool) {
	o := &t.Options
	at := t.ColumnByID(o.PartitionBy)
	if o.PartitionBy == 0 || at < 0 {
		return r, false
	}
	kind := t.Columns[at].Type.Kind
	return partition.Rule{Kind: kind, Unit: cmp.Or(o.Unit, partition.Of(kind, o.Retain)), Width: o.Width}, true
}

// PartitionBy makes a column that of PARTITION BY RANGE.
func (t *Table) PartitionBy(name string) error {
	at := t.Column(name)
	if at < 0 {
		return errs.New(errs.UndefinedColumn, "column %q named in partition key does not exist", name)
	}
	c := &t.Columns[at]
	if !partition.Timed(c.Type.Kind) && !partition.Integral(c.Type.Kind) {
		return errs.Unsupported("PARTITION BY RANGE of a column of type %s", c.Type).
			WithHint("It is a date, a timestamp or an integer.")
	}
	t.Options.PartitionBy = c.ID
	return nil
}

// setPartition sets the option "partition": a unit, or a number of values. bad is the error for what is neither.
func (t *Table) setPartition(value string, bad *errs.Error) error {
	o := &t.Options
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
		o.Unit, o.Width = partition.Width, n
		return nil
	}
	words := partition.Words[partition.Hour:]
	value = strings.ToLower(value)
	if at := slices.Index(words, value); at >= 0 {
		o.Unit, o.Width = partition.Hour+partition.Unit(at), 0
		return nil
	}
	if near := errs.Near(value, slices.Values(words)); near != "" {
		return bad.WithHint("Did you mean %q?", near)
	}
	return bad.WithHint("It is %q, %q, %q, %q or %q, or how many values of an integer column a partition has.",
		words[0], words[1], words[2], words[3], words[4])
}

// partitions returns the options of partitions that are set.
func (o *Options) partitions() (list []Option) {
	switch o.Unit {
	case partition.Default:
	case partition.Width:
		list = append(list, Option{"partition", strconv.FormatInt(o.Width, 10)})
	default:
		list = append(list, Option{"partition", partition.Words[o.Unit]})
	}
	if o.Retain > 0 {
		text, _ := quantity.Time.Format(int64(o.Retain/time.Microsecond), 1, 1)
		list = append(list, Option{"retain", text})
	}
	return list
}

// checkPartitions holds the options of partitions against the table.
func (o *Options) checkPartitions(t *Table) error {
	bad := func(format string, args ...any) *errs.Error {
		return errs.New(errs.InvalidParameterValue, format, args...)
	}
	if o.PartitionBy == 0 {
		const hint = "Make it with PARTITION BY RANGE (column)."
		switch {
		case o.Unit != partition.Default:
			return bad("storage parameter \"partition\" needs a table with partitions").WithHint(hint)
		case o.Retain != 0:
			return bad("storage parameter \"retain\" needs a table with partitions by time").WithHint(hint)
		}
		return nil
	}
	at := t.ColumnByID(o.PartitionBy)
	if at < 0 {
		return errs.Internal("the column that %q is partitioned by is not there", t.Name)
	}
	c := &t.Columns[at]
	integral := partition.Integral(c.Type.Kind)
	switch {
	case o.Unit > partition.Width || o.Retain < 0 || o.Width < 0 || (o.Unit == partition.Width) != (o.Width > 0):
		return errs.Internal("an option of %q is out of range", t.Name)
	case integral && o.Unit == partition.Default:
		return bad("storage parameter \"partition\" is missing").
			WithHint("Say how many values of column %q a partition has: WITH (partition = '1000000').", c.Name)
	case integral && o.Unit != partition.Width, !integral && o.Unit == partition.Width:
		value := o.partitions()[0].Value
		e := bad("invalid value for storage parameter \"partition\": %q", value).WithDetail("Column %q is of type %s.", c.Name, c.Type)
		if integral {
			return e.WithHint("Say how many values a partition has: '1000000'.")
		}
		return e.WithHint("It is \"hour\", \"day\", \"week\", \"month\" or \"year\".")
	case o.Unit == partition.Hour && !partition.Hourly(c.Type.Kind):
		return bad("invalid value for storage parameter \"partition\": \"hour\"").
			WithDetail("Column %q is of type %s.", c.Name, c.Type).WithHint("A date lies in a day.")
	case o.Retain != 0 && integral:
		return bad("storage parameter \"retain\" needs a table with partitions by time").
			WithDetail("Column %q is of type %s.", c.Name, c.Type).WithHint("Make it with PARTITION BY RANGE of a date or timestamp.")
	}
	return nil
}
