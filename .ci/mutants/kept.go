package main

import (
	"fmt"
	"os"
	"strings"
)

// key is how the list names a fault: line numbers change too often.
func (f *fault) key(pkg string) string {
	return strings.Join([]string{pkg, f.file.name, f.kind, strings.TrimSpace(f.source)}, " | ")
}

// readKept reads the list of faults that change nothing.
func readKept(name string) (map[string]bool, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, " | ")
		if at < 0 || strings.Count(line[:at], " | ") < 3 {
			return nil, fmt.Errorf("%s: %q has no reason", name, line)
		}
		known[line[:at]] = true
	}
	return known, nil
}
