package ascii

// digitPairs are the numbers below 100 with two digits each.
const digitPairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

// AppendInt appends an integer.
func AppendInt(dst []byte, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		u = -u
	}
	return AppendUint(dst, u)
}

// AppendUint appends a number without sign.
func AppendUint(dst []byte, u uint64) []byte {
	var buf [20]byte
	i := len(buf)
	for u >= 100 {
		i -= 2
		r := u % 100 * 2
		u /= 100
		buf[i], buf[i+1] = digitPairs[r], digitPairs[r+1]
	}
	if u >= 10 {
		i -= 2
		buf[i], buf[i+1] = digitPairs[u*2], digitPairs[u*2+1]
	} else {
		i--
		buf[i] = byte('0' + u)
	}
	return append(dst, buf[i:]...)
}

// Append2 appends a number below 100 as two digits.
func Append2(dst []byte, v int) []byte { return append(dst, digitPairs[v*2], digitPairs[v*2+1]) }
