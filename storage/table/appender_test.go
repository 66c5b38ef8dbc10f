package table

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/csv"
	"github.com/siltstone-db/siltstone/storage/format/ndjson"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// kept is a Sink that keeps rows as text, by table.
type kept struct {
	cat     *catalog.Snapshot
	rows    map[string][]string
	largest int64 // bytes of a batch
}

func newKept(t *testing.T, tables ...*catalog.Table) *kept {
	t.Helper()
	k := &kept{cat: catalog.Empty(), rows: map[string][]string{}}
	for _, def := range tables {
		if err := k.Edit(catalog.Create(def)); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

func (k *kept) Catalog() *catalog.Snapshot { return k.cat }

func (k *kept) Edit(edits ...catalog.Edit) (err error) {
	k.cat, _, err = k.cat.Apply(edits...)
	return err
}

func (k *kept) Spare() *batch.Batch { return new(batch.Batch) }

func (k *kept) Insert(_ context.Context, id catalog.TableID, b *batch.Batch) error {
	def := k.cat.TableByID(id)
	k.largest = max(k.largest, b.Bytes())
	if len(b.Cols) != len(def.Columns) || !b.Sel.All() || b.Len == 0 || b.Len > batch.MaxAppendRows {
		return errs.Internal("a batch of %d rows and %d columns", b.Len, len(b.Cols))
	}
	for r := range b.Len {
		var f []string
		for i, v := range b.Cols {
			if v.Type != def.Columns[i].Type || v.Len != b.Len {
				return errs.Internal("column %d has type %s and %d rows", i, v.Type, v.Len)
			}
			if def.Columns[i].Name == "rejected_at" {
				continue
			}
			if d := v.Datum(r); d.Null {
				f = append(f, "-")
			} else {
				f = append(f, d.String())
			}
		}
		k.rows[def.Name] = append(k.rows[def.Name], strings.Join(f, "|"))
	}
	return nil
}

// ways has five columns: k and n are read, in the other order; the others have defaults: none, a value, and one that is
// computed. Rows with n = 0 cannot be held against the condition, which is 100 / n <> 50 AND k <> 'bad'.
func ways() (*catalog.Table, *Terms) {
	def := catalog.NewTable("public", "t",
		catalog.Column{Name: "n", Type: types.T(types.Int4), NotNull: true}, catalog.Column{Name: "none", Type: types.T(types.Text)},
		catalog.Column{Name: "k", Type: types.T(types.Text)}, catalog.Column{Name: "value", Type: types.T(types.Int8), NotNull: true},
		catalog.Column{Name: "made", Type: types.T(types.Text), NotNull: true})
	seven, made := types.IntOf(types.T(types.Int8), 7), 0
	terms := &Terms{Defaults: []Default{3: {Value: &seven}, 4: {Compute: func(n int) (*batch.Vector, error) {
		v := &batch.Vector{}
		v.Reset(types.T(types.Text), 0)
		for range n {
			v.AppendString(strconv.Itoa(made))
			made++
		}
		return v, nil
	}}}}
	terms.Conditions = []Condition{{"c", func(b *batch.Batch, bits batch.Bitmap) error {
		for i := range b.Len {
			n, k := b.Cols[0].Datum(i), b.Cols[2].Datum(i)
			if !n.Null && n.I == 0 {
				return errs.New(errs.DivisionByZero, "division by zero")
			}
			if !n.Null && n.I == 2 || k.S == "bad" {
				bits.Set(i)
			}
		}
		return nil
	}}}
	return def, terms
}

// unwanted is WHERE 1 / (n - 1) <> 1, true where n is NULL.
func unwanted(b *batch.Batch, wanted batch.Bitmap) error {
	for i := range b.Len {
		d := b.Cols[0].Datum(i)
		if !d.Null && d.I == 1 {
			return errs.New(errs.DivisionByZero, "division by zero")
		}
		if d.Null || d.I != 3 {
			wanted.Set(i)
		}
	}
	return nil
}

// verdict says by itself what becomes of a line: "" it is stored, "unwanted", or the code of its error.
func verdict(k, n string, where bool) string {
	switch {
	case n == "x":
		return "22P02"
	case where && n == "1":
		return "22012"
	case where && n == "3":
		return "unwanted"
	case n == "":
		return "23502"
	case n == "0":
		return "22012"
	case n == "2" || k == "bad":
		return "23514"
	}
	return ""
}

// Rows are stored, left out and rejected as a naive look at each of them says, in batches of any size.
func TestAppenderVerdicts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		where := round%2 == 0
		var in strings.Builder
		var good, bad, rejected []string
		rows := []int{1, 50, 3000, 20000}[round%4]
		rare := []int{2, 50, 2000}[round%3] // how rarely a row is odd
		for i := range rows {
			n, k := strconv.Itoa(4+random.IntN(90)), fmt.Sprint("k", random.IntN(10))
			if random.IntN(rare) == 0 {
				n = []string{"x", "", "0", "1", "2", "3"}[random.IntN(6)]
			}
			if random.IntN(rare) == 0 {
				k = "bad"
			}
			fmt.Fprintf(&in, "%s,%s\n", k, n)
			switch v := verdict(k, n, where); v {
			case "":
				good = append(good, n+"|-|"+k+"|7")
			case "unwanted":
			default:
				bad = append(bad, fmt.Sprintf("%d %s COPY t, line %d", i, v, i+1))
				rejected = append(rejected, fmt.Sprintf("copy|-|%d|%s|%s", i+1, v, k+","+n))
			}
		}
		for _, mode := range []string{"stop", "leave out", "reject"} {
			sink, told, err := appendCSV(t, in.String(), where, mode)
			var stored []string
			for _, r := range sink.rows["t"] {
				stored = append(stored, r[:strings.LastIndexByte(r, '|')]) // without what was computed
			}
			if mode == "stop" {
				if len(bad) > 0 {
					e := errs.From(err)
					if line := strings.SplitN(bad[0], " ", 3); err == nil || string(e.Code) != line[1] || !strings.HasPrefix(e.Context+":", line[2]) {
						t.Fatalf("round %d: got %v (%s), want %s", round, err, e.Context, bad[0])
					}
					continue
				}
			}
			if err != nil || !slices.Equal(stored, good) {
				t.Fatalf("round %d, %s: %v, %d rows of %d", round, mode, err, len(stored), len(good))
			}
			if mode == "stop" {
				continue
			}
			if !slices.Equal(told, bad) {
				t.Fatalf("round %d, %s: told of %d rows of %d", round, mode, len(told), len(bad))
			}
			if mode == "reject" && !slices.Equal(rejectedRows(sink), rejected) {
				t.Fatalf("round %d: rejected %q, want %q", round, rejectedRows(sink), rejected)
			}
		}
	}
}

func appendCSV(t *testing.T, in string, where bool, mode string) (sink *kept, told []string, err error) {
	t.Helper()
	def, terms := ways()
	sink = newKept(t, def)
	pool := memtest.Pool(t, 0)
	account := pool.Account("t", 0)
	o := AppenderOptions{Table: sink.cat.Table("public", "t"), Terms: terms, Sink: sink, Columns: []int{2, 0},
		Meter: format.NewMeter(strings.NewReader(in), account)}
	if where {
		o.Where = unwanted
	}
	if mode != "stop" {
		o.Bad = func(b *format.BadRow) error {
			context, _, _ := strings.Cut(b.Err.Context, ":")
			context, _, _ = strings.Cut(context, ", column")
			told = append(told, fmt.Sprintf("%d %s %s", b.Index, b.Err.Code, context))
			return nil
		}
	}
	if mode == "reject" {
		o.Rejects = &Origin{Source: "copy", Lines: true}
	}
	a := NewAppender(o)
	r, err := csv.NewReader(o.Meter, csv.Options{Table: "t", Notes: a.Notes()}, a.Columns())
	if err != nil {
		t.Fatal(err)
	}
	err = a.Read(context.Background(), r)
	if err == nil && (pool.Used() != 0 || int(a.Rows()) != len(sink.rows["t"]) || int(a.BadRows()) != len(told)) {
		t.Errorf("%s: %d bytes are charged, %d rows, %d bad", mode, pool.Used(), a.Rows(), a.BadRows())
	}
	return sink, told, err
}

// A row in front of what ends the reading is looked at first, and its error has its text, also when only WHERE is against it.
func TestAppenderOrder(t *testing.T) {
	for _, c := range []struct {
		in    string
		where bool
		want  string
	}{
		{"k,5\n\"k,6\n", false, "22P04"},
		{"k,5\nbad,7\n\"k,6\n", false, `23514 COPY t, line 2: "bad,7"`},
		{"k,5\nk,1\nk,x\n", true, `22012 COPY t, line 2: "k,1"`},
		{"k,5\nk,\nk,1\n", true, `23502 COPY t, line 2: "k,"`},
	} {
		_, _, err := appendCSV(t, c.in, c.where, "stop")
		if e := errs.From(err); err == nil || !strings.HasPrefix(string(e.Code)+" "+e.Context, c.want) {
			t.Errorf("%q: got %v %s, want %s", c.in, err, e.Context, c.want)
		}
	}
	def := catalog.NewTable("public", "t", catalog.Column{Name: "n", Type: types.T(types.Int4)})
	sink := newKept(t, def)
	a := NewAppender(AppenderOptions{Table: sink.cat.Table("public", "t"), Terms: &Terms{}, Sink: sink, Where: unwanted})
	r, err := csv.NewReader(strings.NewReader("5\n1\n"), csv.Options{Table: "t", Notes: a.Notes()}, a.Columns())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Read(context.Background(), r); errs.From(err).Context != `COPY t, line 2: "1"` {
		t.Errorf("got %v, %s", err, errs.From(err).Context)
	}
}

// rejectedRows are those of the reject table without column and reason.
func rejectedRows(sink *kept) (rows []string) {
	for _, r := range sink.rows["t_rejects"] {
		f := strings.SplitN(r, "|", 7)
		rows = append(rows, strings.Join([]string{f[0], f[1], f[2], f[4], strings.TrimPrefix(f[6], `\x`)}, "|"))
	}
	for i, r := range rows {
		at := strings.LastIndexByte(r, '|') + 1
		raw, err := types.ParseBytea(nil, []byte(`\x`+r[at:]))
		if err != nil {
			return []string{err.Error()}
		}
		rows[i] = r[:at] + string(raw)
	}
	return rows
}

// Rows that name some columns and not others get the defaults of those, computed ones in the order of the rows.
func TestAppenderGaps(t *testing.T) {
	def, terms := ways()
	terms.Conditions = nil
	sink := newKept(t, def)
	a := NewAppender(AppenderOptions{Table: sink.cat.Table("public", "t"), Terms: terms, Sink: sink, Bad: func(*format.BadRow) error { return nil }})
	var in strings.Builder
	var want []string
	made := 0
	for i := range 20000 {
		switch i % 5 {
		case 0:
			fmt.Fprintf(&in, "{\"n\":%d}\n", i)
			want = append(want, fmt.Sprintf("%d|-|-|7|%d", i, made))
			made++
		case 1:
			fmt.Fprintf(&in, "{\"n\":%d,\"made\":\"own\",\"none\":\"x\"}\n", i)
			want = append(want, fmt.Sprintf("%d|x|-|7|own", i))
		case 2: // it needs none
			fmt.Fprintf(&in, "{\"n\":\"x\"}\n")
		case 3: // nor this one: a NULL is a value
			fmt.Fprintf(&in, "{\"n\":1,\"made\":null}\n")
		case 4:
			fmt.Fprintf(&in, "{\"value\":8,\"k\":\"\",\"n\":%d}\n", i)
			want = append(want, fmt.Sprintf("%d|-||8|%d", i, made))
			made++
		}
	}
	if err := a.Read(context.Background(), ndjson.NewReader(strings.NewReader(in.String()), ndjson.Options{Table: "t", Notes: a.Notes()}, a.Columns())); err != nil {
		t.Fatal(err)
	}
	if got := sink.rows["t"]; !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d: %q", len(got), len(want), got[:min(len(got), 5)])
	}
	if a.BadRows() != 8000 {
		t.Errorf("%d bad rows", a.BadRows())
	}
}

// Rows that are collected go on in batches of bounded bytes, whatever form they come in, and their memory is charged.
func TestCollect(t *testing.T) {
	def := catalog.NewTable("public", "t", catalog.Column{Name: "n", Type: types.T(types.Int4)}, catalog.Column{Name: "s", Type: types.T(types.Text)})
	sink := newKept(t, def)
	pool := memtest.Pool(t, 0)
	a := NewAppender(AppenderOptions{Table: sink.cat.Table("public", "t"), Terms: &Terms{}, Sink: sink, Account: pool.Account("t", 0)})
	ctx := context.Background()
	want := 0
	for size, rows := range map[int]int{1: 2048, 100 << 10: 2048, collectBytes + 1: 2} {
		b := batch.New(def.Types())
		b.Len = rows
		b.Cols[0].ResetConstant(types.IntOf(types.T(types.Int4), int64(size)), rows)
		b.Cols[1].ResetConstant(types.TextOf(strings.Repeat("x", size)), rows)
		if err := a.Add(ctx, b); err != nil {
			t.Fatal(err)
		}
		want += rows
	}
	if most := int64(collectBytes + 1<<20); pool.Peak() > most || pool.Peak() < collectBytes/2 || sink.largest > most {
		t.Errorf("%d bytes are charged at most, the largest batch has %d", pool.Peak(), sink.largest)
	}
	if err := a.End(ctx); err != nil || len(sink.rows["t"]) != want || pool.Used() != 0 || a.Rows() != int64(want) {
		t.Errorf("%d rows, want %d, %d bytes are charged: %v", len(sink.rows["t"]), want, pool.Used(), err)
	}
	for _, r := range sink.rows["t"] {
		if size, s, _ := strings.Cut(r, "|"); size != strconv.Itoa(len(s)) {
			t.Fatalf("a string of %d bytes stands beside %s", len(s), size)
		}
	}
}

// A reject table has its columns by name; one that cannot take the rows is refused before any is lost.
func TestRejectTable(t *testing.T) {
	def, _ := ways()
	long := catalog.NewTable("public", strings.Repeat("é", 30))
	if got := RejectsName(long); got != strings.Repeat("é", 27)+"_rejects" {
		t.Errorf("got %q", got)
	}
	other := catalog.NewTable("public", "t_rejects", slices.Concat([]catalog.Column{{Name: "note", Type: types.T(types.Int4)}}, rejectColumns())...)
	sink := newKept(t, def, other)
	r, err := newRejects(sink.cat.Table("public", "t"), &Origin{Source: "s", Partition: "p"}, sink)
	if err != nil {
		t.Fatal(err)
	}
	e := errs.New(errs.CheckViolation, "no").WithDetail("Why.")
	for range rejectRows + 1 {
		if err := r.add(context.Background(), &format.BadRow{Index: 4, Column: "n", Err: e}); err != nil {
			t.Fatal(err)
		}
	}
	if got := sink.rows["t_rejects"]; len(got) != rejectRows || got[0] != "-|s|p|4|n|23514|no: Why.|-" {
		t.Errorf("%d rows: %s", len(got), got[0])
	}
	for _, c := range []struct{ change func(c *catalog.Column) }{
		{func(c *catalog.Column) { c.NotNull = c.Name == "note" }},
		{func(c *catalog.Column) {
			if c.Name == "raw" {
				c.Type = types.T(types.Text)
			}
		}},
		{func(c *catalog.Column) {
			if c.Name == "raw" {
				c.Name = "row"
			}
		}},
	} {
		cols := slices.Concat([]catalog.Column{{Name: "note", Type: types.T(types.Int4)}}, rejectColumns())
		for i := range cols {
			c.change(&cols[i])
		}
		sink := newKept(t, def, catalog.NewTable("public", "t_rejects", cols...))
		if _, err := newRejects(sink.cat.Table("public", "t"), &Origin{Source: "s"}, sink); !errs.Is(err, errs.DatatypeMismatch) {
			t.Errorf("%+v: got %v", cols, err)
		}
	}
}
