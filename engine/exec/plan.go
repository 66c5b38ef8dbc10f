// Package exec runs plans: pipelines in dependency order, each by a few workers that share its source.
package exec

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
)

// Pipeline moves the rows of a source through operators into a sink.
type Pipeline struct {
	Source    op.Source
	Operators []op.Operator
	Sink      op.Sink
	// DependsOn holds indexes in Plan.Pipelines of the pipelines that must have been combined before this one opens:
	// those that fill its source, and the build sides of its joins. They come before this one in the plan.
	DependsOn []int
	// Profile, when not nil, is filled while the pipeline runs (EXPLAIN ANALYZE); profile.New(len(Operators)).
	Profile *profile.Pipeline
}

// Plan is what a statement runs: pipelines, each after those it depends on. The same piece may be the sink of one
// pipeline and the source of a later one: it is opened once, before its first use, and closed once, after its last,
// also when it was never opened. Pieces are told apart by identity: they are pointers to structs that are not empty.
type Plan struct{ Pipelines []*Pipeline }

// Ordered is implemented by sources whose rows have an order that must be kept, and by operators that must see rows in
// their order: their pipeline gets one worker.
type Ordered interface{ Ordered() bool }

// Composite is implemented by sources made of other pieces, innermost first. The executor opens and closes those as it
// does the pieces of a pipeline, since one of them may be the sink of an earlier pipeline; the composite source itself
// leaves them alone.
type Composite interface {
	Parts() (sources []op.Source, operators []op.Operator)
}

// Sized is implemented by sources that know, once they are open, about how many rows they will hand out.
type Sized interface{ Rows() int64 }
