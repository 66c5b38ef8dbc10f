package tpch

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// generator makes the data of a scale: every row follows from the seed, its table and its number. Sizes, domains, and how
// columns depend on each other are those of the standard (clause 4.2); texts are words at random and not its grammar, so
// that answers are those of no other generator.
type generator struct {
	seed                                 uint64
	parts, suppliers, customers, orders_ int64
	clerks                               int64
	b                                    []byte
}

func newGenerator(seed uint64, scale float64) *generator {
	n := func(base float64) int64 { return max(int64(base*scale), 1) }
	return &generator{seed: seed, parts: n(200_000), suppliers: max(n(10_000), 4), customers: max(n(150_000), 3), orders_: n(1_500_000), clerks: n(1000)}
}

// row returns the numbers that a row is made of.
func (g *generator) row(table string, i int64) *rand.Rand {
	h := g.seed
	for _, c := range []byte(table) {
		h = h*1_099_511_628_211 ^ uint64(c)
	}
	return rand.New(rand.NewPCG(h, uint64(i)))
}

// Days of the standard, as days since 1970.
var (
	startDate   = day(1992, 1, 1)
	endDate     = day(1998, 12, 31)
	currentDate = day(1995, 6, 17)
)

func day(y int, m time.Month, d int) int64 {
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// Pieces of a row.
func (g *generator) text(s string) { g.b = append(append(g.b, s...), ',') }
func (g *generator) int(n int64)   { g.b = append(strconv.AppendInt(g.b, n, 10), ',') }
func (g *generator) date(d int64) {
	g.b = append(time.Unix(d*86400, 0).UTC().AppendFormat(g.b, "2006-01-02"), ',')
}

// cents writes a number of hundredths.
func (g *generator) cents(n int64) {
	if n < 0 {
		g.b = append(g.b, '-')
		n = -n
	}
	g.b = strconv.AppendInt(g.b, n/100, 10)
	g.b = append(g.b, '.', byte('0'+n%100/10), byte('0'+n%10), ',')
}

func (g *generator) end() { g.b[len(g.b)-1] = '\n' }

func between(r *rand.Rand, from, to int64) int64 { return from + r.Int64N(to-from+1) }

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// words makes a text of up to most bytes.
func words(r *rand.Rand, least, most int) string {
	var b strings.Builder
	for n := int(between(r, int64(least), int64(most))); ; {
		w := pick(r, commentWords)
		if b.Len()+len(w)+1 > n {
			if b.Len() == 0 {
				return w[:min(len(w), most)]
			}
			return b.String()
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
}

func phone(r *rand.Rand, nation int64) string {
	return fmt.Sprintf("%d-%03d-%03d-%04d", nation+10, between(r, 100, 999), between(r, 100, 999), between(r, 1000, 9999))
}

func retailPrice(part int64) int64 { return 90000 + part/10%20001 + 100*(part%1000) }

// supplierOf returns the i-th of the four suppliers of a part, by the standard's formula; its second term is bounded where
// there are so few suppliers that two of the four would be the same.
func (g *generator) supplierOf(part, i int64) int64 {
	spread := (part - 1) / g.suppliers % max(g.suppliers/12, 1)
	return (part+i*(g.suppliers/4+spread))%g.suppliers + 1
}

func (g *generator) region(i int64) {
	r := g.row("region", i)
	g.int(i)
	g.text(regions[i])
	g.text(words(r, 31, 115))
	g.end()
}

func (g *generator) nation(i int64) {
	r := g.row("nation", i)
	g.int(i)
	g.text(nations[i].name)
	g.int(nations[i].region)
	g.text(words(r, 31, 114))
	g.end()
}

func (g *generator) part(i int64) {
	key, r := i+1, g.row("part", i)
	maker := between(r, 1, 5)
	g.int(key)
	name := make([]string, 5)
	for k, c := range r.Perm(len(colors))[:5] {
		name[k] = colors[c]
	}
	g.text(strings.Join(name, " "))
	g.text(fmt.Sprintf("Manufacturer#%d", maker))
	g.text(fmt.Sprintf("Brand#%d%d", maker, between(r, 1, 5)))
	g.text(pick(r, types1) + " " + pick(r, types2) + " " + pick(r, types3))
	g.int(between(r, 1, 50))
	g.text(pick(r, containers1) + " " + pick(r, containers2))
	g.cents(retailPrice(key))
	g.text(words(r, 5, 22))
	g.end()
}

func (g *generator) supplier(i int64) {
	key, r := i+1, g.row("supplier", i)
	nation := between(r, 0, 24)
	g.int(key)
	g.text(fmt.Sprintf("Supplier#%09d", key))
	g.text(words(r, 10, 40))
	g.int(nation)
	g.text(phone(r, nation))
	g.cents(between(r, -99999, 999999))
	comment := words(r, 25, 60)
	switch i % 2000 { // five of 10,000 complain, five recommend
	case 13:
		comment += " Customer " + pick(r, commentWords) + " Complaints"
	case 1013:
		comment += " Customer " + pick(r, commentWords) + " Recommends"
	}
	g.text(comment)
	g.end()
}

func (g *generator) partsupp(i int64) {
	part, r := i/4+1, g.row("partsupp", i)
	g.int(part)
	g.int(g.supplierOf(part, i%4))
	g.int(between(r, 1, 9999))
	g.cents(between(r, 100, 100000))
	g.text(words(r, 49, 198))
	g.end()
}

func (g *generator) customer(i int64) {
	key, r := i+1, g.row("customer", i)
	nation := between(r, 0, 24)
	g.int(key)
	g.text(fmt.Sprintf("Customer#%09d", key))
	g.text(words(r, 10, 40))
	g.int(nation)
	g.text(phone(r, nation))
	g.cents(between(r, -99999, 999999))
	g.text(pick(r, segments))
	g.text(words(r, 29, 116))
	g.end()
}

// line is what an order and a line of it share.
type line struct {
	part, supplier, quantity, price, discount, tax int64
	ship, commit, receipt                          int64
}

// order returns the parts of an order: its key of which only eight in 32 are used, its date and its lines.
func (g *generator) order(i int64) (key, date int64, lines []line, r *rand.Rand) {
	r = g.row("orders", i)
	date = between(r, startDate, endDate-151)
	lines = make([]line, between(r, 1, 7))
	for n := range lines {
		l := &lines[n]
		l.part = between(r, 1, g.parts)
		l.supplier = g.supplierOf(l.part, between(r, 0, 3))
		l.quantity = between(r, 1, 50)
		l.price = l.quantity * retailPrice(l.part)
		l.discount, l.tax = between(r, 0, 10), between(r, 0, 8)
		l.ship, l.commit = date+between(r, 1, 121), date+between(r, 30, 90)
		l.receipt = l.ship + between(r, 1, 30)
	}
	return i/8*32 + i%8 + 1, date, lines, r
}

func (g *generator) orders(i int64) {
	key, date, lines, r := g.order(i)
	customer := between(r, 1, g.customers)
	for customer%3 == 0 { // a third of all customers has no orders
		customer = between(r, 1, g.customers)
	}
	total, open := int64(0), 0
	for _, l := range lines {
		total += (l.price*(100+l.tax)*(100-l.discount) + 5000) / 10000
		if l.ship > currentDate {
			open++
		}
	}
	status := "P"
	switch open {
	case 0:
		status = "F"
	case len(lines):
		status = "O"
	}
	g.int(key)
	g.int(customer)
	g.text(status)
	g.cents(total)
	g.date(date)
	g.text(pick(r, priorities))
	g.text(fmt.Sprintf("Clerk#%09d", between(r, 1, g.clerks)))
	g.int(0)
	g.text(words(r, 19, 78))
	g.end()
}

// lineitems writes the lines of an order.
func (g *generator) lineitems(i int64) {
	key, _, lines, _ := g.order(i)
	r := g.row("lineitem", i)
	for n, l := range lines {
		g.int(key)
		g.int(l.part)
		g.int(l.supplier)
		g.int(int64(n + 1))
		g.cents(100 * l.quantity)
		g.cents(l.price)
		g.cents(l.discount)
		g.cents(l.tax)
		flag, status := "N", "F"
		if l.receipt <= currentDate {
			flag = pick(r, []string{"R", "A"})
		}
		if l.ship > currentDate {
			status = "O"
		}
		g.text(flag)
		g.text(status)
		g.date(l.ship)
		g.date(l.commit)
		g.date(l.receipt)
		g.text(pick(r, instructions))
		g.text(pick(r, modes))
		g.text(words(r, 10, 43))
		g.end()
	}
}

// write writes the file of a table unless it is there: n calls of make, which append to g.b.
func (g *generator) write(path string, n int64, make func(i int64)) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	for i := range n {
		g.b = g.b[:0]
		make(i)
		if _, err := w.Write(g.b); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
