package order_test

import (
	"context"
	"testing"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/order"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestBoundFollows feeds rows that come in a few at a time, each better than all before: the bound that scans see must
// not stay far behind the best rows.
func TestBoundFollows(t *testing.T) {
	ts := []types.Type{types.T(types.Int8)}
	late := &scan.Late{}
	top := order.NewTopK(order.Config{In: ts, Keys: []order.Key{{Column: 0}}, Limit: 5, Late: late})
	defer top.Close()
	task := &op.Task{Ctx: context.Background(), Workers: 1, Account: memtest.Pool(t, 0).Account("test", 0)}
	if err := top.Open(task); err != nil {
		t.Fatal(err)
	}
	c, err := top.Consumer(task, 0)
	if err != nil {
		t.Fatal(err)
	}
	const rows, each = 1000, 4
	for from := 0; from < rows; from += each {
		b := batch.New(ts)
		b.Len = each
		b.Cols[0].Reset(ts[0], each)
		for i, v := 0, batch.Values[int64](b.Cols[0]); i < each; i++ {
			v[i] = int64(rows - from - i)
		}
		if err := c.Consume(b); err != nil {
			t.Fatal(err)
		}
		if from < 200 {
			continue
		}
		best := int64(rows - from - each + 1)
		if bound := late.Get(); bound == nil || bound.Values[0].I > best+100 {
			t.Fatalf("after %d rows, the best of which is %d, the bound is %v", from+each, best, bound)
		}
	}
}
