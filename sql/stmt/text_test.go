package stmt

import "testing"

func TestOffset(t *testing.T) {
	for seconds, want := range map[int64]string{0: "<+00>-00", 3600: "<+01>-01", -3600: "<-01>+01", 19800: "<+05:30>-05:30", -34200: "<-09:30>+09:30"} {
		if got := offset(seconds); got != want {
			t.Errorf("%d: %s, want %s", seconds, got, want)
		}
	}
}
