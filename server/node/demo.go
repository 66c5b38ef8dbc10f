package node

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
)

// The demo's stream: demoRate events a second, committed demoTick apart, as a service that pushes events would. A
// segment is sealed every 20 seconds, so that a newcomer sees live and sealed rows within a minute.
const (
	demoRate  = 1000
	demoTick  = 100 * time.Millisecond
	demoTable = `CREATE TABLE IF NOT EXISTS clicks (
		ts timestamptz NOT NULL, user_id bigint NOT NULL, page text NOT NULL, country text NOT NULL,
		device text NOT NULL, duration_ms integer, revenue numeric(10,2) NOT NULL
	) WITH (seal_rows = '20000')`
)

const demoQueries = `
Demo: 1,000 events a second arrive in table clicks. Three queries to try, more than once:

  SELECT count(*), min(ts), max(ts) FROM clicks;

  SELECT country, count(*) AS events, count(DISTINCT user_id) AS users, sum(revenue) AS revenue
    FROM clicks GROUP BY country ORDER BY revenue DESC LIMIT 5;

  SELECT state, count(*) AS segments, sum(rows) AS rows FROM siltstone.segments
    WHERE table_name = 'clicks' GROUP BY state;

The last one shows where the rows of the others are: published segments are sealed files, the open one is in memory. One
is sealed every 20 seconds, or now by CHECKPOINT; what the other queries count stays whole.
`

var (
	demoPages     = []string{"/", "/", "/", "/", "/search", "/search", "/cart", "/checkout", "/help", "/about", "/blog/live-and-sealed", "/blog/silt"}
	demoCountries = []string{"DE", "US", "US", "US", "IN", "IN", "BR", "JP", "FR", "GB", "NG", "NZ"}
	demoDevices   = []string{"phone", "phone", "phone", "laptop", "laptop", "tablet"}
)

// demo feeds table clicks until it is stopped.
type demo struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func startDemo(ctx context.Context, n *Node) (*demo, error) {
	conn, err := n.openHTTP(ctx, n.opt.User, nil)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.Simple(ctx, demoTable, session.Discard{}); err != nil {
		return nil, err
	}
	t := n.db.Catalog().Table("public", "clicks")
	if t == nil {
		return nil, errs.Internal("table clicks was created and is not there")
	}
	f, err := newFeeder(t)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &demo{cancel: cancel}
	d.done.Go(func() {
		tick := time.NewTicker(demoTick)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				b := f.next(now, demoRate*int(demoTick)/int(time.Second))
				w := table.Write{Rows: []table.Rows{{Table: t.ID, Version: t.Version, Batches: []*batch.Batch{b}}}}
				if _, err := n.db.Commit(ctx, w); errs.Is(err, errs.UndefinedTable) {
					n.log.Info("demo: table clicks is gone, so the stream ends")
					return
				} else if err != nil && ctx.Err() == nil {
					n.log.Warn("demo: commit failed, trying again", "error", err)
				}
			}
		}
	})
	return d, nil
}

func (d *demo) stop() {
	d.cancel()
	d.done.Wait()
}

// feeder makes events: the same ones in every run, but for their time.
type feeder struct {
	rnd *rand.Rand
	out *batch.Batch
}

// newFeeder checks that the table is the demo's, and not one of the user's of that name.
func newFeeder(t *catalog.Table) (*feeder, error) {
	want := []string{"ts", "user_id", "page", "country", "device", "duration_ms", "revenue"}
	ok := len(t.Columns) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = t.Columns[i].Name == want[i]
	}
	if !ok {
		return nil, errs.New(errs.DuplicateTable, "table clicks exists and is not the demo's").WithHint("Rename it, or use another data directory.")
	}
	return &feeder{rnd: rand.New(rand.NewPCG(20, 26)), out: batch.New(t.Types())}, nil
}

// next makes n events of a moment. The batch is reused.
func (f *feeder) next(now time.Time, n int) *batch.Batch {
	b := f.out
	for i, c := range b.Cols {
		b.Cols[i].Reset(c.Type, n)
	}
	b.Len = n
	ts, users := batch.Values[int64](b.Cols[0]), batch.Values[int64](b.Cols[1])
	duration, revenue := batch.Values[int32](b.Cols[5]), batch.Values[int64](b.Cols[6])
	pick := func(list []string) string { return list[f.rnd.IntN(len(list))] }
	for i := range n {
		ts[i] = now.UnixMicro() + int64(i)*demoTick.Microseconds()/int64(n)
		users[i] = int64(f.rnd.ExpFloat64() * 5000)
		b.Cols[2].AppendString(pick(demoPages))
		b.Cols[3].AppendString(pick(demoCountries))
		b.Cols[4].AppendString(pick(demoDevices))
		duration[i] = int32(f.rnd.ExpFloat64() * 800)
		revenue[i] = 0
		if f.rnd.IntN(20) == 0 {
			revenue[i] = 99 + int64(f.rnd.ExpFloat64()*2500)
		}
		if f.rnd.IntN(50) == 0 {
			duration[i] = 0
			b.Cols[5].Nulls(n).Clear(i)
		}
	}
	return b
}
