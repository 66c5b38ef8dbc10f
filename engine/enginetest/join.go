package enginetest

import (
	"github.com/siltstone-db/siltstone/engine/join"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Join computes a join row by row. residual says whether a pair matches besides its keys; NULL counts as false.
func Join(cfg *join.Config, probe, build []Row, residual func(p, b Row) bool) []Row {
	var out []Row
	matched := make([]bool, len(build))
	for _, p := range probe {
		found, unknown := false, false
		for i, b := range build {
			eq, null := keysEqual(cfg, p, b)
			if residual != nil && !residual(p, b) {
				continue
			}
			unknown = unknown || null
			if !eq {
				continue
			}
			found, matched[i] = true, true
			switch cfg.Kind {
			case join.Semi, join.Anti, join.Mark:
			default:
				out = append(out, append(append(Row(nil), p...), b...))
			}
		}
		out = append(out, afterProbe(cfg, p, found, unknown && cfg.NullAware)...)
	}
	if cfg.Kind == join.Right || cfg.Kind == join.Full {
		for i, b := range build {
			if !matched[i] {
				out = append(out, append(nulls(cfg.Probe), b...))
			}
		}
	}
	return out
}

// keysEqual compares keys: null tells that a NULL makes the answer unknown.
func keysEqual(cfg *join.Config, p, b Row) (eq, null bool) {
	eq = true
	for i, k := range cfg.ProbeKeys {
		x, y := p[k], b[cfg.BuildKeys[i]]
		if x.Null || y.Null {
			return false, true
		}
		eq = eq && keyText(x) == keyText(y)
	}
	return eq, false
}

func afterProbe(cfg *join.Config, p Row, found, unknown bool) []Row {
	switch {
	case cfg.Kind == join.Semi && found, cfg.Kind == join.Anti && !found && !unknown:
		return []Row{p}
	case cfg.Kind == join.Mark:
		m := types.BoolOf(found)
		if !found && unknown {
			m = types.NullOf(types.T(types.Bool))
		}
		return []Row{append(append(Row(nil), p...), m)}
	case !found && (cfg.Kind == join.Left || cfg.Kind == join.Full || cfg.Kind == join.Single):
		return []Row{append(append(Row(nil), p...), nulls(cfg.Build)...)}
	}
	return nil
}

func nulls(ts []types.Type) Row {
	var r Row
	for _, t := range ts {
		r = append(r, types.NullOf(t))
	}
	return r
}
