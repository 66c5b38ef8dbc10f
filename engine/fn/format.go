package fn

import (
	"bytes"
	"math"

	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// directive is what stands behind a % of format: %[n$][-][width]type, where a width may be the value of an argument,
// written * or *n$.
type directive struct {
	arg       int // 0: the next
	width     int
	left      bool
	verb      byte
	widthArg  int // of *n$; 0: the next
	widthFrom bool
}

func badFormat(format string, args ...any) *errs.Error {
	return errs.New(errs.InvalidParameterValue, format, args...)
}

// parseDirective reads what follows a % and returns how long that is.
func parseDirective(f []byte) (d directive, n int, err error) {
	number := func() (v int, ok bool, err error) {
		for ; n < len(f) && f[n] >= '0' && f[n] <= '9'; n++ {
			ok = true
			if v = v*10 + int(f[n]-'0'); v > math.MaxInt32 {
				return 0, true, errs.New(errs.NumericValueOutOfRange, "number is out of range")
			}
		}
		return v, ok, nil
	}
	v, ok, err := number()
	if err != nil {
		return d, n, err
	}
	switch {
	case ok && n < len(f) && f[n] == '$':
		if v == 0 {
			return d, n, badFormat("format specifies argument 0, but arguments are numbered from 1")
		}
		d.arg = v
		n++
	case ok:
		d.width = v
		return d, n, d.readVerb(f, n)
	}
	for ; n < len(f) && f[n] == '-'; n++ {
		d.left = true
	}
	if n < len(f) && f[n] == '*' {
		n++
		d.widthFrom = true
		if v, ok, err = number(); err != nil {
			return d, n, err
		}
		if ok {
			if n == len(f) || f[n] != '$' {
				return d, n, badFormat("width argument position must be ended by \"$\"")
			}
			if v == 0 {
				return d, n, badFormat("format specifies argument 0, but arguments are numbered from 1")
			}
			d.widthArg = v
			n++
		}
	} else if d.width, _, err = number(); err != nil {
		return d, n, err
	}
	return d, n, d.readVerb(f, n)
}

func (d *directive) readVerb(f []byte, n int) error {
	if n == len(f) {
		return badFormat("unterminated format() type specifier").WithHint(`For a single "%%" use "%%%%".`)
	}
	switch d.verb = f[n]; d.verb {
	case 's', 'I', 'L':
		return nil
	}
	return badFormat("unrecognized format() type specifier \"%s\"", f[n:n+chars.Skip(f[n:], 1)]).WithHint(`For a single "%%" use "%%%%".`)
}

// format is sprintf for SQL: %s, %I and %L.
func format(_ *Context, r *row, dst []byte) ([]byte, error) {
	if r.null(0) {
		return nil, nil
	}
	dst = notNil(dst)
	arg := 0
	for f := r.bytes(0); ; {
		i := bytes.IndexByte(f, '%')
		if i < 0 {
			return r.append(dst, f)
		}
		var err error
		if dst, err = r.append(dst, f[:i]); err != nil {
			return dst, err
		}
		if f = f[i+1:]; len(f) > 0 && f[0] == '%' {
			dst, f = append(dst, '%'), f[1:]
			continue
		}
		d, n, err := parseDirective(f)
		if err != nil {
			return dst, err
		}
		f = f[n+1:]
		if d.widthFrom {
			if arg, err = d.widthOf(r, arg); err != nil {
				return dst, err
			}
		}
		if arg++; d.arg > 0 {
			arg = d.arg
		}
		if arg >= len(r.args) {
			return dst, badFormat("too few arguments for format()")
		}
		if dst, err = r.directive(dst, d, arg); err != nil {
			return dst, err
		}
	}
}

// widthOf reads the width from an argument and returns which that was. A negative one aligns to the left.
func (d *directive) widthOf(r *row, arg int) (int, error) {
	if arg++; d.widthArg > 0 {
		arg = d.widthArg
	}
	if arg >= len(r.args) {
		return arg, badFormat("too few arguments for format()")
	}
	if r.null(arg) {
		return arg, nil
	}
	text, err := r.text(arg)
	if err != nil {
		return arg, err
	}
	v, err := types.ParseInt32(text)
	switch {
	case err != nil:
		return arg, err
	case v == math.MinInt32:
		return arg, errs.New(errs.NumericValueOutOfRange, "number is out of range")
	case v < 0:
		d.left, v = true, -v
	}
	d.width = int(v)
	return arg, nil
}

// directive appends an argument as d says.
func (r *row) directive(dst []byte, d directive, arg int) ([]byte, error) {
	from := len(dst)
	var err error
	switch {
	case r.null(arg) && d.verb == 'I':
		return dst, errs.New(errs.NullValueNotAllowed, "null values cannot be formatted as an SQL identifier")
	case r.null(arg) && d.verb == 'L':
		dst = append(dst, "NULL"...)
	case r.null(arg):
	case d.verb == 's':
		dst, err = r.printed(dst, arg)
	default:
		var text []byte
		if text, err = r.text(arg); err != nil {
			return dst, err
		}
		if d.verb == 'I' {
			dst, err = r.identifier(dst, text)
		} else {
			dst, err = r.literal(dst, text)
		}
	}
	if err != nil {
		return dst, err
	}
	blanks := d.width - chars.Count(dst[from:])
	if blanks <= 0 {
		return dst, nil
	}
	end := len(dst)
	if dst, err = r.Room(dst, blanks); err != nil {
		return dst, err
	}
	if dst, err = r.repeat(dst, []byte{' '}, blanks); err != nil || d.left {
		return dst, err
	}
	// The value goes behind the blanks.
	copy(dst[from+blanks:], dst[from:end])
	for i := range min(blanks, end-from) {
		dst[from+i] = ' '
	}
	return dst, nil
}

// text returns an argument as printed does, without a copy where it is a string.
func (r *row) text(arg int) ([]byte, error) {
	if r.args[arg].Type.IsString() {
		return r.bytes(arg), nil
	}
	return (&row{i: r.i, args: r.args, c: r.c, out: &batch.Vector{}}).printed(nil, arg)
}
