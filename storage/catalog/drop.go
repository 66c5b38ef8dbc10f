package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Removal is what a DROP does.
type Removal struct {
	// Also are those that depend on what is dropped and go by CASCADE, as messages call them; what goes silently is not
	// among them.
	Also []string
	// IDs are those of all that goes.
	IDs     []ID
	changed []*Table // that lose foreign keys
}

// several is how an error calls objects that are dropped together.
const several = "desired object(s)"

// reportMost is how many lines PostgreSQL tells a client of what depends.
const reportMost = 100

// Removal finds out what dropping objects takes along: an error of what still depends on them unless cascade. The schemas
// of path are left out in names.
func (s *Snapshot) Removal(path []string, cascade bool, ids ...ID) (*Removal, error) {
	d := &dropping{s: s, path: path, gone: map[ID]bool{}, changed: map[ID]*Table{}}
	for _, id := range ids {
		d.gone[id] = true
		d.order = append(d.order, id)
	}
	for i := 0; i < len(d.order); i++ { // which grows
		d.follow(s.Object(d.order[i]))
	}
	what := several
	if len(ids) == 1 {
		what = s.Title(s.Object(ids[0]), path)
	}
	return d.removal(what, cascade)
}

// ColumnRemoval finds out what goes with a column of a table, but what is the table's own: as Removal.
func (s *Snapshot) ColumnRemoval(path []string, cascade bool, t *Table, column uint32) (*Removal, error) {
	d := &dropping{s: s, path: path, gone: map[ID]bool{t.ID: true}, changed: map[ID]*Table{}}
	at := t.ColumnByID(column)
	if at < 0 {
		return nil, errs.Internal("table %q has no column %d", t.Name, column)
	}
	what := "column " + quoted(t.Columns[at].Name) + " of " + s.Title(t, path)
	return d.part(t, what, cascade, func(n Dependency) bool { return n.Column == column })
}

// ConstraintRemoval finds out what goes with a constraint of a table: as ColumnRemoval.
func (s *Snapshot) ConstraintRemoval(path []string, cascade bool, t *Table, k *Constraint) (*Removal, error) {
	d := &dropping{s: s, path: path, gone: map[ID]bool{t.ID: true}, changed: map[ID]*Table{}}
	what := "constraint " + quoted(k.Name) + " on " + s.Title(t, path)
	return d.part(t, what, cascade, func(n Dependency) bool { return n.Constraint == k.OID })
}

// part is the removal of what needs a part of a table, which is called so.
func (d *dropping) part(t *Table, what string, cascade bool, needs func(Dependency) bool) (*Removal, error) {
	for k := range d.s.dependents.From(dependent{t.ID, 0}) {
		if k.on != t.ID {
			break
		}
		by := d.s.Object(k.by)
		i := slices.IndexFunc(by.needs(nil), func(n Dependency) bool { return n.On == t.ID && needs(n) })
		if i >= 0 && k.by != t.ID {
			d.add(by, what, by.needs(nil)[i].Auto)
		}
	}
	for i := 0; i < len(d.order); i++ {
		d.follow(d.s.Object(d.order[i]))
	}
	return d.removal(what, cascade)
}

// removal is what was found; what is called so in the error.
func (d *dropping) removal(what string, cascade bool) (*Removal, error) {
	if len(d.lines) > 0 && !cascade {
		return nil, d.refuse(what)
	}
	r := &Removal{Also: d.also, IDs: d.order}
	for _, id := range d.touched {
		if !d.gone[id] {
			r.changed = append(r.changed, d.changed[id])
		}
	}
	return r, nil
}

// dropping is a Removal in the making.
type dropping struct {
	s       *Snapshot
	path    []string
	gone    map[ID]bool
	order   []ID
	changed map[ID]*Table // tables that lose foreign keys
	touched []ID          // their order
	lines   []string      // of what depends on what
	also    []string
}

// follow adds what depends on an object.
func (d *dropping) follow(o Object) {
	if o.Kind() == KindSchema {
		var in []Object
		for x := range d.s.In(o.Common().Name) {
			in = append(in, x)
		}
		slices.SortFunc(in, func(a, b Object) int { return cmp.Compare(a.Common().OID, b.Common().OID) })
		for _, x := range in {
			d.take(x, o, false)
		}
	}
	id := o.Common().ID
	for k := range d.s.dependents.From(dependent{id, 0}) {
		if k.on != id {
			break
		}
		by := d.s.Object(k.by)
		if d.gone[k.by] {
			continue
		}
		if t, ok := by.(*Table); ok {
			d.unreference(t, o)
		}
		needed, auto := false, false
		for _, n := range by.needs(nil) {
			if t, ok := by.(*Table); n.On == id && !(ok && t.onlyReferences(n)) {
				needed, auto = true, auto || n.Auto
			}
		}
		if needed {
			d.take(by, o, auto)
		}
	}
}

// onlyReferences tells whether a dependency is that of a foreign key, not of the table.
func (t *Table) onlyReferences(d Dependency) bool { return !slices.Contains(t.Depends, d) }

// take adds one object that depends on another.
func (d *dropping) take(o, on Object, auto bool) { d.add(o, d.s.Title(on, d.path), auto) }

// add adds one object that depends on what is called so.
func (d *dropping) add(o Object, what string, auto bool) {
	if d.gone[o.Common().ID] {
		return
	}
	d.gone[o.Common().ID] = true
	d.order = append(d.order, o.Common().ID)
	if !auto {
		name := d.s.Title(o, d.path)
		d.lines = append(d.lines, name+" depends on "+what)
		d.also = append(d.also, name)
	}
}

// unreference takes the foreign keys of a table to another away, and defaults that name an object.
func (d *dropping) unreference(t *Table, on Object) {
	if c := d.changed[t.ID]; c != nil {
		t = c
	}
	next := t.clone().(*Table)
	next.Constraints = slices.DeleteFunc(next.Constraints, func(k Constraint) bool {
		if k.Kind != ForeignKey || k.References != on.Common().ID {
			return false
		}
		name := fmt.Sprintf("constraint %s on %s", quoted(k.Name), d.s.Title(t, d.path))
		d.lines = append(d.lines, name+" depends on "+d.s.Title(on, d.path))
		d.also = append(d.also, name)
		return true
	})
	defaults := d.undefault(next, on)
	if len(next.Constraints) == len(t.Constraints) && !defaults {
		return
	}
	if d.changed[t.ID] == nil {
		d.touched = append(d.touched, t.ID)
	}
	d.changed[t.ID] = next
}

// undefault takes the defaults away that name an object, and tells whether there were any.
func (d *dropping) undefault(t *Table, on Object) (any bool) {
	for i := range t.Columns {
		c := &t.Columns[i]
		if !slices.Contains(c.Needs, on.Common().ID) {
			continue
		}
		any = true
		name := fmt.Sprintf("default value for column %s of %s", quoted(c.Name), d.s.Title(t, d.path))
		d.lines = append(d.lines, name+" depends on "+d.s.Title(on, d.path))
		d.also = append(d.also, name)
		c.Default, c.Needs = "", nil
	}
	return any
}

func (d *dropping) refuse(what string) error {
	it := "it"
	if what == several {
		it = "them"
	}
	return errs.New(errs.DependentObjectsStillExist, "cannot drop %s because other objects depend on %s", what, it).WithDetail("%s", Report(d.lines)).
		WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
}

// Report joins lines about objects, as many as PostgreSQL does.
func Report(lines []string) string {
	if more := len(lines) - reportMost; more > 0 {
		word := "objects"
		if more == 1 {
			word = "object"
		}
		return strings.Join(lines[:reportMost], "\n") + fmt.Sprintf("\nand %d other %s (see server log for list)", more, word)
	}
	return strings.Join(lines, "\n")
}

// Title returns an object as messages call it: its kind, and its name with the schema unless that is in path.
func (s *Snapshot) Title(o Object, path []string) string {
	h := o.Common()
	name := quoted(h.Name)
	if h.Schema != "" && !slices.Contains(path, h.Schema) {
		name = quoted(h.Schema) + "." + name
	}
	switch o := o.(type) {
	case *Function:
		name += o.Signature()
	case *Policy:
		if t := s.Object(o.Table); t != nil {
			name += " on " + s.Title(t, path)
		}
	}
	return o.Kind().String() + " " + name
}

// quoted quotes a name that SQL would read as another one.
func quoted(s string) string {
	for i, c := range []byte(s) {
		if !(c == '_' || c >= 'a' && c <= 'z' || i > 0 && (c >= '0' && c <= '9' || c == '$')) {
			return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
	}
	if s == "" {
		return `""`
	}
	return s
}
