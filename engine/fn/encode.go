package fn

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func init() {
	textFn("encode", list(tBytea, tText), func(_ *Context, r *row, dst []byte) ([]byte, error) {
		s := r.bytes(0)
		switch string(r.bytes(1)) {
		case "hex":
			return r.encoded(notNil(dst), s, 2*len(s), false, hex.AppendEncode)
		case "base64":
			return r.encoded(notNil(dst), s, len(s)*4/3+len(s)/base64Line+4, true, appendBase64)
		case "escape":
			return r.encoded(notNil(dst), s, escapedLen(s), false, appendEscape)
		}
		return dst, errs.New(errs.InvalidParameterValue, "unrecognized encoding: \"%s\"", r.bytes(1))
	})
	register(&Overload{Name: "decode", Args: list(tText, tText), Result: returns(tBytea), Eval: rowText(tBytea, decodeText)})
}

// base64Line is how many bytes stand in a line of 76 characters.
const base64Line = 57

// encoded appends s in an encoding that takes n bytes at most; lines tells that it has some.
func (r *row) encoded(dst, s []byte, n int, lines bool, encode func(dst, s []byte) []byte) ([]byte, error) {
	if n > maxText {
		return dst, errs.New(errs.ProgramLimitExceeded, "result of encoding conversion is too large")
	}
	dst, err := r.Room(dst, n)
	if err != nil {
		return dst, err
	}
	const piece = base64Line << 14 // whole lines
	for ; len(s) > piece; s = s[piece:] {
		dst = encode(dst, s[:piece])
		if lines {
			dst = append(dst, '\n')
		}
		if err := r.Worked(piece); err != nil {
			return dst, err
		}
	}
	return encode(dst, s), nil
}

// escapedLen is how long appendEscape's result is.
func escapedLen(s []byte) int {
	n := len(s)
	for _, c := range s {
		switch {
		case c == '\\':
			n++
		case c == 0 || c > 0x7f:
			n += 3
		}
	}
	return n
}

// appendEscape writes zero and bytes above 127 in octal; bytea_output = escape does so for all that is not printable.
func appendEscape(dst, s []byte) []byte {
	for _, c := range s {
		switch {
		case c == '\\':
			dst = append(dst, '\\', '\\')
		case c == 0 || c > 0x7f:
			dst = append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendBase64 breaks lines after 76 characters, the last one but for the end of all.
func appendBase64(dst, s []byte) []byte {
	for len(s) > base64Line {
		dst = append(base64.StdEncoding.AppendEncode(dst, s[:base64Line]), '\n')
		s = s[base64Line:]
	}
	return base64.StdEncoding.AppendEncode(dst, s)
}

func decodeText(_ *Context, r *row, dst []byte) ([]byte, error) {
	dst = notNil(dst)
	switch string(r.bytes(1)) {
	case "hex":
		out, err := hex.AppendDecode(dst, r.bytes(0))
		if err != nil {
			return dst, errs.New(errs.InvalidParameterValue, "invalid hexadecimal data")
		}
		return out, nil
	case "base64":
		out, err := base64.StdEncoding.AppendDecode(dst, r.bytes(0))
		if err != nil {
			return dst, errs.New(errs.InvalidParameterValue, "invalid base64 end sequence")
		}
		return out, nil
	case "escape":
		return types.ParseBytea(dst, r.bytes(0))
	}
	return dst, errs.New(errs.InvalidParameterValue, "unrecognized encoding: \"%s\"", r.bytes(1))
}
