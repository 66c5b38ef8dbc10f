package httpapi

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a test leaves a goroutine behind: every request ends with its connection or its server.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
