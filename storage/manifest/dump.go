package manifest

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/record"
)

// Dump prints a manifest file as offset, bytes and meaning, and returns the first damage it meets.
func Dump(w io.Writer, f record.Source) error { return record.Dump(w, f, describe) }

func describe(rec record.Frame) (string, []string, error) {
	switch rec.Type {
	case typeVersion:
		v, err := DecodeVersion(rec.Payload)
		if err != nil {
			return "version", nil, err
		}
		lines := []string{fmt.Sprintf("catalog as of record %d, log needed after %d, next file %d", v.DDL, v.Watermark, v.NextFile)}
		for _, t := range v.Catalog.Tables() {
			lines = append(lines, catalog.DescribeObject(t))
		}
		for _, s := range v.Segments.All() {
			lines = append(lines, segmentLine("segment", s))
		}
		for id, p := range v.Positions.All() {
			lines = append(lines, positionLine(id, p))
		}
		return "version", slices.Concat(lines, v.Held.lines(), v.Archive.lines(), sourceLines(v.Sources), v.Expired.lines(), counterLines(v.Counters.All())), nil
	case typeEdit:
		e, err := DecodeEdit(rec.Payload)
		if err != nil {
			return "edit", nil, err
		}
		return "edit", editLines(e), nil
	}
	return fmt.Sprintf("type %d", rec.Type), nil, errs.Corrupt("manifest: record of type %d", rec.Type)
}

func editLines(e *Edit) []string {
	var lines []string
	if e.DDL != 0 {
		lines = append(lines, fmt.Sprintf("catalog as of record %d", e.DDL))
	}
	for _, c := range e.Catalog {
		lines = append(lines, catalog.Describe(c))
	}
	if e.Watermark != 0 {
		lines = append(lines, fmt.Sprintf("log needed after %d", e.Watermark))
	}
	if e.NextFile != 0 {
		lines = append(lines, fmt.Sprintf("next file %d", e.NextFile))
	}
	for i := range e.Add {
		lines = append(lines, segmentLine("add segment", &e.Add[i]))
	}
	for _, f := range e.Remove {
		lines = append(lines, fmt.Sprintf("remove segment %d", f))
	}
	for _, f := range slices.Sorted(maps.Keys(e.Quarantined)) {
		lines = append(lines, fmt.Sprintf("set segment %d aside: %s", f, e.Quarantined[f]))
	}
	for _, f := range slices.Sorted(maps.Keys(e.Deleted)) {
		lines = append(lines, fmt.Sprintf("rows of segment %d deleted: %s", f, deletedText(e.Deleted[f])))
	}
	for _, id := range slices.Sorted(maps.Keys(e.Positions)) {
		lines = append(lines, positionLine(id, e.Positions[id]))
	}
	return slices.Concat(lines, e.Held.lines(), e.Archive.lines(), sourceLines(e.Sources), e.Expired.lines(), counterLines(inOrder(e.Counters)))
}

// deletedText tells how many rows a set has.
func deletedText(set string) string {
	n, err := index.RowsIn([]byte(set))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d in %d bytes", n, len(set))
}

func segmentLine(what string, s *Segment) string {
	line := fmt.Sprintf("%s %d of table %d: %d rows, %d bytes, records %d to %d", what, s.File, s.Table, s.Rows, s.Bytes, s.First, s.Last)
	for _, r := range s.Ranges {
		line += fmt.Sprintf(", %d rows from number %d", r.Rows, r.Base)
	}
	if v := s.Values; v.Valued {
		line += fmt.Sprintf(", partitioned by values from %d to %d", v.Least, v.Greatest)
	}
	if s.Values.Nulls {
		line += ", some NULL"
	}
	if s.Deleted != "" {
		line += ", deleted: " + deletedText(s.Deleted)
	}
	if s.Record != 0 {
		line += fmt.Sprintf(", attachment of record %d", s.Record)
	}
	if s.Quarantined != "" {
		line += ", set aside: " + s.Quarantined
	}
	return line
}

func positionLine(id catalog.TableID, p Position) string {
	rows := "all rows"
	if p.Rows != AllRows {
		rows = fmt.Sprintf("%d rows", p.Rows)
	}
	return fmt.Sprintf("table %d sealed up to %s of record %d, next row number %d", id, rows, p.Sequence, p.Next)
}

func sourceLines(sources map[positions.Key]string) (lines []string) {
	for _, k := range slices.SortedFunc(maps.Keys(sources), positions.Key.Compare) {
		lines = append(lines, fmt.Sprintf("partition %q of source %d is at %q", k.Partition, k.Source, sources[k]))
	}
	return lines
}

func (x Expired) lines() (lines []string) {
	for _, id := range slices.Sorted(maps.Keys(x)) {
		lines = append(lines, fmt.Sprintf("rows of table %d below the value %d were dropped by their age", id, x[id]))
	}
	return lines
}

func (h *Held) lines() (lines []string) {
	if h.Logged != 0 {
		lines = append(lines, fmt.Sprintf("the log reaches record %d", h.Logged))
	}
	if h.Log != 0 {
		lines = append(lines, fmt.Sprintf("log file %d or a later one is there", h.Log))
	}
	if h.Tokens.Number != 0 {
		lines = append(lines, fmt.Sprintf("token file %d has %d bytes, or a later one is there", h.Tokens.Number, h.Tokens.Bytes))
	}
	if h.Lost.To != 0 {
		lines = append(lines, fmt.Sprintf("records behind %d up to %d are lost, which was accepted", h.Lost.After, h.Lost.To))
	}
	if h.Clock != 0 {
		lines = append(lines, fmt.Sprintf("the clock was believed at %s", time.Unix(h.Clock, 0).UTC().Format(time.DateTime)))
	}
	if s := h.Stopped; s != nil {
		line := "stopped in order with"
		for _, f := range s.Log {
			line += fmt.Sprintf(" log file %d of %d bytes,", f.Number, f.Bytes)
		}
		for _, f := range s.Tokens {
			line += fmt.Sprintf(" token file %d of %d bytes,", f.Number, f.Bytes)
		}
		lines = append(lines, strings.TrimSuffix(line, ",")+" and no others")
	}
	return lines
}
