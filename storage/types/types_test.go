package types

import (
	"cmp"
	"math"
	"testing"

	"github.com/siltstone-db/siltstone/storage/types/ascii"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

func TestCompare(t *testing.T) {
	parse := func(typ Type, s string) Datum {
		if s == "NULL" {
			return NullOf(typ)
		}
		d, err := Parse(typ, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		typ  Type
		vals []string // in order; "=" before one says it equals the one before
	}{
		{T(Bool), []string{"f", "t", "NULL", "=NULL"}},
		{T(Int4), []string{"-5", "0", "7", "NULL"}},
		{T(Float8), []string{"-inf", "-1", "-0", "=0", "1.5", "inf", "nan", "=NaN", "NULL"}},
		{T(Text), []string{"", "B", "a", "ab", "é"}},
		{Type{Kind: Char, Width: 4}, []string{"a", "=a ", "ab", "b"}},
		{NumericOf(10, 2), []string{"-1", "0.5", "1", "=1.00"}},
		{NumericOf(30, 2), []string{"-1e20", "-1", "0", "1e20"}},
		{T(Numeric), []string{"-Infinity", "-1", "1", "=1.000", "1e40", "NaN"}},
		{T(Interval), []string{"-1 day", "29 days", "1 mon", "=30 days", "=720:00:00", "1 year", "=360 days"}},
		{T(Timestamp), []string{"-infinity", "1999-01-01", "2000-01-01", "infinity"}},
		{T(UUID), []string{"00000000-0000-0000-0000-000000000001", "10000000-0000-0000-0000-000000000000"}},
	} {
		rank, prev := 0, -1
		var ranks []int
		var data []Datum
		for _, s := range c.vals {
			if s[:min(1, len(s))] == "=" {
				s = s[1:]
			} else {
				rank = prev + 1
			}
			prev = rank
			ranks = append(ranks, rank)
			data = append(data, parse(c.typ, s))
		}
		for i, a := range data {
			for j, b := range data {
				if got, want := Compare(a, b), cmp.Compare(ranks[i], ranks[j]); got != want {
					t.Errorf("%s: %s against %s: got %d, want %d", c.typ, a, b, got, want)
				}
			}
		}
	}
	if Compare(parse(T(Int4), "2"), parse(NumericOf(10, 1), "1.5")) <= 0 || Compare(parse(T(Int8), "2"), parse(T(Float8), "2")) != 0 {
		t.Error("numbers of different types")
	}
}

func TestFitChars(t *testing.T) {
	for _, c := range []struct {
		in   string
		k    Kind
		n    int
		want string
		code string
	}{
		{"abc", Varchar, 3, "abc", ""}, {"abcd", Varchar, 3, "", "22001"}, {"ab   ", Varchar, 3, "ab ", ""},
		{"é😀x", Varchar, 3, "é😀x", ""}, {"é😀xy", Varchar, 3, "", "22001"}, {"a", Char, 3, "a  ", ""},
		{"é", Char, 3, "é  ", ""}, {"abcd", Char, 3, "", "22001"}, {"abc  ", Char, 3, "abc", ""}, {"abcd", Varchar, 0, "abcd", ""},
	} {
		d, err := Parse(Type{Kind: c.k, Width: int32(c.n)}, c.in)
		if d.S != c.want || (err != nil) != (c.code != "") {
			t.Errorf("%q as %s(%d): got %q, %v", c.in, c.k, c.n, d.S, err)
		}
	}
	if got := string(CutChars([]byte("é😀xy"), 2)); got != "é😀" {
		t.Errorf("cut to %q", got)
	}
}

// TestHelpersDoNotAllocate guards the functions that data paths call for every value.
func TestHelpersDoNotAllocate(t *testing.T) {
	zone, err := datetime.LoadZone("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	set := &datetime.Settings{Location: zone}
	dst := make([]byte, 0, 256)
	text := func(s string) []byte { return []byte(s) }
	i, f, n, big := text("1234567"), text("3.25e10"), text("12345.678"), text("123456789012345678901.5")
	date, stamp, stampz, clock := text("2024-02-29"), text("2024-02-29 12:34:56.789"), text("2024-02-29T12:34:56+01:00"), text("12:34:56")
	uuid := text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
	for name, call := range map[string]func(){
		"ints": func() {
			_, _ = ParseInt16(clock[:2])
			_, _ = ParseInt32(i)
			_, _ = ParseInt64(i)
			dst = ascii.AppendInt(dst[:0], 42)
		},
		"floats": func() { _, _ = ParseFloat64(f); _, _ = ParseFloat32(f); dst = AppendFloat64(dst[:0], 3.25) },
		"numeric": func() {
			_, _ = decimal.Parse64(n, 10, 2)
			_, _ = decimal.Parse128(big, 30, 2)
			dst = decimal.Append64(dst[:0], 5, 2)
		},
		"decimal": func() {
			d, _ := decimal.Parse(n)
			dst = decimal.AppendEncoded(dst[:0], d)
			d, _ = decimal.Decode(dst)
			dst = d.Append(dst)
		},
		"average": func() {
			d, _ := decimal.FromInt128(decimal.Int128From64(1000), 2).Quo(decimal.FromInt64(7))
			dst = d.Append(dst[:0])
		},
		"dates": func() {
			_, _ = datetime.ParseDate(date, set)
			us, _ := datetime.ParseTimestamp(stamp, set)
			_, _ = datetime.ParseTimestamptz(stampz, set)
			_, _ = datetime.ParseTimestamptz(stamp, set)
			_, _ = datetime.ParseTime(clock, set)
			dst = datetime.AppendTimestamptz(dst[:0], us, zone)
			dst = datetime.AppendDate(dst[:0], 1)
			_, _ = datetime.UnitMonth.Trunc(us)
			_, _, _ = datetime.UnitSecond.Extract(us)
			_, _ = datetime.Interval{Months: 1, Days: 2, Micros: 3}.AddToTimestamptz(us, zone)
		},
		"uuid": func() { u, _ := ParseUUID(uuid); dst = AppendUUID(dst[:0], u[:]) },
	} {
		if got := testing.AllocsPerRun(100, call); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

// FuzzParse checks that what a type's input takes, its output prints so that it reads back as the same value.
func FuzzParse(f *testing.F) {
	all := []Type{T(Bool), T(Int2), T(Int4), T(Int8), T(Float4), T(Float8), T(Numeric), NumericOf(10, 2), NumericOf(30, 5), T(Text),
		{Kind: Char, Width: 3}, T(Bytea), T(Date), T(Time), T(Timestamp), T(Timestamptz), T(Interval), T(UUID), T(Oid), ArrayOf(Text), ArrayOf(Int4)}
	for i, s := range []string{"t", "1", "-2", "3", "1.5", "nan", "1e5", "2.345", "-1", "x", "y", `\x00`, "Jan 8 99 BC", "4:05 pm", "2024-01-02 03:04",
		"infinity", "1 mon -3 days ago", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "7", `{"a b",NULL}`, "{1,2}"} {
		f.Add(uint8(i), s)
	}
	f.Fuzz(func(t *testing.T, which uint8, s string) {
		typ := all[int(which)%len(all)]
		if typ.Kind == Numeric && len(s) > 100 {
			return
		}
		set := &Settings{Settings: datetime.Settings{Now: 1}}
		d, err := ParseWith(typ, []byte(s), set)
		if err != nil {
			return
		}
		text := string(Append(nil, d))
		back, err := ParseWith(typ, []byte(text), set)
		if typ.Kind == Interval && err != nil {
			return // hours beyond what an interval's text can hold
		}
		if err != nil || Compare(d, back) != 0 || string(Append(nil, back)) != text {
			t.Errorf("%s: %q is %q, which is %v, %v", typ, s, text, back, err)
		}
	})
}

func TestFloatCasts(t *testing.T) {
	for _, c := range []struct {
		f    float64
		want int64
		ok   bool
	}{{0.5, 0, true}, {1.5, 2, true}, {-2.5, -2, true}, {9.3e18, 0, false}, {math.NaN(), 0, false}, {-9223372036854775808, math.MinInt64, true}} {
		if got, err := FloatToInt64(c.f); (err == nil) != c.ok || c.ok && got != c.want {
			t.Errorf("%g: got %d, %v", c.f, got, err)
		}
	}
	if _, err := FloatToInt32(2147483647.5); err == nil {
		t.Error("2147483647.5 rounds to an integer")
	}
	if _, err := FloatToInt16(40000); err == nil {
		t.Error("40000 is a smallint")
	}
}
