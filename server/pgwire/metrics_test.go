package pgwire

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/metric"
)

// TestMetrics: what a session sends and receives is counted while it lives.
func TestMetrics(t *testing.T) {
	s, dial := start(t, nil)
	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.Write(startupPacket)
	if _, err := readUntil(nc, 'Z'); err != nil {
		t.Fatal(err)
	}
	m := s.Metrics()
	in, out := m.BytesIn.Value(), m.BytesOut.Value()
	nc.Write(query("rows 100"))
	if _, err := readUntil(nc, 'Z'); err != nil {
		t.Fatal(err)
	}
	// The server counts what it has written behind the write, so that the client may be ahead of it.
	waitFor(t, "bytes are counted", func() bool { return m.BytesOut.Value() > out+100*7 })
	if n := m.BytesIn.Value() - in; n != int64(len(query("rows 100"))) {
		t.Errorf("%d bytes in", n)
	}
	var r metric.Registry
	s.Register(&r)
	values := map[string]int64{}
	for _, x := range r.All() {
		values[x.Name] = x.Value()
	}
	if values["siltstone_pg_sessions"] != 1 || values["siltstone_pg_statements_total"] != 1 || values["siltstone_pg_sent_bytes_total"] <= out {
		t.Errorf("registered: %v", values)
	}
}
