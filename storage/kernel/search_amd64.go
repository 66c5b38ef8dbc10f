//go:build !purego

package kernel

// searchPair returns the first i below blocks*32, blocks > 0, with p[i] == first and p[i+gap] == last, or -1.
//
//go:noescape
func searchPair(p *byte, blocks, gap int, first, last byte) int
