package session

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// parameter describes one setting.
type parameter struct {
	name        string // PostgreSQL's spelling
	kind        kind
	boot        string    // the default, in canonical form
	unit        string    // of integers: ms, s, kB, 8kB or ""
	min, max    int64     // of integers
	values      []string  // of enums
	context     authority // who may change it
	category    string
	description string
	report      bool // sent to the client when it changes
	keepOnReset bool // RESET ALL leaves it
	hidden      bool // not in SHOW ALL
	check       func(string) (string, error)
}

type kind uint8

const (
	boolean kind = iota
	integer
	real_
	enum
	text
)

func (k kind) String() string { return [...]string{"bool", "integer", "real", "enum", "string"}[k] }

type authority uint8

const (
	byUser authority = iota
	internal
	atStart
	byReload
)

func (c authority) String() string { return [...]string{"user", "internal", "postmaster", "sighup"}[c] }

func (p *parameter) changeable() error {
	switch p.context {
	case internal:
		return errs.New(errs.CantChangeRuntimeParam, "parameter %q cannot be changed", p.name)
	case atStart:
		return errs.New(errs.CantChangeRuntimeParam, "parameter %q cannot be changed without restarting the server", p.name)
	case byReload:
		return errs.New(errs.CantChangeRuntimeParam, "parameter %q cannot be changed now", p.name)
	}
	return nil
}

// parse returns the canonical form of a value: on or off, an integer in the base unit, an enum's own spelling.
func (p *parameter) parse(v string) (string, error) {
	switch p.kind {
	case boolean:
		b, ok := parseBool(v)
		if !ok {
			return "", errs.New(errs.InvalidParameterValue, "parameter %q requires a Boolean value", p.name)
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
		v = strconv.FormatFloat(f, 'g', -1, 64)
	case enum:
		found := false
		for _, e := range p.values {
			if strings.EqualFold(e, v) {
				v, found = e, true
				break
			}
		}
		if !found {
			return "", p.invalid(v).WithHint("Available values: %s.", strings.Join(p.values, ", "))
		}
	}
	if p.check != nil {
		return p.check(v)
	}
	return v, nil
}

func (p *parameter) invalid(v string) *errs.Error {
	return errs.New(errs.InvalidParameterValue, "invalid value for parameter %q: %q", p.name, v)
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

type unit struct {
	name string
	base float64 // in microseconds or bytes
}

var (
	timeUnits = []unit{{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"min", 60e6}, {"h", 3600e6}, {"d", 86400e6}}
	byteUnits = []unit{{"B", 1}, {"kB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"TB", 1 << 40}}
)

// units returns the units that a parameter's values may have, and the size of its own.
func (p *parameter) units() ([]unit, float64) {
	for _, u := range timeUnits {
		if u.name == p.unit {
			return timeUnits, u.base
		}
	}
	switch p.unit {
	case "kB":
		return byteUnits, 1 << 10
	case "8kB":
		return byteUnits, 8 << 10
	}
	return nil, 1
}

func (p *parameter) parseInteger(v string) (int64, error) {
	t := strings.TrimSpace(v)
	end := strings.LastIndexAny(t, "0123456789.") + 1
	number, suffix := t[:end], strings.TrimSpace(t[end:])
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		n, err := strconv.ParseInt(number, 0, 64)
		if err != nil {
			return 0, p.invalid(v)
		}
		f = float64(n)
	}
	if suffix != "" {
		us, base := p.units()
		factor := 0.0
		for _, u := range us {
			if u.name == suffix {
				factor = u.base / base
			}
		}
		if factor == 0 {
			return 0, p.badUnit(v, us)
		}
		f *= factor
	}
	n := math.RoundToEven(f)
	if n < float64(p.min) || n > float64(p.max) {
		shown := strconv.FormatFloat(n, 'f', 0, 64)
		if p.unit != "" {
			shown += " " + p.unit
		}
		return 0, errs.New(errs.InvalidParameterValue, "%s is outside the valid range for parameter %q (%d .. %d)",
			shown, p.name, p.min, p.max)
	}
	return int64(n), nil
}

func (p *parameter) badUnit(v string, us []unit) error {
	e := p.invalid(v)
	if len(us) == 0 {
		return e
	}
	if us[0].name == "us" {
		return e.WithHint(`Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`)
	}
	return e.WithHint(`Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".`)
}

// show prints a canonical value as SHOW does: integers in the largest unit that divides them.
func show(key, v string) string {
	p := parameters[key]
	if p == nil || p.kind != integer || p.unit == "" {
		return v
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n <= 0 {
		return v
	}
	us, base := p.units()
	total := float64(n) * base
	for i := len(us) - 1; i >= 0; i-- {
		if us[i].base >= base || p.unit == "8kB" {
			if q := total / us[i].base; q >= 1 && q == math.Trunc(q) {
				return fmt.Sprintf("%.0f%s", q, us[i].name)
			}
		}
	}
	return v
}
