package session

import "testing"

func TestParsePath(t *testing.T) {
	cases := map[string][]string{`"$user", public`: {"ann", "public"}, `A, "B c" ,d`: {"a", "B c", "d"}, `""`: nil, `"a""b"`: {`a"b`}}
	for text, want := range cases {
		got := parsePath(text, "ann")
		if len(got) != len(want) {
			t.Errorf("%s: %q", text, got)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: %q", text, got)
			}
		}
	}
}
