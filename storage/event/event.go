// Package event names the notable things that happen in storage, so that the log and metrics can both listen. A
// Listener is called from background goroutines, must be quick, and must not call back into the database.
package event

import (
	"fmt"
	"time"
)

// Kind says what happened.
type Kind string

// The kinds.
const (
	Opened           Kind = "opened"            // the database was opened: Rows replayed, in Took
	Sealed           Kind = "sealed"            // a live segment became File
	SealFailed       Kind = "seal failed"       // it is tried again
	Quarantined      Kind = "quarantined"       // File was set aside
	QuarantineFailed Kind = "quarantine failed" // damaged File is where it was; it is tried again when a query meets it
	ReadAgain        Kind = "read again"        // File was found damaged by Err and, read again, sound
	LogStopped       Kind = "log stopped"       // writes are refused until the database is opened again
	LogTorn          Kind = "log torn"          // Detail tells what a crash left behind the last whole record; it was cut off
	LossAccepted     Kind = "loss accepted"     // Err tells what is missing; the database goes on without it
	Merged           Kind = "merged"            // segments became fewer, with Rows and Bytes
	MergeFailed      Kind = "merge failed"      // they stay, and it is tried again
	Expired          Kind = "expired"           // Rows of partitions that have ended were dropped
	ClockDoubted     Kind = "clock doubted"     // the time has jumped ahead: no rows are dropped by their age for now
	ClockBelieved    Kind = "clock believed"    // again
	Retired          Kind = "log retired"       // Rows log files were removed
	Archived         Kind = "log archived"      // a log file went into the archive, with Bytes
	ArchiveDropped   Kind = "archive dropped"   // what nobody wants any more has gone
	ArchiveFull      Kind = "archive full"      // Bytes are more than its bound
	ArchiveFailed    Kind = "archive failed"    // a step is tried again
	ArchiveDamaged   Kind = "archive damaged"   // Err tells what cannot be read of it
	RetireFailed     Kind = "log retire failed" // files that are not needed stay for now
)

// Event is one of them.
type Event struct {
	Kind  Kind
	Table string
	File  uint64
	Rows  int64
	Bytes int64
	Took  time.Duration
	// Detail is more to say in words.
	Detail string
	Err    error
}

// Listener is told of events.
type Listener func(Event)

// String prints the event for a log.
func (e Event) String() string {
	s := string(e.Kind)
	if e.Table != "" {
		s += fmt.Sprintf(" table=%s", e.Table)
	}
	if e.File != 0 {
		s += fmt.Sprintf(" segment=%d", e.File)
	}
	if e.Rows != 0 {
		s += fmt.Sprintf(" rows=%d", e.Rows)
	}
	if e.Bytes != 0 {
		s += fmt.Sprintf(" bytes=%d", e.Bytes)
	}
	if e.Took != 0 {
		s += fmt.Sprintf(" took=%s", e.Took.Round(time.Millisecond))
	}
	if e.Detail != "" {
		s += " " + e.Detail
	}
	if e.Err != nil {
		s += " error=" + e.Err.Error()
	}
	return s
}
