package types

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// oracle calls f with the fields of each line of a table of PostgreSQL's answers.
func oracle(t *testing.T, path string, f func(fields []string)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := 0
	for s := bufio.NewScanner(file); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		fields := strings.Split(s.Text(), "\t")
		for i := range fields {
			fields[i] = strings.NewReplacer("<LF>", "\n", "<TAB>", "\t").Replace(fields[i])
		}
		f(fields)
		lines++
	}
	if lines < 100 {
		t.Errorf("%s has %d lines", path, lines)
	}
}

// answer prints a result as the tables do.
func answer(text string, err error) string {
	if err != nil {
		e := errs.From(err)
		return "!" + string(e.Code) + " " + e.Message
	}
	return text
}

// testType reads the few type names of the tables.
func testType(name string) Type {
	if elem, ok := strings.CutSuffix(name, "[]"); ok {
		return ArrayOf(testType(elem).Kind)
	}
	base, mod, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
	kinds := map[string]Kind{"date": Date, "time": Time, "timestamp": Timestamp, "timestamptz": Timestamptz,
		"interval": Interval, "int2": Int2, "int4": Int4, "int8": Int8, "float4": Float4, "float8": Float8,
		"numeric": Numeric, "bool": Bool, "uuid": UUID, "bytea": Bytea, "oid": Oid, "text": Text}
	t := T(kinds[base])
	if p, s, ok := strings.Cut(mod, ","); ok {
		precision, _ := strconv.Atoi(p)
		scale, _ := strconv.Atoi(s)
		t = NumericOf(precision, scale)
	}
	return t
}

func testParse(t *testing.T, path string) {
	zone, err := datetime.LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	set := &Settings{Settings: datetime.Settings{Location: zone}}
	oracle(t, path, func(f []string) {
		typ, in, want := testType(f[0]), f[1], f[2]
		d, err := ParseWith(typ, []byte(in), set)
		if got := answer(string(AppendWith(nil, d, set)), err); got != want {
			if typ.Kind == Bool && len(want) > 0 && want[0] == got[0] { // the cast to text spells booleans out
				return
			}
			t.Errorf("%s %q: got %s, want %s", f[0], in, got, want)
		}
	})
}

// TestDateTimeOracle compares input and output of dates, times and intervals with PostgreSQL's.
func TestDateTimeOracle(t *testing.T) { testParse(t, "testdata/datetime.tsv") }

// TestScalarOracle compares input and output of all other types with PostgreSQL's.
func TestScalarOracle(t *testing.T) { testParse(t, "testdata/scalar.tsv") }

// TestNumericOracle compares numeric arithmetic with PostgreSQL's, display scales included.
func TestNumericOracle(t *testing.T) {
	oracle(t, "testdata/numeric.tsv", func(f []string) {
		expr, want := f[0], f[len(f)-1]
		var args []decimal.Decimal
		for _, a := range f[1 : len(f)-1] {
			d, err := decimal.Parse([]byte(a))
			if err != nil {
				t.Fatal(a, err)
			}
			args = append(args, d)
			if back, err := decimal.Decode(decimal.AppendEncoded(nil, d)); err != nil || back.String() != d.String() {
				t.Errorf("%s comes back as %s, %v", d, back, err)
			}
		}
		if got := answer(evalNumeric(t, expr, args)); got != want {
			t.Errorf("%s %v: got %s, want %s", expr, args, got, want)
		}
	})
}

func evalNumeric(t *testing.T, expr string, a []decimal.Decimal) (string, error) {
	text := func(d decimal.Decimal, err error) (string, error) { return d.String(), err }
	switch expr {
	case "$ + $":
		return text(a[0].Add(a[1]))
	case "$ - $":
		return text(a[0].Sub(a[1]))
	case "$ * $":
		return text(a[0].Mul(a[1]))
	case "$ / $":
		return text(a[0].Quo(a[1]))
	case "$ % $":
		return text(a[0].Mod(a[1]))
	case "div($,$)":
		return text(a[0].QuoTrunc(a[1]))
	case "power($,$)":
		return text(a[0].Power(a[1]))
	case "log($,$)":
		return text(a[1].Log(a[0]))
	case "sqrt($)":
		return text(a[0].Sqrt())
	case "ln($)":
		return text(a[0].Ln())
	case "exp($)":
		return text(a[0].Exp())
	case "log($)":
		return text(a[0].Log10())
	case "ceil($)":
		return text(a[0].Ceil(), nil)
	case "floor($)":
		return text(a[0].Floor(), nil)
	case "abs($)":
		return text(a[0].Abs(), nil)
	case "-$":
		return text(a[0].Neg(), nil)
	case "trim_scale($)":
		return text(a[0].TrimScale(), nil)
	case "sign($)":
		if a[0].IsNaN() {
			return "NaN", nil
		}
		return strconv.Itoa(a[0].Sign()), nil
	case "$::int8":
		v, err := a[0].Int64()
		return strconv.FormatInt(v, 10), err
	case "$::int4":
		v, err := a[0].Int32()
		return strconv.Itoa(int(v)), err
	case "$::float8":
		v, err := a[0].ToFloat64()
		return string(AppendFloat64(nil, v)), err
	case "$::float4":
		v, err := a[0].ToFloat32()
		return string(AppendFloat32(nil, v)), err
	}
	if name, arg, ok := strings.Cut(strings.TrimSuffix(expr, ")"), "($,"); ok {
		n, _ := strconv.Atoi(arg)
		if name == "round" {
			return a[0].Round(n).String(), nil
		}
		return a[0].Trunc(n).String(), nil
	}
	lit, casts, _ := strings.Cut(strings.TrimPrefix(expr, "'"), "'")
	f, _ := strconv.ParseFloat(lit, 64)
	if strings.HasPrefix(casts, "::float4") {
		return decimal.FromFloat32(float32(f)).String(), nil
	}
	return decimal.FromFloat64(f).String(), nil
}
