package suite

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// scripted is a target whose n-th run of a query takes times[n], and that fails at the run fail, if not 0.
type scripted struct {
	name  string
	times []time.Duration
	fail  int
	runs  int
	log   *[]string
}

func (t *scripted) Name() string    { return t.name }
func (t *scripted) Version() string { return "1" }
func (t *scripted) Memory() int64   { return 7 }
func (t *scripted) Close() error    { return nil }

func (t *scripted) Load(context.Context, *Workload) (LoadResult, error) {
	*t.log = append(*t.log, t.name+" load")
	return LoadResult{Elapsed: time.Second, DiskBytes: 10, LiveBytes: 20}, nil
}

func (t *scripted) Query(_ context.Context, sql string) (Answer, time.Duration, error) {
	*t.log = append(*t.log, t.name+" "+sql)
	if sql == "check" {
		return Answer{{"1"}}, time.Hour, nil
	}
	d := t.times[min(t.runs, len(t.times)-1)]
	if t.runs++; t.runs == t.fail {
		return nil, 0, errors.New("no")
	}
	return Answer{{"2"}}, d, nil
}

// TestAlternate: all targets are loaded before the first query, asked in turn, and run equally often; the cold run does
// not count; short queries run until HotTime is spent; who fails is not asked again.
func TestAlternate(t *testing.T) {
	var log []string
	a := &scripted{name: "a", times: []time.Duration{1, 5, 3, 4}, log: &log}
	b := &scripted{name: "b", times: []time.Duration{2, 6, 8, 7}, log: &log}
	w := &Workload{Rows: 1, Queries: []Query{{Name: "Q", SQL: "run", Check: "check"}}}
	opt := Options{Runs: 3, Log: func(string, ...any) {}}
	runs, err := Alternate(context.Background(), []Target{a, b}, w, opt)
	if err != nil {
		t.Fatal(err)
	}
	want := "a load,b load,a check,b check" + strings.Repeat(",a run,b run", 4)
	if got := strings.Join(log, ","); got != want {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
	for i, best := range []time.Duration{3, 6} {
		r := runs[i]
		if tm := r.Timings[0]; tm.Best != best || len(tm.Runs) != 3 || tm.Query != "Q" || r.Memory != 7 || r.LiveBytes != 20 {
			t.Errorf("target %d: %+v", i, r)
		}
	}
	if n := Compare(runs[0], runs[1]); n != 1 {
		t.Errorf("%d answers are equal", n)
	}

	opt.HotTime = 100
	a.runs, b.runs, b.fail = 0, 0, 20
	runs, err = Alternate(context.Background(), []Target{a, b}, w, opt)
	if err != nil {
		t.Fatal(err)
	}
	// Of 200 ns, 18 full rounds spend 5+3+16*4 and 6+8+16*7; then a goes on alone for whatever is left of 22 by 4 each.
	if n, tm := len(runs[0].Timings[0].Runs), runs[1].Timings[0]; n <= 18 || len(tm.Runs) != 18 || tm.Error != "no" {
		t.Errorf("%d runs of a; of b %d, error %q", n, len(tm.Runs), tm.Error)
	}
	opt.HotTime = time.Hour
	b.fail = 0
	if runs, err = Alternate(context.Background(), []Target{a, b}, w, opt); err != nil || len(runs[0].Timings[0].Runs) != hotRunsMax {
		t.Errorf("%d runs, %v", len(runs[0].Timings[0].Runs), err)
	}
}
