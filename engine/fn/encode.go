package fn

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func init() {
	textFn("encode", list(tBytea, tText), func(_ *Context, r *row, dst []byte) ([]byte, error) {
		switch string(r.bytes(1)) {
		case "hex":
			return hex.AppendEncode(notNil(dst), r.bytes(0)), nil
		case "base64":
			return appendBase64(notNil(dst), r.bytes(0)), nil
		case "escape":
			return appendEscape(notNil(dst), r.bytes(0)), nil
		}
		return dst, errs.New(errs.InvalidParameterValue, "unrecognized encoding: \"%s\"", r.bytes(1))
	})
	register(&Overload{Name: "decode", Args: list(tText, tText), Result: returns(tBytea), Eval: rowText(tBytea, decodeText)})
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

// appendBase64 breaks lines after 76 characters.
func appendBase64(dst, s []byte) []byte {
	const line = 57 // bytes in 76 characters
	for len(s) > line {
		dst = append(base64.StdEncoding.AppendEncode(dst, s[:line]), '\n')
		s = s[line:]
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
