package format

import (
	"io"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// Meter charges an account for what is read of a stream until it is charged as rows. A batch may have rows of megabytes,
// from a thousand clients at once: so what is read of it is charged by the piece, beyond a size that is not worth the
// bother.
type Meter struct {
	src     io.Reader
	account *mem.Account
	read    int64
	settled int64 // of read: what came before the batch at hand
	charged int64 // for what came since
}

const (
	meterFreeBytes  = 64 << 10
	meterPieceBytes = 1 << 20
)

// NewMeter returns a meter of src.
func NewMeter(src io.Reader, account *mem.Account) *Meter { return &Meter{src: src, account: account} }

// Read reads on, or returns 53200.
func (m *Meter) Read(p []byte) (int, error) {
	n, err := m.src.Read(p)
	m.read += int64(n)
	for m.read-m.settled > m.charged+meterFreeBytes {
		if err := m.account.Reserve(meterPieceBytes); err != nil {
			return 0, err
		}
		m.charged += meterPieceBytes
	}
	return n, err
}

// Settle tells that what was read so far is charged as rows.
func (m *Meter) Settle() {
	m.account.Free(m.charged)
	m.settled, m.charged = m.read, 0
}
