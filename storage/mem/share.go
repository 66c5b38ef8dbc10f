package mem

import "sync/atomic"

// kind says for what an account is. Queries can be told to use less, since most of what they keep can go to files; rows
// that come in cannot, and a refused INSERT is worse than a slow query.
type kind uint8

const (
	plain kind = iota
	query
	intake
)

// share divides a pool between queries and intake.
type share struct {
	keep   int64        // bytes that queries leave to intake
	intake atomic.Int64 // used by accounts of intake
	heavy  atomic.Int64 // queries that hold heavyBytes or more
}

const (
	// heavyBytes is what a query holds that counts when the pool is divided. Those that hold less, the many small ones, would
	// make the share of the others smaller without needing it.
	heavyBytes = 1 << 20
	// queryLeast is what a query may take however many there are, as long as the pool has it.
	queryLeast = 8 << 20
	// querySmall is what a query may take of the whole pool, also of what is kept for intake: so much does a plain scan need,
	// which cannot use less, while rows that are not sealed yet fill a small pool.
	querySmall = 4 << 20
)

// Keep makes queries leave n bytes of the pool to intake. It is called before there are accounts.
func (p *Pool) Keep(n int64) { p.share.keep = n }

// Query returns a new account of a query: it may hold its part of what the pool has for them, half of it when no
// other holds much.
func (p *Pool) Query(name string, limit int64) *Account {
	a := p.Account(name, limit)
	a.kind = query
	return a
}

// Intake returns a new account for rows that come in, which may take what queries leave to it (Keep).
func (p *Pool) Intake(name string, limit int64) *Account {
	a := p.Account(name, limit)
	a.kind = intake
	return a
}

// most returns how much of the pool may be in use for an account that then holds so much to take more, 0 for any amount.
func (p *Pool) most(k kind, holds int64) int64 {
	if p.limit == 0 || k == intake || k == query && holds <= querySmall {
		return p.limit
	}
	return p.limit - max(0, p.share.keep-p.share.intake.Load())
}

// allowance returns what the account may hold now, 0 for any amount.
func (a *Account) allowance() int64 {
	if a.kind != query || a.whole != nil || a.pool.limit == 0 {
		return a.limit
	}
	part := a.pool.part(a.pool.share.heavy.Load())
	if a.limit > 0 {
		part = min(part, a.limit)
	}
	return part
}

// part is what each of some queries may hold, so that there is as much left for one that comes.
func (p *Pool) part(heavy int64) int64 {
	return max((p.limit-p.share.keep)/max(2, heavy+1), queryLeast)
}

// QueryMost returns the most that one query may hold, 0 for any amount.
func (p *Pool) QueryMost() int64 {
	if p.limit == 0 {
		return 0
	}
	return p.part(1)
}

// note keeps the counts of the pool up to date when the account's use changes.
func (a *Account) note(before, after int64) {
	switch a.kind {
	case intake:
		a.pool.share.intake.Add(after - before)
	case query:
		switch {
		case before < heavyBytes && after >= heavyBytes:
			a.pool.share.heavy.Add(1)
		case before >= heavyBytes && after < heavyBytes:
			a.pool.share.heavy.Add(-1)
		}
	}
}
