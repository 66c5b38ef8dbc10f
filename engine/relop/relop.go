// Package relop has the operators that work on one batch at a time, and those that only route batches.
package relop

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/types"
)

// NewFilter keeps the rows for which cond is true.
func NewFilter(in []types.Type, cond expr.Expr, env *fn.Context) op.Operator { return nil }

// NewProject computes exprs. A plain column is passed on without a copy.
func NewProject(in []types.Type, exprs []expr.Expr, env *fn.Context) op.Operator { return nil }

// NewLimit skips offset rows and passes on at most count (-1: all). Which rows, is only defined behind an Ordered source.
func NewLimit(in []types.Type, offset, count int64) op.Operator { return nil }

// Branch is one input of a Union: a source and the operators behind it.
type Branch struct {
	Source    op.Source
	Operators []op.Operator
}

// NewUnion returns a source of the rows of all branches, one branch after the other (UNION ALL). The types of all
// branches are equal. The pipeline that reads it depends on whatever the branches depend on.
func NewUnion(branches []Branch) op.Source { return nil }

// Buffer keeps rows so that they can be read several times: a common table expression, a shared subplan.
type Buffer struct{}

// NewBuffer returns a Buffer for rows of the given types.
func NewBuffer(ts []types.Type) *Buffer { return &Buffer{} }

// Sink returns the side that fills the buffer.
func (b *Buffer) Sink() op.Sink { return nil }

// Reader returns a new source of all rows; its pipeline depends on the one of Sink. The memory is given back when the
// sink and all readers handed out were closed.
func (b *Buffer) Reader() op.Source { return nil }
