package keys

import "github.com/siltstone-db/siltstone/storage/errs"

const (
	filterBits  = 10 // for each entry
	filterBlock = 32 // bytes
	filterMix   = 0x9e3779b97f4a7c15
)

var salts = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

// FilterBytes returns the length of the filter of a page of n entries.
func FilterBytes(n int) int {
	return max((n*filterBits+8*filterBlock-1)/(8*filterBlock), 1) * filterBlock
}

// CheckFilter looks at the length of a filter; its bits mean something in any case.
func CheckFilter(b []byte) error {
	if len(b) == 0 || len(b)%filterBlock != 0 {
		return errs.Corrupt("filter of %d bytes", len(b))
	}
	return nil
}

// filterAt returns where the block of a hash begins, and what its bits follow from.
func filterAt(size int, hash uint64) (at int, x uint32) {
	y := hash >> (64 - precision) * filterMix
	return int(y>>32*uint64(size/filterBlock)>>32) * filterBlock, uint32(y)
}

func addToFilter(b []byte, hash uint64) {
	at, x := filterAt(len(b), hash)
	for i, s := range salts {
		word := b[at+4*i:]
		le.PutUint32(word, le.Uint32(word)|1<<(x*s>>27))
	}
}

// MayHave tells whether the page of a filter may have a hash.
func MayHave(filter []byte, hash uint64) bool {
	at, x := filterAt(len(filter), hash)
	block := (*[filterBlock]byte)(filter[at:])
	missing := uint32(0)
	for i, s := range salts {
		missing |= ^le.Uint32(block[4*i:]) >> (x * s >> 27)
	}
	return missing&1 == 0
}
