package table

import (
	"context"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/positions"
)

// racing is a Store in which somebody else makes the reject table first.
type racing struct {
	numbers *catalog.Numbers
	cat     *catalog.Snapshot
	other   *catalog.Table // made in front of the first commit
	writes  []Write
}

func (s *racing) Catalog() *catalog.Snapshot { return s.cat }

func (s *racing) Numbered(edits ...catalog.Edit) []catalog.Edit { return s.numbers.Fill(edits) }

func (s *racing) Duplicates(context.Context, catalog.TableID, []*batch.Batch) ([]Duplicate, error) {
	return nil, nil
}

func (s *racing) Commit(_ context.Context, w Write) (Ack, error) {
	if s.other != nil {
		next, _, err := s.cat.Apply(s.Numbered(catalog.Create(s.other))...)
		if err != nil {
			return Ack{}, err
		}
		s.cat, s.other = next, nil
	}
	next, _, err := s.cat.Apply(w.Edits...)
	if err != nil {
		return Ack{}, err
	}
	for _, r := range w.Rows {
		if t := next.TableByID(r.Table); t == nil || t.Version != r.Version {
			return Ack{}, errs.Internal("rows of a table that is not there")
		}
	}
	s.cat = next
	s.writes = append(s.writes, w)
	return Ack{Sequence: uint64(len(s.writes))}, nil
}

// Rejected rows are in the write of those that are stored, with its token and its positions; who has made the reject table
// meanwhile does not matter, unless it is another one.
func TestDraft(t *testing.T) {
	rejectTable := func() *catalog.Table { return catalog.NewTable("public", "t_rejects", rejectColumns()...) }
	odd := rejectTable()
	odd.Columns = odd.Columns[1:]
	for _, c := range []struct {
		name  string
		other *catalog.Table
		edits int
		code  errs.Code
	}{{"alone", nil, 1, ""}, {"made meanwhile", rejectTable(), 0, ""}, {"made otherwise", odd, 0, errs.SerializationFailure}} {
		def, _ := ways()
		store := &racing{numbers: catalog.NewNumbers(catalog.Empty()), cat: catalog.Empty()}
		next, _, err := store.cat.Apply(store.Numbered(catalog.Create(def))...)
		if err != nil {
			t.Fatal(err)
		}
		store.cat, store.other = next, c.other
		pool := memtest.Pool(t, 0)
		account := pool.Account("t", 0)
		defer account.Close()
		d := NewDraft(store, store.cat, account)
		if !d.Empty() {
			t.Error("a new draft is not empty")
		}
		target := store.cat.Table("public", "t")
		r, err := newRejects(target, &Origin{Source: "s"}, d)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.add(context.Background(), &format.BadRow{Err: errs.New(errs.CheckViolation, "no")}); err != nil {
			t.Fatal(err)
		}
		if err := r.flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		d.Token = &Token{Table: target.ID, Client: "c", Key: "k"}
		d.Positions = []positions.Move{{Key: positions.Key{Source: 1, Partition: "p"}, To: "5"}}
		if pool.Used() == 0 || d.Empty() {
			t.Errorf("%s: nothing is charged, or there", c.name)
		}
		_, err = d.Commit(context.Background())
		if c.code != "" {
			if !errs.Is(err, c.code) || len(store.writes) != 0 {
				t.Errorf("%s: got %v", c.name, err)
			}
			continue
		}
		if err != nil || len(store.writes) != 1 {
			t.Fatalf("%s: %v", c.name, err)
		}
		w := store.writes[0]
		if len(w.Edits) != c.edits || len(w.Rows) != 1 || w.Token == nil || len(w.Positions) != 1 ||
			store.cat.TableByID(w.Rows[0].Table).Name != "t_rejects" {
			t.Errorf("%s: %+v", c.name, w)
		}
		d.Close()
	}
}
