package storage

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// ddl is a catalog change on its way.
type ddl struct{ done []catalog.Edit }

// Apply changes the catalog, all edits or none. The change is a record of the same log as the rows, so that a crash
// never separates them; it is durable and visible when Apply returns.
func (db *DB) Apply(ctx context.Context, edits ...catalog.Edit) error {
	db.gate.Lock()
	defer db.gate.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	next, done, err := db.Catalog().Apply(edits...)
	if err != nil {
		return err
	}
	if len(done) == 0 {
		return nil
	}
	for _, t := range next.Tables() {
		if db.Catalog().TableByID(t.ID) == t {
			continue
		}
		if _, err := db.limitsOf(t); err != nil {
			return err
		}
	}
	e := &wal.Entry{Type: recordDDL, Pieces: [][]byte{catalog.AppendEdits(nil, done)}, Data: &ddl{done}}
	if err := db.log.Append(ctx, e); err != nil {
		return err
	}
	db.wake()
	return nil
}

// applyDDLLocked changes catalog and tables.
func (db *DB) applyDDLLocked(sequence uint64, edits []catalog.Edit) error {
	next, _, err := db.catalog.Apply(edits...)
	if err != nil {
		return err
	}
	db.catalog = next
	db.ddl = append(db.ddl, edits...)
	db.ddlLast = sequence
	db.dirty = true
	return db.syncTablesLocked()
}

// syncTablesLocked makes the tables those of the catalog.
func (db *DB) syncTablesLocked() error {
	for _, info := range db.catalog.Tables() {
		limits, err := db.limitsOf(info)
		if err != nil {
			limits = sealLimits{db.o.SealRows, db.o.SealBytes, db.o.SealAge}
		}
		t := db.tables[info.ID]
		if t == nil {
			t = &tableState{}
			db.tables[info.ID] = t
		}
		t.info, t.limits = info, limits
	}
	for id, t := range db.tables {
		if db.catalog.TableByID(id) != nil {
			continue
		}
		delete(db.tables, id)
		for _, s := range t.segments {
			db.dropLocked(s)
		}
		for _, l := range t.live {
			db.countedLocked(l.deleted, nil)
			l.segment.Release()
		}
		t.live, t.segments = nil, nil
		db.cond.Broadcast()
	}
	return nil
}

// sealLimits say when a table's live segment is sealed.
type sealLimits struct {
	rows  int
	bytes int64
	age   time.Duration
}

// limitsOf reads the options seal_rows, seal_bytes and seal_age of a table.
func (db *DB) limitsOf(t *catalog.Table) (sealLimits, error) {
	l := sealLimits{db.o.SealRows, db.o.SealBytes, db.o.SealAge}
	bad := func(name string) error {
		return errs.New(errs.InvalidParameterValue, "invalid value for storage parameter %q: %q", name, t.Options[name])
	}
	if s, ok := t.Options["seal_rows"]; ok {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > sealRowsMax {
			return l, bad("seal_rows")
		}
		l.rows = n
	}
	if s, ok := t.Options["seal_bytes"]; ok {
		n, err := parseBytes(s)
		if err != nil || n < 1 {
			return l, bad("seal_bytes")
		}
		l.bytes = n
	}
	if s, ok := t.Options["seal_age"]; ok {
		d, err := parseAge(s)
		if err != nil || d <= 0 {
			return l, bad("seal_age")
		}
		l.age = d
	}
	for _, name := range sortKey(t) {
		if t.Column(name) < 0 {
			return l, errs.New(errs.UndefinedColumn, "column %q named in sort_key does not exist", name)
		}
	}
	return l, nil
}

// parseBytes reads a number of bytes with PostgreSQL's units: kB, MB, GB.
func parseBytes(s string) (int64, error) {
	s = strings.TrimSpace(s)
	shift := 0
	for _, u := range []struct {
		name  string
		shift int
	}{{"kB", 10}, {"MB", 20}, {"GB", 30}, {"B", 0}} {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, shift = strings.TrimSpace(rest), u.shift
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > 1<<(62-shift) {
		return 0, errs.New(errs.InvalidParameterValue, "invalid size %q", s)
	}
	return n << shift, nil
}

// parseAge reads a duration: a number with one of PostgreSQL's units ms, s, min, h, d, or such a unit spelled out.
func parseAge(s string) (time.Duration, error) {
	units := []struct {
		names string
		d     time.Duration
	}{
		{"ms", time.Millisecond}, {"min minute minutes", time.Minute}, {"s second seconds", time.Second},
		{"h hour hours", time.Hour}, {"d day days", 24 * time.Hour},
	}
	s = strings.TrimSpace(s)
	i := strings.LastIndexAny(s, "0123456789") + 1
	n, err := strconv.ParseInt(strings.TrimSpace(s[:i]), 10, 64)
	if err != nil {
		return 0, err
	}
	unit := strings.TrimSpace(s[i:])
	for _, u := range units {
		for _, name := range strings.Fields(u.names) {
			if name != unit {
				continue
			}
			if n > math.MaxInt64/int64(u.d) {
				return 0, errs.New(errs.InvalidParameterValue, "value %q is out of range", s)
			}
			return time.Duration(n) * u.d, nil
		}
	}
	return 0, errs.New(errs.InvalidParameterValue, "invalid unit %q", unit)
}

// sortKey returns the columns of the option sort_key.
func sortKey(t *catalog.Table) []string {
	var names []string
	for _, n := range strings.Split(t.Options["sort_key"], ",") {
		if n = strings.TrimSpace(n); n != "" {
			names = append(names, n)
		}
	}
	return names
}
