package node

import (
	"testing"

	"github.com/siltstone-db/siltstone/server/config"
)

// TestShareDescriptors: however few files may be open, everybody has a place, and all together have no more than there are.
func TestShareDescriptors(t *testing.T) {
	var o config.Options
	o.EnsureDefaults()
	for most := 48; most < 1<<20; most += 1 + most/7 {
		d := shareDescriptors(most, o)
		if d.segments < 8 || d.sessions < 1 || d.pending < 1 || d.http < 1 || d.sessions > o.SessionsMax || d.pending > pendingMax || d.http > httpMax {
			t.Errorf("of %d: %+v", most, d)
		}
		if sum := d.segments + d.sessions + d.pending + d.http + fixedDescriptors; sum > most {
			t.Errorf("of %d: %+v, together %d", most, d, sum)
		}
	}
	if d := shareDescriptors(4096, o); d.sessions != o.SessionsMax || d.pending != pendingMax || d.http != httpMax {
		t.Errorf("of 4096: %+v", d)
	}
	if d := shareDescriptors(1024, o); d.segments != 256 || d.sessions != o.SessionsMax {
		t.Errorf("of 1024: %+v", d)
	}
}
