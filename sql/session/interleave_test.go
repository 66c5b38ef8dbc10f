package session_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

var (
	interleaveSeed = flag.Uint64("interleave.seed", 0, "run the interleaving of this seed alone")
	interleaveFor  = flag.Duration("interleave.for", 0, "run random interleavings for so long")
)

// TestInterleaved runs transactions of several sessions in random order, statement by statement, and holds every answer
// against a model of snapshot isolation with read-your-writes, whose first committer wins.
func TestInterleaved(t *testing.T) {
	if *interleaveSeed != 0 {
		interleave(t, *interleaveSeed)
		return
	}
	first, last := uint64(1), uint64(6)
	if testing.Short() {
		last = 2
	}
	if *interleaveFor > 0 {
		first, last = uint64(time.Now().UnixNano()), 1<<63
	}
	deadline := time.Now().Add(*interleaveFor)
	n := 0
	for seed := first; seed <= last && !t.Failed() && (*interleaveFor == 0 || time.Now().Before(deadline)); seed++ {
		interleave(t, seed)
		n++
	}
	t.Logf("%d interleavings of %d steps", n, interleaveSteps)
}

const interleaveSteps = 200

// interleaveStep is what a session does; its seed decides what, as far as its state allows.
type interleaveStep struct {
	session int
	seed    uint64
}

func interleave(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 21))
	var steps []interleaveStep
	for range interleaveSteps {
		steps = append(steps, interleaveStep{r.IntN(3), r.Uint64()})
	}
	script, err := runSteps(seed, steps)
	if err == nil {
		return
	}
	for size := len(steps) / 2; size > 0; size /= 2 { // leave out what does not matter
		for from := len(steps) - size; from >= 0; from -= size {
			fewer := slices.Delete(slices.Clone(steps), from, from+size)
			if s, e := runSteps(seed, fewer); e != nil {
				steps, script, err = fewer, s, e
				from = min(from, len(steps))
			}
		}
	}
	t.Errorf("seed %d: %v\nafter\n%s", seed, err, strings.Join(script, "\n"))
}

// interleaving is a run on its way.
type interleaving struct {
	o        storage.Options
	db       *storage.DB
	engine   *session.Engine
	sessions [3]*session.Session
	tx       [3]*modelTx
	all      modelTables
	ids      int64
	names    int
	script   []string
}

func runSteps(seed uint64, steps []interleaveStep) ([]string, error) {
	r := rand.New(rand.NewPCG(seed, 22))
	x := &interleaving{o: storage.Options{FS: vfs.NewMem(), SealRows: []int{10, 100, 5000}[r.IntN(3)], LiveBytes: 64 << 20,
		SealAge: []time.Duration{time.Millisecond, time.Hour}[r.IntN(2)], CacheBytes: 1 << 20}}
	if err := x.open(); err != nil {
		return nil, err
	}
	err := x.do(0, "CREATE TABLE t0 (id int8 NOT NULL, g text, v int8)"+[]string{"", " WITH (sort_key = 'g, v')"}[r.IntN(2)], "tag CREATE TABLE", "")
	if err == nil {
		err = x.do(0, "CREATE TABLE t1 (id int8 NOT NULL, g text, v int8)", "tag CREATE TABLE", "")
	}
	for _, s := range steps {
		if err == nil {
			err = x.step(s)
		}
	}
	for i := range x.sessions {
		if err == nil && x.tx[i] != nil {
			err = x.end(i, "ROLLBACK")
		}
	}
	for i := range x.sessions {
		if err == nil {
			err = x.look(i)
		}
	}
	if e := x.close(); err == nil {
		err = e
	}
	return x.script, err
}

func (x *interleaving) open() (err error) {
	if x.db, err = storage.Open(ctx, "db", x.o); err != nil {
		return err
	}
	if x.engine, err = session.NewEngine(x.db, session.Options{Pool: mem.NewPool(256 << 20), Workers: 2}); err != nil {
		return err
	}
	for i := range x.sessions {
		if x.sessions[i], err = x.engine.Connect(ctx, session.Startup{User: "ann", Database: "siltstone", Port: -1}); err != nil {
			return err
		}
		x.tx[i] = nil
	}
	return nil
}

func (x *interleaving) close() error {
	for _, s := range x.sessions {
		s.Close()
	}
	return x.db.Close()
}

// do runs a statement; want is what the client should see: its rows and tag, or an error.
func (x *interleaving) do(i int, sql, want, input string) error {
	x.script = append(x.script, fmt.Sprintf("-- %d\n%s;", i, sql))
	c := &client{input: input}
	if err := x.sessions[i].Simple(ctx, sql, c); err != nil {
		c.lines = append(c.lines, "error "+string(errs.From(err).Code))
	}
	c.lines = slices.DeleteFunc(c.lines, func(s string) bool { return strings.HasPrefix(s, "columns ") })
	if got := strings.Join(c.lines, "\n"); got != want {
		return fmt.Errorf("session %d: %s\ngot\n%s\nwant\n%s", i, sql, got, want)
	}
	return nil
}

// step does one thing.
func (x *interleaving) step(s interleaveStep) error {
	r := rand.New(rand.NewPCG(s.seed, 23))
	i := s.session
	if x.tx[i] == nil {
		switch n := r.IntN(40); {
		case n < 20:
			return x.begin(i, r)
		case n < 23:
			return x.do(i, "CHECKPOINT", "tag CHECKPOINT", "")
		case n == 23:
			if err := x.close(); err != nil {
				return err
			}
			x.script = append(x.script, "-- restart")
			return x.open()
		}
		x.tx[i] = newModelTx(x.all) // of one statement
		if err := x.statement(i, r); err != nil {
			return err
		}
		if !x.tx[i].failed {
			x.tx[i].commit(&x.all)
		}
		x.tx[i] = nil
		return nil
	}
	switch n := r.IntN(40); {
	case n < 4:
		return x.end(i, "COMMIT")
	case n < 6:
		return x.end(i, "ROLLBACK")
	case n < 9:
		return x.savepoint(i)
	case n < 12:
		return x.rollbackTo(i, r)
	case n < 15:
		return x.declare(i, r)
	case n < 20:
		return x.fetch(i, r)
	}
	return x.statement(i, r)
}

func (x *interleaving) begin(i int, r *rand.Rand) error {
	if err := x.do(i, "BEGIN ISOLATION LEVEL REPEATABLE READ", "tag BEGIN", ""); err != nil {
		return err
	}
	x.tx[i] = newModelTx(x.all)
	// The first statement that reads takes the snapshot.
	return x.do(i, "SELECT count(*) FROM t0", fmt.Sprintf("%d\ntag SELECT 1", len(x.all[0])), "")
}

func (x *interleaving) end(i int, how string) error {
	tx := x.tx[i]
	x.tx[i] = nil
	switch {
	case how == "ROLLBACK" || tx.failed:
		return x.do(i, how, "tag ROLLBACK", "")
	case tx.commit(&x.all):
		return x.do(i, how, "tag COMMIT", "")
	}
	return x.do(i, how, "error 40001", "")
}

// refused runs a statement that a failed transaction does not.
func (x *interleaving) refused(i int, sql string) error { return x.do(i, sql, "error 25P02", "") }

func (x *interleaving) savepoint(i int) error {
	tx := x.tx[i]
	name := fmt.Sprintf("s%d", len(tx.save))
	if tx.failed {
		return x.refused(i, "SAVEPOINT "+name)
	}
	tx.save = append(tx.save, tx.now.clone())
	return x.do(i, "SAVEPOINT "+name, "tag SAVEPOINT", "")
}

func (x *interleaving) rollbackTo(i int, r *rand.Rand) error {
	tx := x.tx[i]
	if len(tx.save) == 0 {
		return nil
	}
	n := r.IntN(len(tx.save))
	if r.IntN(4) == 0 && !tx.failed {
		tx.save = tx.save[:n]
		return x.do(i, fmt.Sprintf("RELEASE s%d", n), "tag RELEASE", "")
	}
	s := tx.save[n]
	tx.now, tx.failed, tx.save = s.clone(), false, tx.save[:n+1]
	clear(tx.cursors) // all end, also those from before the savepoint
	return x.do(i, fmt.Sprintf("ROLLBACK TO s%d", n), "tag ROLLBACK", "")
}

// declare opens a cursor: what it shows is decided now.
func (x *interleaving) declare(i int, r *rand.Rand) error {
	tx, t := x.tx[i], r.IntN(2)
	q := ask(r, fmt.Sprintf("t%d", t), tx.rows(t))
	x.names++
	name := fmt.Sprintf("c%d", x.names)
	sql := fmt.Sprintf("DECLARE %s CURSOR FOR %s", name, q.sql)
	if tx.failed {
		return x.refused(i, sql)
	}
	tx.cursors[name] = &modelCursor{q.want}
	return x.do(i, sql, "tag DECLARE CURSOR", "")
}

func (x *interleaving) fetch(i int, r *rand.Rand) error {
	tx := x.tx[i]
	name := ""
	for c := range tx.cursors {
		if name == "" || (len(c)*7+int(c[len(c)-1]))%5 < (len(name)*7+int(name[len(name)-1]))%5 || c < name && len(c) == len(name) {
			name = c
		}
	}
	if name == "" {
		return nil
	}
	if r.IntN(6) == 0 && !tx.failed {
		delete(tx.cursors, name)
		return x.do(i, "CLOSE "+name, "tag CLOSE CURSOR", "")
	}
	n := r.IntN(30)
	sql := fmt.Sprintf("FETCH FORWARD %d FROM %s", n+1, name)
	if tx.failed {
		return x.refused(i, sql)
	}
	c := tx.cursors[name]
	rows := c.rows[:min(n+1, len(c.rows))]
	c.rows = c.rows[len(rows):]
	return x.do(i, sql, answer(rows, "FETCH"), "")
}

func answer(rows []string, tag string) string {
	return strings.Join(append(slices.Clone(rows), fmt.Sprintf("tag %s %d", tag, len(rows))), "\n")
}

// look reads all tables outside of a transaction.
func (x *interleaving) look(i int) error {
	for t := range x.all {
		if err := x.do(i, fmt.Sprintf("SELECT id, g, v FROM t%d ORDER BY id, v, g", t), answer(ordered(x.all[t]), "SELECT"), ""); err != nil {
			return err
		}
	}
	return nil
}

// statement reads or writes; the model's transaction follows.
func (x *interleaving) statement(i int, r *rand.Rand) error {
	tx, t := x.tx[i], r.IntN(2)
	name := fmt.Sprintf("t%d", t)
	c := randomCondition(r)
	n := r.IntN(24)
	if tx.failed {
		return x.refused(i, "SELECT count(*) FROM "+name)
	}
	switch {
	case n < 3:
		rows := x.newRows(r, 1+r.IntN(6))
		var values []string
		for _, y := range rows {
			values = append(values, "("+sqlRow(y)+")")
		}
		tx.insert(t, rows)
		return x.do(i, fmt.Sprintf("INSERT INTO %s VALUES %s", name, strings.Join(values, ", ")), fmt.Sprintf("tag INSERT 0 %d", len(rows)), "")
	case n < 5:
		return x.series(i, r, t)
	case n < 7:
		rows := x.newRows(r, r.IntN(300))
		tx.insert(t, rows)
		return x.do(i, fmt.Sprintf("COPY %s FROM STDIN", name), fmt.Sprintf("tag COPY %d", len(rows)), copyText(rows))
	case n < 9:
		return x.between(i, t, c)
	case n < 11:
		return x.do(i, fmt.Sprintf("DELETE FROM %s WHERE %s", name, c.sql), fmt.Sprintf("tag DELETE %d", tx.delete(t, c)), "")
	case n < 14:
		return x.update(i, r, t, c)
	case n == 14 && r.IntN(4) == 0:
		tx.truncate(t)
		return x.do(i, "TRUNCATE "+name, "tag TRUNCATE TABLE", "")
	case n == 15:
		tx.failed = true
		return x.do(i, "INSERT INTO "+name+" SELECT i, NULL, 10 / (i - 5) FROM generate_series(1, 9) AS i", "error 22012", "")
	case n == 16:
		other := map[int64]bool{}
		for _, y := range tx.rows(1 - t) {
			other[y.id] = true
		}
		in := condition{f: func(y *mrow) bool { return other[y.id] && c.f(y) }}
		return x.do(i, fmt.Sprintf("DELETE FROM %s WHERE id IN (SELECT id FROM t%d) AND %s", name, 1-t, c.sql), fmt.Sprintf("tag DELETE %d", tx.delete(t, in)), "")
	}
	q := ask(r, name, tx.rows(t))
	return x.do(i, q.sql, answer(q.want, "SELECT"), "")
}

// series inserts rows of generate_series.
func (x *interleaving) series(i int, r *rand.Rand, t int) error {
	count := int64(1 + r.IntN(60))
	if r.IntN(10) == 0 {
		count = 3000
	}
	from := x.ids + 1
	x.ids += count
	for id := from; id < from+count; id++ {
		g, v := fmt.Sprintf("g%d", id%5), id%11-5
		x.tx[i].insert(t, []*mrow{{id: id, g: &g, v: &v}})
	}
	return x.do(i, fmt.Sprintf("INSERT INTO t%d SELECT i, 'g' || i %% 5, i %% 11 - 5 FROM generate_series(%d, %d) AS i", t, from, from+count-1),
		fmt.Sprintf("tag INSERT 0 %d", count), "")
}

// between inserts rows of one table into the other, or into the same.
func (x *interleaving) between(i, t int, c condition) error {
	tx := x.tx[i]
	to := (t + len(c.sql)) % 2
	var rows []*mrow
	for _, y := range tx.rows(t) {
		if c.f(y) && y.id%3 == 0 {
			rows = append(rows, &mrow{id: y.id + 1, g: y.g, v: y.v})
		}
	}
	tx.insert(to, rows)
	return x.do(i, fmt.Sprintf("INSERT INTO t%d SELECT id + 1, g, v FROM t%d WHERE %s AND id %% 3 = 0", to, t, c.sql), fmt.Sprintf("tag INSERT 0 %d", len(rows)), "")
}

func (x *interleaving) update(i int, r *rand.Rand, t int, c condition) error {
	sets := []struct {
		sql string
		f   func(mrow) mrow
	}{
		{"v = v + 1", func(y mrow) mrow {
			if y.v != nil {
				v := *y.v + 1
				y.v = &v
			}
			return y
		}},
		{"v = NULL, g = 'g1'", func(y mrow) mrow { g := "g1"; y.v, y.g = nil, &g; return y }},
		{"g = NULL", func(y mrow) mrow { y.g = nil; return y }},
		{"id = id + 2, v = 7", func(y mrow) mrow { v := int64(7); y.id, y.v = y.id+2, &v; return y }},
	}
	set := sets[r.IntN(len(sets))]
	tx := x.tx[i]
	var rows []*mrow
	for _, y := range tx.rows(t) {
		if c.f(y) {
			n := set.f(*y)
			rows = append(rows, &n)
		}
	}
	tx.delete(t, c)
	tx.insert(t, rows)
	return x.do(i, fmt.Sprintf("UPDATE t%d SET %s WHERE %s", t, set.sql, c.sql), fmt.Sprintf("tag UPDATE %d", len(rows)), "")
}

func (x *interleaving) newRows(r *rand.Rand, n int) []*mrow {
	rows := make([]*mrow, n)
	for i := range rows {
		x.ids++
		rows[i] = &mrow{id: x.ids}
		if r.IntN(5) > 0 {
			g := groupName(r.IntN(9))
			rows[i].g = &g
		}
		if r.IntN(5) > 0 {
			v := int64(r.IntN(40) - 20)
			rows[i].v = &v
		}
	}
	return rows
}

func sqlRow(y *mrow) string {
	g := "NULL"
	if y.g != nil {
		g = "'" + *y.g + "'"
	}
	return fmt.Sprintf("%d, %s, %s", y.id, g, orNull(y.v))
}

func copyText(rows []*mrow) string {
	var b strings.Builder
	for _, y := range rows {
		fmt.Fprintln(&b, strings.ReplaceAll(strings.ReplaceAll(y.text(), "NULL", `\N`), ",", "\t"))
	}
	return b.String()
}
