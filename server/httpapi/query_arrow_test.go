package httpapi

import (
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
)

// TestQueryArrow reads a result with Arrow's own reader; errors before the first bytes are plain ones.
func TestQueryArrow(t *testing.T) {
	s := newServer(t, newStore(t), nil)
	w := do(s, "POST", "/v1/query", "rows 2", "Accept", "application/vnd.apache.arrow.stream")
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	r, err := ipc.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	rows := int64(0)
	for r.Next() {
		rec := r.Record()
		rows += rec.NumRows()
		if got := rec.Column(0).(*array.Int64).Value(1); got != 1 {
			t.Errorf("i of row 1: %d", got)
		}
		if f := rec.Column(3).(*array.Float64); !f.IsNull(0) || f.Value(1) != 1.5 {
			t.Errorf("f: %v", f)
		}
	}
	if rows != 2 || r.Err() != nil {
		t.Fatalf("%d rows, %v", rows, r.Err())
	}
	for sql, status := range map[string]int{"bad": 400, "rows 1 fail": 422, "DDL": 400} {
		if w := do(s, "POST", "/v1/query?format=arrow", sql); w.Code != status {
			t.Errorf("%q: %d, want %d", sql, w.Code, status)
		}
	}
}
