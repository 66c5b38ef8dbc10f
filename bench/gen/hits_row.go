package gen

import (
	"strconv"
)

// line writes the fields of a CSV line.
type line struct{ b []byte }

func (l *line) int(v int64) {
	l.b = strconv.AppendInt(l.b, v, 10)
	l.b = append(l.b, ',')
}

func (l *line) uint(v uint64) { l.int(int64(v)) }

func (l *line) text(s string) {
	if s == "" {
		l.b = append(l.b, `"",`...) // quoted: empty, not NULL
		return
	}
	l.b = append(l.b, s...)
	l.b = append(l.b, ',')
}

func (l *line) empty(n int) {
	for range n {
		l.b = append(l.b, `"",`...)
	}
}

func (l *line) zero(n int) {
	for range n {
		l.b = append(l.b, `0,`...)
	}
}

// date writes 2013-07-01 plus days; time adds seconds of that day.
func (l *line) date(days int32) {
	l.appendDate(days)
	l.b = append(l.b, ',')
}

func (l *line) appendDate(days int32) {
	month, day := int32(7), days+1
	if day > 31 {
		month, day = 8, day-31
	}
	if day < 1 {
		month, day = 6, day+30
	}
	l.b = append(l.b, "2013-"...)
	l.two(month)
	l.b = append(l.b, '-')
	l.two(day)
}

func (l *line) time(days, second int32) {
	for second >= 86400 {
		second -= 86400
		days++
	}
	for second < 0 {
		second += 86400
		days--
	}
	l.appendDate(days)
	l.b = append(l.b, ' ')
	l.two(second / 3600)
	l.b = append(l.b, ':')
	l.two(second / 60 % 60)
	l.b = append(l.b, ':')
	l.two(second % 60)
	l.b = append(l.b, ',')
}

func (l *line) two(v int32) { l.b = append(l.b, byte('0'+v/10), byte('0'+v%10)) }

var (
	widths    = []int64{1366, 1280, 1920, 1024, 1440, 1600, 768, 320}
	heights   = []int64{768, 1024, 1080, 600, 900, 1200, 1024, 480}
	languages = []string{"u5", "S0", "nA", "WC", "s4"}
	countries = []string{"h1", "NH", "WC", "ru", "ua"}
	minors    = []string{"D", "s4", "nA", "0", "u5", "1A"}
)

// row is a line and what its fields are drawn from: r is the row's own randomness, u that of its visitor, c that of its
// counter. The order of the draws is part of the data.
type row struct {
	line
	seed    uint64
	key     key
	r, u, c rng

	user, shown, referer, searched  uint64
	ip, region, os, agent, engine   int64
	urlHash, adv, trafic            int64
	screen                          uint64
	zone                            int32
	mobile, refresh, link, download bool
	hasReferer                      bool
}

// appendRow writes all 105 columns in the order of the table.
func (h Hits) appendRow(dst []byte, k key) []byte {
	l := h.draw(k)
	l.b = dst
	l.page()
	l.device()
	l.visit()
	l.person()
	l.rest()
	l.b[len(l.b)-1] = '\n'
	return l.b
}

// draw picks what several columns depend on.
func (h Hits) draw(k key) row {
	user := h.userIndex(k.row)
	l := row{seed: h.Seed, key: k, user: user}
	l.r = h.rng(streamBody, uint64(k.row))
	l.u = rng(mix(user + 5))
	l.c = rng(mix(uint64(k.counter) + 9))
	l.ip = int64(int32(mix(user - user%8/7))) // some visitors share an address, some change it
	if l.r.chance(20_000) {
		l.ip = int64(int32(mix(user ^ l.r.below(4))))
	}
	l.region = int64(l.u.skewed(9000, 3))
	l.screen = l.u.skewed(uint64(len(widths)), 2)
	l.mobile = l.u.chance(48_000)
	l.os, l.agent = int64(l.u.skewed(90, 3)), int64(l.u.skewed(60, 3))
	l.searched, l.engine = h.phrase(k.row)
	l.refresh, l.link, l.download = l.r.chance(140_000), l.r.chance(90_000), l.r.chance(4_000)
	if l.r.chance(7_000) {
		l.adv = 1 + int64(l.r.skewed(40, 3))
	}
	l.shown = urlIndex(&l.r, 560_000)
	if k.counter == 62 {
		l.shown = l.r.skewed(30_000, 2)
	}
	l.urlHash = int64(mix(l.shown * 5))
	if k.counter == 62 && l.shown < 40 {
		l.urlHash = 2868770270353813622
	}
	if l.hasReferer = !l.r.chance(180_000); l.hasReferer {
		l.referer = 20_000_000 + urlIndex(&l.r, 720_000)
	}
	l.trafic = int64(l.r.below(9)) - 1
	l.zone = int32(l.u.below(12)) * 3600
	return l
}

func (l *row) page() {
	l.int(int64(mix(uint64(l.key.row)*2+l.seed) >> 1)) // WatchID
	l.int(boolean(!l.u.chance(80_000)))                // JavaEnable
	l.title(&l.r, &l.c)                                // Title
	l.int(1)                                           // GoodEvent
	l.time(l.key.date, l.key.second)                   // EventTime
	l.date(l.key.date)                                 // EventDate
	l.int(int64(l.key.counter))                        // CounterID
	l.int(l.ip)                                        // ClientIP
	l.int(l.region)                                    // RegionID
	l.int(userID(l.user))                              // UserID
	l.int(boolean(l.c.chance(100_000)))                // CounterClass
	l.int(l.os)                                        // OS
	l.int(l.agent)                                     // UserAgent
	l.url(l.shown)                                     // URL
	if l.hasReferer {                                  // Referer
		l.url(l.referer)
	} else {
		l.empty(1)
	}
}

func (l *row) device() {
	l.int(boolean(l.refresh))                // IsRefresh
	l.uint(l.r.skewed(13000, 4))             // RefererCategoryID
	l.uint(l.r.skewed(5000, 4))              // RefererRegionID
	l.uint(l.c.below(16000))                 // URLCategoryID
	l.uint(l.c.below(3000))                  // URLRegionID
	l.int(widths[l.screen])                  // ResolutionWidth
	l.int(heights[l.screen])                 // ResolutionHeight
	l.int([]int64{32, 24, 23}[l.u.below(3)]) // ResolutionDepth
	l.uint(l.u.skewed(12, 2))                // FlashMajor
	l.uint(l.u.below(4))                     // FlashMinor
	if l.u.chance(700_000) {                 // FlashMinor2
		l.int(int64(l.u.below(700)))
	} else {
		l.empty(1)
	}
	l.uint(l.u.below(4))         // NetMajor
	l.uint(l.u.below(3))         // NetMinor
	l.uint(l.u.skewed(40, 2))    // UserAgentMajor
	l.text(minors[l.u.below(6)]) // UserAgentMinor
	l.int(1)                     // CookieEnable
	l.int(1)                     // JavascriptEnable
	l.int(boolean(l.mobile))     // IsMobile
	if l.mobile {                // MobilePhone, MobilePhoneModel
		m := l.u.skewed(123, 3)
		l.uint(1 + m%90)
		if m < uint64(len(phones)) {
			l.text(phones[m])
		} else {
			l.b = append(l.b, "Model "...)
			l.uint(m)
		}
	} else {
		l.zero(1)
		l.empty(1)
	}
}

func (l *row) visit() {
	l.empty(1)                                                       // Params
	l.uint(l.u.skewed(4_000_000, 2))                                 // IPNetworkID
	l.int(l.trafic)                                                  // TraficSourceID
	l.int(l.engine)                                                  // SearchEngineID
	l.phrase(l.searched)                                             // SearchPhrase
	l.int(l.adv)                                                     // AdvEngineID
	l.int(boolean(l.r.chance(3_000)))                                // IsArtifical
	l.int(widths[l.screen] - int64(l.r.below(30)))                   // WindowClientWidth
	l.int(heights[l.screen] - int64(100+l.r.below(200)))             // WindowClientHeight
	l.int(int64(l.zone/3600) - 1)                                    // ClientTimeZone
	l.time(l.key.date, l.key.second+int32(l.r.below(200)))           // ClientEventTime
	l.zero(4)                                                        // SilverlightVersion1-4
	l.text([]string{"utf-8", "windows", "koi8-r"}[l.c.skewed(3, 3)]) // PageCharset
	l.uint(l.c.below(1000))                                          // CodeVersion
	l.int(boolean(l.link))                                           // IsLink
	l.int(boolean(l.download))                                       // IsDownload
	l.int(boolean(!l.r.chance(300_000)))                             // IsNotBounce
	if l.u.chance(700_000) {                                         // FUniqID
		l.int(int64(mix(l.user*7) >> 1))
	} else {
		l.zero(1)
	}
	if l.r.chance(250_000) { // OriginalURL
		l.url(l.shown)
	} else {
		l.empty(1)
	}
}

func (l *row) person() {
	l.uint(l.r.below(1 << 30))                             // HID
	l.int(boolean(l.c.chance(20_000)))                     // IsOldCounter
	l.int(boolean(l.r.chance(30_000)))                     // IsEvent
	l.int(boolean(l.r.chance(10_000)))                     // IsParameter
	l.int(boolean(l.r.chance(50_000)))                     // DontCountHits
	l.int(boolean(l.r.chance(200_000)))                    // WithHash
	l.text([]string{"5", "g", "D", "F"}[l.r.skewed(4, 3)]) // HitColor
	l.time(l.key.date, l.key.second-l.zone)                // LocalEventTime
	l.uint(l.u.skewed(60, 2))                              // Age
	l.uint(l.u.below(3))                                   // Sex
	l.uint(l.u.below(5))                                   // Income
	l.uint(l.u.skewed(30000, 2))                           // Interests
	l.uint(l.u.skewed(30, 4))                              // Robotness
	l.int(l.ip)                                            // RemoteIP
	l.int(-1)                                              // WindowName
	l.int(-1)                                              // OpenerName
	l.uint(l.r.skewed(20, 2))                              // HistoryLength
	l.text(languages[l.u.skewed(5, 3)])                    // BrowserLanguage
	l.text(countries[l.u.skewed(5, 3)])                    // BrowserCountry
	l.empty(2)                                             // SocialNetwork, SocialAction
}

func (l *row) rest() {
	l.zero(1)                   // HTTPError
	l.uint(l.r.skewed(3000, 3)) // SendTiming
	l.uint(l.r.skewed(500, 3))  // DNSTiming
	l.uint(l.r.skewed(500, 3))  // ConnectTiming
	l.uint(l.r.skewed(4000, 3)) // ResponseStartTiming
	l.uint(l.r.skewed(6000, 3)) // ResponseEndTiming
	l.uint(l.r.skewed(9000, 3)) // FetchTiming
	l.zero(1)                   // SocialSourceNetworkID
	l.empty(1)                  // SocialSourcePage
	l.zero(1)                   // ParamPrice
	l.empty(1)                  // ParamOrderID
	l.text("NH")                // ParamCurrency
	l.zero(1)                   // ParamCurrencyID
	l.empty(4)                  // Openstat*
	if l.r.chance(20_000) {     // UTMSource, UTMMedium, UTMCampaign
		l.text(word(l.r.next()))
		l.text(word(l.r.below(5)))
		l.text(word(l.r.next()))
	} else {
		l.empty(3)
	}
	l.empty(2)                        // UTMContent, UTMTerm
	l.empty(1)                        // FromTag
	l.int(boolean(l.r.chance(5_000))) // HasGCLID
	switch {                          // RefererHash
	case l.key.counter == 62 && l.hasReferer && l.r.chance(30_000):
		l.int(3594120000172545465)
	case l.hasReferer:
		l.int(int64(mix(l.referer * 3)))
	default:
		l.zero(1)
	}
	l.int(l.urlHash)          // URLHash
	l.uint(l.r.skewed(40, 5)) // CLID
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (l *line) url(index uint64) {
	l.b = appendURL(l.b, index)
	l.b = append(l.b, ',')
}

// title: most pages of a counter share a few titles; about a seventh of the rows have none.
func (l *line) title(r, c *rng) {
	if r.chance(140_000) {
		l.empty(1)
		return
	}
	index := uint64(*c)%2500*200 + r.skewed(400, 3)
	if r.chance(1_500) {
		l.b = append(l.b, "Google "...)
	}
	l.b = appendWords(l.b, index, 10, 13)
	l.b = append(l.b, ',')
}

// phrase picks the search phrase that led to a row (0: none) and the engine it was typed into.
func (h Hits) phrase(row uint32) (index uint64, engine int64) {
	r := h.rng(streamPhrase, uint64(row))
	if !r.chance(131_000) {
		return 0, 0
	}
	engine = 2 + int64(r.skewed(40, 4))
	if r.chance(450_000) {
		return 100_001 + r.below(3_000_000), engine
	}
	return 1 + r.skewed(100_000, 3), engine
}

func (l *line) phrase(index uint64) {
	if index == 0 {
		l.empty(1)
		return
	}
	l.b = appendWords(l.b, index, 1, 6)
	if index > 1000 {
		l.b = append(l.b, ' ')
		l.b = strconv.AppendUint(l.b, index%700_000, 36)
	}
	l.b = append(l.b, ',')
}
