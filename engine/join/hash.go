// Package join joins two inputs.
package join

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Hash is a join: a Sink for the build rows and an Operator over the probe rows.
type Hash struct{ cfg Config }

// New returns a join. Errors of the configuration come from Open.
func New(cfg Config) *Hash { return &Hash{cfg: cfg} }

// Types returns the types of the output.
func (h *Hash) Types() []types.Type { return h.cfg.Types() }

// Build returns the side that takes the build rows.
func (h *Hash) Build() op.Sink { return nil }

// Probe returns the operator over the probe rows; its pipeline depends on the one of Build. The rows that Right and
// Full keep without a partner are handed on by the last worker that finishes.
func (h *Hash) Probe() op.Operator { return nil }
