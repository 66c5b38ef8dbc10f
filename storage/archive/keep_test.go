package archive

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/manifest"
)

const second = int64(time.Second / time.Microsecond)

// archived is a file of ten records, 100 bytes and some tables.
func archived(number, at int64, tables ...catalog.TableID) manifest.Archived {
	return manifest.Archived{Number: uint64(number), First: uint64(10*number + 1), Last: uint64(10*number + 10), Bytes: 100, At: at * second, Tables: tables}
}

func attachment(file manifest.FileID, t catalog.TableID, record uint64) manifest.Attachment {
	return manifest.Attachment{File: file, Table: t, Record: record, Bytes: 1000}
}

func (d *Drop) text() string {
	var list []string
	for _, f := range d.Files {
		list = append(list, fmt.Sprint("file ", f.Number))
	}
	for _, f := range d.Attached {
		list = append(list, fmt.Sprint("segment ", f.File))
	}
	if d.Over > 0 {
		list = append(list, fmt.Sprint("over ", d.Over))
	}
	if d.Beyond > 0 {
		list = append(list, fmt.Sprint("beyond ", d.Beyond))
	}
	return strings.Join(list, ", ")
}

// TestPick: table 1 keeps nothing, 2 for 10 s, 3 for ever; all others were dropped.
func TestPick(t *testing.T) {
	retain := func(id catalog.TableID) time.Duration {
		return map[catalog.TableID]time.Duration{2: 10 * time.Second, 3: catalog.Forever}[id]
	}
	files := []manifest.Archived{archived(0, 0, 1, 2), archived(1, 5, 3, 1), archived(2, 8, 2), archived(3, 9, 1, 9)}
	for _, c := range []struct {
		what     string
		now      int64
		attached []manifest.Attachment
		holders  []Holder
		max      int64
		want     string
	}{
		{"young", 9, nil, nil, 0, "file 3"},
		{"as old as its table wants", 10, nil, nil, 0, "file 0, file 3"},
		{"only what is wanted for ever", 1000, nil, nil, 0, "file 0, file 2, file 3"},
		{"a clock that went back", -50, nil, nil, 0, "file 3"},
		{"held by a reader of all", 1000, nil, []Holder{{From: 25}}, 0, "file 0"},
		{"held by a reader of a table", 1000, nil, []Holder{{From: 5, Table: 2}}, 0, "file 3"},
		{"held by one that may lose it", 1000, nil, []Holder{{From: 25, MayLose: true}}, 0, "file 0"},
		{"attachments go with their file", 1000, []manifest.Attachment{attachment(7, 2, 3), attachment(8, 3, 12)}, nil, 0, "file 0, file 2, file 3, segment 7"},
		{"or before, when their table does not want them", 9, []manifest.Attachment{attachment(7, 1, 3), attachment(8, 9, 12)}, nil, 0, "file 3, segment 7, segment 8"},
		{"unless they are held", 9, []manifest.Attachment{attachment(7, 1, 3), attachment(8, 9, 12)}, []Holder{{From: 3, Table: 1}}, 0, "segment 8"},
		{"of a record that is in the log still", 1000, []manifest.Attachment{attachment(7, 2, 50), attachment(8, 1, 50)}, nil, 0, "file 0, file 2, file 3, segment 8"},
		{"a bound", 9, nil, nil, 250, "file 3, file 0, over 100"},
		{"attachments count", 9, []manifest.Attachment{attachment(7, 3, 15)}, nil, 1250, "file 3, file 0, over 100"},
		{"and go first", 9, []manifest.Attachment{attachment(7, 2, 3), attachment(8, 3, 12)}, nil, 1399, "file 3, segment 7, over 1000"},
		{"holders may lose", 9, nil, []Holder{{From: 1, MayLose: true}}, 150, "file 0, file 1, file 2, over 300"},
		{"or not", 9, nil, []Holder{{From: 15}}, 150, "file 0, over 100, beyond 150"},
		{"a file stays with what is held of it", 9, []manifest.Attachment{attachment(7, 2, 15)}, []Holder{{From: 1, Table: 2}}, 100, "file 3, beyond 1200"},
	} {
		d := Pick(&Picture{Files: files, Attached: c.attached, Now: c.now * second, Retain: retain, Holders: c.holders, Max: c.max})
		if got := d.text(); got != c.want {
			t.Errorf("%s: %q goes, want %q", c.what, got, c.want)
		}
	}
}
