package setting

import (
	"math"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/quantity"
)

// Parameter describes one setting. It is never changed.
type Parameter struct {
	Name        string // PostgreSQL's spelling
	Kind        Kind
	Boot        string    // the default, in canonical form
	Unit        string    // of integers: ms, s, kB, 8kB or ""
	Min, Max    int64     // of integers
	Values      []string  // of enums
	Low, High   float64   // of reals
	Context     Authority // who may change it
	Category    string
	Description string
	Report      bool // sent to the client when it changes
	keepOnReset bool // RESET ALL leaves it
	hidden      bool // not in SHOW ALL
	check       func(string) (string, error)
}

// Kind is the type of a setting.
type Kind uint8

const (
	boolean Kind = iota
	integer
	real_
	enum
	text
)

// String is the name in pg_settings.
func (k Kind) String() string { return [...]string{"bool", "integer", "real", "enum", "string"}[k] }

// Authority says who may change a setting, and when.
type Authority uint8

const (
	byUser Authority = iota
	internal
	atStart
	byReload
)

// String is the name in pg_settings.
func (c Authority) String() string { return [...]string{"user", "internal", "postmaster", "sighup"}[c] }

func (p *Parameter) changeable() error {
	switch p.Context {
	case internal:
		return errs.New(errs.CantChangeRuntimeParam, "parameter %q cannot be changed", p.Name)
	case atStart:
		return errs.New(errs.CantChangeRuntimeParam, "parameter %q cannot be changed without restarting the server", p.Name)
	case byReload:
		return errs.New(errs.CantChangeRuntimeParam, "parameter %q cannot be changed now", p.Name)
	}
	return nil
}

// parse returns the canonical form of a value: on or off, an integer in the base unit, an enum's own spelling.
func (p *Parameter) parse(v string) (string, error) {
	switch p.Kind {
	case boolean:
		b, ok := parseBool(v)
		if !ok {
			return "", errs.New(errs.InvalidParameterValue, "parameter %q requires a Boolean value", p.Name)
		}
		v = map[bool]string{true: "on", false: "off"}[b]
	case integer:
		n, err := p.parseInteger(v)
		if err != nil {
			return "", err
		}
		v = strconv.FormatInt(n, 10)
	case real_:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil || math.IsNaN(f) {
			return "", p.invalid(v)
		}
		if f < p.Low || f > p.High {
			return "", errs.New(errs.InvalidParameterValue, "%s is outside the valid range for parameter %q (%.6g .. %.6g)",
				strconv.FormatFloat(f, 'g', -1, 64), p.Name, p.Low, p.High)
		}
		v = strconv.FormatFloat(f, 'g', -1, 64)
	case enum:
		found := false
		for _, e := range p.Values {
			if strings.EqualFold(e, v) {
				v, found = e, true
				break
			}
		}
		if !found {
			return "", p.invalid(v).WithHint("Available values: %s.", strings.Join(p.Values, ", "))
		}
	}
	if p.check != nil {
		return p.check(v)
	}
	return v, nil
}

func (p *Parameter) invalid(v string) *errs.Error {
	return errs.New(errs.InvalidParameterValue, "invalid value for parameter %q: %q", p.Name, v)
}

// parseBool takes what PostgreSQL takes: unique prefixes of true, false, yes, no, and on, off, 1, 0.
func parseBool(v string) (value, ok bool) {
	v = strings.ToLower(v)
	switch {
	case v == "":
		return false, false
	case v == "1" || v == "on" || strings.HasPrefix("true", v) || strings.HasPrefix("yes", v):
		return true, true
	case v == "0" || len(v) >= 2 && strings.HasPrefix("off", v) || strings.HasPrefix("false", v) || strings.HasPrefix("no", v):
		return false, true
	}
	return false, false
}

// units returns the units that a parameter's values may have, and the size of its own.
func (p *Parameter) units() (quantity.Units, int64) {
	if p.Unit == "8kB" {
		return quantity.Bytes, 8 << 10
	}
	for _, u := range []quantity.Units{quantity.Time, quantity.Bytes} {
		if size, ok := u.Size(p.Unit); ok {
			return u, size
		}
	}
	return nil, 1
}

func (p *Parameter) parseInteger(v string) (int64, error) {
	number, suffix := quantity.Split(v)
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		n, err := strconv.ParseInt(number, 0, 64)
		if err != nil {
			return 0, p.invalid(v)
		}
		f = float64(n)
	}
	if suffix != "" {
		us, own := p.units()
		size, ok := us.Size(suffix)
		if !ok {
			return 0, p.badUnit(v, us)
		}
		f *= float64(size) / float64(own)
	}
	n := math.RoundToEven(f)
	if n < float64(p.Min) || n > float64(p.Max) {
		shown := strconv.FormatFloat(n, 'f', 0, 64)
		if p.Unit != "" {
			shown += " " + p.Unit
		}
		return 0, errs.New(errs.InvalidParameterValue, "%s is outside the valid range for parameter %q (%d .. %d)",
			shown, p.Name, p.Min, p.Max)
	}
	return int64(n), nil
}

func (p *Parameter) badUnit(v string, us quantity.Units) error {
	e := p.invalid(v)
	if len(us) == 0 {
		return e
	}
	return e.WithHint("Valid units for this parameter are %s.", us.Names())
}

// show prints a canonical value as SHOW does: integers in the largest unit that divides them.
func show(key, v string) string {
	p := parameters[key]
	if p == nil || p.Kind != integer || p.Unit == "" {
		return v
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n <= 0 {
		return v
	}
	us, size := p.units()
	least := size
	if p.Unit == "8kB" {
		least = 1
	}
	if text, ok := us.Format(n, size, least); ok {
		return text
	}
	return v
}
