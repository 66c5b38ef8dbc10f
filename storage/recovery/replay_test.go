package recovery

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/persist"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/tokens"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// noted is a target that writes down what it is told.
type noted struct {
	table *catalog.Table
	said  []string
}

func (n *noted) say(format string, args ...any) {
	n.said = append(n.said, fmt.Sprintf(format, args...))
}

func (n *noted) Table(id catalog.TableID) *catalog.Table {
	if id == n.table.ID {
		return n.table
	}
	return nil
}

func (n *noted) Edit(sequence uint64, edits []catalog.Edit) error {
	n.say("%d edits", len(edits))
	return nil
}

func (n *noted) Delete(d *table.Deletion) error {
	n.say("delete %d", d.Rows.Len())
	return nil
}

func (n *noted) Adopt(sequence uint64, meta manifest.Segment, deleted *index.RowSet) error {
	n.say("adopt %d less %d", meta.File, deleted.Len())
	return nil
}

func (n *noted) Count(moves []counter.Move) {
	if len(moves) > 0 {
		n.say("%d counters", len(moves))
	}
}

func (n *noted) Move(moves []positions.Move) { n.say("%d positions", len(moves)) }

func (n *noted) Skip(id catalog.TableID, rows int64) { n.say("skip %d", rows) }

func (n *noted) Append(id catalog.TableID, r shelf.Rows) error {
	n.say("append %d to %d at %d", r.From, r.Batch.Len, r.At)
	return nil
}

func (n *noted) Token(t *table.Token, w tokens.Write, seconds int64) {
	n.say("token %s of %d rows", t.Key, w.Rows)
}

func (n *noted) Applied(sequence uint64) error {
	n.say("applied %d", sequence)
	return nil
}

// payloadOf makes a record with a catalog change, a deletion, a file of 100 rows less 2, 10 and 20 rows, and a token.
func payloadOf(t *testing.T, tab *catalog.Table) []byte {
	t.Helper()
	var e table.Encoder
	e.Begin()
	for _, rows := range []int{10, 20} {
		b := batch.New(tab.Types())
		b.Reset()
		for i := range rows {
			b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int8), int64(i)))
		}
		b.Len = rows
		e.Add(tab, b)
	}
	gone := index.NewRowIDs()
	gone.AddRange(3, 7)
	other := &catalog.Table{Columns: []catalog.Column{{Name: "b", Type: types.T(types.Int8)}}}
	other.Schema, other.Name = "public", "other"
	_, edits, err := catalog.Empty().Apply(catalog.NewNumbers(catalog.Empty()).Fill([]catalog.Edit{catalog.Create(other)})...)
	if err != nil {
		t.Fatal(err)
	}
	e.End(&table.Head{Seconds: 1, Token: &table.Token{Table: tab.ID, Client: "c", Key: "k"}, Edits: edits,
		Deletions: []table.Deletion{{Table: tab.ID, Rows: gone}},
		Files: []shelf.Sealed{{File: &shelf.File{Meta: manifest.Segment{File: 9, Table: tab.ID, Rows: 100, Bytes: 5}},
			Deleted: (*index.RowSet)(nil).With([]uint32{1, 2})}}})
	return []byte(strings.Join(func() (s []string) {
		for _, p := range e.Payload() {
			s = append(s, string(p))
		}
		return s
	}(), ""))
}

// TestReplay: what of a record is done depends on what the manifest knows: its catalog, its files, how far rows are sealed.
func TestReplay(t *testing.T) {
	tab := &catalog.Table{Columns: []catalog.Column{{ID: 1, Name: "a", Type: types.T(types.Int8)}}}
	tab.ID, tab.Name = 4, "t"
	payload := payloadOf(t, tab)
	at := func(p manifest.Position) persist.Tree[catalog.TableID, manifest.Position] {
		return persist.Sorted(cmp.Compare[catalog.TableID], []catalog.TableID{4}, []manifest.Position{p})
	}
	nine := persist.Sorted(cmp.Compare[manifest.FileID], []manifest.FileID{9}, []*manifest.Segment{{File: 9}})
	for name, c := range map[string]struct {
		v    manifest.Version
		want string
	}{
		"nothing": {manifest.Version{}, "1 edits, delete 4, adopt 9 less 2, append 0 to 10 at 0, append 0 to 20 at 10"},
		"catalog": {manifest.Version{DDL: 5}, "delete 4, adopt 9 less 2, append 0 to 10 at 0, append 0 to 20 at 10"},
		"file named": {manifest.Version{Segments: nine},
			"1 edits, delete 4, skip 100, append 0 to 10 at 0, append 0 to 20 at 10"},
		"file gone":   {manifest.Version{Applied: 5}, "1 edits, delete 4, skip 100, append 0 to 10 at 0, append 0 to 20 at 10"},
		"rows before": {manifest.Version{Positions: at(manifest.Position{Sequence: 4, Rows: manifest.AllRows})}, "1 edits, delete 4, adopt 9 less 2, append 0 to 10 at 0, append 0 to 20 at 10"},
		"some rows":   {manifest.Version{Positions: at(manifest.Position{Sequence: 5, Rows: 13})}, "1 edits, delete 4, append 10 to 10 at 0, append 3 to 20 at 10"},
		"all rows":    {manifest.Version{Positions: at(manifest.Position{Sequence: 6})}, "1 edits, delete 4"},
	} {
		n := &noted{table: tab}
		if err := NewReplayer(&c.v, n).Record(5, table.RecordWrite, payload); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := c.want + ", 0 positions, token k of 128 rows, applied 5"
		if got := strings.Join(n.said, ", "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	if err := NewReplayer(&manifest.Version{}, &noted{table: tab}).Record(5, table.RecordWrite+1, payload); !errs.Is(err, errs.FeatureNotSupported) {
		t.Errorf("a record of another type: %v", err)
	}
}

// TestOrphans: files that are named stay, and so does what is none of ours.
func TestOrphans(t *testing.T) {
	m := vfs.NewMem()
	if err := m.MkdirAll("s"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"0000000001.seg", "0000000002.seg", "0000000003.seg.tmp", "0000000004.seg", "notes.txt"} {
		f, err := m.Create("s/" + name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write([]byte("12345"))
		f.Close()
	}
	folder, err := ReadFolder(m, "s")
	if err != nil || folder.Last() != 4 || folder.Size(2) != 5 || folder.Size(3) != 0 {
		t.Fatalf("%+v: %v", folder, err)
	}
	_ = m.Remove("s/0000000004.seg") // by replay
	if err := folder.RemoveOrphans(func(f manifest.FileID) bool { return f == 2 }); err != nil {
		t.Fatal(err)
	}
	infos, _ := m.List("s")
	var left []string
	for _, i := range infos {
		left = append(left, i.Name)
	}
	if got := strings.Join(left, " "); got != "0000000002.seg notes.txt" {
		t.Errorf("left are %s", got)
	}
}
