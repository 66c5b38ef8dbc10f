package pgcatalog

// siltstoneText lists the relations of schema siltstone in the form of data/relations.txt. Their OIDs lie below the
// first user table's.
const siltstoneText = `siltstone.segments 16300 v schema_name:name table_name:name id:int8 state:text rows:int8 deleted:int8 bytes:int8 min_sequence:int8 max_sequence:int8 partition:text
siltstone.compactions 16303 v started:timestamptz schema_name:name table_name:name reason:text state:text segments:int4 rows:int8 bytes:int8 new_segments:int4 new_rows:int8 new_bytes:int8 milliseconds:int8 detail:text
siltstone.log 16306 v state:text number:int8 first_sequence:int8 last_sequence:int8 bytes:int8 plain_bytes:int8 first_time:timestamptz last_time:timestamptz tables:_text holders:_text
siltstone.settings 16301 v name:text setting:text description:text
siltstone.tables 16302 v schema_name:name table_name:name rows:int8 bytes:int8 columns:int4 version:int8
siltstone.objects 16304 v id:int8 oid:oid kind:text schema_name:name name:name owner:name comment:text depends:_oid
`

func fillSegments(e *Env, b *builder) {
	if e.Segments == nil {
		return
	}
	for _, s := range e.Segments() {
		b.add("schema_name", s.Schema, "table_name", s.Table, "id", s.ID, "state", s.State, "rows", s.Rows,
			"deleted", s.Deleted, "bytes", s.Bytes, "min_sequence", s.MinSequence, "max_sequence", s.MaxSequence,
			"partition", nonEmpty(s.Partition))
	}
}

// fillCompactions lists the merges of segments of late.
func fillCompactions(e *Env, b *builder) {
	if e.Compactions == nil {
		return
	}
	for _, c := range e.Compactions() {
		b.add("started", instant(c.Started), "schema_name", c.Schema, "table_name", c.Table, "reason", c.Reason, "state", c.State,
			"segments", c.Segments, "rows", c.Rows, "bytes", c.Bytes, "new_segments", c.NewSegments, "new_rows", c.NewRows,
			"new_bytes", c.NewBytes, "milliseconds", c.Milliseconds, "detail", c.Detail)
	}
}

// fillLog lists the files of the log and of its archive.
func fillLog(e *Env, b *builder) {
	if e.Log == nil {
		return
	}
	for _, l := range e.Log() {
		b.add("state", l.State, "number", l.Number, "first_sequence", l.First, "last_sequence", l.Last, "bytes", l.Bytes,
			"plain_bytes", known(l.Plain), "first_time", instant(l.FirstTime), "last_time", instant(l.LastTime), "tables", listed(l.Tables),
			"holders", listed(l.Holders))
	}
}

// known is nil for 0.
func known(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// listed is nil for a list that is not known.
func listed(list []string) any {
	if list == nil {
		return nil
	}
	return list
}

func fillOwnTables(e *Env, b *builder) {
	for _, t := range e.tables() {
		var bytes any
		if e.Bytes != nil {
			bytes = e.Bytes(t.ID)
		}
		b.add("schema_name", t.Schema, "table_name", t.Name, "rows", e.rowCount(t), "bytes", bytes,
			"columns", len(t.Columns), "version", int64(t.Version))
	}
}
