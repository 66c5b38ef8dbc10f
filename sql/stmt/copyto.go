package stmt

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/format"
)

// copyTo runs COPY ... TO STDOUT, of a table or of a query.
func (c *Command) copyTo(ctx context.Context, env *Env, b *bind.Copy) (string, error) {
	n, cols := c.Plan, []format.Column(nil)
	o := b.Options
	table := ""
	if b.Query != nil {
		cols = queryColumns(b.Query.Columns)
	} else {
		table = b.Table.Name
		o = columnFlags(o, b.Ordinals)
		cols = copyColumns(b.Table.Columns, b.Ordinals)
		n = tableScan(b)
	}
	dst, err := env.Out.CopyOut(wireFormat(&o), len(cols))
	if err != nil {
		return "", err
	}
	w, err := newRowWriter(o.Encoding.Writer(dst), table, &o, cols, env.Session.TypeSettings())
	if err != nil {
		return "", err
	}
	var rows int64
	err = env.run(ctx, n, func(b *batch.Batch) error {
		rows += int64(b.Len)
		return w.Write(b)
	})
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = dst.Close()
	}
	return fmt.Sprintf("COPY %d", rows), err
}

// tableScan reads the listed columns of a table.
func tableScan(b *bind.Copy) plan.Node {
	s := &plan.Scan{Table: b.Table.Table, Virtual: b.Table.Virtual, Ordinals: b.Ordinals}
	for i, o := range b.Ordinals {
		c := b.Table.Columns[o]
		s.Cols = append(s.Cols, plan.Column{ID: plan.ID(i + 1), Name: c.Name, Type: c.Type, TableOID: b.Table.OID, Ordinal: o})
	}
	return s
}
