// Package bindtest has a catalog for tests of binding and optimizing: tables made by CREATE TABLE texts, the system
// catalogs of package pgcatalog, and statistics that tests make up.
package bindtest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/sql/stats"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Catalog implements bind.Resolver and stats.Source over tables in memory that have no rows.
type Catalog struct {
	tables map[string]*bind.Relation
	stats  map[catalog.TableID]*tableStats
}

// New returns a catalog with the tables of a text of CREATE TABLE statements.
func New(ddl string) (*Catalog, error) {
	c := &Catalog{tables: map[string]*bind.Relation{}, stats: map[catalog.TableID]*tableStats{}}
	statements, err := parse.Parse(ddl)
	if err != nil {
		return nil, err
	}
	for _, st := range statements {
		b, err := bind.New(c, nil, bind.Env{}).Statement(st)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", st.Text, err)
		}
		ct, ok := b.(*bind.CreateTable)
		if !ok {
			return nil, fmt.Errorf("%T is not CREATE TABLE", b)
		}
		c.add(ct)
	}
	return c, nil
}

func (c *Catalog) add(ct *bind.CreateTable) {
	id := catalog.TableID(len(c.tables) + 1)
	t := catalog.NewTable(catalog.PublicSchema, ct.Name, ct.Columns...)
	t.ID, t.OID = id, catalog.FirstOID+uint32(len(c.tables))
	c.tables[t.Name] = &bind.Relation{Table: t, OID: t.OID, Schema: t.Schema, Name: t.Name, Columns: t.Columns, Kind: 'r'}
}

// Relation finds tables of schema public and the system catalogs.
func (c *Catalog) Relation(schema, name string) (*bind.Relation, error) {
	if schema == "" || pgcatalog.IsSchema(schema) {
		if v := pgcatalog.Lookup(schema, name); v != nil {
			return &bind.Relation{Virtual: v, OID: v.OID, Schema: v.Schema, Name: v.Relname, Columns: v.Columns, Kind: v.Kind}, nil
		}
	}
	if schema == "" || schema == "public" {
		return c.tables[name], nil
	}
	return nil, nil
}

// ByID finds tables by their numbers.
func (c *Catalog) ByID(id catalog.ID) *bind.Relation {
	for _, r := range c.tables {
		if r.Table.ID == id {
			return r
		}
	}
	return nil
}

// SearchPath is that of a new session.
func (c *Catalog) SearchPath() []string { return []string{"pg_catalog", catalog.PublicSchema} }

// Function knows the one function that psql reads from.
func (c *Catalog) Function(_, name string, args []types.Type) (*bind.TableFunction, error) {
	if (name == "pg_partition_ancestors" || name == "pg_partition_tree") && len(args) == 1 {
		return &bind.TableFunction{Args: []types.Type{types.T(types.Regclass)},
			Columns: []catalog.Column{{Name: "relid", Type: types.T(types.Regclass)}}}, nil
	}
	return nil, nil
}

// Type knows no types.
func (c *Catalog) Type(string, string) (types.Type, bool) { return types.Type{}, false }

// CreationSchema is public.
func (c *Catalog) CreationSchema() (string, error) { return catalog.PublicSchema, nil }

// Table returns the statistics that SetStats made up.
func (c *Catalog) Table(t *catalog.Table) (stats.Table, bool) {
	s, ok := c.stats[t.ID]
	return s, ok
}

// SetStats makes up the statistics of a table: its rows, and for columns the number of distinct values and optionally
// the range, written as "column distinct [min max]", one per line.
func (c *Catalog) SetStats(table string, rows int64, columns string) error {
	r := c.tables[table]
	if r == nil {
		return fmt.Errorf("no table %q", table)
	}
	s := &tableStats{rows: rows, columns: make([]scan.ColumnStats, len(r.Columns))}
	for i := range s.columns {
		s.columns[i] = scan.ColumnStats{Rows: rows, Nulls: 0, Distinct: -1}
	}
	for _, line := range strings.Split(strings.TrimSpace(columns), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		i := r.Table.Column(f[0])
		if i < 0 {
			return fmt.Errorf("no column %q in %q", f[0], table)
		}
		col := &s.columns[i]
		if _, err := fmt.Sscan(f[1], &col.Distinct); err != nil {
			return err
		}
		if len(f) == 4 {
			var err1, err2 error
			col.Min, err1 = types.Parse(r.Columns[i].Type, f[2])
			col.Max, err2 = types.Parse(r.Columns[i].Type, f[3])
			if err1 != nil || err2 != nil {
				return fmt.Errorf("range of %q: %w", f[0], errors.Join(err1, err2))
			}
			col.HasRange = true
		}
	}
	c.stats[r.Table.ID] = s
	return nil
}

type tableStats struct {
	rows    int64
	columns []scan.ColumnStats
}

func (s *tableStats) Rows() int64                  { return s.rows }
func (s *tableStats) Stats(c int) scan.ColumnStats { return s.columns[c] }
