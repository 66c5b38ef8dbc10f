package fn

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

func init() {
	for _, t := range list(tText, tBytea) {
		totalText("md5", list(t), func(r *row, dst []byte) []byte {
			sum := md5.Sum(r.bytes(0))
			return hex.AppendEncode(notNil(dst), sum[:])
		})
	}
	register(&Overload{Name: "sha256", Args: list(tBytea), Result: returns(tBytea), Total: true,
		Eval: rowText(tBytea, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			sum := sha256.Sum256(r.bytes(0))
			return append(notNil(dst), sum[:]...), nil
		})})
	for _, t := range list(tInt4, tInt8) {
		totalText("to_hex", list(t), func(r *row, dst []byte) []byte {
			if t == tInt4 {
				return strconv.AppendUint(notNil(dst), uint64(uint32(r.int4(0))), 16)
			}
			return strconv.AppendUint(notNil(dst), uint64(r.int8(0)), 16)
		})
	}
}
