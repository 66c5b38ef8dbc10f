package logictest

import (
	"path/filepath"
	"testing"
)

// TestFiles runs our own files every way.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.test")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, f := range files {
		for _, m := range Modes {
			t.Run(filepath.Base(f)+"/"+string(m), func(t *testing.T) { check(t, f, Options{Mode: m}) })
		}
		t.Run(filepath.Base(f)+"/forced spill", func(t *testing.T) {
			check(t, f, Options{Mode: Half, Settings: map[string]string{"siltstone.force_spill": "on", "siltstone.workers": "2"}})
		})
		if !testing.Short() {
			t.Run(filepath.Base(f)+"/batches of 3", func(t *testing.T) {
				check(t, f, Options{Mode: Half, Settings: map[string]string{"siltstone.batch_rows": "3", "siltstone.workers": "2"}})
			})
		}
	}
}

func check(t *testing.T, path string, o Options) *Report {
	t.Helper()
	r, err := Run(path, t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range r.Failures {
		if i == 10 {
			t.Errorf("... %d more", len(r.Failures)-i)
			break
		}
		t.Error(f)
	}
	return r
}
