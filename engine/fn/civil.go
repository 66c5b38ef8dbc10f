package fn

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// Units of time in microseconds.
const (
	microsPerSecond = datetime.MicrosPerSecond
	microsPerMinute = datetime.MicrosPerMinute
	microsPerHour   = datetime.MicrosPerHour
	microsPerDay    = datetime.MicrosPerDay
)

// The infinities of date and timestamp.
const (
	dateNegInf = datetime.DateNegInf
	dateInf    = datetime.DateInf
	tsNegInf   = datetime.TimestampNegInf
	tsInf      = datetime.TimestampInf
)

func finiteTS(us int64) bool { return datetime.IsFiniteTimestamp(us) }

func floorDiv[T int | int64](a, b T) T {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// zone converts between UTC and local time of one place. It remembers the period between two transitions that it used
// last, which saves the search for nearly all rows. Each Eval call has its own.
type zone struct {
	loc        *time.Location
	start, end int64 // of the period, in microseconds UTC
	offset     int64 // microseconds east of UTC within it
}

// period finds the period of a UTC moment.
func (z *zone) period(us int64) {
	t := time.UnixMicro(us).In(z.loc)
	_, off := t.Zone()
	z.offset = int64(off) * microsPerSecond
	z.start, z.end = math.MinInt64, math.MaxInt64
	from, to := t.ZoneBounds()
	if !from.IsZero() {
		z.start = from.UnixMicro()
	}
	if !to.IsZero() {
		z.end = to.UnixMicro()
	}
}

// local returns the local time of a UTC moment.
func (z *zone) local(us int64) int64 {
	if !finiteTS(us) || z.loc == time.UTC {
		return us
	}
	if us < z.start || us >= z.end {
		z.period(us)
	}
	return us + z.offset
}

// utc returns the moment at which clocks show a local time. Far from transitions (two days; offsets are less than one)
// the remembered period answers.
func (z *zone) utc(local int64) int64 {
	if !finiteTS(local) || z.loc == time.UTC {
		return local
	}
	const safe = 2 * microsPerDay
	if z.start == z.end || local < z.start || local >= z.end {
		z.period(local)
	}
	if (z.start == math.MinInt64 || local-safe > z.start) && (z.end == math.MaxInt64 || local+safe < z.end) {
		return local - z.offset
	}
	return datetime.UTCFromLocal(local, z.loc)
}

// moment is utc for conversions, which may not leave the range of timestamps.
func (z *zone) moment(local int64) (int64, error) { return finiteMoment(z.utc(local)) }

// clock is local for conversions, which may not leave the range of timestamps.
func (z *zone) clock(us int64) (int64, error) { return finiteMoment(z.local(us)) }

func finiteMoment(us int64) (int64, error) {
	if finiteTS(us) && !datetime.TimestampInRange(us) {
		return 0, datetime.TimestampOutOfRange()
	}
	return us, nil
}

// zone returns the session's time zone, UTC without a session.
func (c *Context) zone() (zone, error) {
	if c == nil || c.Session == nil {
		return zone{loc: time.UTC}, nil
	}
	return zoneNamed(c.Session.TimeZone())
}

// lastZone is the zone that was asked for last: nearly always the one of all sessions. It saves the allocation of a
// look-up per batch.
var lastZone atomic.Pointer[namedZone]

type namedZone struct {
	name string
	loc  *time.Location
}

func zoneNamed(name string) (zone, error) {
	if l := lastZone.Load(); l != nil && l.name == name {
		return zone{loc: l.loc}, nil
	}
	loc, err := datetime.LoadZone(name)
	if err == nil {
		lastZone.Store(&namedZone{name, loc})
	}
	return zone{loc: loc}, err
}

// settings returns what text forms depend on.
func (c *Context) settings() (types.Settings, error) {
	if c == nil || c.Session == nil {
		return types.Settings{}, nil
	}
	loc, err := datetime.LoadZone(c.Session.TimeZone())
	s := types.Settings{Settings: datetime.Settings{Location: loc, Now: c.Session.Now()}}
	for _, name := range types.TextParameters {
		if v, ok := c.Session.Setting(name); ok {
			s.Apply(name, v)
		}
	}
	return s, err
}
