package segment

import "github.com/siltstone-db/siltstone/storage/scan"

// entries answers a counted request on a column with a dictionary, which was stored with the numbers of its rows.
func (s *partScan) entries() *scan.EntryScan {
	o := &s.outs[0]
	e := &scan.EntryScan{Dict: o.dict, Nulls: s.seg.cols[o.col].stats.Nulls, Type: o.typ, Whole: o.whole, Request: s.req, Release: s.Close}
	for _, t := range s.terms {
		e.Terms = append(e.Terms, t.ready)
	}
	return e
}
