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
	workers, limit := s.share()
	return &stmt.Env{DB: s.engine.db, Tx: s.tx, Pool: s.engine.options.Pool, Session: commands{s, out}, Fn: fnc,
		Virtual: &virtual{s: s, fn: fnc}, Resolver: &resolver{s: s}, Out: out, Workers: workers,
		BatchRows: int(s.settings.Integer("siltstone.batch_rows")), MemoryLimit: limit,
		Spill: s.engine.spill,
		SpillOptions: spill.Options{Bytes: max(0, s.settings.Integer("temp_file_limit")) << 10,
			Force: s.settings.Raw("siltstone.force_spill") == "on"},
		NoStatistics:  s.settings.Raw("siltstone.cache") == "off",
		DisablePasses: s.disabledPasses()}
}

// queryBytesMin is the least memory of a query, which it gets where work_mem is less: that counts for each sort and each
// table in PostgreSQL, here for all of a query, and pages, batches and dictionaries are larger than a few rows of it.
const queryBytesMin = 8 << 20

// workerBytes is the memory that a query has for each of its workers at least, or there are fewer: each fills a table, or
// a batch, of its own before there is anything to write to files.
const workerBytes = 1 << 20

// share returns how many workers a query may have, and how much memory.
func (s *Session) share() (workers int, bytes int64) {
	workers = s.engine.options.Workers
	if n := s.settings.Integer("siltstone.workers"); n > 0 {
		workers = int(n)
	}
	bytes = s.engine.options.QueryBytes
	if bytes == 0 {
		bytes = max(queryBytesMin, s.settings.Integer("work_mem")<<10)
	}
	if most := s.engine.options.Pool.QueryMost(); most > 0 {
		bytes = min(bytes, most)
	}
	return max(1, int(min(int64(workers), bytes/workerBytes))), bytes
}

// context returns what functions may ask while a statement runs.
func (s *Session) context(ctx context.Context) *fn.Context {
	return &fn.Context{Ctx: ctx, Session: s, Shared: fn.NewShared()}
}

func (s *Session) disabledPasses() map[string]bool {
	v := s.settings.Raw("siltstone.disable_passes")
	if v == "" {
		return nil
	}
	m := map[string]bool{}
	for _, p := range strings.Split(v, ",") {
		m[strings.TrimSpace(p)] = true
	}
	return m
}

// Random implements fn.Randomizer.
func (s *Session) Random() *fn.Random { return &s.random }
