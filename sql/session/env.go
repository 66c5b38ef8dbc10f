package session

import (
	"context"
	"strings"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/sql/stmt"
)

// env makes what one run of a command may use.
func (s *Session) env(ctx context.Context, out stmt.Output) *stmt.Env {
	fnc := s.context(ctx)
	workers := s.engine.options.Workers
	if n := s.settings.integer("siltstone.workers"); n > 0 {
		workers = int(n)
	}
	limit := s.engine.options.QueryBytes
	if limit == 0 {
		limit = s.settings.integer("work_mem") << 10
	}
	return &stmt.Env{DB: s.engine.db, Tx: s.tx, Pool: s.engine.options.Pool, Session: commands{s, out}, Fn: fnc,
		Virtual: &virtual{s: s, fn: fnc}, Resolver: &resolver{s: s}, Out: out, Workers: workers,
		BatchRows: int(s.settings.integer("siltstone.batch_rows")), MemoryLimit: limit,
		Spill: s.engine.spill,
		SpillOptions: spill.Options{Bytes: max(0, s.settings.integer("temp_file_limit")) << 10,
			Force: s.settings.raw("siltstone.force_spill") == "on"},
		NoStatistics:  s.settings.raw("siltstone.cache") == "off",
		DisablePasses: s.disabledPasses()}
}

// context returns what functions may ask while a statement runs.
func (s *Session) context(ctx context.Context) *fn.Context {
	return &fn.Context{Ctx: ctx, Session: s, Shared: fn.NewShared()}
}

func (s *Session) disabledPasses() map[string]bool {
	v := s.settings.raw("siltstone.disable_passes")
	if v == "" {
		return nil
	}
	m := map[string]bool{}
	for _, p := range strings.Split(v, ",") {
		m[strings.TrimSpace(p)] = true
	}
	return m
}
