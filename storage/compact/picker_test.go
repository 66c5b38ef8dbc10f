package compact

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/siltstone-db/siltstone/storage/partition"
)

// "files" draws a table's files: each a letter with rows, deleted rows and bytes, and what else there is to say of it. "pick",
// "vacuum", "vacuum full" and "cluster" print what is merged.
func TestPicker(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var files []File
		var names string
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			p := Picker{Fanout: 4, RowsMax: 10_000, BytesMax: 1_000_000, Deleted: 0.25}
			var plans []Plan
			switch d.Cmd {
			case "files":
				files, names = nil, ""
				for _, line := range strings.Split(d.Input, "\n") {
					var name string
					f := File{ID: uint64(len(files)), Base: uint64(1000 * len(files))}
					if _, err := fmt.Sscanf(line, "%s %d rows, %d deleted, %d bytes", &name, &f.Rows, &f.Deleted, &f.Bytes); err != nil {
						d.Fatalf(t, "%s: %v", line, err)
					}
					for _, word := range strings.Fields(line)[7:] {
						switch {
						case word == "busy":
							f.Busy = true
						case word == "mixed":
							f.Mixed = true
						case word == "undivided":
							f.Mixed, f.Undivided = true, true
						case word == "null":
							f.Partition = partition.Null
						default:
							if _, err := fmt.Sscanf(word, "p%d", &f.Partition); err != nil {
								d.Fatalf(t, "%s: %v", line, err)
							}
						}
					}
					files, names = append(files, f), names+name
				}
				return ""
			case "pick":
				p.Short = d.HasArg("short")
				plans = p.Pick(files)
			case "vacuum":
				plans = p.Vacuum(files, d.HasArg("full"))
			case "cluster":
				plans = p.Cluster(files)
			default:
				d.Fatalf(t, "unknown command %q", d.Cmd)
			}
			var out strings.Builder
			for _, p := range plans {
				fmt.Fprintf(&out, "%s: ", p.Reason)
				for _, f := range p.Files {
					out.WriteByte(names[f.ID])
				}
				fmt.Fprintf(&out, ", %d bytes\n", p.Bytes)
			}
			return out.String()
		})
	})
}

// TestSteadyFlow: a file of 600 rows every ten minutes for 60 days, each of which costs 4 kB beside 10 bytes a row: there
// are never more than 40 files, and each byte is written four times at most.
func TestSteadyFlow(t *testing.T) {
	p := Default()
	var files []File
	var sealed, written int64
	most := 0
	bytes := func(rows int64) int64 { return 4096 + 10*rows }
	for i := range 60 * 144 {
		f := File{ID: uint64(i), Base: uint64(600 * i), Rows: 600, Bytes: bytes(600)}
		files = append(files, f)
		sealed += f.Bytes
		for plans := p.Pick(files); len(plans) > 0; plans = p.Pick(files) {
			merged := File{ID: plans[0].Files[0].ID, Base: plans[0].Files[0].Base}
			out := map[uint64]bool{}
			for _, x := range plans[0].Files {
				merged.Rows += x.Rows
				out[x.ID] = true
			}
			merged.Bytes = bytes(merged.Rows)
			written += merged.Bytes
			left := files[:0:0]
			for _, x := range files {
				if !out[x.ID] {
					left = append(left, x)
				}
			}
			files = append(left, merged)
		}
		most = max(most, len(files))
	}
	amplification := float64(sealed+written) / float64(sealed)
	t.Logf("%d files at most, write amplification %.2f", most, amplification)
	if most > 40 || amplification > 4 {
		t.Errorf("%d files at most, write amplification %.2f", most, amplification)
	}
}
