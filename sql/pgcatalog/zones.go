package pgcatalog

import (
	_ "embed"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// zonesText has a name of the tz database per line.
//
//go:embed data/zones.txt
var zonesText string

// fillZones lists the time zones with what holds in them now.
func fillZones(_ *Env, b *builder) {
	now := time.Now()
	for line := range strings.Lines(zonesText) {
		name := strings.TrimSpace(line)
		if strings.HasPrefix(name, "#") {
			continue
		}
		zone, err := datetime.LoadZone(name)
		if err != nil {
			continue // the machine's own database lacks it
		}
		there := now.In(zone)
		abbrev, offset := there.Zone()
		b.add("name", name, "abbrev", abbrev, "utc_offset", types.IntervalOf(0, 0, int64(offset)*1e6), "is_dst", there.IsDST())
	}
}
