package fn

import (
	"crypto/rand"
	"strings"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func init() {
	register(&Overload{Name: "convert_from", Args: list(tBytea, tText), Result: returns(tText),
		Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			return convertFrom(notNil(dst), r.bytes(0), string(r.bytes(1)))
		})},
		&Overload{Name: "convert_to", Args: list(tText, tText), Result: returns(tBytea),
			Eval: rowText(tBytea, func(_ *Context, r *row, dst []byte) ([]byte, error) {
				return convertTo(notNil(dst), r.bytes(0), string(r.bytes(1)))
			})},
		&Overload{Name: "gen_random_uuid", Result: returns(tUUID), Volatility: Volatile,
			Eval: rowFixed(tUUID, func(*Context, *row) ([16]byte, bool, error) { return randomUUID(), true, nil })})
}

// randomUUID is version 4 of RFC 9562: 122 random bits.
func randomUUID() (u [16]byte) {
	_, _ = rand.Read(u[:]) // never fails
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u
}

// encoding is a way to write characters as bytes.
type encoding int

const (
	utf8Bytes encoding = iota // also SQL_ASCII, which says nothing of bytes above 127: text is always UTF-8
	latin1Bytes
)

// findEncoding knows an encoding by its name, of which PostgreSQL reads letters and digits only.
func findEncoding(name, which string) (encoding, error) {
	plain := strings.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		}
		return -1
	}, name)
	switch plain {
	case "utf8", "unicode", "sqlascii":
		return utf8Bytes, nil
	case "latin1", "iso88591":
		return latin1Bytes, nil
	case "abc", "alt", "big5", "euccn", "eucjis2004", "eucjp", "euckr", "euctw", "gb18030", "gbk", "iso88595", "iso88596", "iso88597",
		"iso88598", "johab", "koi8", "koi8r", "koi8u", "latin10", "latin2", "latin3", "latin4", "latin5", "latin6", "latin7", "latin8",
		"latin9", "mskanji", "muleinternal", "shiftjis", "shiftjis2004", "sjis", "tcvn", "tcvn5712", "uhc", "vscii", "win", "win1250",
		"win1251", "win1252", "win1253", "win1254", "win1255", "win1256", "win1257", "win1258", "win866", "win874", "win932", "win936",
		"win949", "win950", "windows1250", "windows1251", "windows1252", "windows1253", "windows1254", "windows1255", "windows1256",
		"windows1257", "windows1258", "windows866", "windows874", "windows932", "windows936", "windows949", "windows950":
		return 0, errs.Unsupported("the encoding %s", name)
	}
	return 0, errs.New(errs.InvalidParameterValue, "invalid %s encoding name %q", which, name)
}

// convertFrom appends text that is written in an encoding.
func convertFrom(dst, s []byte, name string) ([]byte, error) {
	e, err := findEncoding(name, "source")
	if err != nil {
		return dst, err
	}
	if e == utf8Bytes {
		if err := types.CheckUTF8(s); err != nil {
			return dst, err
		}
		return append(dst, s...), nil
	}
	for _, c := range s {
		if c == 0 {
			return dst, errs.New(errs.CharacterNotInRepertoire, "invalid byte sequence for encoding \"LATIN1\": 0x00")
		}
		dst = utf8.AppendRune(dst, rune(c))
	}
	return dst, nil
}

// convertTo appends the bytes of a text in an encoding.
func convertTo(dst, s []byte, name string) ([]byte, error) {
	e, err := findEncoding(name, "destination")
	if err != nil {
		return dst, err
	}
	if e == utf8Bytes {
		return append(dst, s...), nil
	}
	for len(s) > 0 {
		c, n := utf8.DecodeRune(s)
		if c > 255 {
			return dst, errs.New(errs.UntranslatableCharacter, "character with byte sequence % #x in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"",
				s[:n])
		}
		dst, s = append(dst, byte(c)), s[n:]
	}
	return dst, nil
}
