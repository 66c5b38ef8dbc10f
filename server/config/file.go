package config

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// FileLoader reads a configuration file for kong: one "name = value" per line, the names being those of the flags (or
// password, http-token), # starting a comment. A name that is not known is an error, so that a typing mistake is not a default.
func FileLoader(o *Options) kong.ConfigurationLoader {
	return func(r io.Reader) (kong.Resolver, error) {
		values, err := parseFile(r)
		if err != nil {
			return nil, err
		}
		for name, secret := range map[string]*string{"password": &o.Password, "http-token": &o.HTTPToken} {
			if v, ok := values[name]; ok {
				*secret = v
				delete(values, name)
			}
		}
		return &resolver{values}, nil
	}
}

// resolver answers kong from a file.
type resolver struct{ values map[string]string }

// Validate refuses names that no flag has.
func (r *resolver) Validate(app *kong.Application) error {
	known := map[string]bool{}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if n, ok := node.(*kong.Application); ok {
			for _, f := range n.Flags {
				known[f.Name] = true
			}
		}
		if n, ok := node.(*kong.Command); ok {
			for _, f := range n.Flags {
				known[f.Name] = true
			}
		}
		return next(nil)
	})
	if err != nil {
		return err
	}
	for name := range r.values {
		if !known[name] {
			return fmt.Errorf("configuration file: no option is called %q", name)
		}
	}
	return nil
}

// Resolve returns the file's value of a flag, or nil. The environment goes before the file.
func (r *resolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	if v, ok := r.values[flag.Name]; ok {
		return v, nil
	}
	return nil, nil
}

// fileMaxBytes bounds a configuration file.
const fileMaxBytes = 1 << 20

func parseFile(r io.Reader) (map[string]string, error) {
	values := map[string]string{}
	text, err := io.ReadAll(io.LimitReader(r, fileMaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > fileMaxBytes { // its second half would be quietly missing
		return nil, fmt.Errorf("configuration file: longer than %d bytes", fileMaxBytes)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("configuration file: line %d is not \"name = value\"", n)
		}
		name, value = strings.ReplaceAll(strings.TrimSpace(name), "_", "-"), strings.TrimSpace(value)
		if q := len(value); q >= 2 && (value[0] == '"' || value[0] == '\'') && value[q-1] == value[0] {
			value = value[1 : q-1]
		}
		if _, twice := values[name]; twice {
			return nil, fmt.Errorf("configuration file: line %d sets %q again", n, name)
		}
		values[name] = value
	}
	return values, lines.Err()
}
