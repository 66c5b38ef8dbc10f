package catalog

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func clicks() *Table {
	return &Table{Schema: "public", Name: "clicks", Columns: []Column{
		{Name: "ts", Type: types.T(types.Timestamptz), NotNull: true},
		{Name: "url", Type: types.T(types.Text), Default: "''"},
		{Name: "price", Type: types.NumericOf(15, 2)},
	}, Options: map[string]string{"sort_key": "ts"}, PrimaryKey: []int{0}}
}

func TestApply(t *testing.T) {
	s, done, err := Empty().Apply(CreateTable{Table: clicks()}, CreateSchema{Name: "web"})
	if err != nil {
		t.Fatal(err)
	}
	got := s.Table("public", "clicks")
	if got == nil || got.ID != 1 || got.OID != FirstOID || got.Columns[2].ID != 3 || s.TableByOID(FirstOID) != got {
		t.Fatalf("created table %+v", got)
	}
	if s.Schema("web").OID != FirstOID+1 {
		t.Fatalf("schema oid %d", s.Schema("web").OID)
	}
	again, _, err := Empty().Apply(done...)
	if err != nil || !bytes.Equal(again.Append(nil), s.Append(nil)) {
		t.Fatalf("applying the effective edits again differs: %v", err)
	}
	if _, done, err := s.Apply(CreateTable{Table: clicks(), IfNotExists: true}); err != nil || len(done) != 0 {
		t.Fatalf("if not exists: %v, %v", done, err)
	}
	dropped, _, err := s.Apply(DropTable{ID: 1}, CreateTable{Table: clicks()})
	if err != nil || dropped.Table("public", "clicks").ID != 2 {
		t.Fatalf("a re-created table must have a new id: %v", err)
	}
	if s.TableByID(1) == nil {
		t.Fatal("the old snapshot changed")
	}
}

func TestApplyRefuses(t *testing.T) {
	s, _, err := Empty().Apply(CreateTable{Table: clicks()})
	if err != nil {
		t.Fatal(err)
	}
	twice := clicks()
	twice.Name, twice.Columns[1].Name = "twice", "ts"
	nowhere := clicks()
	nowhere.Schema = "nowhere"
	for _, c := range []struct {
		edit Edit
		code errs.Code
	}{
		{CreateTable{Table: clicks()}, errs.DuplicateTable},
		{CreateTable{Table: twice}, errs.DuplicateColumn},
		{CreateTable{Table: nowhere}, errs.InvalidSchemaName},
		{DropTable{ID: 9}, errs.UndefinedTable},
		{RenameTable{ID: 1, Name: "clicks"}, errs.DuplicateTable},
		{CreateSchema{Name: "public"}, errs.DuplicateSchema},
		{DropSchema{Name: "public"}, errs.DependentObjectsStillExist},
	} {
		if _, _, err := s.Apply(c.edit); !errs.Is(err, c.code) {
			t.Errorf("%#v: %v, want %s", c.edit, err, c.code)
		}
	}
}

func allEdits() []Edit {
	_, done, _ := Empty().Apply(CreateTable{Table: clicks()}, CreateSchema{Name: "web"},
		SetTableOptions{ID: 1, Options: map[string]string{"seal_rows": "1000"}}, RenameTable{ID: 1, Name: "hits"},
		DropTable{ID: 1}, DropSchema{Name: "web"})
	return done
}

func TestCodec(t *testing.T) {
	edits := allEdits()
	if len(edits) != 6 {
		t.Fatalf("%d edits", len(edits))
	}
	b := AppendEdits(nil, edits)
	got, err := DecodeEdits(b)
	if err != nil || !bytes.Equal(AppendEdits(nil, got), b) {
		t.Fatalf("edits do not survive: %v", err)
	}
	s, _, _ := Empty().Apply(edits[:4]...)
	c := s.Append(nil)
	back, err := Decode(c)
	if err != nil || !bytes.Equal(back.Append(nil), c) {
		t.Fatalf("catalog does not survive: %v", err)
	}
	for n := range c {
		if _, err := Decode(c[:n]); err == nil {
			t.Fatalf("%d of %d bytes were accepted", n, len(c))
		}
	}
	b[0] = 9
	if _, err := DecodeEdits(b); !errs.Is(err, errs.FeatureNotSupported) {
		t.Fatalf("newer format: %v", err)
	}
}

func TestGolden(t *testing.T) {
	s, _, _ := Empty().Apply(CreateTable{Table: clicks()})
	got := hex.EncodeToString(s.Append(nil))
	if got != golden {
		t.Errorf("the binary form changed: files written before cannot be read\n got %s\nwant %s", got, golden)
	}
}

// golden is the catalog of one table, format 1.
const golden = "010102818001019811067075626c6963010180800101067075626c696306636c69636b73030102747310000000000100020375726c090000000000022727030570726963650800000f0200000108736f72745f6b65790274730100"

func FuzzDecode(f *testing.F) {
	s, _, _ := Empty().Apply(allEdits()[:4]...)
	f.Add(s.Append(nil))
	f.Add(AppendEdits(nil, allEdits()))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := Decode(b); err == nil {
			if _, err := Decode(s.Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		if e, err := DecodeEdits(b); err == nil {
			_, _, _ = Empty().Apply(e...)
		}
	})
}
