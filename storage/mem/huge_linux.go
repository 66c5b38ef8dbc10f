package mem

import "syscall"

// adviseHuge asks for huge pages: hash tables of several MiB miss the TLB on every probe otherwise.
func adviseHuge(b []byte) {
	const madvHugepage = 14
	_ = syscall.Madvise(b, madvHugepage)
}
