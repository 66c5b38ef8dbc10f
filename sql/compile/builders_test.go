package compile

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"
)

// TestEveryNodeIsBuilt: every node of package plan has a builder here, or the first query that needs it would tell.
func TestEveryNodeIsBuilt(t *testing.T) {
	known := map[string]bool{}
	for typ := range builders {
		known[typ.Elem().Name()] = true
	}
	files, err := filepath.Glob("../plan/*.go")
	if err != nil {
		t.Fatal(err)
	}
	method := regexp.MustCompile(`(?m)^func \(n \*(\w+)\) Estimate\(`)
	nodes := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range method.FindAllSubmatch(text, -1) {
			nodes++
			if !known[string(m[1])] {
				t.Errorf("%s of %s has no builder", m[1], f)
			}
		}
	}
	if nodes != len(builders) || nodes < 12 {
		t.Errorf("%d nodes, %d builders: %v", nodes, len(builders), reflect.ValueOf(builders).MapKeys())
	}
}
