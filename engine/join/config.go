package join

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Kind is the kind of a join, seen from the probe side: the probe input is the left one, the build input the right
// one. The numbers are those of plan.JoinKind.
type Kind uint8

// The kinds. Output columns are those of the probe side, then those of the build side; Semi and Anti have the probe
// columns only; Mark has the probe columns and one boolean: whether a partner was found.
const (
	Inner Kind = iota
	Left
	Right // keeps build rows without partners
	Full
	Cross
	Semi
	Anti
	Single // Left that fails with 21000 when a probe row finds two partners
	Mark
)

// LateKey says where to publish what the build side learned about a key; with a nil Late nowhere.
type LateKey struct {
	Late   *scan.Late // the values themselves while there are at most 4,096, else a bitmap or the range of integers, or the smallest
	Column int        // ordinal of the key in the relation that the probe side scans
}

// Config describes a hash join.
type Config struct {
	Kind         Kind
	Build, Probe []types.Type
	// BuildKeys[i] = ProbeKeys[i] are ordinals of columns of the same type. None: every pair of rows is a candidate.
	BuildKeys, ProbeKeys []int
	// Residual must also be true for a pair to match; it sees the probe columns, then the build columns. nil: none.
	Residual expr.Expr
	Env      *fn.Context // of Residual
	// NullAware gives Anti and Mark the meaning of NOT IN and IN: a NULL among the build keys makes every probe row
	// without a partner unknown. Needs exactly one key.
	NullAware bool
	// Late has one entry per key, or is nil. Only for Inner, Right and Semi, where probe rows without partners vanish.
	Late []LateKey
}

// Types returns the types of the output columns.
func (c *Config) Types() []types.Type {
	ts := append([]types.Type(nil), c.Probe...)
	switch c.Kind {
	case Semi, Anti:
		return ts
	case Mark:
		return append(ts, types.T(types.Bool))
	}
	return append(ts, c.Build...)
}

// keepsProbe tells whether probe rows without partners come out.
func (c *Config) keepsProbe() bool { return c.Kind == Left || c.Kind == Full || c.Kind == Single }

// keepsBuild tells whether build rows without partners come out.
func (c *Config) keepsBuild() bool { return c.Kind == Right || c.Kind == Full }
