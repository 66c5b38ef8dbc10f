package catalog

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/types"
)

func clicks() *Table {
	seven := types.IntOf(types.NumericOf(15, 2), -700)
	t := NewTable("public", "clicks",
		Column{Name: "ts", Type: types.T(types.Timestamptz), NotNull: true},
		Column{Name: "url", Type: types.T(types.Text), Default: "''", Comment: "where"},
		Column{Name: "price", Type: types.NumericOf(15, 2), Missing: &seven})
	t.Options = Options{SortKey: []uint32{1}, SealRows: 1000, SealBytes: 1 << 20, SealAge: time.Hour}
	t.Comment = "all of them"
	t.Constraints = []Constraint{{Kind: PrimaryKey, Name: "clicks_pkey", Columns: []uint32{1}},
		{Kind: Check, Name: "clicks_price_check", Columns: []uint32{3}, Expr: "price > 0", NotValid: true}}
	return t
}

// objects has one of each kind, with each field of it set.
func objects() []Object {
	head := func(schema, name string) Head {
		return Head{Schema: schema, Name: name, Owner: "me", Comment: "of " + name,
			ACL: []Grant{{Role: "you", By: "me", Privileges: Select | Usage, Grantable: Usage}}}
	}
	cols := []Column{{ID: 1, Name: "a", Type: types.T(types.Int4)}}
	reading := head("web", "v")
	reading.Depends = []Dependency{{On: 3, Column: 2}, {On: 3}}
	table := clicks()
	table.Schema = "web"
	return []Object{
		&Schema{head("", "web")},
		table,
		&View{reading, cols, "SELECT 1", []Read{{Relation: 3, Schema: "web", Name: "clicks", Columns: []ReadColumn{{ID: 2, Name: "url"}}}}},
		&MaterializedView{head("web", "m"), cols, "SELECT 2", true},
		&Index{Head: head("web", "i"), Table: 3, Columns: []uint32{2, 0}, Exprs: []string{"lower(url)"}, Method: "btree", Where: "price > 0", Unique: true},
		&Sequence{head("web", "s"), types.T(types.Int8), 5, -1, -9, 100, 3, true, 3, 1, 7, -4, true},
		&Type{Head: head("web", "mood"), Form: Enum, Labels: []string{"sad", "", "ok"}},
		&Type{Head: head("web", "positive"), Form: Domain, Base: types.T(types.Int4), NotNull: true, Default: "1",
			Checks: []Constraint{{OID: 1, Kind: Check, Name: "c", Expr: "VALUE > 0"}}},
		&Type{Head: head("web", "pair"), Form: Composite, Columns: cols},
		&Function{head("web", "f"), []Argument{{Name: "x", Type: types.NumericOf(9, -2), Default: "1"}}, types.ArrayOf(types.Text), true, "sql", "SELECT", 's', true},
		&Role{head("", "you"), true, true, true, true, true, "SCRAM", 4, 5, []string{"staff"}},
		&Publication{head("", "p"), true, Insert | Truncate},
		&Subscription{head("", "sub"), "host=a", []string{"p", "q"}, "slot", true},
		&Policy{head("", "own"), 3, Select, true, []string{"you"}, "true", "false"},
		&Statistics{head("web", "st"), 3, []uint32{1, 2}, []string{"mcv"}},
	}
}

func everything(t testing.TB) (*Snapshot, []Edit) {
	t.Helper()
	var edits []Edit
	for _, o := range objects() {
		edits = append(edits, Create(o))
	}
	s, done, err := Empty().Apply(edits...)
	if err != nil {
		t.Fatal(err)
	}
	return s, done
}

// Each kind survives the log and the manifest, with all that it has.
func TestCodec(t *testing.T) {
	s, done := everything(t)
	b := AppendEdits(nil, done)
	got, err := DecodeEdits(b)
	if err != nil || !bytes.Equal(AppendEdits(nil, got), b) {
		t.Fatalf("edits do not survive: %v", err)
	}
	again, _, err := Empty().Apply(got...)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Append(nil)
	if !bytes.Equal(again.Append(nil), c) {
		t.Fatal("the logged edits make another catalog")
	}
	back, err := Decode(c)
	if err != nil || !bytes.Equal(back.Append(nil), c) {
		t.Fatalf("catalog does not survive: %v", err)
	}
	for _, o := range back.objects.All() {
		if was := s.Object(o.Common().ID); fmt.Sprintf("%+v", was) != fmt.Sprintf("%+v", o) && o.Kind() != KindTable {
			t.Errorf("%+v has become %+v", was, o)
		}
	}
	if v := back.Table("web", "clicks").Columns[2].Value(); v != *clicks().Columns[2].Missing {
		t.Errorf("the missing value is %+v", v)
	}
	if v := back.Table("web", "clicks").Columns[1].Value(); !v.Null || v.Type.Kind != types.Text {
		t.Errorf("without a missing value: %+v", v)
	}
	if back.tree() != s.tree() {
		t.Errorf("indexed otherwise:\n%s\n%s", back.tree(), s.tree())
	}
}

// tree prints the indexes of a snapshot.
func (s *Snapshot) tree() string {
	text := fmt.Sprint(s.version, s.nextID, s.nextOID, s.objects.Len(), s.oids.Len(), ":")
	for p, o := range s.places.All() {
		text += fmt.Sprint(p, o.Common().ID, " ")
	}
	for d := range s.dependents.All() {
		text += fmt.Sprint(d)
	}
	return text
}

// What a newer version adds: what may be ignored stays, at each level; what is required is refused by its number.
func TestNewerFields(t *testing.T) {
	s, _ := everything(t)
	at := func(path ...field.Number) func(b []byte, extra func(*field.Writer)) []byte {
		var into func(b []byte, path []field.Number, extra func(*field.Writer)) []byte
		into = func(b []byte, path []field.Number, extra func(*field.Writer)) []byte {
			w := field.NewWriter(nil)
			r := field.NewReader("test", b)
			for r.Next() {
				if len(path) > 0 && r.Number() == path[0] {
					inner := into(r.Bytes(), path[1:], extra)
					m := w.Begin(path[0])
					w.Keep(inner)
					w.End(m)
					continue
				}
				copyField(w, r)
			}
			if len(path) == 0 {
				extra(w)
			}
			return w.Record()
		}
		return func(b []byte, extra func(*field.Writer)) []byte { return into(b, path, extra) }
	}
	for _, c := range []struct {
		name string
		at   func([]byte, func(*field.Writer)) []byte
		keep bool
	}{
		{"catalog", at(), true}, {"object", at(8), true}, {"grant", at(8, 14), true}, {"dependency", at(8, 16), true}, {"body", at(8, 18), true},
	} {
		b := c.at(s.Append(nil), func(w *field.Writer) { w.String(901, "new") })
		got, err := Decode(b)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if n := bytes.Count(got.Append(nil), []byte("new")); n != bytes.Count(b, []byte("new")) {
			t.Errorf("%s: %d fields were kept", c.name, n)
		}
		_, err = Decode(c.at(s.Append(nil), func(w *field.Writer) { w.String(902, "new") }))
		if !errs.Is(err, errs.FeatureNotSupported) || !bytes.Contains([]byte(err.Error()), []byte("field 902")) {
			t.Errorf("%s: a required field: %v", c.name, err)
		}
	}
	// An object that is changed keeps what it has of a newer version.
	b := at(8)(s.Append(nil), func(w *field.Writer) { w.String(901, "new") })
	got, _ := Decode(b)
	next, _, err := got.Apply(Replace(got.Table("web", "clicks"), func(t *Table) (*Table, error) { t.Name = "hits"; return t, nil }))
	if err != nil || bytes.Count(next.Append(nil), []byte("new")) != bytes.Count(b, []byte("new")) {
		t.Errorf("a change loses fields: %v", err)
	}
}

func copyField(w *field.Writer, r *field.Reader) {
	one := field.NewReader("test", nil)
	*one = *r
	one.Unknown()
	if k := one.Kept(); k != nil && r.Number()%2 == 1 {
		w.Keep(k[len(r.Kept()):])
		return
	}
	// A required field is copied by its form.
	probe := *r
	if v := probe.Uint(); probe.Err() == nil {
		w.Uint(r.Number(), v)
		return
	}
	m := w.Begin(r.Number()) // also what is empty
	w.Keep(r.Bytes())
	w.End(m)
}

func TestGolden(t *testing.T) {
	s, _, err := Empty().Apply(Create(clicks()))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(s.Append(nil)); got != golden {
		t.Errorf("the binary form changed: files written before cannot be read\n got %s\nwant %s", got, golden)
	}
}

// golden is the catalog of the schema public and one table.
const golden = "100120033084800142121001200130981152067075626c696392010042c601100220023080800142067075626c69635206636c69636b731a0b616c6c206f66207468656d92019d01120c10012202747332021010400112161002220375726c32021009520227271a057768657265121610032205707269636532061008401e5004620310f70a20043001421a10012081800130828001420b636c69636b735f706b6579520101422a1003208380014212636c69636b735f70726963655f636865636b52010362097072696365203e20307001521112010120e807308080404080c0e285e368"

// 10,000 tables cost an edit no more than ten: it looks at as many nodes as the trees are high.
func TestEditCost(t *testing.T) {
	for _, n := range []int{10, 10_000} {
		s := Empty()
		for i := range n {
			next, _, err := s.Apply(Create(NewTable("public", fmt.Sprint("t", i), Column{Name: "a", Type: types.T(types.Int4)})))
			if err != nil {
				t.Fatal(err)
			}
			s = next
		}
		extra := NewTable("public", "extra", Column{Name: "a", Type: types.T(types.Int4)})
		if got := testing.AllocsPerRun(100, func() { _, _, _ = s.Apply(Create(extra)) }); got > 200 {
			t.Errorf("%d tables: an edit makes %v objects", n, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	s, done := everything(f)
	f.Add(s.Append(nil))
	f.Add(AppendEdits(nil, done))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := Decode(b); err == nil {
			c := s.Append(nil)
			again, err := Decode(c)
			if err != nil || !bytes.Equal(again.Append(nil), c) || again.tree() != s.tree() {
				t.Fatalf("what was read is not what is written: %v", err)
			}
		}
		if e, err := DecodeEdits(b); err == nil {
			c := AppendEdits(nil, e)
			again, err := DecodeEdits(c)
			if err != nil || !bytes.Equal(AppendEdits(nil, again), c) {
				t.Fatalf("what was read is not what is written: %v", err)
			}
			_, _, _ = Empty().Apply(e...)
		}
	})
}
