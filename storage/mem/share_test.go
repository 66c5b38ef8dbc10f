package mem

import "testing"

// TestShares divides a pool of 80 MiB, of which intake has 16, between queries and rows that come in.
func TestShares(t *testing.T) {
	const mib = 1 << 20
	p := NewPool(80 * mib)
	p.Keep(16 * mib)
	grow := func(a *Account) (n int64) { // as much as it gets
		for a.Reserve(mib) == nil {
			n++
		}
		return n
	}
	first := p.Query("first", 0)
	if got := grow(first); got != 32 {
		t.Errorf("the first query gets %d MiB, want half of 64", got)
	}
	if p.QueryMost() != 32*mib {
		t.Errorf("a query may hold %d", p.QueryMost())
	}
	second := p.Query("second", 0)
	if got := grow(second); got != 21 {
		t.Errorf("the second query gets %d MiB, want a third of 64", got)
	}
	third := p.Query("third", 0)
	if got := grow(third); got != 11 {
		t.Errorf("the third query gets %d MiB, want what is left", got)
	}
	if !first.Tight(first.Used()) || !second.Tight(second.Used()) {
		t.Error("queries that hold more than their part are not told to use less")
	}
	if p.Account("plain", 0).Reserve(1) == nil {
		t.Error("what is kept for intake went to another")
	}
	small := p.Query("small", 0)
	if got := grow(small); got != 4 {
		t.Errorf("a small query gets %d MiB of what is kept, want 4", got)
	}
	small.Close()
	rows := p.Intake("rows", 0)
	if got := grow(rows); got != 16 {
		t.Errorf("intake gets %d MiB, want 16", got)
	}
	part := first.Part()
	if part.Reserve(1) == nil {
		t.Error("a part gets what its query does not")
	}
	first.Free(20 * mib)
	if err := third.Reserve(mib); err != nil {
		t.Errorf("the third query after the first gave back: %v", err)
	}
	for _, a := range []*Account{first, second, third, rows} {
		a.Close()
	}
	if p.Used() != 0 || p.share.heavy.Load() != 0 || p.share.intake.Load() != 0 {
		t.Errorf("left: %d used, %d heavy, %d of intake", p.Used(), p.share.heavy.Load(), p.share.intake.Load())
	}
	if got := p.Query("limited", 4*mib); grow(got) != 4 {
		t.Errorf("the limit of a query is %d", got.Used())
	}
}
