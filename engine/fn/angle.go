package fn

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Trigonometric functions of degrees are exact at multiples of 30 and 45 degrees, as in PostgreSQL: each is computed in a
// range in which one value is known, and scaled so that this comes out.

func init() {
	degree := func(name string, f func(float64) float64) {
		float1(name, func(x float64) (float64, error) {
			switch {
			case math.IsInf(x, 0):
				return 0, errs.New(errs.NumericValueOutOfRange, "input is out of range")
			case math.IsNaN(x):
				return x, nil
			}
			return f(x), nil
		})
	}
	degree("sind", sind)
	degree("cosd", cosd)
	degree("tand", func(x float64) float64 { return unsigned(sind(x) / cosd(x) / (sineFirst(45) / cosineFirst(45))) })
	degree("cotd", func(x float64) float64 { return unsigned(cosd(x) / sind(x) / (cosineFirst(45) / sineFirst(45))) })
	float1("asind", bounded(func(x float64) float64 {
		if x < 0 {
			return -arcsine(-x)
		}
		return arcsine(x)
	}, 1))
	float1("acosd", bounded(func(x float64) float64 {
		if x < 0 {
			return 90 + arcsine(-x)
		}
		return arccosine(x)
	}, 1))
	float1("atand", infallible(func(x float64) float64 { return math.Atan(x) / math.Atan(1) * 45 }))
	register(&Overload{Name: "atan2d", Args: list(tFloat8, tFloat8), Result: returns(tFloat8),
		Eval: scalar2(tFloat8, total2(func(y, x float64) float64 { return math.Atan2(y, x) / math.Atan(1) * 45 }))})
	float1("cot", bounded(func(x float64) float64 { return 1 / math.Tan(x) }, math.MaxFloat64))
	float1("acosh", func(x float64) (float64, error) {
		if x < 1 {
			return 0, errs.New(errs.NumericValueOutOfRange, "input is out of range")
		}
		return math.Acosh(x), nil
	})
}

// unsigned makes -0 plain 0.
func unsigned(x float64) float64 {
	if x == 0 {
		return 0
	}
	return x
}

func radians(degrees float64) float64 { return degrees * (math.Pi / 180) }

// sineTo30 and cosineTo60 compute in the first 30 and 60 degrees.
func sineTo30(x float64) float64 { return math.Sin(radians(x)) / math.Sin(radians(30)) / 2 }

func cosineTo60(x float64) float64 {
	return 1 - (1-math.Cos(radians(x)))/(1-math.Cos(radians(60)))/2
}

// sineFirst and cosineFirst compute in the first quadrant.
func sineFirst(x float64) float64 {
	if x <= 30 {
		return sineTo30(x)
	}
	return cosineTo60(90 - x)
}

func cosineFirst(x float64) float64 {
	if x <= 60 {
		return cosineTo60(x)
	}
	return sineTo30(90 - x)
}

func sind(x float64) float64 {
	sign := 1.0
	if x = math.Mod(x, 360); x < 0 {
		x, sign = -x, -1
	}
	if x > 180 {
		x, sign = 360-x, -sign
	}
	if x > 90 {
		x = 180 - x
	}
	return sign * sineFirst(x)
}

func cosd(x float64) float64 {
	sign := 1.0
	if x = math.Abs(math.Mod(x, 360)); x > 180 {
		x = 360 - x
	}
	if x > 90 {
		x, sign = 180-x, -sign
	}
	return sign * cosineFirst(x)
}

// arcsine and arccosine are of values from 0 to 1, in degrees.
func arcsine(x float64) float64 {
	if x <= 0.5 {
		return math.Asin(x) / math.Asin(0.5) * 30
	}
	return 90 - math.Acos(x)/math.Acos(0.5)*60
}

func arccosine(x float64) float64 {
	if x <= 0.5 {
		return 90 - math.Asin(x)/math.Asin(0.5)*30
	}
	return math.Acos(x) / math.Acos(0.5) * 60
}
