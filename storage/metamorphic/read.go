package metamorphic

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

var ctx = context.Background()

// wrong is an answer that is not the model's. Other errors are the database's own.
type wrong struct{ text string }

func (w wrong) Error() string { return w.text }

func wrongf(format string, args ...any) error { return wrong{fmt.Sprintf(format, args...)} }

// found is a row that was read: its number plus one, its identity plus one, and values.
type found struct {
	number   uint64
	identity uint64 // 0: it has none yet
	values   []types.Datum
}

// readAll reads columns of a relation, row numbers and identities first.
func readAll(rel scan.Relation, req scan.Request) ([]found, error) {
	pool := mem.NewPool(0)
	req.Account = pool.Account("read", 0)
	defer req.Account.Close()
	req.Columns = append([]int{scan.RowNumber, scan.Identity}, req.Columns...)
	sc, err := rel.Open(ctx, &req)
	if err != nil {
		return nil, err
	}
	defer sc.Close()
	r, err := sc.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var list []found
	out := &batch.Batch{}
	for {
		ok, err := r.Next(ctx, out)
		if err != nil || !ok {
			return list, err
		}
		if list, err = appendFound(list, out, &req); err != nil {
			return nil, err
		}
	}
}

func appendFound(list []found, out *batch.Batch, req *scan.Request) ([]found, error) {
	if out.Len == 0 || !out.Sel.All() || len(out.Cols) != len(req.Columns) {
		return nil, wrongf("a batch of %d rows, %d columns for %d, all %v", out.Len, len(out.Cols), len(req.Columns), out.Sel.All())
	}
	if most := req.BatchRows; most > 0 && out.Len > most {
		return nil, wrongf("a batch of %d rows, of at most %d", out.Len, most)
	}
	for i := range out.Len {
		f := found{number: uint64(out.Cols[0].Datum(i).I) + 1}
		if d := out.Cols[1].Datum(i); !d.Null {
			f.identity = uint64(d.I) + 1
		}
		for _, v := range out.Cols[2:] {
			d := v.Datum(i)
			d.S = strings.Clone(d.S) // the batch is the reader's
			f.values = append(f.values, d)
		}
		list = append(list, f)
	}
	return list, nil
}

// compare holds the rows of a relation against those of the model, in their order, and notes the numbers of new ones.
// own says that the rows are a transaction's view: the last ones have numbers of their own.
func (t *tableModel) compare(rel scan.Relation, batchRows int) error {
	if !slices.Equal(rel.Types(), t.info.Types()) {
		return wrongf("table %q has columns of types %v, want %v", t.info.Name, rel.Types(), t.info.Types())
	}
	req := scan.Request{BatchRows: batchRows}
	for c := range t.info.Columns {
		req.Columns = append(req.Columns, c)
	}
	got, err := readAll(rel, req)
	if err != nil {
		return err
	}
	slices.SortFunc(got, func(a, b found) int { return cmp.Compare(a.number, b.number) })
	if len(got) != len(t.rows) || rel.Rows() != int64(len(got)) {
		return wrongf("table %q has %d rows (%d without reading), want %d%s", t.info.Name, len(got), rel.Rows(), len(t.rows), t.first(got))
	}
	ids := make(map[uint64]bool, len(got))
	for i := range got {
		if i > 0 && got[i].number == got[i-1].number {
			return wrongf("table %q: two rows have the number %d", t.info.Name, got[i].number-1)
		}
		if id := got[i].identity; id > 0 && ids[id] {
			return wrongf("table %q: two rows have the identity %d", t.info.Name, id-1)
		}
		ids[got[i].identity] = true
	}
	if t.unordered {
		t.order(got)
	}
	for i, r := range t.rows {
		if r.number > 0 && r.number != got[i].number {
			return wrongf("table %q: row %d has number %d, had %d", t.info.Name, i, int64(got[i].number)-1, int64(r.number)-1)
		}
		if want := r.identified(got[i].number); want != got[i].identity {
			return wrongf("table %q: row %d (number %d) has identity %d, want %d", t.info.Name, i, got[i].number-1,
				int64(got[i].identity)-1, int64(want)-1)
		}
		for c, v := range r.values {
			if !same(v, got[i].values[c]) {
				return wrongf("table %q: row %d (number %d), column %d of type %s: %s, want %s", t.info.Name, i, got[i].number-1, c,
					v.Type, text(got[i].values[c]), text(v))
			}
		}
	}
	for i, r := range t.rows {
		r.number, r.identity = got[i].number, got[i].identity
	}
	return t.stats(rel)
}

// identified returns the identity, plus one, of a row with a number, plus one: 0 as long as it is not committed.
func (r *row) identified(number uint64) uint64 {
	switch {
	case r.identity > 0:
		return r.identity
	case number > scan.OwnRows:
		return 0
	}
	return number
}

// first tells of the first difference.
func (t *tableModel) first(got []found) string {
	for i := range got {
		if i < len(t.rows) && (t.rows[i].number == 0 || t.rows[i].number == got[i].number) {
			continue
		}
		if i < len(t.rows) {
			return fmt.Sprintf("; row %d has number %d, want %d", i, got[i].number-1, t.rows[i].number-1)
		}
		return fmt.Sprintf("; row %d, number %d is too much", i, got[i].number-1)
	}
	return ""
}

// order puts rows whose numbers are not known into the order of what was read.
func (t *tableModel) order(got []found) {
	t.rows = slices.Clone(t.rows)
	known := 0
	for known < len(t.rows) && t.rows[known].number > 0 {
		known++
	}
	if known == len(t.rows) { // read as another picture's
		slices.SortFunc(t.rows, func(a, b *row) int { return cmp.Compare(a.number, b.number) })
	}
	rest := map[string][]*row{}
	for _, r := range t.rows[known:] {
		k := fmt.Sprint(r.identity, key(r.values))
		rest[k] = append(rest[k], r)
	}
	list := slices.Clone(t.rows[:known])
	for _, f := range got[known:] {
		k := fmt.Sprint(f.identity, key(f.values))
		if f.identity == f.number { // its own
			k = fmt.Sprint(0, key(f.values))
		}
		if len(rest[k]) == 0 {
			return // compare will tell
		}
		list = append(list, rest[k][0])
		rest[k] = rest[k][1:]
	}
	t.rows, t.unordered = list, false
}

func key(values []types.Datum) string {
	var b strings.Builder
	for _, v := range values {
		b.WriteString(text(v))
		b.WriteByte('|')
	}
	return b.String()
}

// stats holds what a relation knows without reading against the rows.
func (t *tableModel) stats(rel scan.Relation) error {
	for c := range t.info.Columns {
		s := rel.Stats(c)
		if err := t.bounds(c, &s); err != nil {
			return err
		}
	}
	return nil
}

func (t *tableModel) bounds(c int, s *scan.ColumnStats) error {
	nulls := int64(0)
	for _, r := range t.rows {
		v := r.values[c]
		switch {
		case v.Null:
			nulls++
		case s.HasRange && (scan.Order(v, s.Min) < 0 || scan.Order(v, s.Max) > 0):
			return wrongf("table %q, column %d: %s lies outside of %s to %s", t.info.Name, c, text(v), text(s.Min), text(s.Max))
		}
	}
	if s.Rows != int64(len(t.rows)) || s.Nulls >= 0 && s.Nulls != nulls {
		return wrongf("table %q, column %d: statistics of %d rows, %d nulls; there are %d, %d", t.info.Name, c, s.Rows, s.Nulls, len(t.rows), nulls)
	}
	return nil
}

// someColumns answers a random request, and holds it against the model: columns in any order, terms, late terms.
func (t *tableModel) someColumns(rel scan.Relation, seed uint64, batchRows int) error {
	r := rand.New(rand.NewPCG(seed, 4))
	req := scan.Request{BatchRows: batchRows, Counters: new(scan.Counters)}
	for range r.IntN(4) {
		req.Columns = append(req.Columns, r.IntN(len(t.info.Columns)))
	}
	for range r.IntN(4) {
		req.Terms = append(req.Terms, t.term(r, r.IntN(len(t.info.Columns))))
	}
	var late *scan.Term
	if r.IntN(5) == 0 {
		x := t.term(r, r.IntN(len(t.info.Columns)))
		if x.Op != scan.Entries {
			late = &x
			req.Late = []*scan.Late{new(scan.Late)}
			req.Late[0].Set(late)
		}
	}
	got, err := readAll(rel, req)
	if err != nil {
		return err
	}
	byNumber := map[uint64]*found{}
	for i := range got {
		if byNumber[got[i].number] != nil {
			return wrongf("number %d twice", got[i].number-1)
		}
		byNumber[got[i].number] = &got[i]
	}
	for _, x := range t.rows {
		f := byNumber[x.number]
		delete(byNumber, x.number)
		wanted := matches(x, req.Terms)
		if f == nil {
			if wanted && (late == nil || matches(x, []scan.Term{*late})) {
				return wrongf("table %q: row %d (%s) is missing of %s", t.info.Name, x.number-1, key(x.values), describe(req.Terms))
			}
			continue
		}
		if !wanted {
			return wrongf("table %q: row %d (%s) is not one of %s", t.info.Name, x.number-1, key(x.values), describe(req.Terms))
		}
		if want := x.identified(x.number); f.identity != want {
			return wrongf("table %q: row %d has identity %d, want %d, of %s", t.info.Name, x.number-1, int64(f.identity)-1, int64(want)-1, describe(req.Terms))
		}
		for i, c := range req.Columns {
			if !same(f.values[i], x.values[c]) {
				return wrongf("table %q: row %d, column %d is %s, want %s, of %s", t.info.Name, x.number-1, c, text(f.values[i]), text(x.values[c]), describe(req.Terms))
			}
		}
	}
	for n := range byNumber {
		return wrongf("table %q: row %d does not exist", t.info.Name, n-1)
	}
	return nil
}

// term makes a condition whose values are near those of the rows.
func (t *tableModel) term(r *rand.Rand, c int) scan.Term {
	x := scan.Term{Column: c, Op: scan.Op(r.IntN(int(scan.Entries) + 1))}
	typ := t.info.Columns[c].Type
	value := func() types.Datum {
		if len(t.rows) > 0 && r.IntN(3) > 0 {
			if d := t.rows[r.IntN(len(t.rows))].values[c]; !d.Null {
				return d
			}
		}
		if r.IntN(4) == 0 {
			return extreme(r, typ)
		}
		return valueOf(typ, int64(r.IntN(60)))
	}
	switch x.Op {
	case scan.IsNull, scan.IsNotNull:
	case scan.Entries:
		x.Filter = someEntries{typ, 1 + r.IntN(5)}
	case scan.In:
		for range 1 + r.IntN(6) {
			x.Values = append(x.Values, value())
		}
		slices.SortFunc(x.Values, scan.Order)
		x.Values = slices.CompactFunc(x.Values, func(a, b types.Datum) bool { return scan.Order(a, b) == 0 })
	default:
		x.Values = []types.Datum{value()}
	}
	return x
}

// someEntries is true for an n-th of all values.
type someEntries struct {
	typ types.Type
	n   int
}

func (e someEntries) has(d types.Datum) bool {
	h := 0
	for _, b := range []byte(text(d)) {
		h = (h*31 + int(b)) % 1000003
	}
	return h%e.n == 0
}

// Filter implements scan.EntryFilter.
func (e someEntries) Filter(v *batch.Vector, out batch.Bitmap) error {
	for i := range v.Len {
		if d := v.Datum(i); !d.Null {
			d.Type = e.typ
			if e.has(d) {
				out.Set(i)
			}
		}
	}
	return nil
}

func matches(x *row, terms []scan.Term) bool {
	for _, t := range terms {
		if !match(x.values[t.Column], &t) {
			return false
		}
	}
	return true
}

func match(v types.Datum, t *scan.Term) bool {
	if t.Op == scan.IsNull || v.Null {
		return t.Op == scan.IsNull && v.Null
	}
	switch t.Op {
	case scan.IsNotNull:
		return true
	case scan.Entries:
		return t.Filter.(someEntries).has(v)
	case scan.In:
		return slices.ContainsFunc(t.Values, func(d types.Datum) bool { return scan.Order(v, d) == 0 })
	}
	n := scan.Order(v, t.Values[0])
	return [...]bool{n == 0, n != 0, n < 0, n <= 0, n > 0, n >= 0}[t.Op]
}

func describe(terms []scan.Term) string {
	var b strings.Builder
	for _, t := range terms {
		fmt.Fprintf(&b, " [column %d, op %d", t.Column, t.Op)
		for _, v := range t.Values {
			fmt.Fprintf(&b, " %s", text(v))
		}
		b.WriteByte(']')
	}
	return "rows where" + b.String()
}

// counted asks for the values of a column with the numbers of their rows, with terms on it or without.
func (t *tableModel) counted(rel scan.Relation, seed uint64, batchRows int) error {
	r := rand.New(rand.NewPCG(seed, 5))
	c := r.IntN(len(t.info.Columns))
	req := &scan.Request{Columns: []int{c}, BatchRows: batchRows, Counted: r.IntN(2) == 0}
	for range r.IntN(3) {
		req.Terms = append(req.Terms, t.term(r, c))
	}
	want := map[string]int64{}
	for _, x := range t.rows {
		if matches(x, req.Terms) {
			want[text(x.values[c])]++
		}
	}
	got, err := countedRows(rel, req)
	if err != nil {
		return err
	}
	for k, n := range got {
		if want[k] != n {
			return wrongf("table %q, column %d: %s stands in %d rows, want %d, of %s", t.info.Name, c, k, n, want[k], describe(req.Terms))
		}
		delete(want, k)
	}
	for k, n := range want {
		return wrongf("table %q, column %d: %s is missing, which stands in %d rows, of %s", t.info.Name, c, k, n, describe(req.Terms))
	}
	return nil
}

func countedRows(rel scan.Relation, req *scan.Request) (map[string]int64, error) {
	pool := mem.NewPool(0)
	req.Account = pool.Account("read", 0)
	defer req.Account.Close()
	sc, err := rel.Open(ctx, req)
	if err != nil {
		return nil, err
	}
	defer sc.Close()
	got := map[string]int64{}
	r, err := sc.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := &batch.Batch{}
	for {
		ok, err := r.Next(ctx, out)
		if err != nil || !ok {
			return got, err
		}
		for i := range out.Len {
			n := int64(1)
			if req.Counted {
				n = out.Cols[1].Datum(i).I
			}
			got[text(out.Cols[0].Datum(i))] += n
		}
	}
}

// parts reads each part by itself and holds it against what the part knows of all its rows.
func (t *tableModel) parts(rel scan.Relation) error {
	v, ok := rel.(interface{ Parts() []scan.Part })
	if !ok {
		return wrongf("a relation without parts")
	}
	for i, p := range v.Parts() {
		m := &tableModel{info: t.info}
		if err := m.readPart(p); err != nil {
			return err
		}
		for c := range t.info.Columns {
			s := p.Stats(c)
			if err := m.bounds(c, &s); err != nil {
				return fmt.Errorf("part %d: %w", i, err)
			}
			if k, ok := p.(scan.Totaler); ok {
				total, _ := k.Totals(c)
				if err := m.totals(c, total); err != nil {
					return fmt.Errorf("part %d: %w", i, err)
				}
			}
		}
	}
	return nil
}

func (t *tableModel) readPart(p scan.Part) error {
	pool := mem.NewPool(0)
	req := &scan.Request{Account: pool.Account("read", 0)}
	defer req.Account.Close()
	for c := range t.info.Columns {
		req.Columns = append(req.Columns, c)
	}
	ps, err := p.Open(ctx, req)
	if err != nil || ps == nil {
		return err
	}
	defer ps.Close()
	return scan.EachBatch(ctx, ps, &batch.Batch{}, func(out *batch.Batch) error {
		for i := range out.Len {
			x := &row{}
			for _, v := range out.Cols {
				d := v.Datum(i)
				d.S = strings.Clone(d.S)
				x.values = append(x.values, d)
			}
			t.rows = append(t.rows, x)
		}
		return nil
	})
}

// totals holds exact totals of a column against the rows.
func (t *tableModel) totals(c int, k scan.Totals) error {
	var list []types.Datum
	sum, length := new(big.Int), int64(0)
	for _, r := range t.rows {
		if v := r.values[c]; !v.Null {
			list = append(list, v)
			sum.Add(sum, big.NewInt(v.I))
			length += int64(len(v.S))
		}
	}
	sort.Slice(list, func(i, j int) bool { return scan.Order(list[i], list[j]) < 0 })
	bad := func(what string, got, want any) error {
		return wrongf("table %q, column %d of type %s: the %s is %v, want %v", t.info.Name, c, t.info.Columns[c].Type, what, got, want)
	}
	if k.Rows != int64(len(t.rows)) || k.Nulls != int64(len(t.rows)-len(list)) {
		return bad("number of rows and nulls", []int64{k.Rows, k.Nulls}, []int{len(t.rows), len(t.rows) - len(list)})
	}
	if k.HasRange && (len(list) == 0 || scan.Order(k.Min, list[0]) != 0 || scan.Order(k.Max, list[len(list)-1]) != 0) {
		return bad("range", text(k.Min)+" "+text(k.Max), len(list))
	}
	if k.HasSum {
		var b [16]byte
		for i := range 8 {
			b[15-i], b[7-i] = byte(k.SumLo>>(8*i)), byte(uint64(k.SumHi)>>(8*i))
		}
		got := new(big.Int).SetBytes(b[:])
		if k.SumHi < 0 {
			got.Sub(got, new(big.Int).Lsh(big.NewInt(1), 128))
		}
		if got.Cmp(sum) != 0 {
			return bad("sum", got, sum)
		}
	}
	if typ := t.info.Columns[c].Type; typ.Physical() == types.PhysBytes && typ.Kind != types.Numeric && k.StringBytes > 0 && k.StringBytes != length {
		return bad("length", k.StringBytes, length)
	}
	distinct := len(slices.CompactFunc(list, func(a, b types.Datum) bool { return scan.Order(a, b) == 0 }))
	if k.DistinctExact && k.Distinct != int64(distinct) {
		return bad("number of values", k.Distinct, distinct)
	}
	return nil
}
