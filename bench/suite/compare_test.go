package suite

import "testing"

func TestSameValue(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"1", "1", true},
		{"4565889780745756048", "4565889780745756049", false}, // two integers
		{"4565889780745756048", "4.5658897807457560e+18", true},
		{"1.5000000000000000", "1.5", true},
		{"0.3333333333333333", "0.3333333343333333", false},
		{"2013-07-14 00:00:00", "2013-07-14", true},
		{"2013-07-14 00:00:01", "2013-07-14", false},
		{Null, "", false},
		{"abc", "abd", false},
	} {
		if got := sameValue(c.a, c.b); got != c.same {
			t.Errorf("sameValue(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

// TestCompareFindsDifferences: a comparison that cannot fail compares nothing.
func TestCompareFindsDifferences(t *testing.T) {
	answers := []Answer{{{"1", "a"}}, {{"1", "a"}, {"2", "b"}}}
	run := func(as ...Answer) *Run {
		return &Run{Timings: make([]Timing, len(as)), answers: as}
	}
	if n := Compare(run(answers...), run(answers...)); n != 2 {
		t.Errorf("equal answers: %d of 2", n)
	}
	other := run(Answer{{"1", "b"}}, Answer{{"1", "a"}})
	if n := Compare(run(answers...), other); n != 0 || other.Timings[0].Diff == "" || other.Timings[1].Diff == "" {
		t.Errorf("different answers: %d equal, %q, %q", n, other.Timings[0].Diff, other.Timings[1].Diff)
	}
	failed := run(answers...)
	failed.Timings[0].Error = "no"
	if n := Compare(run(answers...), failed); n != 1 {
		t.Errorf("an error: %d equal", n)
	}
}
