// Package clock decides whether the time of day is believed. What deletes rows by their age must not do so because a clock
// went wrong: one that stands a year ahead for a moment would take a year of rows along.
//
// A Guard compares each reading of the time of day with the one before and with the time that has passed meanwhile, by a
// clock that nobody sets. A reading that is ahead of what is expected by more than Jump is doubted, and believed only when it
// has stood for Patience of that other clock. Over a restart nobody knows how much time has passed: there, Absence is allowed
// for. A clock that goes back harms nothing and is believed; when it comes forward again to where it was, it is believed, too.
//
// A Guard belongs to one goroutine, or is guarded by a lock of its owner.
package clock

import "time"

const (
	// Jump is how far ahead of what is expected a reading may be: clocks are set by seconds, and readings are seldom.
	Jump = 10 * time.Minute
	// Absence is how far ahead the first reading may be of the last one that was noted.
	Absence = 24 * time.Hour
	// Patience is how long a time must have stood that is ahead by more: as long as somebody may need to see the event and
	// set the clock.
	Patience = 6 * time.Hour
)

// Guard doubts the time of day. The zero value believes the first reading.
type Guard struct {
	high     time.Time     // the latest time that was believed
	at       time.Duration // and what the other clock said then
	known    bool          // at is: high is not from before a restart
	doubting bool
	doubted  time.Time     // the first reading that was
	since    time.Duration // and what the other clock said then
	offset   time.Duration // how far ahead it was
}

// Since returns a guard that knows a time which was believed before a restart; zero: none.
func Since(noted time.Time) Guard { return Guard{high: noted} }

// Change is what a reading has changed.
type Change uint8

// The changes.
const (
	None     Change = iota
	Doubts          // the time has jumped ahead: it is not believed from now on
	Believes        // it is believed again
)

// Read takes a reading of the time of day, and of a clock that only goes on, and tells whether the time is believed.
func (g *Guard) Read(now time.Time, elapsed time.Duration) (believed bool, c Change) {
	ahead := now.Sub(g.expected(elapsed))
	allowed := Jump
	if !g.known {
		allowed = Absence
	}
	switch {
	case g.high.IsZero() || ahead <= allowed:
	case !g.doubting:
		g.doubt(now, elapsed, ahead)
		return false, Doubts
	case now.Sub(g.doubted)-(elapsed-g.since) > Jump: // it has jumped once more
		g.doubt(now, elapsed, ahead)
		return false, None
	case elapsed-g.since < Patience:
		return false, None
	}
	if g.doubting {
		c = Believes
	}
	if g.high.IsZero() || ahead > 0 {
		g.high = now
	} else {
		g.high = g.expected(elapsed) // the clock went back
	}
	g.at, g.known, g.doubting = elapsed, true, false
	return true, c
}

func (g *Guard) doubt(now time.Time, elapsed, ahead time.Duration) {
	g.doubting, g.doubted, g.since, g.offset = true, now, elapsed, ahead
}

// expected returns what the time should be at least, by the last one that was believed.
func (g *Guard) expected(elapsed time.Duration) time.Time {
	if !g.known {
		return g.high
	}
	return g.high.Add(elapsed - g.at)
}

// Known returns the latest time that was believed, to be noted for the next start; zero: none.
func (g *Guard) Known() time.Time { return g.high }

// Ahead returns how far the time is ahead that is doubted; 0: it is believed.
func (g *Guard) Ahead() time.Duration {
	if !g.doubting {
		return 0
	}
	return g.offset
}
