package positions

import (
	"context"
	"maps"
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

func move(source uint64, partition, from, to string) Move {
	return Move{Key{source, partition}, from, to}
}

func TestMoves(t *testing.T) {
	ctx := t.Context()
	s := New(map[Key]string{{1, "a"}: "10"})
	if err := s.Begin(ctx, []Move{move(1, "b", "", "5"), move(1, "a", "10", "20")}); err != nil {
		t.Fatal(err)
	}
	if at := s.Of(1); !maps.Equal(at, map[string]string{"a": "10"}) || s.Changed() != nil {
		t.Fatalf("a claim moves: %v", at)
	}
	s.Commit([]Move{move(1, "b", "", "5"), move(1, "a", "10", "20")})
	if at := s.Of(1); !maps.Equal(at, map[string]string{"a": "20", "b": "5"}) || len(s.Of(2)) > 0 {
		t.Fatalf("positions %v", at)
	}
	// The second of two moves does not fit: the first is not claimed either.
	if err := s.Begin(ctx, []Move{move(1, "a", "20", "30"), move(1, "b", "4", "6")}); !errs.Is(err, errs.SerializationFailure) {
		t.Fatalf("from another position: %v", err)
	}
	if err := s.Begin(ctx, []Move{move(1, "a", "20", "30"), move(1, "a", "30", "40")}); !errs.Is(err, errs.InternalError) {
		t.Fatalf("twice in one write: %v", err)
	}
	if err := s.Begin(ctx, []Move{move(1, "a", "20", "")}); err != nil {
		t.Fatal(err)
	}
	changed := s.Changed()
	s.Commit([]Move{move(1, "a", "20", "")})
	s.Saved(changed)
	if got := s.Changed(); !maps.Equal(got, map[Key]string{{1, "a"}: ""}) || !maps.Equal(s.Of(1), map[string]string{"b": "5"}) {
		t.Fatalf("changed %v, positions %v", got, s.Of(1))
	}
}

// Writes of one partition come one after the other, whatever others they claim; who waits may give up.
func TestWait(t *testing.T) {
	s := New(nil)
	if err := s.Begin(t.Context(), []Move{move(1, "a", "", "1")}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Begin(ctx, []Move{move(1, "b", "", "1"), move(1, "a", "", "1")}); err == nil {
		t.Fatal("it does not wait")
	}
	if err := s.Begin(t.Context(), []Move{move(1, "b", "", "1")}); err != nil {
		t.Fatalf("a claim of a write that gave up stays: %v", err)
	}
	s.Abort([]Move{move(1, "b", "", "1"), move(1, "a", "", "1")})
	var wg sync.WaitGroup
	won := make([]bool, 16)
	for i := range won {
		wg.Go(func() {
			moves := []Move{move(1, "a", "", "x"), move(1, "b", "", "y")}
			if i%2 == 0 {
				moves[0], moves[1] = moves[1], moves[0]
			}
			if won[i] = s.Begin(t.Context(), moves) == nil; won[i] {
				s.Commit(moves)
			}
		})
	}
	wg.Wait()
	n := 0
	for _, w := range won {
		if w {
			n++
		}
	}
	if n != 1 {
		t.Fatalf("%d of them have moved", n)
	}
}
