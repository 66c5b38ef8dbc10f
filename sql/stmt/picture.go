package stmt

import (
	"context"

	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// Picture is what the tables of one plan hold at one moment of a transaction, whatever that writes or takes back later:
// what cursors and portals read. Parts of a plan are compiled while it runs, too, so that it is not enough to have begun.
//
// While a picture is open its transaction keeps all that statements have read. It must be closed before the transaction
// ends.
type Picture struct {
	tx     *Tx
	tables []pictured
}

type pictured struct {
	id   catalog.TableID
	rows scan.Relation
}

// Picture returns what the tables of a plan hold now.
func (t *Tx) Picture(ctx context.Context, n plan.Node) (*Picture, error) {
	p := &Picture{tx: t}
	var err error
	visit := func(n plan.Node) bool {
		if s, ok := n.(*plan.Scan); ok && s.Table != nil && err == nil {
			err = p.add(ctx, s.Table.ID)
		}
		return err == nil
	}
	plan.Walk(n, visit)
	for _, s := range plan.SharedOf(n) {
		plan.Walk(s.Plan, visit)
	}
	if err != nil {
		return nil, err
	}
	t.pictures++
	return p, nil
}

func (p *Picture) add(ctx context.Context, id catalog.TableID) error {
	for _, t := range p.tables {
		if t.id == id {
			return nil
		}
	}
	rows, err := p.tx.Table(ctx, id)
	if err != nil {
		return err
	}
	p.tables = append(p.tables, pictured{id, rows})
	return nil
}

// Table returns the rows that a table had. One that the plan did not name, since it was planned anew, has those of now.
func (p *Picture) Table(ctx context.Context, id catalog.TableID) (scan.Relation, error) {
	for _, t := range p.tables {
		if t.id == id {
			return t.rows, nil
		}
	}
	return p.tx.Table(ctx, id)
}

// Close lets go of the picture. It may be called again.
func (p *Picture) Close() {
	if p.tx != nil {
		p.tx.pictures--
		p.tx = nil
	}
}

// relations returns where a run of a command finds the rows of tables.
func (e *Env) relations() compile.Relations {
	if e.Picture != nil {
		return e.Picture
	}
	return e.Tx
}
