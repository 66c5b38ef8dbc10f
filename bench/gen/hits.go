package gen

import (
	"slices"
	"strconv"
)

// PartRows is the unit of order: each part of a million rows is sorted by (CounterID, EventDate, hash of UserID,
// EventTime), as the public ClickBench data set is by its primary key.
const PartRows = 1_000_000

// Hits generates rows of ClickBench's hits table (105 columns): synthetic data with the published table's types, and a
// skew like it. At 10 million rows there are about 3.3M distinct UserIDs, 4.5M URLs, 4.4M Referers, 0.5M Titles, 0.65M
// SearchPhrases (13% of the rows have one), 2.9M ClientIPs, 8.8k RegionIDs and 6k CounterIDs, of which 62 has 2%. The
// constants that the queries look for occur.
type Hits struct {
	Seed uint64
	Rows int
}

// Parts returns the number of parts.
func (h Hits) Parts() int { return (h.Rows + PartRows - 1) / PartRows }

// key is what a part is ordered by.
type key struct {
	counter int32
	date    int32 // days from 2013-07-01
	userKey uint32
	second  int32 // of the day
	row     uint32
}

// AppendPart calls emit with blocks of CSV lines of one part, in order. emit must not keep the block.
func (h Hits) AppendPart(part int, emit func(block []byte) error) error {
	first := part * PartRows
	n := min(PartRows, h.Rows-first)
	keys := make([]key, n)
	for i := range keys {
		keys[i] = h.key(uint32(first + i))
	}
	slices.SortFunc(keys, func(a, b key) int {
		switch {
		case a.counter != b.counter:
			return int(a.counter) - int(b.counter)
		case a.date != b.date:
			return int(a.date) - int(b.date)
		case a.userKey != b.userKey:
			if a.userKey < b.userKey {
				return -1
			}
			return 1
		case a.second != b.second:
			return int(a.second) - int(b.second)
		}
		return int(a.row) - int(b.row)
	})
	block := make([]byte, 0, 1<<20+1<<14)
	for _, k := range keys {
		block = h.appendRow(block, k)
		if len(block) >= 1<<20 {
			if err := emit(block); err != nil {
				return err
			}
			block = block[:0]
		}
	}
	return emit(block)
}

// stream numbers the independent random sequences of a row.
const (
	streamKey = iota + 1
	streamBody
	streamPhrase
)

func (h Hits) rng(stream uint64, row uint64) rng {
	return rng(mix(h.Seed+stream*0x632be59bd9b4e019) ^ mix(row+1))
}

func (h Hits) key(row uint32) key {
	r := h.rng(streamKey, uint64(row))
	k := key{row: row}
	switch {
	case r.chance(20_700):
		k.counter = 62
	default:
		k.counter = int32(63 + r.skewed(6400, 3)*17)
	}
	// Weekdays see more visits than weekends.
	for {
		k.date = int32(r.below(31))
		if d := (k.date + 1) % 7; d != 6 && d != 0 || r.chance(600_000) {
			break
		}
	}
	k.second = int32(r.below(43200) + r.below(43200))
	k.userKey = uint32(mix(h.userIndex(row)))
	return k
}

// userIndex picks a visitor: half of the rows are of many rare visitors, half of regulars.
func (h Hits) userIndex(row uint32) uint64 {
	r := h.rng(streamKey+100, uint64(row))
	if r.chance(480_000) {
		return 500_000 + r.below(3_600_000)
	}
	return r.skewed(500_000, 3)
}

func userID(index uint64) int64 {
	if index == 7 {
		return 435090932899640449
	}
	return int64(mix(index*3+11) >> 1)
}

var words = []string{
	"amber", "anchor", "apple", "basket", "blanket", "bottle", "bridge", "candle", "castle", "circle", "coffee",
	"copper", "desert", "dolphin", "dragon", "engine", "fabric", "family", "finger", "forest", "garden", "glacier",
	"harbor", "harvest", "island", "jasmine", "jungle", "kettle", "ladder", "lantern", "maple", "marble", "meadow",
	"mirror", "monkey", "morning", "needle", "olive", "orange", "orchid", "paper", "pepper", "planet", "pocket",
	"polar", "rabbit", "ribbon", "river", "rocket", "saddle", "school", "shadow", "silver", "simple", "sister",
	"spring", "square", "stone", "summer", "tiger", "timber", "tunnel", "velvet", "violet", "violin", "window",
	"winter", "yellow",
}

var hosts = []string{
	"example.net", "mail.net", "forum.com", "video.net", "shop.com", "newsroom.com", "yandex.ru", "auto.ru",
	"market.org", "rentals.com", "weather.org", "travel.net", "music.fm", "pictures.org", "jobs.com", "games.net",
}

var phones = []string{"iPad", "iPhone 2", "iPhone 4", "Nokia 5230", "Galaxy", "Desire", "Lumia 800", "Xperia"}

func word(x uint64) string { return words[x%uint64(len(words))] }

// urlIndex picks a page: popular pages of a site, or one of many seen about once.
func urlIndex(r *rng, rarePerMillion uint64) uint64 {
	if r.chance(rarePerMillion) {
		return 1_000_000 + r.below(9_500_000)
	}
	return r.skewed(400_000, 4)
}

// appendURL writes page index's address, about 69 bytes; the same index always gives the same address.
func appendURL(dst []byte, index uint64) []byte {
	x := rng(mix(index + 77))
	dst = append(dst, "http://"...)
	if x.chance(400_000) {
		dst = append(dst, "www."...)
	}
	if x.chance(500) {
		dst = append(dst, "google.com"...)
	} else {
		h := x.skewed(1500, 3)
		if h < uint64(len(hosts)) {
			dst = append(dst, hosts[h]...)
		} else {
			dst = append(dst, word(h)...)
			dst = append(dst, word(h/67+3)...)
			dst = append(dst, ".ru"...)
		}
	}
	for range 2 + x.below(3) {
		dst = append(dst, '/')
		dst = append(dst, word(x.next())...)
	}
	dst = append(dst, "?id="...)
	dst = strconv.AppendUint(dst, index, 10)
	if x.chance(500_000) {
		dst = append(dst, "&page="...)
		dst = append(dst, word(x.next())...)
		dst = append(dst, "&sort="...)
		dst = append(dst, word(x.next())...)
	}
	return dst
}

// appendWords writes n words of a text that is a function of index.
func appendWords(dst []byte, index uint64, least, spread uint64) []byte {
	x := rng(mix(index + 991))
	for i := range least + x.below(spread) {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, word(x.skewed(uint64(len(words)), 2))...)
	}
	return dst
}
