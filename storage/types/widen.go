package types

// Widens tells whether every value of one type is a value of another as it is: what was stored with the one type can be
// read with the other, and comparisons, hashes of strings and order stay. These are
//
//   - int2 to int4 and int8, int4 to int8, float4 to float8;
//   - varchar(n) to varchar of more characters and to text, text to varchar without a limit;
//   - numeric to more digits with the same scale, up to 38; above, and without limits, from what is stored in that form.
func Widens(from, to Type) bool {
	if from == to {
		return true
	}
	switch from.Kind {
	case Int2:
		return to == T(Int4) || to == T(Int8)
	case Int4:
		return to == T(Int8)
	case Float4:
		return to == T(Float8)
	case Text, Varchar:
		wide := to.Width == 0 || from.Kind == Varchar && from.Width > 0 && from.Width <= to.Width
		return wide && (to.Kind == Text || to.Kind == Varchar)
	case Numeric:
		if to.Kind != Numeric {
			return false
		}
		if from.Physical() == PhysBytes || to.Physical() == PhysBytes {
			return from.Physical() == to.Physical() && (to.Precision == 0 || from.Precision > 0 && from.Scale == to.Scale && from.Precision <= to.Precision)
		}
		return from.Scale == to.Scale && from.Precision <= to.Precision
	}
	return false
}
