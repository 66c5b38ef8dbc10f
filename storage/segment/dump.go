package segment

import (
	"fmt"
	"io"

	"github.com/siltstone-db/siltstone/storage/scan"
)

// Dump prints the file to w as offset, bytes and meaning, one line per field, block or buffer, reading all of it. It
// prints as much as it can and returns the first damage it meets.
func (s *Segment) Dump(w io.Writer) error {
	d := &dumper{w: w}
	d.line(0, headerBytes, "header: format %d.%d, segment %d", major, minor, s.id)
	for i := range s.cols {
		d.column(&s.cols[i])
	}
	for i := range s.keys {
		d.key(&s.keys[i])
	}
	tail := make([]byte, s.size-int64(s.metadata))
	if err := s.readAt(tail, int64(s.metadata)); err != nil {
		return s.wrap(err)
	}
	f, err := readFooter(tail[len(tail)-footerBytes:], s.size)
	if err != nil {
		return s.wrap(err)
	}
	dir, _, err := readDirectory(tail[f.directory-f.metadata:][:f.length], &f)
	if err != nil {
		return s.wrap(err)
	}
	for i, e := range dir {
		d.line(e.offset, e.length, "metadata of column %d, crc %08x", i, e.crc)
		d.meta(&s.cols[i])
	}
	d.line(f.directory, f.length, "directory: %d columns, crc %08x", f.columns, f.crc)
	d.line(uint64(s.size)-footerBytes, footerBytes, "footer: %d rows, %d bytes", f.rows, f.size)
	if d.err != nil {
		return d.err
	}
	return s.Verify()
}

type dumper struct {
	w   io.Writer
	err error
}

func (d *dumper) line(off uint64, n uint32, format string, args ...any) {
	d.print("%10d %9d  %s\n", off, n, fmt.Sprintf(format, args...))
}

func (d *dumper) print(format string, args ...any) {
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.w, format, args...)
	}
}

func (d *dumper) ref(r ref, what string, args ...any) {
	codec := [...]string{"", " s2", " zstd"}[r.codec]
	d.line(r.offset, r.stored, "  %s, %d bytes%s, crc %08x", fmt.Sprintf(what, args...), r.plain, codec, r.crc)
}

func (d *dumper) column(c *column) {
	d.print("%20s  column %d %q %s\n", "", c.ID, c.Name, c.Type)
	if m := c.dict; m != nil {
		for i, g := range m.groups {
			n := min(m.entries-i*scan.BlockRows, scan.BlockRows)
			d.ref(g[0], "dictionary hashes of %d entries", n)
			d.ref(g[1], "dictionary lengths of %d entries", n)
			d.ref(g[2], "dictionary counts of %d entries", n)
		}
		for _, r := range m.chunks {
			d.ref(r, "dictionary heap")
		}
	}
	for i := range c.blocks {
		b := &c.blocks[i]
		if b.values.stored == 0 {
			d.print("%20s    block %d: %d rows, all NULL\n", "", i, b.rows)
			continue
		}
		d.ref(b.values, "block %d: %d rows, %s", i, b.rows, b.encoding)
		if b.validity.stored > 0 {
			d.ref(b.validity, "block %d: validity, %d NULL", i, b.nulls)
		}
	}
	if c.sample.stored > 0 {
		d.ref(c.sample, "sample")
	}
}

func (d *dumper) key(k *keyRun) {
	nulls := ""
	if k.nullsEqual {
		nulls = ", NULLs are equal"
	}
	d.print("%20s  key of columns %d, %d entries%s\n", "", k.columns, k.run.Entries(), nulls)
	for i, p := range k.pages {
		d.ref(p.entries, "page %d: entries", i)
		d.ref(p.filter, "page %d: filter", i)
	}
}

func (d *dumper) meta(c *column) {
	s := &c.stats
	d.print("%20s    rows %d, nulls %d, distinct %d", "", s.Rows, s.Nulls, s.Distinct)
	if s.DistinctExact {
		d.print(" (exact)")
	}
	if s.HasRange {
		d.print(", min %s, max %s", datumText(s.Min.I, s.Min.F, s.Min.S), datumText(s.Max.I, s.Max.F, s.Max.S))
	}
	if s.HasSum {
		d.print(", sum %d:%d", s.SumHi, s.SumLo)
	}
	if s.StringBytes > 0 {
		d.print(", string bytes %d", s.StringBytes)
	}
	d.print("\n")
	for _, k := range s.Common {
		d.print("%20s    %s: %d rows\n", "", datumText(k.Value.I, k.Value.F, k.Value.S), k.Rows)
	}
	for i := range c.zones.Nulls {
		if c.zones.Ranges {
			d.print("%20s    zone %d: %016x to %016x, %d NULL\n", "", i, c.zones.Min[i], c.zones.Max[i], c.zones.Nulls[i])
		} else {
			d.print("%20s    zone %d: %d NULL\n", "", i, c.zones.Nulls[i])
		}
	}
}

func datumText(i int64, f float64, s string) string {
	switch {
	case s != "":
		return fmt.Sprintf("%q", s[:min(len(s), 40)])
	case f != 0:
		return fmt.Sprint(f)
	}
	return fmt.Sprint(i)
}
