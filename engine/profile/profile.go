// Package profile counts what the pieces of a plan did: rows, batches and time, under EXPLAIN ANALYZE only, and what
// they spilled, always. Counters are atomic: the workers of a pipeline share them, and add once per batch.
package profile

import (
	"sync/atomic"
	"time"
)

// Piece is what one source, operator or sink did.
type Piece struct {
	RowsIn, BatchesIn   atomic.Int64
	RowsOut, BatchesOut atomic.Int64
	// Inside is the time spent in the piece and, for consumers, in everything behind it, summed over the workers.
	Inside atomic.Int64 // nanoseconds
	// Combine is the wall time of a sink's Combine.
	Combine atomic.Int64 // nanoseconds
}

// Pipeline has the counters of one pipeline: those of its source, operators and sink, in order.
type Pipeline struct {
	Source    Piece
	Operators []Piece
	Sink      Piece
	Workers   int
	Wall      time.Duration
}

// New returns the counters of a pipeline with n operators.
func New(n int) *Pipeline { return &Pipeline{Operators: make([]Piece, n)} }

// Self returns the time spent in operator i alone, summed over the workers.
func (p *Pipeline) Self(i int) time.Duration {
	next := &p.Sink
	if i+1 < len(p.Operators) {
		next = &p.Operators[i+1]
	}
	return time.Duration(max(0, p.Operators[i].Inside.Load()-next.Inside.Load()))
}

// Spill is what a piece wrote to temporary files.
type Spill struct {
	Bytes      atomic.Int64 // written, compressed; what was divided or merged again counts each time
	Partitions atomic.Int64 // runs or partitions that were written
}

// Add counts a file that is complete.
func (s *Spill) Add(bytes int64) {
	if bytes > 0 {
		s.Bytes.Add(bytes)
		s.Partitions.Add(1)
	}
}
