package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/types"
)

// put makes an object in a catalog that has everything, and reads what came of it back.
func put(t *testing.T, o Object) (*Snapshot, error) {
	t.Helper()
	s, _ := everything(t)
	next, done, err := s.Apply(Create(o))
	if err != nil {
		return nil, err
	}
	for _, b := range [][]byte{AppendEdits(nil, done)} {
		edits, err := DecodeEdits(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Apply(edits...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Decode(next.Append(nil)); err != nil {
		t.Fatal(err)
	}
	return next, nil
}

// TestTableRules: what a table may be, to the last that it may, and the error of the first that it may not.
func TestTableRules(t *testing.T) {
	columns := func(n int) func(*Table) {
		return func(t *Table) {
			t.Columns = nil
			for i := range n {
				t.Columns = append(t.Columns, Column{Name: fmt.Sprint("c", i), Type: types.T(types.Int4)})
			}
		}
	}
	typed := func(typ types.Type) func(*Table) { return func(t *Table) { t.Columns[1].Type = typ } }
	with := func(k ...Constraint) func(*Table) { return func(t *Table) { t.Constraints = k } }
	options := func(change func(o *Options)) func(*Table) { return func(t *Table) { change(&t.Options) } }
	ids := func(next uint32, ids ...uint32) func(*Table) {
		return func(t *Table) {
			t.NextColumn = next
			for i, id := range ids {
				t.Columns[i].ID = id
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*Table)
		code   errs.Code // "": it is one
	}{
		"as it is":                   {func(*Table) {}, ""},
		"no columns":                 {columns(0), ""},
		"most columns":               {columns(MaxColumns), ""},
		"a column more":              {columns(MaxColumns + 1), errs.TooManyColumns},
		"system column":              {func(t *Table) { t.Columns[0].Name = "_row_id" }, errs.DuplicateColumn},
		"column twice":               {func(t *Table) { t.Columns[0].Name = "b" }, errs.DuplicateColumn},
		"unknown type":               {typed(types.T(types.Unknown)), errs.InvalidTableDefinition},
		"no type":                    {typed(types.Type{}), errs.InvalidTableDefinition},
		"oid":                        {typed(types.T(types.Oid)), errs.InvalidTableDefinition},
		"boolean":                    {typed(types.T(types.Bool)), ""},
		"uuid":                       {typed(types.T(types.UUID)), ""},
		"numbers of its own":         {ids(9, 4, 8), ""},
		"a number twice":             {ids(9, 4, 4), errs.InternalError},
		"a number that is to come":   {ids(9, 4, 9), errs.InternalError},
		"primary key":                {with(Constraint{Kind: PrimaryKey, Name: "k", Columns: []uint32{1}}), ""},
		"two primary keys":           {with(Constraint{Kind: PrimaryKey, Name: "k", Columns: []uint32{1}}, Constraint{Kind: PrimaryKey, Name: "l", Columns: []uint32{2}}), errs.InvalidTableDefinition},
		"primary and unique":         {with(Constraint{Kind: PrimaryKey, Name: "k", Columns: []uint32{1}}, Constraint{Kind: Unique, Name: "l", Columns: []uint32{2}}), ""},
		"a name twice":               {with(Constraint{Kind: Unique, Name: "k", Columns: []uint32{1}}, Constraint{Kind: Unique, Name: "k", Columns: []uint32{2}}), errs.DuplicateObject},
		"a check twice":              {with(Constraint{Kind: Check, Name: "k", Expr: "a > 0"}, Constraint{Kind: Check, Name: "k", Expr: "a > 1"}), errs.DuplicateObject},
		"a check named as a key":     {with(Constraint{Kind: Unique, Name: "k", Columns: []uint32{1}}, Constraint{Kind: Check, Name: "k", Expr: "a > 1"}), errs.DuplicateObject},
		"no kind":                    {with(Constraint{Name: "k"}), errs.InternalError},
		"no kind of ours":            {with(Constraint{Kind: ForeignKey + 1, Name: "k"}), errs.InternalError},
		"a column that is not there": {with(Constraint{Kind: Unique, Name: "k", Columns: []uint32{7}}), errs.InternalError},
		"a column twice in a key":    {with(Constraint{Kind: Unique, Name: "k", Columns: []uint32{1, 1}}), errs.InternalError},
		"reference to itself":        {with(Constraint{Kind: ForeignKey, Name: "k", Columns: []uint32{1}, ReferencedColumns: []uint32{2}}), ""},
		"to a column that is none":   {with(Constraint{Kind: ForeignKey, Name: "k", Columns: []uint32{1}, ReferencedColumns: []uint32{7}}), errs.UndefinedColumn},
		"to fewer columns":           {with(Constraint{Kind: ForeignKey, Name: "k", Columns: []uint32{1, 2}, ReferencedColumns: []uint32{1}}), errs.InternalError},
		"to no column":               {with(Constraint{Kind: ForeignKey, Name: "k"}), errs.InternalError},
		"sort key":                   {options(func(o *Options) { o.SortKey = []uint32{2, 1} }), ""},
		"sort key of no column":      {options(func(o *Options) { o.SortKey = []uint32{2, 7} }), errs.InternalError},
		"most rows":                  {options(func(o *Options) { o.SealRows = SealRowsMax }), ""},
		"a row more":                 {options(func(o *Options) { o.SealRows = SealRowsMax + 1 }), errs.InternalError},
		"less than no rows":          {options(func(o *Options) { o.SealRows = -1 }), errs.InternalError},
		"less than no bytes":         {options(func(o *Options) { o.SealBytes = -1 }), errs.InternalError},
		"less than no time":          {options(func(o *Options) { o.SealAge = -1 }), errs.InternalError},
		"partition of no column":     {options(func(o *Options) { o.PartitionBy, o.Unit = 7, partition.Day }), errs.InternalError},
		"partition":                  {options(func(o *Options) { o.PartitionBy, o.Unit = 3, partition.Day }), ""},
		"no unit of ours":            {options(func(o *Options) { o.PartitionBy, o.Unit = 3, partition.Width+1 }), errs.InternalError},
		"retains less than nothing":  {options(func(o *Options) { o.PartitionBy, o.Unit, o.Retain = 3, partition.Day, -1 }), errs.InternalError},
		"a width of days":            {options(func(o *Options) { o.PartitionBy, o.Unit, o.Width = 3, partition.Day, 5 }), errs.InternalError},
		"a width":                    {options(func(o *Options) { o.PartitionBy, o.Unit, o.Width = 1, partition.Width, 5 }), ""},
		"no width":                   {options(func(o *Options) { o.PartitionBy, o.Unit = 1, partition.Width }), errs.InternalError},
		"less than no width":         {options(func(o *Options) { o.PartitionBy, o.Unit, o.Width = 1, partition.Width, -5 }), errs.InternalError},
		"schema that is not there":   {func(t *Table) { t.Schema = "nowhere" }, errs.InvalidSchemaName},
		"a name that is taken":       {func(t *Table) { t.Schema, t.Name = "web", "clicks" }, errs.DuplicateTable},
		"named as a view":            {func(t *Table) { t.Schema, t.Name = "web", "v" }, errs.DuplicateTable},
		"a key named as a view":      {func(t *Table) { t.Schema = "web"; with(Constraint{Kind: Unique, Name: "v", Columns: []uint32{1}})(t) }, errs.DuplicateTable},
		"a check named as a view":    {func(t *Table) { t.Schema = "web"; with(Constraint{Kind: Check, Name: "v", Expr: "a > 0"})(t) }, ""},
	} {
		tab := NewTable("public", "rules", Column{Name: "a", Type: types.T(types.Int4)}, Column{Name: "b", Type: types.T(types.Text)}, Column{Name: "ts", Type: types.T(types.Timestamptz)})
		c.change(tab)
		_, err := put(t, tab)
		if got := errs.From(err); (err == nil) != (c.code == "") || err != nil && got.Code != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
}

// TestOptionLimits: the least and the most of each option, and what is beside them.
func TestOptionLimits(t *testing.T) {
	for _, c := range []struct {
		name, value string
		good        bool
	}{
		{"seal_rows", "1", true}, {"seal_rows", "0", false}, {"seal_rows", "-1", false}, {"seal_rows", fmt.Sprint(SealRowsMax), true}, {"seal_rows", fmt.Sprint(SealRowsMax + 1), false}, {"seal_rows", "many", false}, {"seal_rows", "", false},
		{"seal_bytes", "1", true}, {"seal_bytes", "0", false}, {"seal_bytes", "x", false}, {"SEAL_BYTES", " 2MiB ", true},
		{"seal_age", "1us", true}, {"seal_age", "0", false}, {"seal_age", "999ns", false}, {"seal_age", "x", false}, {"seal_age", "-1s", false},
		{"retain", "1us", true}, {"retain", "999ns", false}, {"retain", "x", false},
		{"retain_log", "0", true}, {"retain_log", "forever", true}, {"retain_log", "1 day", true}, {"retain_log", "-1 day", false}, {"retain_log", "x", false},
	} {
		tab := clicks()
		if tab.Options.PartitionBy == 0 && c.name == "retain" {
			if err := tab.PartitionBy("ts"); err != nil {
				t.Fatal(err)
			}
		}
		if err := tab.Set(Option{c.name, c.value}); c.good != (err == nil) || err != nil && !errs.Is(err, errs.InvalidParameterValue) {
			t.Errorf("%s = %q: %v", c.name, c.value, err)
		}
	}
}

// TestMissingUUID: a missing-value of another length than its type is damage.
func TestMissingUUID(t *testing.T) {
	for n, good := range map[int]bool{0: false, 15: false, 16: true, 17: false} {
		d := types.Datum{Type: types.T(types.UUID), S: strings.Repeat("x", n)}
		s, _, err := Empty().Apply(Create(NewTable("public", "t", Column{Name: "u", Type: types.T(types.UUID), Missing: &d}, Column{Name: "b", Type: types.T(types.Text), Missing: &types.Datum{Type: types.T(types.Text), S: "five!"}})))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(s.Append(nil)); good != (err == nil) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestFound: what is found by number, OID, kind and name, and what is not.
func TestFound(t *testing.T) {
	s, _ := everything(t)
	for o := range s.All() {
		h := o.Common()
		if s.Object(h.ID) != o || s.ByOID(h.OID) != o {
			t.Errorf("%s %q is not found by its numbers", o.Kind(), h.Name)
		}
		listed := 0
		for x := range s.Objects(o.Kind()) {
			if x == o {
				listed++
			} else if x.Kind() != o.Kind() {
				t.Errorf("%s %q is among those of kind %s", x.Kind(), x.Common().Name, o.Kind())
			}
		}
		if listed != 1 {
			t.Errorf("%s %q is listed %d times", o.Kind(), h.Name, listed)
		}
	}
	tab := s.Table("web", "clicks")
	for i := range tab.Constraints {
		k := &tab.Constraints[i]
		if x, found := s.Constraint(k.OID); x != tab || found != k {
			t.Errorf("constraint %q is not found by its OID", k.Name)
		}
		if s.ByOID(k.OID) != nil {
			t.Errorf("constraint %q is taken for an object", k.Name)
		}
		if k.Index != 0 {
			if x, found := s.Constraint(k.Index); x != tab || found != k {
				t.Errorf("the key %q is not found by its index", k.Name)
			}
		}
		if k.Indexed() != (k.Index != 0) || k.Indexed() != (s.Relation("web", k.Name) == Object(tab)) {
			t.Errorf("constraint %q has the index %d", k.Name, k.Index)
		}
	}
	if s.ByOID(1<<31) != nil || s.Object(1<<40) != nil {
		t.Error("what is not there is found")
	}
	for name, kind := range map[string]Kind{"clicks": KindTable, "v": KindView, "s": KindSequence} {
		for _, k := range []Kind{KindTable, KindView, KindSequence, KindMaterializedView} {
			if found := s.Named(k, "web", name); (found != nil) != (k == kind) {
				t.Errorf("%s %q: %v", k, name, found)
			}
		}
	}
	if s.Named(KindTable, "web", "clicks_pkey") != nil || s.Named(KindTable, "public", "clicks") != nil {
		t.Error("a table is found by the name of its key, or in another schema")
	}
	for name, want := range map[string]string{"click": "clicks", "clikcs": "clicks", "clicks_pke": "", "v": "", "nothing at all": ""} {
		if got := s.Near(name, "public", "web"); got != want && !(want == "" && got != "clicks_pkey" && got != "v") {
			t.Errorf("near %q: %q", name, got)
		}
	}
	if got := s.Near("click", "public"); got == "clicks" {
		t.Error("a table of another schema is near")
	}
	for _, c := range []struct {
		columns []uint32
		want    bool
	}{{[]uint32{1}, true}, {[]uint32{2}, false}, {[]uint32{1, 2}, false}, {nil, false}, {[]uint32{3}, false}} {
		if k := tab.Key(c.columns); (k != nil) != c.want {
			t.Errorf("the key over %d: %v", c.columns, k)
		}
	}
}

// TestNames: how messages call objects, and how many lines a report has.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{"abc": "abc", "_a": "_a", "a1": "a1", "a$": "a$", "az": "az", "zz9_": "zz9_", "1a": `"1a"`, "$a": `"$a"`, "A": `"A"`, "aB": `"aB"`, "a b": `"a b"`,
		"": `""`, `a"b`: `"a""b"`, "é": `"é"`, "a{": `"a{"`, "a`": "\"a`\"", "a/": `"a/"`, "a:": `"a:"`, "a9": "a9", "a0": "a0"} {
		if got := quoted(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
	s, _ := everything(t)
	for o := range s.All() {
		title, bare := s.Title(o, nil), s.Title(o, []string{"web"})
		h := o.Common()
		if !strings.HasPrefix(title, o.Kind().String()+" ") || strings.Contains(bare, "web."+h.Name) || h.Schema == "web" && !strings.Contains(title, "web."+h.Name) {
			t.Errorf("%s, with its schema in the path %s", title, bare)
		}
		if p, ok := o.(*Policy); ok && title != "policy own on "+s.Title(s.Object(p.Table), nil) {
			t.Error(title)
		}
	}
	for _, n := range []int{0, 1, reportMost - 1, reportMost, reportMost + 1, reportMost + 2} {
		report := Report(slices.Repeat([]string{"a line"}, n))
		lines := strings.Split(report, "\n")
		last := lines[len(lines)-1]
		switch {
		case n <= reportMost && (strings.Count(report, "a line") != n || strings.Contains(report, "other")),
			n == reportMost+1 && last != "and 1 other object (see server log for list)",
			n == reportMost+2 && last != "and 2 other objects (see server log for list)",
			n > reportMost && strings.Count(report, "a line") != reportMost:
			t.Errorf("%d lines: %d, the last is %q", n, len(lines), last)
		}
	}
	for k, want := range map[ConstraintKind]string{0: "unknown", PrimaryKey: "primary key", Unique: "unique", Check: "check", ForeignKey: "foreign key", ForeignKey + 1: "unknown", 200: "unknown"} {
		if got := k.String(); got != want {
			t.Errorf("kind %d: %s", k, got)
		}
	}
}

// TestVersions: rows that were made for a table are right for what it becomes unless a column came, went or changed, or a
// condition that they were not held against.
func TestVersions(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *Table)
		stays  bool
	}{
		"nothing":       {func(*Table) {}, true},
		"a name":        {func(t *Table) { t.Columns[1].Name = "other" }, true},
		"an option":     {func(t *Table) { t.Options.SealAge = time.Minute }, true},
		"a default":     {func(t *Table) { t.Columns[1].Default = "" }, true},
		"NULL again":    {func(t *Table) { t.Columns[0].NotNull = false }, true},
		"not NULL":      {func(t *Table) { t.Columns[1].NotNull = true }, false},
		"a type":        {func(t *Table) { t.Columns[1].Type = types.T(types.Varchar) }, false},
		"a column":      {func(t *Table) { t.Columns = append(t.Columns, Column{Name: "d", Type: types.T(types.Int4)}) }, false},
		"a column less": {func(t *Table) { t.Columns = t.Columns[:2]; t.Constraints = t.Constraints[:1] }, false},
		"a condition": {func(t *Table) {
			t.Constraints = append(t.Constraints, Constraint{Kind: Check, Name: "d", Expr: "true"})
		}, false},
		"a condition less": {func(t *Table) { t.Constraints = t.Constraints[:1] }, true},
	} {
		s, _, err := Empty().Apply(Create(clicks()))
		if err != nil {
			t.Fatal(err)
		}
		was := s.Table("public", "clicks")
		next, _, err := s.Apply(Replace(was, func(t *Table) (*Table, error) { c.change(t); return t, nil }))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if now := next.Table("public", "clicks"); (now.Version == was.Version) != c.stays || now.Version < was.Version {
			t.Errorf("%s: version %d, was %d", name, now.Version, was.Version)
		}
	}
}

// TestReplaceGone: a change of what has gone, or of what is another kind of object now, is told by its name; one that
// does nothing does nothing.
func TestReplaceGone(t *testing.T) {
	s, _ := everything(t)
	tab, role := s.Table("web", "clicks"), s.Named(KindRole, "", "you").(*Role)
	same := func(t *Table) (*Table, error) { return nil, nil }
	next, done, err := s.Apply(Replace(tab, same))
	if err != nil || len(done) != 0 || next.Table("web", "clicks") != tab {
		t.Errorf("a change of nothing: %d edits, %v", len(done), err)
	}
	refused := errs.New(errs.InvalidParameterValue, "no")
	if _, _, err := s.Apply(Replace(tab, func(t *Table) (*Table, error) { return t, refused })); !errs.Is(err, errs.InvalidParameterValue) {
		t.Errorf("a change that fails: %v", err)
	}
	gone, drop, err := s.Apply(Drop(nil, tab).Cascade(), Drop(nil, role).Cascade())
	if err != nil || len(drop) != 2 || !slices.Contains(drop[0].IDs(), tab.ID) || !drop[0].Drops() {
		t.Fatalf("%v, %v", drop, err)
	}
	if _, _, err := gone.Apply(Replace(tab, same)); !errs.Is(err, errs.UndefinedTable) || err.Error() != `relation "clicks" does not exist` {
		t.Errorf("a table that has gone: %v", err)
	}
	if _, _, err := gone.Apply(Replace(role, func(r *Role) (*Role, error) { return r, nil })); !errs.Is(err, errs.UndefinedObject) || err.Error() != `role "you" does not exist` {
		t.Errorf("a role that has gone: %v", err)
	}
	_, done, err = s.Apply(Replace(tab, func(t *Table) (*Table, error) { t.Comment = "x"; return t, nil }))
	if err != nil || len(done) != 1 || !slices.Equal(done[0].IDs(), []ID{tab.ID}) || done[0].Drops() {
		t.Errorf("%v, %v", done, err)
	}
}
