package types

import "testing"

func TestWidens(t *testing.T) {
	varchar := func(n int32) Type { return Type{Kind: Varchar, Width: n} }
	char := func(n int32) Type { return Type{Kind: Char, Width: n} }
	for _, c := range []struct {
		from, to Type
		want     bool
	}{
		{T(Int2), T(Int2), true}, {T(Int2), T(Int4), true}, {T(Int2), T(Int8), true}, {T(Int4), T(Int8), true},
		{T(Int4), T(Int2), false}, {T(Int8), T(Int4), false}, {T(Int4), T(Float8), false}, {T(Int4), T(Date), false},
		{T(Float4), T(Float8), true}, {T(Float8), T(Float4), false},
		{varchar(3), varchar(4), true}, {varchar(4), varchar(3), false}, {varchar(3), T(Text), true}, {varchar(0), T(Text), true},
		{T(Text), varchar(0), true}, {T(Text), varchar(9), false}, {varchar(0), varchar(9), false}, {char(3), char(4), false}, {char(3), T(Text), false},
		{NumericOf(10, 2), NumericOf(18, 2), true}, {NumericOf(10, 2), NumericOf(38, 2), true}, {NumericOf(20, 2), NumericOf(10, 2), false},
		{NumericOf(10, 2), NumericOf(12, 3), false}, {NumericOf(10, 2), NumericOf(40, 2), false}, {NumericOf(10, 2), T(Numeric), false},
		{NumericOf(40, 2), NumericOf(50, 2), true}, {NumericOf(40, 2), NumericOf(50, 3), false}, {NumericOf(40, 2), T(Numeric), true}, {T(Numeric), NumericOf(40, 2), false},
		{T(Timestamp), T(Timestamptz), false}, {T(Date), T(Timestamp), false}, {T(Bytea), T(Text), false},
	} {
		if got := Widens(c.from, c.to); got != c.want {
			t.Errorf("%s to %s: %v", c.from, c.to, got)
		}
	}
}
