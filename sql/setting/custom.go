package setting

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Unrecognized is the error for a name that no parameter has.
func Unrecognized(name string) error {
	return errs.New(errs.UndefinedObject, "unrecognized configuration parameter %q", name)
}

// checkCustom accepts names with a prefix, which PostgreSQL keeps as placeholders for extensions. The prefix siltstone
// is ours: a name that is not in the registry is a mistake.
func checkCustom(name string) error {
	prefix, rest, ok := strings.Cut(name, ".")
	if !ok {
		return Unrecognized(name)
	}
	for _, part := range append([]string{prefix}, strings.Split(rest, ".")...) {
		for i, r := range part {
			if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && (r >= '0' && r <= '9' || r == '$')) {
				return invalidCustom(name)
			}
		}
		if part == "" {
			return invalidCustom(name)
		}
	}
	if strings.EqualFold(prefix, "siltstone") {
		return errs.New(errs.InvalidName, "invalid configuration parameter name %q", name).
			WithDetail("%q is a reserved prefix.", prefix)
	}
	return nil
}

func invalidCustom(name string) error {
	return errs.New(errs.InvalidName, "invalid configuration parameter name %q", name).
		WithDetail("Custom parameter names must be two or more simple identifiers separated by dots.")
}
