package format

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/errs"
	"golang.org/x/text/encoding/charmap"
)

// Charset is an encoding of text with one byte per character, which data comes in or goes out in; nil is UTF-8.
type Charset struct {
	name  string
	table *charmap.Charmap
}

// charsets are PostgreSQL's names, without case and punctuation, of its encodings with one byte per character.
var charsets = sync.OnceValue(func() map[string]*Charset {
	all := map[string]*Charset{}
	for _, c := range []struct {
		table *charmap.Charmap
		names string // the first is the one that messages use
	}{
		{charmap.ISO8859_1, "LATIN1 ISO88591"}, {charmap.ISO8859_2, "LATIN2 ISO88592"}, {charmap.ISO8859_3, "LATIN3 ISO88593"},
		{charmap.ISO8859_4, "LATIN4 ISO88594"}, {charmap.ISO8859_9, "LATIN5 ISO88599"}, {charmap.ISO8859_10, "LATIN6 ISO885910"},
		{charmap.ISO8859_13, "LATIN7 ISO885913"}, {charmap.ISO8859_14, "LATIN8 ISO885914"}, {charmap.ISO8859_15, "LATIN9 ISO885915"},
		{charmap.ISO8859_16, "LATIN10 ISO885916"}, {charmap.ISO8859_5, "ISO_8859_5"}, {charmap.ISO8859_6, "ISO_8859_6"},
		{charmap.ISO8859_7, "ISO_8859_7"}, {charmap.ISO8859_8, "ISO_8859_8"}, {charmap.Windows1250, "WIN1250 WINDOWS1250"},
		{charmap.Windows1251, "WIN1251 WIN WINDOWS1251"}, {charmap.Windows1252, "WIN1252 WINDOWS1252"},
		{charmap.Windows1253, "WIN1253 WINDOWS1253"}, {charmap.Windows1254, "WIN1254 WINDOWS1254"},
		{charmap.Windows1255, "WIN1255 WINDOWS1255"}, {charmap.Windows1256, "WIN1256 WINDOWS1256"},
		{charmap.Windows1257, "WIN1257 WINDOWS1257"}, {charmap.Windows1258, "WIN1258 ABC TCVN TCVN5712 VSCII WINDOWS1258"},
		{charmap.CodePage866, "WIN866 ALT WINDOWS866"}, {charmap.Windows874, "WIN874 WINDOWS874"},
		{charmap.KOI8R, "KOI8R KOI8"}, {charmap.KOI8U, "KOI8U"},
	} {
		names := strings.Fields(c.names)
		for _, n := range names {
			all[cleanCharset(n)] = &Charset{names[0], c.table}
		}
	}
	for _, n := range []string{"UTF8", "Unicode", "SQL_ASCII"} {
		all[cleanCharset(n)] = nil
	}
	return all
})

// otherCharsets are PostgreSQL's encodings with several bytes per character, which we lack.
const otherCharsets = " big5 win950 windows950 euccn eucjis2004 eucjp euckr euctw gb18030 gbk win936 windows936 johab muleinternal " +
	"shiftjis2004 sjis mskanji shiftjis win932 windows932 uhc win949 windows949 "

// cleanCharset drops what PostgreSQL ignores in the name of an encoding.
func cleanCharset(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// FindCharset returns the encoding of a name: 22023 when there is none, 0A000 when it is not here yet.
func FindCharset(name string) (*Charset, error) {
	clean := cleanCharset(name)
	c, known := charsets()[clean]
	switch {
	case known:
		return c, nil
	case clean != "" && strings.Contains(otherCharsets, " "+clean+" "):
		return nil, errs.Unsupported("encoding %q", name)
	}
	return nil, errs.New(errs.InvalidParameterValue, "argument to option \"encoding\" must be a valid encoding name")
}

// Reader returns src, whose bytes are in the encoding, as UTF-8. A byte that stands for nothing is 22P05.
func (c *Charset) Reader(src io.Reader) io.Reader {
	if c == nil {
		return src
	}
	return &charsetReader{c: c, src: src}
}

type charsetReader struct {
	c    *Charset
	src  io.Reader
	raw  [8 << 10]byte
	out  []byte // made, from at on not yet taken
	at   int
	fail error // behind out
}

// Read takes what was made, and makes more of one read of the source.
func (r *charsetReader) Read(p []byte) (int, error) {
	for r.at == len(r.out) {
		if r.fail != nil {
			return 0, r.fail
		}
		r.out, r.at = r.out[:0], 0
		n, err := r.src.Read(r.raw[:])
		r.fail = err
		for _, b := range r.raw[:n] {
			x := r.c.table.DecodeByte(b)
			if x == utf8.RuneError {
				r.fail = untranslatable([]byte{b}, r.c.name, "UTF8")
				break
			}
			r.out = utf8.AppendRune(r.out, x)
		}
	}
	n := copy(p, r.out[r.at:])
	r.at += n
	return n, nil
}

// Writer returns a writer of UTF-8 whose bytes arrive at dst in the encoding, a Write for each Write, which holds whole
// characters. A character that the encoding lacks is 22P05.
func (c *Charset) Writer(dst io.Writer) io.Writer {
	if c == nil {
		return dst
	}
	return &charsetWriter{c: c, dst: dst}
}

type charsetWriter struct {
	c   *Charset
	dst io.Writer
	out []byte
}

// Write translates and writes.
func (w *charsetWriter) Write(p []byte) (int, error) {
	w.out = w.out[:0]
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		b, ok := w.c.table.EncodeRune(r)
		if !ok {
			return 0, untranslatable(p[i:i+n], "UTF8", w.c.name)
		}
		w.out = append(w.out, b)
		i += n
	}
	if _, err := w.dst.Write(w.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

func untranslatable(char []byte, from, to string) error {
	var hex strings.Builder
	for _, b := range char {
		fmt.Fprintf(&hex, " 0x%02x", b)
	}
	return errs.New(errs.UntranslatableCharacter, "character with byte sequence%s in encoding %q has no equivalent in encoding %q", hex.String(), from, to)
}
