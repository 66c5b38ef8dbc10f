package pgcatalog

import (
	"fmt"
	"testing"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Objects of each kind are listed, with what they need, also those for which there are no statements.
func TestObjects(t *testing.T) {
	env := testEnv()
	s := env.Catalog()
	hits := s.Table("public", "hits")
	on := []catalog.Dependency{{On: hits.ID, Column: 2}}
	head := func(schema, name string) catalog.Head { return catalog.Head{Schema: schema, Name: name} }
	view := &catalog.View{Head: head("public", "v"), Query: "SELECT name FROM hits"}
	view.Depends, view.Owner, view.Comment = on, "bob", "names"
	list := []catalog.Object{view, &catalog.MaterializedView{Head: head("public", "m")}, &catalog.Index{Head: head("public", "i"), Table: hits.ID, Columns: []uint32{2}},
		&catalog.Sequence{Head: head("public", "s"), Type: types.T(types.Int8)}, &catalog.Type{Head: head("public", "mood"), Form: catalog.Enum},
		&catalog.Function{Head: head("public", "f")}, &catalog.Role{Head: head("", "bob")}, &catalog.Publication{Head: head("", "p")},
		&catalog.Subscription{Head: head("", "sub")}, &catalog.Policy{Head: head("", "own"), Table: hits.ID}, &catalog.Statistics{Head: head("public", "st"), Table: hits.ID}}
	var edits []catalog.Edit
	for _, o := range list {
		edits = append(edits, catalog.Create(o))
	}
	s, _, err := s.Apply(edits...)
	if err != nil {
		t.Fatal(err)
	}
	env.Catalog = func() *catalog.Snapshot { return s }
	found := map[string]string{}
	for _, r := range rows(t, Lookup("siltstone", "objects").Relation(env), 0) {
		found[r[4].S] = fmt.Sprint(r[2].S, " ", r[3].S, " ", r[5].S, " ", r[6].S, " ", r[7].S)
	}
	for name, want := range map[string]string{"v": "view public bob names {16384}", "hits": "table public ann  {}", "public": "schema  ann  {}",
		"i": "index public ann  {16384,16384}", "bob": "role  ann  {}", "own": "policy  ann  {16384}", "st": "statistics object public ann  {16384}",
		"m": "materialized view public ann  {}", "sub": "subscription  ann  {}"} {
		if found[name] != want {
			t.Errorf("%s: %q, want %q", name, found[name], want)
		}
	}
	if len(found) != len(list)+3 {
		t.Errorf("%d objects: %v", len(found), found)
	}
	depend := map[string]bool{}
	for _, r := range rows(t, Lookup("pg_catalog", "pg_depend").Relation(env), 0) {
		depend[fmt.Sprint(r[0].I, r[1].I, r[3].I, r[4].I, r[5].I, r[6].S)] = true
	}
	v := s.Named(catalog.KindView, "public", "v").Common().OID
	for _, want := range []string{fmt.Sprint(2618, ruleOIDs+int64(v), 1259, 16384, 2, "n"), fmt.Sprint(2618, ruleOIDs+int64(v), 1259, int64(v), 0, "i"),
		fmt.Sprint(1259, int64(v), 2615, 2200, 0, "n"),
		fmt.Sprint(2606, 16385, 1259, 16384, 1, "a"), fmt.Sprint(1259, 16386, 2606, 16385, 0, "i")} {
		if !depend[want] {
			t.Errorf("pg_depend has no %s: %v", want, depend)
		}
	}
}
