package segment

import (
	"bytes"

	"github.com/siltstone-db/siltstone/storage/index"
)

// Plant returns the bytes of a segment after the zone maps and statistics of a column were changed, with right checksums: what
// a builder with a defect would have written. Tests want such files.
func Plant(file []byte, column string, change func(*index.Zones, *Totals)) ([]byte, error) {
	s, err := Open(bytes.NewReader(file), int64(len(file)), Options{})
	if err != nil {
		return nil, err
	}
	var metas []*meta
	for i := range s.cols {
		if s.cols[i].Name == column {
			change(&s.cols[i].zones, &s.cols[i].stats)
		}
		metas = append(metas, s.cols[i].meta)
	}
	var out bytes.Buffer
	w := &writer{w: &out, in: &Input{ID: s.id, Rows: s.rows}}
	w.write(file[:s.metadata])
	w.finish(metas, s.keys)
	return out.Bytes(), w.err
}
