//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// wide tells that ranges16 and ranges32 may be called: processors since 2013 (Intel) and 2015 (AMD) have AVX2.
var wide = cpu.X86.HasAVX2

// ranges16 is rangeWord for words*64 values of 16 bits, words > 0, and twenty times as fast.
//
//go:noescape
func ranges16(v *uint16, words int, lo, span uint16, out *uint64)

// ranges32 is the same for 32 bits: ten times.
//
//go:noescape
func ranges32(v *uint32, words int, lo, span uint32, out *uint64)
