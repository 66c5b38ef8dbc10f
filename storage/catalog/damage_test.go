package catalog

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestEditsOfNothing: an edit that is read has an object with its numbers, or says what is dropped.
func TestEditsOfNothing(t *testing.T) {
	object := func(kind Object, id ID, oid uint32) Object {
		kind.Common().ID, kind.Common().OID, kind.Common().Name = id, oid, "x"
		return kind
	}
	for name, c := range map[string]struct {
		e    Edit
		good bool
	}{
		"create":                {Edit{op: opCreate, object: object(&Schema{}, 5, 6)}, true},
		"create nothing":        {Edit{op: opCreate}, false},
		"create without id":     {Edit{op: opCreate, object: object(&Schema{}, 0, 6)}, false},
		"create without OID":    {Edit{op: opCreate, object: object(&Schema{}, 5, 0)}, false},
		"replace":               {Edit{op: opReplace, object: object(&Schema{}, 5, 6)}, true},
		"replace nothing":       {Edit{op: opReplace}, false},
		"drop":                  {Edit{op: opDrop, ids: []ID{5}}, true},
		"drop nothing":          {Edit{op: opDrop}, false},
		"nothing":               {Edit{object: object(&Schema{}, 5, 6)}, false},
		"nothing that is known": {Edit{op: opDrop + 1, object: object(&Schema{}, 5, 6)}, false},
	} {
		edits, err := DecodeEdits(AppendEdits(nil, []Edit{c.e}))
		if c.good != (err == nil) || err != nil && !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (len(edits) != 1 || edits[0].IDs()[0] != 5 || edits[0].Drops() != (c.e.op == opDrop)) {
			t.Errorf("%s: %+v", name, edits)
		}
	}
}

// TestConstraintOfNewKind: a constraint of a kind that is not known is refused by name.
func TestConstraintOfNewKind(t *testing.T) {
	for kind, good := range map[ConstraintKind]bool{Check: true, ForeignKey + 1: false, 200: false} {
		tab := clicks()
		tab.ID, tab.OID = 7, 8
		tab.Columns[0].ID, tab.Columns[1].ID, tab.Columns[2].ID, tab.NextColumn = 1, 2, 3, 4
		tab.Constraints = []Constraint{{Kind: kind, Name: "c", OID: 9, Expr: "true"}}
		_, err := DecodeEdits(AppendEdits(nil, []Edit{{op: opCreate, object: tab}}))
		if good != (err == nil) || err != nil && !errs.Is(err, errs.FeatureNotSupported) {
			t.Errorf("kind %d: %v", kind, err)
		}
	}
}

// TestNumbersStay: a change of an object keeps its numbers and its kind.
func TestNumbersStay(t *testing.T) {
	s, _ := everything(t)
	tab := s.Table("web", "clicks")
	for name, change := range map[string]func(t *Table) (*Table, error){
		"id":  func(t *Table) (*Table, error) { t.ID++; return t, nil },
		"OID": func(t *Table) (*Table, error) { t.OID++; return t, nil },
	} {
		if _, _, err := s.Apply(Replace(tab, change)); !errs.Is(err, errs.InternalError) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var o Object = tab
	if _, _, err := s.Apply(Replace(o, func(was Object) (Object, error) {
		h := *was.Common()
		return &Sequence{Head: h, Type: types.T(types.Int8)}, nil
	})); !errs.Is(err, errs.InternalError) {
		t.Errorf("another kind: %v", err)
	}
}

// TestTypeRules: which forms a type may have.
func TestTypeRules(t *testing.T) {
	for form, good := range map[TypeForm]bool{0: false, Enum: true, Domain: true, Composite: true, Composite + 1: false} {
		if _, err := put(t, &Type{Head: Head{Schema: "public", Name: "x"}, Form: form, Base: types.T(types.Int4)}); good != (err == nil) {
			t.Errorf("form %d: %v", form, err)
		}
	}
	if _, err := put(t, &Type{Head: Head{Schema: "public", Name: "x"}, Form: Enum, Labels: []string{"a", "b", "a"}}); !errs.Is(err, errs.InvalidParameterValue) {
		t.Errorf("a label twice: %v", err)
	}
}

// TestPartitionsOfNothing: a table without a column to divide by, or with one that has gone, has no partitions.
func TestPartitionsOfNothing(t *testing.T) {
	tab := clicks()
	tab.Columns[0].ID = 1
	for column, want := range map[uint32]bool{0: false, 1: true, 9: false} {
		tab.Options.PartitionBy = column
		if _, ok := tab.Partitions(); ok != want {
			t.Errorf("column %d: %v", column, ok)
		}
	}
}
