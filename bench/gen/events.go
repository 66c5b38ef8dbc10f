package gen

import "strconv"

// EventsSchema creates the table of Events: 20 columns, as a service that pushes events would have.
const EventsSchema = `CREATE TABLE %s (
 id bigint NOT NULL, ts timestamptz NOT NULL, account integer NOT NULL, session bigint NOT NULL, kind text NOT NULL,
 path text NOT NULL, referrer text, status smallint NOT NULL, bytes integer NOT NULL, latency_us integer NOT NULL,
 country text NOT NULL, city text, device text NOT NULL, os text NOT NULL, version text NOT NULL,
 experiment smallint, price numeric(12,2), score double precision NOT NULL, cached boolean NOT NULL, trace uuid NOT NULL
)`

// Events generates rows of 20 columns. The id is the row's number.
type Events struct{ Seed uint64 }

// AppendJSON appends row id as one NDJSON line.
func (e Events) AppendJSON(dst []byte, id uint64) []byte {
	r := rng(mix(e.Seed) ^ mix(id+1))
	number := func(name string, v uint64) {
		dst = append(dst, ',', '"')
		dst = append(dst, name...)
		dst = append(dst, '"', ':')
		dst = strconv.AppendUint(dst, v, 10)
	}
	text := func(name string, parts ...string) {
		dst = append(dst, ',', '"')
		dst = append(dst, name...)
		dst = append(dst, '"', ':', '"')
		for _, p := range parts {
			dst = append(dst, p...)
		}
		dst = append(dst, '"')
	}
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendUint(dst, id, 10)
	text("ts", "2026-01-", twoDigits(1+r.below(28)), "T", twoDigits(r.below(24)), ":", twoDigits(r.below(60)), ":", twoDigits(r.below(60)), "Z")
	number("account", r.skewed(50_000, 3))
	number("session", r.next()>>2)
	text("kind", []string{"view", "click", "search", "buy", "error"}[r.skewed(5, 3)])
	text("path", "/", word(r.next()), "/", word(r.next()), "/", strconv.FormatUint(r.skewed(100_000, 3), 10))
	if r.chance(700_000) {
		text("referrer", "https://", hosts[r.below(uint64(len(hosts)))], "/", word(r.next()))
	} else {
		dst = append(dst, `,"referrer":null`...)
	}
	number("status", []uint64{200, 304, 404, 500}[r.skewed(4, 5)])
	number("bytes", r.skewed(2_000_000, 4))
	number("latency_us", 100+r.skewed(900_000, 5))
	text("country", countries[r.skewed(5, 2)])
	text("city", word(r.skewed(60, 2)), "ville")
	text("device", []string{"phone", "desktop", "tablet"}[r.skewed(3, 2)])
	text("os", []string{"android", "ios", "windows", "linux", "macos"}[r.skewed(5, 2)])
	text("version", "1.", strconv.FormatUint(r.skewed(40, 2), 10), ".", strconv.FormatUint(r.below(10), 10))
	number("experiment", r.below(12))
	dst = append(dst, `,"price":`...)
	dst = strconv.AppendUint(dst, r.skewed(9000, 3), 10)
	dst = append(dst, '.')
	dst = append(dst, twoDigits(r.below(100))...)
	dst = append(dst, `,"score":0.`...)
	dst = append(dst, strconv.FormatUint(1000+r.below(9000), 10)...)
	dst = append(dst, `,"cached":`...)
	dst = strconv.AppendBool(dst, r.chance(300_000))
	text("trace", uuid(r.next(), r.next()))
	return append(dst, '}', '\n')
}

func twoDigits(v uint64) string { return string([]byte{byte('0' + v/10), byte('0' + v%10)}) }

func uuid(hi, lo uint64) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 36)
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			b = append(b, '-')
		}
		x := hi
		if i >= 16 {
			x = lo
		}
		b = append(b, digits[x>>(60-4*(i&15))&15])
	}
	return string(b)
}
