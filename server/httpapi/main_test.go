package httpapi

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// lingerMax is longer than net/http's server waits, by itself and when it is closed, too, before it gives up a connection
// whose body it has refused: half a second.
const lingerMax = time.Second

// TestMain fails when a test leaves a goroutine behind: every request ends with its connection or its server.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(waits{m})
}

type waits struct{ *testing.M }

// Run runs the tests and lets refused connections end.
func (w waits) Run() int {
	code := w.M.Run()
	for end := time.Now().Add(lingerMax); time.Now().Before(end) && goleak.Find() != nil; {
		time.Sleep(10 * time.Millisecond)
	}
	return code
}
