// Package source has the sources that need no other pipeline: scans of relations, rows in memory, nothing.
package source

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// NewScan returns a source that reads a relation. req.Account and req.BatchRows are set from the task when they are not.
func NewScan(rel scan.Relation, req scan.Request) *Scan { return &Scan{} }

// Scan reads a relation.
type Scan struct{}

// Dictionaries returns the dictionaries of a column of the request; it needs an open source.
func (s *Scan) Dictionaries(column int) ([]*batch.Dictionary, bool) { return nil, false }

// NewValues returns a source of rows in memory. The batches may have any length and must have no selection; they
// belong to the caller and are not changed. No batch means no rows.
func NewValues(ts []types.Type, rows []*batch.Batch) op.Source { return nil }
