package catalog

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestEdits runs the edits of testdata/edits one after the other, each by itself as a transaction:
//
//	apply
//	create KIND NAME [on TABLE[.COLUMN] [auto]] ...
//	drop NAME ... [cascade]     rename NAME NEW     references TABLE NAME     column TABLE add|drop NAME
//	----
//	the edits as they took effect, or the error
//
// What took effect is logged, read again and applied to the catalog before: it must give the same catalog.
func TestEdits(t *testing.T) {
	s := Empty()
	datadriven.RunTest(t, "testdata/edits", func(t *testing.T, d *datadriven.TestData) string {
		if d.Cmd == "reset" {
			s = Empty()
			return "ok\n"
		}
		var edits []Edit
		now := s
		for _, line := range strings.Split(d.Input, "\n") {
			e := edit(t, now, strings.Fields(line))
			edits = append(edits, e)
			next, _, err := now.Apply(e)
			if err != nil {
				return describeError(err)
			}
			now = next
		}
		next, done, err := s.Apply(edits...)
		if err != nil {
			return describeError(err)
		}
		logged, err := DecodeEdits(AppendEdits(nil, done))
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := s.Apply(logged...)
		if err != nil || !bytes.Equal(again.Append(nil), next.Append(nil)) || again.tree() != next.tree() {
			t.Fatalf("the logged edits make another catalog: %v", err)
		}
		s = next
		var out strings.Builder
		for _, e := range done {
			fmt.Fprintln(&out, Describe(e))
		}
		return out.String()
	})
}

func describeError(err error) string {
	e := errs.From(err)
	text := fmt.Sprintf("%s %s\n", e.Code, e.Message)
	if e.Detail != "" {
		text += e.Detail + "\n"
	}
	if e.Hint != "" {
		text += e.Hint + "\n"
	}
	return text
}

// find returns an object by "name" in public, or "schema.name", of any kind.
func find(t *testing.T, s *Snapshot, name string) Object {
	t.Helper()
	schema, base, ok := strings.Cut(name, ".")
	if !ok {
		schema, base = PublicSchema, name
	}
	for _, o := range s.objects.All() {
		h := o.Common()
		if h.Name == base && (h.Schema == schema || !ok && h.Schema == "") {
			return o
		}
	}
	t.Fatalf("nothing is called %s", name)
	return nil
}

func edit(t *testing.T, s *Snapshot, words []string) Edit {
	t.Helper()
	switch words[0] {
	case "create":
		return Create(parsed(t, s, words[1], words[2], words[3:]))
	case "drop":
		var objects []Object
		for _, w := range words[1:] {
			if w != "cascade" {
				objects = append(objects, find(t, s, w))
			}
		}
		e := Drop([]string{PublicSchema}, objects...)
		if words[len(words)-1] == "cascade" {
			e = e.Cascade()
		}
		return e
	case "rename":
		return Replace(find(t, s, words[1]), func(o Object) (Object, error) {
			o.Common().Name = words[2]
			return o, nil
		})
	case "references":
		other := find(t, s, words[2]).(*Table)
		return Replace(find(t, s, words[1]).(*Table), func(o *Table) (*Table, error) {
			o.Constraints = append(o.Constraints, Constraint{Kind: ForeignKey, Name: o.Name + "_" + other.Name + "_fkey",
				Columns: []uint32{1}, References: other.ID, ReferencedColumns: []uint32{1}})
			return o, nil
		})
	case "column":
		return Replace(find(t, s, words[1]).(*Table), func(o *Table) (*Table, error) {
			at := o.Column(words[3])
			if words[2] == "add" {
				o.Columns = append(o.Columns, Column{Name: words[3], Type: types.T(types.Text)})
			} else {
				o.Columns = append(o.Columns[:at], o.Columns[at+1:]...)
			}
			return o, nil
		})
	}
	t.Fatalf("unknown edit %q", words)
	return Edit{}
}

func parsed(t *testing.T, s *Snapshot, kind, name string, on []string) Object {
	t.Helper()
	var o Object
	for k := KindSchema; k.known(); k++ {
		if strings.ReplaceAll(kinds[k].word, " ", "_") == kind {
			o = kinds[k].make()
		}
	}
	h := o.Common()
	if h.Name = name; !kinds[o.Kind()].global {
		h.Schema = PublicSchema
		if schema, base, ok := strings.Cut(name, "."); ok {
			h.Schema, h.Name = schema, base
		}
	}
	for i := 0; i+1 < len(on); i += 2 {
		table, column, _ := strings.Cut(on[i+1], ":")
		other := find(t, s, table)
		d := Dependency{On: other.Common().ID, Auto: on[i] == "auto"}
		if column != "" {
			d.Column = other.(*Table).Columns[other.(*Table).Column(column)].ID
		}
		h.Depends = append(h.Depends, d)
	}
	switch o := o.(type) {
	case *Table:
		*o = *NewTable(h.Schema, h.Name, Column{Name: "a", Type: types.T(types.Int4)}, Column{Name: "b", Type: types.T(types.Text)})
		o.Constraints = []Constraint{{Kind: PrimaryKey, Name: h.Name + "_pkey", Columns: []uint32{1}}}
	case *Type:
		o.Form, o.Labels = Enum, []string{"a"}
	case *Index:
		o.Table, o.Depends = o.Depends[0].On, nil
	case *Statistics:
		o.Table, o.Depends = o.Depends[0].On, nil
	case *Policy:
		o.Table, o.Depends = o.Depends[0].On, nil
	}
	return o
}

// A catalog is shared: who writes it changes nothing of it. The race detector sees who does.
func TestWriteByTwo(t *testing.T) {
	s := Empty()
	for _, o := range objects() {
		next, _, err := s.Apply(Create(o))
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	want := string(s.Append(nil))
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if string(s.Append(nil)) != want {
				t.Error("two have written it differently")
			}
		})
	}
	wg.Wait()
}
